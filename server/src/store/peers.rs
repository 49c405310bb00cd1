//! The processes that share a PostgreSQL database: what they tell each other, which of them sweeps, and whether the database is
//! there at all. Each has one session of its own for this, beside its pool.
//!
//! What they tell is never needed to be right, only to be soon: an event is in its table, whoever was told of it. So it goes
//! beside the transactions, many things at a time, and not in them: those that notify take turns at their commits.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use sqlx::{Connection, Error, Postgres};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, timeout};

use crate::http::values::Bytes;

const CHANNEL: &str = "vouchsafe";
/// The most bytes of one notice; PostgreSQL takes less than 8,000.
const MAX_NOTICE_BYTES: usize = 7900;
/// The time between two questions to a session that is quiet, and between two things told that hurry nobody.
const PULSE: Duration = Duration::from_millis(500);
/// The time for an answer.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The time for a new session.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// A process that was silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// The time after which a process says that it is there.
const SIGN: Duration = Duration::from_secs(5);
/// The time for one's own first notice to come back.
const ECHO_PATIENCE: Duration = Duration::from_secs(10);
/// The lock of the process that sweeps.
const SWEEPING: i64 = 0x766f_7563_6873_7377;

/// A line by which a process asks the others for all that they have to tell.
const ASKS: &str = "?";
/// A line before all that a process has to tell: what it told before is over.
const ANEW: &str = "!";

/// A service that has something to tell to its like in other processes.
pub(crate) trait Peer: Send + Sync {
    /// What is to be told since this was asked last, in lines; everything that stands, if `all`.
    fn tell(&self, all: bool) -> Vec<String>;

    /// Hears a line from another process.
    fn hear(&self, process: &str, line: &str);

    /// A process is gone, or begins to tell anew: nothing stands that it told.
    fn gone(&self, process: &str);

    /// Anything may have happened meanwhile that this process was not told of.
    fn missed(&self);
}

/// A service's part in what the processes of its database tell each other. With SQLite there are no others.
pub(crate) struct Peers {
    /// The database's address for the session.
    url: Option<String>,
    service: &'static str,
    /// This process.
    name: String,
    hurry: Notify,
    away: watch::Sender<bool>,
    /// The server takes no writes: what connects next may find another one.
    is_standby: AtomicBool,
    /// The last time at which a session ended.
    lost_at: Mutex<Option<Instant>>,
    /// How many sessions have ended.
    ended: watch::Sender<u64>,
    sweeps: watch::Sender<bool>,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").finish_non_exhaustive()
    }
}

/// When each of the other processes was heard last, in this session or an earlier one.
type Heard = HashMap<String, Instant>;

/// What is known in one session.
struct Session<'a> {
    peers: &'a Peers,
    peer: &'a dyn Peer,
    listener: PgListener,
    began: Instant,
    /// Its own notices come back: it is a session indeed, and not a pooler's.
    is_heard: bool,
    is_complained_of: bool,
    heard: &'a mut Heard,
    told: Instant,
    tells_all: bool,
    /// The server takes no writes, and has nothing to tell.
    is_standby: bool,
}

impl Peers {
    /// Those of a database; `url` leads to one that there may be others at.
    pub(super) fn new(url: Option<&str>, service: &'static str) -> Arc<Self> {
        Arc::new(Self {
            url: url.map(str::to_owned),
            service,
            name: Bytes::<6>::make().to_text(),
            hurry: Notify::new(),
            away: watch::Sender::new(false),
            is_standby: AtomicBool::new(false),
            lost_at: Mutex::default(),
            ended: watch::Sender::new(0),
            sweeps: watch::Sender::new(url.is_none()),
        })
    }

    /// Whether no other process can have the database.
    pub(crate) fn are_none(&self) -> bool {
        self.url.is_none()
    }

    /// Whether the database does not answer.
    pub(crate) fn away(&self) -> watch::Receiver<bool> {
        self.away.subscribe()
    }

    /// Ends when the database ceases to answer, or may have: what waits for an answer by another connection than the
    /// session's, which broke, may wait for ever.
    pub(crate) async fn lost(&self) {
        let (mut away, mut ended) = (self.away(), self.ended.subscribe());
        // The senders are there as long as this is.
        tokio::select! {
            _ = away.wait_for(|away| *away) => {}
            _ = ended.changed() => {}
        }
    }

