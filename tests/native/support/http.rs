//! A transport over HTTP that records, may be tampered with, and may be cut.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};

use vouchsafe::api::{ByteStream, Method, Request, Response, Transport};
use vouchsafe::{Error, Result};

type Tamper = Box<dyn FnMut(&Request, Response) -> Response>;
type Faults = Box<dyn FnMut(&Request, usize) -> Option<Fault>>;
/// Whether an answer is kept back, and whether it still is.
type Keeps = (Box<dyn Fn(&Request) -> bool>, Box<dyn Fn() -> bool>);

/// Of this length and longer, a wait is none for an answer.
const LONG_MS: u32 = 30_000;

/// Where an exchange is cut. The client sees the same each time, `offline`: at once, or when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is sent.
    BeforeSending,
    /// The connection breaks in the middle of the request, so that the server cannot act on it.
    ServerNeverGetsAll,
    /// The server has done what it was asked to; of its answer nothing arrives.
    AnswerLost,
    /// The same, but the answer's head arrives.
    AnswerCut,
    /// Nothing comes, and nothing breaks.
    Hangs,
}

impl Fault {
    /// The cuts, after which the client sends again.
    pub const ALL: [Self; 4] = [
        Self::BeforeSending,
        Self::ServerNeverGetsAll,
        Self::AnswerLost,
        Self::AnswerCut,
    ];
}

type Refusal = (Box<dyn Fn(&Request) -> bool>, u16, &'static str);

/// HTTP, with a record of what was sent, a layer that may lie, and one that may break.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    /// Every attempt, cut ones too.
    pub sent: Rc<RefCell<Vec<Request>>>,
    /// The waits that the client asked for, in milliseconds. None of them is waited.
    pub waits: Rc<RefCell<Vec<u32>>>,
    tamper: Rc<RefCell<Option<Tamper>>>,
    faults: Rc<RefCell<Option<(usize, Faults)>>>,
    /// What is refused before it is sent, with which status and code.
    refuses: Rc<RefCell<Option<Refusal>>>,
    pub clock_offset: Rc<AtomicI64>,
    /// A clock that stands still, at this time.
    pub stopped_at: Rc<Cell<Option<i64>>>,
    /// How often others had their turn.
    pub pauses: Rc<Cell<usize>>,
    /// The event streams that were opened, by the id that they went on after.
    pub streams: Rc<RefCell<Vec<Option<String>>>>,
    /// Of these, so many are dead, though nobody says so.
    dead: Rc<Cell<usize>>,
    /// Whether nothing of an event stream comes before its end.
    buffered: Rc<Cell<bool>>,
    held: Rc<Cell<Option<&'static str>>>,
    /// The next answer that is kept back.
    keeps: Rc<RefCell<Option<Keeps>>>,
    /// Whether an answer is kept back now.
    pub is_keeping: Rc<Cell<bool>>,
    /// The long times for which the client watched beside something else, in milliseconds.
    pub long_watches: Rc<RefCell<Vec<u32>>>,
    /// How many of those have ended.
    pub long_watches_over: Rc<Cell<usize>>,
    /// Whether they do not end.
    pub holds_long_watches: Rc<Cell<bool>>,
    /// Whether waits, which are not waited, move the clock all the same.
    waits_take_time: Rc<Cell<bool>>,
    /// Whether the last request hangs.
    hangs: Rc<Cell<bool>>,
    /// The round trips, while they are counted.
    trips: Rc<RefCell<Option<Trips>>>,
    /// How often they were counted.
    countings: Rc<Cell<usize>>,
    /// Whether what cannot be reached is there all the same, as a browser hides what is of another origin.
    pub hides: Rc<Cell<bool>>,
}

impl Default for Http {
    fn default() -> Self {
        // The first one counts; the server installs the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: reqwest::Client::builder()
                // Reading the system's authorities takes longer than most tests.
                .tls_certs_only([])
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            sent: Rc::default(),
            waits: Rc::default(),
            tamper: Rc::default(),
            faults: Rc::default(),
            refuses: Rc::default(),
            clock_offset: Rc::default(),
            stopped_at: Rc::default(),
            pauses: Rc::default(),
            streams: Rc::default(),
            dead: Rc::default(),
            buffered: Rc::default(),
            held: Rc::default(),
            keeps: Rc::default(),
            is_keeping: Rc::default(),
            long_watches: Rc::default(),
            long_watches_over: Rc::default(),
            holds_long_watches: Rc::default(),
            waits_take_time: Rc::default(),
            hangs: Rc::default(),
            trips: Rc::default(),
            countings: Rc::default(),
            hides: Rc::default(),
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http(..)")
    }
}

