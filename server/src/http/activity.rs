//! What a connection is doing, so that one that does nothing, or whose client takes nothing, can be ended.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::refusal::in_place_of;

/// The largest piece in which an answer is handed to the connection: the next one is asked for when there is room again,
/// which shows whether the client reads.
const MAX_PIECE_BYTES: usize = 64 << 10;

/// A client takes at least so many KiB of an answer in each of the times for which it may take nothing, on average: with 30
/// seconds 34 KiB in a second.
const LEAST_KIB: u32 = 1 << 10;

/// The times after which a connection is ended.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// Until there is a first request.
    pub(super) first: Duration,
    /// Without a request that is being answered.
    pub(super) idle: Duration,
    /// Without a client that takes what it asked for.
    pub(super) stalled: Duration,
}

/// What one connection is doing.
pub(super) struct Activity {
    patience: Patience,
    state: Mutex<State>,
}

struct State {
    made: u64,
    /// The requests whose answers are not all sent.
    answers: HashMap<u64, Progress>,
    /// The time since when bytes wait for room on the wire.
    writing: Option<Instant>,
    /// The time of the last answer's end.
    idle: Instant,
}

/// How far an answer has come.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// The time since when the client has taken nothing. There is none while the server is at work.
    since: Option<Instant>,
    /// The times together for which the client took nothing before.
    waited: Duration,
    /// The bytes that the client was to take, the last ones included.
    bytes: u64,
}

impl Progress {
    /// So many bytes more wait for the client.
    fn offer(&mut self, bytes: usize, now: Instant) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.since = Some(now);
    }

    /// The client took what waited for it.
    fn take(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// The time at which the client will have taken nothing for too long, or too little for as long as it took.
    fn end(&self, stalled: Duration) -> Option<Instant> {
        let kib = u32::try_from(self.bytes >> 10).unwrap_or(u32::MAX);
        let for_bytes = stalled.saturating_mul(kib) / LEAST_KIB;
        let left = (stalled + for_bytes).saturating_sub(self.waited);
        Some(self.since? + left.min(stalled))
    }
}

/// The verdict on a connection.
pub(super) enum Verdict {
    /// Nothing is wrong before this time.
    Wait(Instant),
    /// It has no request.
    Idle,
    /// It never had one, or its client takes nothing.
    Stalled,
}

impl Activity {
    pub(super) fn new(patience: Patience) -> Arc<Self> {
        let state = State {
            made: 0,
            answers: HashMap::new(),
            writing: None,
            idle: Instant::now(),
        };
        Arc::new(Self {
            patience,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Answering {
        let mut state = self.state();
        state.made += 1;
        let id = state.made;
        state.answers.insert(id, Progress::default());
        drop(state);
        Answering {
            activity: Arc::clone(self),
            id,
        }
    }

    /// Gives an idle connection its time once more.
    pub(super) fn begin_again(&self) {
        self.state().idle = Instant::now();
    }

    /// Judges the connection as it stands now.
    pub(super) fn verdict(&self) -> Verdict {
        let (state, now) = (self.state(), Instant::now());
        let patience = self.patience.stalled;
        let answers = state
            .answers
            .values()
            .filter_map(|answer| answer.end(patience));
        let writing = state.writing.map(|since| since + patience);
        let stalled = answers.chain(writing).min();
        if stalled.is_some_and(|end| end <= now) {
            return Verdict::Stalled;
        }
        let idle = state.answers.is_empty() && state.writing.is_none();
        let patience = match state.made {
            0 => self.patience.first,
            _ => self.patience.idle,
        };
        let idle = idle.then(|| state.idle + patience);
        if idle.is_some_and(|end| end <= now) {
            return match state.made {
                0 => Verdict::Stalled,
                _ => Verdict::Idle,
            };
        }
        // What begins to wait from now on ends no sooner than this.
        let shortest = self.patience.stalled.min(patience);
        let ends = [stalled, idle, Some(now + shortest)];
        Verdict::Wait(ends.into_iter().flatten().min().unwrap_or(now))
    }
}

/// A request until its answer is sent.
pub(super) struct Answering {
    activity: Arc<Activity>,
    id: u64,
}

impl Answering {
    /// So many bytes more wait for the client.
    fn offer(&self, bytes: usize) {
        self.change(|progress| progress.offer(bytes, Instant::now()));
    }

    /// The client took what waited for it.
    fn take(&self) {
        self.change(|progress| progress.take(Instant::now()));
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut state = self.activity.state();
        change(state.answers.entry(self.id).or_default());
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.answers.remove(&self.id);
        if state.answers.is_empty() {
            state.idle = Instant::now();
        }
    }
}

/// An answer's body, in pieces that are counted as the client takes them.
pub(super) struct WatchedBody {
    body: Body,
    rest: Bytes,
    answering: Answering,
}

impl WatchedBody {
    pub(super) fn new(body: Body, answering: Answering) -> Self {
        answering.offer(0);
        Self {
            body,
            rest: Bytes::new(),
            answering,
        }
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.answering.take();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(MAX_PIECE_BYTES));
        this.answering.offer(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let (inner, mut hint) = (self.body.size_hint(), SizeHint::new());
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(inner.lower().saturating_add(rest));
        hint
    }
}

/// A connection's stream, which notes when there is no room to write, and gives what hyper refuses by itself a body.
pub(super) struct WatchedStream {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// The rest of what is written in place of hyper's answer.
    refusal: Option<Bytes>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            refusal: None,
        }
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        let mut state = self.activity.state();
        if written.is_pending() {
            state.writing.get_or_insert_with(Instant::now);
        } else if state.writing.take().is_some() {
            // The last bytes of an answer are still on their way.
            state.idle = Instant::now();
        }
        drop(state);
        written
    }

    /// Writes the refusal in place of hyper's bytes, which are the same at each call until all of it is written.
    fn refuse(
        &mut self,
        context: &mut Context<'_>,
        mut refusal: Bytes,
        instead_of: usize,
    ) -> Poll<io::Result<usize>> {
        while !refusal.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &refusal);
            match self.note(written) {
                Poll::Ready(Ok(count)) => drop(refusal.split_to(count)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.refusal = Some(refusal);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(instead_of))
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let begun = self.refusal.take();
        if let Some(refusal) = begun.or_else(|| in_place_of(bytes).map(Bytes::from)) {
            return self.refuse(context, refusal, bytes.len());
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(context, only);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of an answer without an end a client gets that takes each piece after this time.
    fn taken(piece: usize, after: Duration) -> u64 {
        let (mut progress, mut now) = (Progress::default(), Instant::now());
        let stalled = Duration::from_secs(30);
        while progress.bytes < 64 << 20 {
            progress.offer(piece, now);
            now += after;
            if progress.end(stalled).unwrap() <= now {
                return progress.bytes;
            }
            progress.take(now);
            assert!(progress.end(stalled).is_none(), "the server is at work");
        }
        u64::MAX
    }

    #[test]
    fn who_takes_too_little_is_cut_off() {
        let seconds = Duration::from_secs;
        // Nothing at all, or the first piece alone.
        assert_eq!(taken(MAX_PIECE_BYTES, seconds(30)), 64 << 10);
        // One piece in two seconds is nearly enough, and the first megabyte comes.
        let slow = taken(MAX_PIECE_BYTES, seconds(2));
        assert!((1 << 20..32 << 20).contains(&slow), "{slow}");
        // A byte at a time does not help.
        assert!(taken(1, seconds(1)) < 100);
        // A slow phone gets everything.
        assert_eq!(
            taken(MAX_PIECE_BYTES, Duration::from_millis(1500)),
            u64::MAX
        );
    }
}