    /// Whether a connection of this age may lead to what is no good any more: it is from before the database was lost, or a
    /// standby's.
    pub(super) fn outlives(&self, age: Duration) -> bool {
        self.is_standby.load(Ordering::SeqCst)
            || self.lost_at().is_some_and(|lost| lost.elapsed() < age)
    }

    fn lost_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.lost_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is this process that sweeps.
    pub(crate) fn sweeps(&self) -> bool {
        *self.sweeps.borrow()
    }

    /// Has what is to be told go at once.
    pub(crate) fn wake(&self) {
        self.hurry.notify_one();
    }

    /// Tells and hears until the server stops, and for a moment longer: what ends with it is told, too.
    pub(crate) async fn work(&self, peer: &dyn Peer, mut stopping: watch::Receiver<bool>) {
        let Some(url) = &self.url else { return };
        tokio::select! {
            () = self.go_on(url, peer) => {}
            () = async {
                let _ = stopping.wait_for(|stop| *stop).await;
                tokio::time::sleep(PULSE).await;
            } => {}
        }
    }

    async fn go_on(&self, url: &str, peer: &dyn Peer) {
        let mut heard = Heard::new();
        loop {
            let session = Session::begin(self, peer, url, &mut heard);
            let error = match timeout(CONNECT_PATIENCE, session).await {
                Ok(Ok(mut session)) => {
                    self.set_away(None);
                    let is_standby = session.is_standby;
                    let was_standby = self.is_standby.swap(is_standby, Ordering::SeqCst);
                    peer.missed();
                    // Whoever ends it is tried once more before the database counts as away.
                    let Err(error) = session.run().await;
                    *self.lost_at() = Some(Instant::now());
                    self.ended.send_modify(|ended| *ended += 1);
                    self.sweeps.send_replace(false);
                    // One with a standby is short, and told of once.
                    if !(was_standby && is_standby) {
                        tracing::warn!(service = self.service, %error, "the session with the database ended");
                    }
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) => silent(),
            };
            let was_away = *self.away.borrow();
            self.set_away(Some(&error));
            if !was_away && let Some(error) = reason(url).await {
                tracing::error!(service = self.service, %error, "no session with the database begins");
            }
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    }

    fn set_away(&self, error: Option<&Error>) {
        let service = self.service;
        let was_away = self.away.send_replace(error.is_some());
        match error {
            Some(error) if !was_away => tracing::error!(service, %error, "the database is away"),
            None if was_away => tracing::info!(service, "the database is back"),
            _ => {}
        }
    }
}

impl<'a> Session<'a> {
    async fn begin(
        peers: &'a Peers,
        peer: &'a dyn Peer,
        url: &str,
        heard: &'a mut Heard,
    ) -> Result<Self, Error> {
        let one = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_PATIENCE)
            .max_lifetime(None)
            .idle_timeout(None);
        let mut listener = PgListener::connect_with(&one.connect(url).await?).await?;
        listener.eager_reconnect(false);
        let is_standby = is_read_only(&mut listener).await?;
        if !is_standby {
            listener.listen(CHANNEL).await?;
        }
        let now = Instant::now();
        Ok(Self {
            peers,
            peer,
            listener,
            began: now,
            is_heard: false,
            is_complained_of: false,
            heard,
            told: now,
            tells_all: true,
            is_standby,
        })
    }

