//! A transport that breaks where it is told to. It opens a connection for each request, so that what the server has got,
//! and what it has answered, is known to the byte.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use vouchsafe::api::{ByteStream, Request, Response, Transport};
use vouchsafe::{Error, Result};

/// Where an exchange breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Nothing is sent.
    BeforeSending,
    /// Half of the request is sent.
    HalfSent,
    /// All of the request is sent; nobody waits for the answer.
    Sent,
    /// All of the request is sent, and the server has begun to write, or to answer.
    Writing,
    /// The server has done what it was asked to; of its answer nothing arrives.
    AnswerLost,
    /// The same; half of the answer arrives.
    AnswerHalf,
    /// The answer arrives whole.
    Answered,
}

/// A request by its form: method and path with ids left out, and how many of that form came before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub form: String,
    pub nth: usize,
}

/// What happens to one request.
pub struct Break {
    pub place: Place,
    pub point: Point,
    /// Whether the line stays down, for the client's own retries of this request too.
    pub lasting: bool,
    /// What else happens at this point, and keeps the server away from then on.
    pub crash: Option<Crash>,
}

/// A server that can be killed.
pub struct Crash {
    pub kill: Box<dyn Fn()>,
    /// Whether it has begun to write.
    pub is_writing: Box<dyn Fn() -> bool>,
}

#[derive(Default)]
struct Inner {
    sent: RefCell<Vec<Place>>,
    /// What was sent and not answered.
    open: RefCell<Vec<Place>>,
    /// Whether the request that was hit is on its way.
    hit_is_open: Cell<bool>,
    /// What was so, besides, when a request was hit.
    open_when_hit: RefCell<Vec<Place>>,
    broken: RefCell<Option<Rc<Break>>>,
    /// The bytes of the request that was hit.
    hit: RefCell<Option<Vec<u8>>>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
    session: RefCell<Option<String>>,
}

#[derive(Clone, Default)]
pub struct Line(Rc<Inner>);

impl Line {
    /// From now on, requests are counted anew.
    pub fn forget(&self) {
        self.0.sent.borrow_mut().clear();
    }

    /// What was sent, in order.
    pub fn sent(&self) -> Vec<Place> {
        self.0.sent.borrow().clone()
    }

    /// Whether a request comes after the one that is to kill the server.
    fn is_after_crash(&self) -> bool {
        let crashes = |broken: &Rc<Break>| broken.crash.is_some();
        self.0.hit.borrow().is_some() && self.0.broken.borrow().as_ref().is_some_and(crashes)
    }

    /// What was sent before the request that was hit, and not answered by then.
    pub fn open_when_hit(&self) -> Vec<Place> {
        self.0.open_when_hit.borrow().clone()
    }

    /// The Keystore session that was used last.
    pub fn session(&self) -> Option<String> {
        self.0.session.borrow().clone()
    }

    /// From now on, requests are counted anew, and one of them breaks.
    pub fn arm(&self, at: Break) {
        self.forget();
        *self.0.broken.borrow_mut() = Some(Rc::new(at));
        *self.0.hit.borrow_mut() = None;
    }

    /// Waits for what the client does in the background; then nothing breaks any more. Says whether something did.
    pub async fn mend(&self) -> bool {
        self.settle().await;
        *self.0.broken.borrow_mut() = None;
        self.0.hit.borrow_mut().take().is_some()
    }

    pub async fn settle(&self) {
        loop {
            let Some(task) = self.0.tasks.borrow_mut().pop() else {
                return;
            };
            task.await.unwrap();
        }
    }

    /// Where this request breaks.
    fn point(&self, place: &Place, bytes: &[u8]) -> Option<(Point, Rc<Break>)> {
        let broken = self.0.broken.borrow().clone()?;
        let mut hit = self.0.hit.borrow_mut();
        match &*hit {
            None if *place == broken.place => {
                *hit = Some(bytes.to_vec());
                *self.0.open_when_hit.borrow_mut() = self.0.open.borrow().clone();
                Some((broken.point, broken))
            }
            Some(first) if broken.lasting && first == bytes && broken.crash.is_none() => {
                Some((broken.point, broken))
            }
            Some(_) if broken.lasting => Some((Point::BeforeSending, broken)),
            _ => None,
        }
    }
}

/// Method and path; whatever is long is an id.
fn form_of(request: &Request) -> String {
    let path = request.url.splitn(4, '/').nth(3).unwrap();
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| if part.len() < 36 { part } else { "{id}" })
        .collect();
    format!("{} /{}", request.method.as_str(), parts.join("/"))
}