/// Round trips: all requests that are under way get their answers together, once nobody sends another.
#[derive(Debug, Default)]
struct Trips {
    /// Which counting this is.
    counting: usize,
    sent: Vec<Vec<String>>,
    under_way: usize,
    answered: usize,
    over: usize,
}

/// How often everybody else has a turn before a round trip is over.
const TURNS: usize = 50;

impl Http {
    /// From now on, round trips are counted.
    pub fn count_trips(&self) {
        self.countings.set(self.countings.get() + 1);
        *self.trips.borrow_mut() = Some(Trips {
            counting: self.countings.get(),
            ..Trips::default()
        });
    }

    /// The requests of each round trip since then, as method and path.
    pub fn trips(&self) -> Vec<Vec<String>> {
        let trips = self.trips.borrow_mut().take();
        trips.unwrap_or_default().sent
    }

    /// The counting that a request belongs to.
    fn begin_trip(&self, request: &Request) -> Option<usize> {
        let mut trips = self.trips.borrow_mut();
        let trips = trips.as_mut()?;
        trips.under_way += 1;
        if trips.sent.len() == trips.over {
            trips.sent.push(Vec::new());
        }
        let (_, path) = request.url.split_once("/v1").unwrap();
        let line = format!("{} {path}", request.method.as_str());
        trips.sent[trips.over].push(line);
        Some(trips.counting)
    }

    /// Waits until all that are under way have their answers.
    async fn end_trip(&self, counting: Option<usize>) {
        let is_ours = |trips: &&mut Trips| Some(trips.counting) == counting;
        let answered = |trips: &mut Trips| {
            trips.answered += 1;
            trips.over
        };
        let nth = self
            .trips
            .borrow_mut()
            .as_mut()
            .filter(is_ours)
            .map(answered);
        let mut quiet = 0;
        while quiet < TURNS {
            tokio::task::yield_now().await;
            let mut trips = self.trips.borrow_mut();
            let trips = trips.as_mut().filter(is_ours);
            let Some(trips) = trips.filter(|trips| Some(trips.over) == nth) else {
                return;
            };
            quiet = match trips.answered == trips.under_way {
                true => quiet + 1,
                false => 0,
            };
            if quiet == TURNS {
                (trips.under_way, trips.answered) = (0, 0);
                trips.over += 1;
            }
        }
    }

    /// The token of the last request to an address that contains `path`.
    pub fn bearer_to(&self, path: &str) -> String {
        let sent = self.sent.borrow();
        let last = sent.iter().rfind(|request| request.url.contains(path));
        last.and_then(|request| request.bearer.clone()).unwrap()
    }

    /// From now on, answers pass through `tamper`; of an event stream, the head.
    pub fn tamper(&self, tamper: impl FnMut(&Request, Response) -> Response + 'static) {
        *self.tamper.borrow_mut() = Some(Box::new(tamper));
    }

    /// Answers whose address contains `path` are changed as JSON.
    pub fn tamper_json(
        &self,
        path: &'static str,
        mut change: impl FnMut(&mut serde_json::Value) + 'static,
    ) {
        self.tamper(move |request, mut response| {
            if request.url.contains(path)
                && response.status < 300
                && let Ok(mut value) = serde_json::from_slice(&response.body)
            {
                change(&mut value);
                response.body = serde_json::to_vec(&value).unwrap();
            }
            response
        });
    }

    pub fn honest(&self) {
        *self.tamper.borrow_mut() = None;
    }

    /// From now on, `faults` says of each attempt whether and where it is cut. It gets the request and how many
    /// attempts there were before it since this call, those of the client's own retries among them.
    pub fn break_with(&self, faults: impl FnMut(&Request, usize) -> Option<Fault> + 'static) {
        *self.faults.borrow_mut() = Some((0, Box::new(faults)));
    }

    /// Cuts that attempt, counted from 0, and no other: the client's retry gets through.
    pub fn cut_once(&self, nth: usize, fault: Fault) {
        self.break_with(move |_, attempt| (attempt == nth).then_some(fault));
    }