    /// Goes on until the session breaks.
    async fn run(&mut self) -> Result<Infallible, Error> {
        if self.is_standby {
            tokio::time::sleep(PULSE).await;
            return Err(standby());
        }
        self.send(&[ASKS.to_owned()]).await?;
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                notice = self.listener.try_recv() => match notice? {
                    Some(notice) => self.hear(notice.payload()),
                    None => return Err(silent()),
                },
                () = self.peers.hurry.notified() => self.tell().await?,
                _ = pulse.tick() => self.pulse().await?,
            }
        }
    }

    /// Asks whether the database is there, and tells what can wait.
    async fn pulse(&mut self) -> Result<(), Error> {
        self.tell().await?;
        self.ask().await?;
        match self.is_heard {
            true => self.try_to_sweep().await?,
            false => self.complain(),
        }
        let gone = self.heard.iter().filter(|(_, at)| at.elapsed() > SILENCE);
        let gone: Vec<String> = gone.map(|(process, _)| process.clone()).collect();
        for process in gone {
            self.heard.remove(&process);
            self.peer.gone(&process);
        }
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Error> {
        let answer = timeout(PATIENCE, is_read_only(&mut self.listener));
        match answer.await.map_err(|_| silent())?? {
            true => Err(standby()),
            false => Ok(()),
        }
    }

    /// Has this process sweep if no other does.
    async fn try_to_sweep(&mut self) -> Result<(), Error> {
        if self.peers.sweeps() {
            return Ok(());
        }
        let lock = sqlx::query_scalar::<Postgres, bool>("SELECT pg_try_advisory_lock($1)")
            .bind(SWEEPING)
            .fetch_one(&mut self.listener);
        let is_mine = timeout(PATIENCE, lock).await.map_err(|_| silent())??;
        self.peers.sweeps.send_replace(is_mine);
        Ok(())
    }

    /// Where a pooler stands between, nothing is heard, and a lock would be another's: every process sweeps for itself.
    fn complain(&mut self) {
        if self.is_complained_of || self.began.elapsed() < ECHO_PATIENCE {
            return;
        }
        self.is_complained_of = true;
        self.peers.sweeps.send_replace(true);
        let service = self.peers.service;
        tracing::warn!(
            service,
            "processes at this database cannot hear each other, as behind PgBouncer with transactions: events of others come \
             late. Give the address of the database itself by --vault-db-direct, --keystore-db-direct"
        );
    }

    async fn tell(&mut self) -> Result<(), Error> {
        let all = std::mem::take(&mut self.tells_all);
        let mut lines = self.peer.tell(all);
        if all {
            lines.insert(0, ANEW.to_owned());
        }
        if lines.is_empty() {
            if self.told.elapsed() < SIGN {
                return Ok(());
            }
            lines.push(String::new());
        }
        self.send(&lines).await
    }

    async fn send(&mut self, lines: &[String]) -> Result<(), Error> {
        for notice in notices(&self.peers.name, lines) {
            let notify = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(notice)
                .execute(&mut self.listener);
            timeout(PATIENCE, notify).await.map_err(|_| silent())??;
        }
        self.told = Instant::now();
        Ok(())
    }

    fn hear(&mut self, notice: &str) {
        let mut lines = notice.lines();
        let process = lines.next().unwrap_or_default();
        if process == self.peers.name {
            self.is_heard = true;
            return;
        }
        self.heard.insert(process.to_owned(), Instant::now());
        for line in lines {
            match line {
                "" => {}
                ANEW => self.peer.gone(process),
                // Its session is a new one: what it told at the end of the last one may be lost.
                ASKS => {
                    self.peer.missed();
                    self.tells_all = true;
                    self.peers.wake();
                }
                line => self.peer.hear(process, line),
            }
        }
    }
}

/// Whether the server was made a standby. The address may lead to another one soon, so no session with it is kept.
async fn is_read_only(listener: &mut PgListener) -> Result<bool, Error> {
    let shown: String = sqlx::query_scalar("SHOW transaction_read_only")
        .fetch_one(listener)
        .await?;
    Ok(shown == "on")
}

fn standby() -> Error {
    Error::Io(std::io::Error::other("it takes no writes"))
}

/// Why no session begins, in the database's own words: a pool would try until its time is over, and say no more than that.
async fn reason(url: &str) -> Option<Error> {
    let connected = timeout(CONNECT_PATIENCE, PgConnection::connect(url)).await;
    connected.ok()?.err()
}

/// Lines in as few notices as they fit into, each with the name of the process before them.
fn notices(process: &str, lines: &[String]) -> Vec<String> {
    let mut notices: Vec<String> = Vec::new();
    for line in lines {
        match notices.last_mut() {
            Some(notice) if notice.len() + 1 + line.len() <= MAX_NOTICE_BYTES => {
                notice.push('\n');
                notice.push_str(line);
            }
            _ => notices.push(format!("{process}\n{line}")),
        }
    }
    notices
}

fn silent() -> Error {
    Error::Io(std::io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_shorter_than_postgresql_takes() {
        let lines: Vec<String> = (0..1000).map(|n| format!("e {n:036}")).collect();
        let notices = notices("process1", &lines);
        assert!(
            notices
                .iter()
                .all(|notice| notice.len() <= MAX_NOTICE_BYTES)
        );
        let found: Vec<&str> = notices
            .iter()
            .flat_map(|notice| notice.lines().skip(1))
            .collect();
        assert_eq!(found, lines);
        assert_eq!(notices.len(), 5);
    }
}