fn bytes_of(request: &Request, host: &str, path: &str) -> (Vec<u8>, usize) {
    let body = request.body.as_deref().unwrap_or_default();
    let mut head = format!(
        "{} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n",
        request.method.as_str()
    );
    if let Some(bearer) = &request.bearer {
        head += &format!("authorization: Bearer {bearer}\r\n");
    }
    if request.body.is_some() {
        head += &format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
    }
    head += "\r\n";
    let half = if body.is_empty() {
        head.len() / 2
    } else {
        head.len() + body.len() / 2
    };
    ([head.as_bytes(), body.as_bytes()].concat(), half)
}

/// The time in which the request that was hit is on its way.
struct Open<'a>(&'a Cell<bool>);

impl<'a> Open<'a> {
    fn new(is_open: &'a Cell<bool>) -> Self {
        is_open.set(true);
        Self(is_open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn offline<E>(_: E) -> Error {
    Error::Offline("The service cannot be reached.".into())
}

/// Head and body of an answer, if it is all there.
fn parse(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let body = &bytes[end + 4..];
    let header = |name: &str| {
        let mut lines = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines.find(|line| line.0 == name).map(|line| line.1)
    };
    assert_eq!(header("transfer-encoding"), None);
    let length: usize = header("content-length").map_or(Ok(0), str::parse).ok()?;
    Some(Response {
        status: head.split(' ').nth(1)?.parse().ok()?,
        content_type: header("content-type").unwrap_or_default().to_owned(),
        retry_after: header("retry-after").and_then(|value| value.parse().ok()),
        // The answer to `HEAD` has none, whatever its length would be.
        body: (body.is_empty() || body.len() == length).then(|| body.to_vec())?,
    })
}

/// Nothing breaks.
async fn exchange(host: &str, bytes: &[u8]) -> Result<Response> {
    let mut stream = TcpStream::connect(host).await.map_err(offline)?;
    stream.write_all(bytes).await.map_err(offline)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(offline)?;
    parse(&answer).ok_or_else(|| offline(()))
}

impl Transport for Line {
    type Stream = NoStream;

    async fn send(&self, request: &Request) -> Result<Response> {
        let rest = request.url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let (bytes, half) = bytes_of(request, host, path);
        let form = form_of(request);
        let place = {
            let mut sent = self.0.sent.borrow_mut();
            let nth = sent.iter().filter(|place| place.form == form).count();
            let place = Place { form, nth };
            sent.push(place.clone());
            place
        };
        if path.starts_with("keystore/") && request.bearer.is_some() {
            self.0.session.borrow_mut().clone_from(&request.bearer);
        }
        if self.is_after_crash() {
            // It fails, but not before the server is killed: who sent both would give up the other.
            while self.0.hit_is_open.get() {
                tokio::task::yield_now().await;
            }
            return Err(offline(()));
        }
        let Some((point, broken)) = self.point(&place, &bytes) else {
            self.0.open.borrow_mut().push(place.clone());
            let answer = exchange(host, &bytes).await;
            self.0.open.borrow_mut().retain(|other| *other != place);
            return answer;
        };
        let _open = Open::new(&self.0.hit_is_open);
        let crash = broken.crash.as_ref();
        let kill = || {
            if let Some(crash) = crash {
                (crash.kill)();
            }
        };
        if point == Point::BeforeSending {
            kill();
            return Err(offline(()));
        }
        let mut stream = TcpStream::connect(host).await.map_err(offline)?;
        if point == Point::HalfSent {
            stream.write_all(&bytes[..half]).await.map_err(offline)?;
            kill();
            // The end of the connection says that the server has done with it.
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            let status = parse(&answer).map_or(400, |response| response.status);
            assert!(status >= 400, "half a request was answered with {status}");
            return Err(offline(()));
        }
        stream.write_all(&bytes).await.map_err(offline)?;
        if let (Point::Writing, Some(crash)) = (point, crash) {
            while !(crash.is_writing)() && stream.try_read(&mut [0]).is_err() {
                tokio::task::yield_now().await;
            }
        }
        if matches!(point, Point::Sent | Point::Writing) {
            kill();
            return Err(offline(()));
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(offline)?;
        if point == Point::AnswerHalf {
            answer.truncate(answer.len() / 2);
        }
        kill();
        match point {
            Point::AnswerLost => Err(offline(())),
            _ => parse(&answer).ok_or_else(|| offline(())),
        }
    }

    async fn open_stream(&self, _: &Request) -> Result<(Response, NoStream)> {
        Err(offline(()))
    }

    async fn sleep(&self, _: u32) {
        tokio::task::yield_now().await;
    }

    /// Beside a request that is on its way; the runtime has other things to do meanwhile.
    async fn watch(&self, millis: u32) {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0
            .tasks
            .borrow_mut()
            .push(tokio::task::spawn_local(task));
    }

    fn now(&self) -> i64 {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        i64::try_from(since.as_millis()).unwrap()
    }
}

pub struct NoStream;

impl ByteStream for NoStream {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}