    /// Cuts that attempt, counted from 0, and every one after it: the call fails.
    pub fn cut_from(&self, nth: usize, fault: Fault) {
        self.break_with(move |_, attempt| (attempt >= nth).then_some(fault));
    }

    /// Nothing comes any more through the event streams that are open.
    pub fn silence_streams(&self) {
        self.dead.set(self.streams.borrow().len());
    }

    /// From now on, something on the way keeps event streams until they end, as what compresses or buffers does.
    pub fn buffer_streams(&self) {
        self.buffered.set(true);
    }

    /// The answers to what is written at an address that ends so never arrive.
    pub fn hold_answers_to(&self, end: &'static str) {
        self.held.set(Some(end));
    }

    /// Keeps the answer to the next request that is such a one, as long as this says; all others pass.
    pub fn keep_answer(
        &self,
        to: impl Fn(&Request) -> bool + 'static,
        while_: impl Fn() -> bool + 'static,
    ) {
        *self.keeps.borrow_mut() = Some((Box::new(to), Box::new(while_)));
    }

    /// From now on, the clock goes on by every wait, and while a request hangs.
    pub fn let_waits_take_time(&self) {
        self.waits_take_time.set(true);
    }

    /// These requests are answered with an error, as a service would; none reaches the server.
    pub fn refuse(
        &self,
        which: impl Fn(&Request) -> bool + 'static,
        status: u16,
        code: &'static str,
    ) {
        *self.refuses.borrow_mut() = Some((Box::new(which), status, code));
    }

    fn refused(&self, request: &Request) -> Option<Response> {
        let refuses = self.refuses.borrow();
        let (_, status, code) = refuses.as_ref().filter(|(which, ..)| which(request))?;
        let error = serde_json::json!({ "code": code, "message": "No.", "quota": "bytes" });
        Some(Response {
            status: *status,
            content_type: "application/json".into(),
            retry_after: None,
            body: serde_json::json!({ "error": error }).to_string().into(),
        })
    }

    /// From now on, nothing is cut, nor refused.
    pub fn mend(&self) {
        *self.refuses.borrow_mut() = None;
        *self.faults.borrow_mut() = None;
    }

    fn tampered(&self, request: &Request, response: Response) -> Response {
        match self.tamper.borrow_mut().as_mut() {
            Some(tamper) => tamper(request, response),
            None => response,
        }
    }

    fn pass(&self, millis: u32) {
        if self.waits_take_time.get() {
            self.clock_offset
                .fetch_add(millis.into(), Ordering::Relaxed);
        }
    }

    fn next_fault(&self, request: &Request) -> Option<Fault> {
        let mut faults = self.faults.borrow_mut();
        let (attempt, faults) = faults.as_mut()?;
        *attempt += 1;
        faults(request, *attempt - 1)
    }

    fn build(&self, request: &Request) -> reqwest::RequestBuilder {
        let method = match request.method {
            Method::Head => reqwest::Method::HEAD,
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.client.request(method, &request.url);
        if let Some(bearer) = &request.bearer {
            builder = builder.bearer_auth(bearer);
        }
        if let Some(id) = &request.last_event_id {
            builder = builder.header("last-event-id", id);
        }
        if let Some(device) = &request.device {
            builder = builder.header("vouchsafe-device", device);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header("content-type", "application/json")
                .body(body.clone());
        }
        builder
    }
}

fn offline<E>(_: E) -> Error {
    Error::Offline("The service cannot be reached.".into())
}

/// The answer without its body.
fn head_of(answer: &reqwest::Response) -> Response {
    let header = |name| answer.headers().get(name)?.to_str().ok();
    Response {
        status: answer.status().as_u16(),
        content_type: header("content-type").unwrap_or_default().to_owned(),
        retry_after: header("retry-after").and_then(|value| value.parse().ok()),
        body: Vec::new(),
    }
}

/// Sends the head of a request and the first half of its body, or half of the head if it has no body.
fn send_half(request: reqwest::RequestBuilder) {
    let request = request.build().unwrap();
    let body = request.body().and_then(|body| body.as_bytes());
    let body = body.unwrap_or_default();
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method(), request.url().path());
    for (name, value) in request.headers() {
        bytes += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    bytes += &format!("host: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut bytes = bytes.into_bytes();
    if body.is_empty() {
        bytes.truncate(bytes.len() / 2);
    }
    bytes.extend_from_slice(&body[..body.len() / 2]);
    let address = request.url().socket_addrs(|| None).unwrap();
    // A server that is away does not get all of it either.
    if let Ok(mut connection) = TcpStream::connect(&address[..]) {
        let _ = connection.write_all(&bytes);
    }
}

impl Transport for Http {
    type Stream = Body;

    async fn send(&self, request: &Request) -> Result<Response> {
        self.sent.borrow_mut().push(request.clone());
        let counting = self.begin_trip(request);
        let fault = self.next_fault(request);
        self.hangs.set(fault == Some(Fault::Hangs));
        match fault {
            Some(Fault::BeforeSending) => return Err(offline(())),
            Some(Fault::Hangs) => return std::future::pending().await,
            Some(Fault::ServerNeverGetsAll) => {
                send_half(self.build(request));
                return Err(offline(()));
            }
            _ => {}
        }
        if let Some(refused) = self.refused(request) {
            return Ok(refused);
        }
        let answer = self.build(request).send().await.map_err(offline)?;
        if fault == Some(Fault::AnswerCut) {
            return Err(offline(()));
        }
        let mut response = head_of(&answer);
        response.body = answer.bytes().await.map_err(offline)?.to_vec();
        let held = self.held.get().filter(|end| request.url.ends_with(end));
        if held.is_some() && request.method == Method::Post {
            return std::future::pending().await;
        }
        if fault == Some(Fault::AnswerLost) {
            return Err(offline(()));
        }
        self.end_trip(counting).await;
        let keeps = self.keeps.borrow_mut().take_if(|(to, _)| to(request));
        if let Some((_, is_kept)) = keeps {
            self.is_keeping.set(true);
            while is_kept() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            self.is_keeping.set(false);
        }
        Ok(self.tampered(request, response))
    }

    async fn open_stream(&self, request: &Request) -> Result<(Response, Body)> {
        let nth = self.streams.borrow().len();
        self.streams
            .borrow_mut()
            .push(request.last_event_id.clone());
        let answer = self.build(request).send().await.map_err(offline)?;
        let head = self.tampered(request, head_of(&answer));
        // A stream that is refused ends.
        let goes_on = head.status == 200 || !answer.status().is_success();
        let answer = goes_on.then_some(answer);
        let body = Body {
            answer,
            nth,
            dead: Rc::clone(&self.dead),
            buffer: self.buffered.get().then(Vec::new),
        };
        Ok((head, body))
    }

    async fn is_hidden(&self, _: &str) -> bool {
        self.hides.get()
    }

    async fn sleep(&self, millis: u32) {
        self.waits.borrow_mut().push(millis);
        self.pass(millis);
        tokio::task::yield_now().await;
    }

    async fn pause(&self) {
        self.pauses.set(self.pauses.get() + 1);
        tokio::task::yield_now().await;
    }

    /// Shortened: what is watched for is told by the clock, which the tests set.
    async fn watch(&self, millis: u32) {
        let is_long = millis >= LONG_MS;
        if is_long {
            self.long_watches.borrow_mut().push(millis);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        while is_long && self.holds_long_watches.get() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let over = &self.long_watches_over;
        over.set(over.get() + usize::from(is_long));
        if self.hangs.get() {
            self.pass(millis);
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(task);
    }

    fn now(&self) -> i64 {
        if let Some(time) = self.stopped_at.get() {
            return time;
        }
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        i64::try_from(since.as_millis()).unwrap() + self.clock_offset.load(Ordering::Relaxed)
    }
}

pub struct Body {
    answer: Option<reqwest::Response>,
    nth: usize,
    dead: Rc<Cell<usize>>,
    buffer: Option<Vec<u8>>,
}

impl ByteStream for Body {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(answer) = &mut self.answer else {
            return Ok(None);
        };
        if let Some(buffer) = &mut self.buffer {
            while let Some(bytes) = answer.chunk().await.map_err(offline)? {
                buffer.extend_from_slice(&bytes);
            }
            return Ok(Some(std::mem::take(buffer)).filter(|bytes| !bytes.is_empty()));
        }
        let bytes = answer.chunk().await.map_err(offline)?;
        if self.nth < self.dead.get() {
            return std::future::pending().await;
        }
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }
}
