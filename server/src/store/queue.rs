//! The queue in front of a database's writers: those who wait get their turns by account, so that one account with many
//! writes delays another's by one of them, and not by all.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A queue with so many turns at once.
#[derive(Debug)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    /// The accounts of those who wait, in the order in which they get the next turns.
    order: VecDeque<String>,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to write, passed on when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Queue>>);

impl Queue {
    pub(super) fn new(turns: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: turns,
            order: VecDeque::new(),
            waiting: HashMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this account's turn. There is none only if the queue is gone.
    pub(super) async fn turn(self: &Arc<Self>, account: &str) -> Option<Turn> {
        let waiting = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Some(Turn(Some(Arc::clone(self))));
            }
            let (give, waiting) = oneshot::channel();
            match state.waiting.get_mut(account) {
                Some(others) => others.push_back(give),
                None => {
                    state.order.push_back(account.to_owned());
                    state.waiting.insert(account.to_owned(), [give].into());
                }
            }
            waiting
        };
        waiting.await.ok()
    }

    /// Gives a turn to the next one who still waits for it.
    fn pass_on(self: Arc<Self>) {
        let mut state = self.state();
        while let Some(give) = state.next() {
            match give.send(Turn(Some(Arc::clone(&self)))) {
                Ok(()) => return,
                // Nobody waits any more; the turn that came back is not dropped, but given to the next one.
                Err(mut turn) => turn.0 = None,
            }
        }
        state.free += 1;
    }
}

impl State {
    /// The next one who waits, of the account whose turn it is. The account goes to the end of the order.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let account = self.order.pop_front()?;
        let others = self.waiting.get_mut(&account)?;
        let next = others.pop_front();
        if others.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.order.push_back(account);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Waiting = Pin<Box<dyn Future<Output = Option<Turn>>>>;

    /// Somebody who has begun to wait, or has a turn at once.
    fn begin(queue: &Arc<Queue>, account: &'static str) -> Waiting {
        let queue = Arc::clone(queue);
        let mut waiting: Waiting = Box::pin(async move { queue.turn(account).await });
        assert!(ask(&mut waiting).is_none());
        waiting
    }

    fn ask(waiting: &mut Waiting) -> Option<Turn> {
        let mut context = Context::from_waker(Waker::noop());
        match waiting.as_mut().poll(&mut context) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn accounts_take_turns() {
        let queue = Queue::new(1);
        let mut turn = queue.turn("ada").await;
        let names = ["ada", "ada", "ada", "ada", "bob", "bob", "eve"];
        let mut waiting = names.map(|name| Some((name, begin(&queue, name))));
        let mut order = Vec::new();
        while waiting.iter().any(Option::is_some) {
            drop(turn.take());
            for place in &mut waiting {
                if let Some((name, who)) = place
                    && let Some(got) = ask(who)
                {
                    order.push(*name);
                    turn = Some(got);
                    *place = None;
                    break;
                }
            }
            assert!(turn.is_some(), "a turn is lost after {order:?}");
        }
        assert_eq!(order, ["ada", "bob", "eve", "ada", "bob", "ada", "ada"]);
        drop(turn);
        assert_eq!(queue.state().free, 1);
        assert!(queue.state().order.is_empty() && queue.state().waiting.is_empty());
    }

    #[tokio::test]
    async fn who_has_gone_is_passed_over() {
        let queue = Queue::new(2);
        let (first, second) = (queue.turn("ada").await, queue.turn("ada").await);
        let (gone, mut given, mut bob) = (
            begin(&queue, "ada"),
            begin(&queue, "ada"),
            begin(&queue, "bob"),
        );
        drop(gone);
        drop(first);
        let got = ask(&mut bob).or_else(|| ask(&mut given));
        assert!(got.is_some());
        // A turn that was given to somebody who goes before taking it.
        drop(second);
        drop((given, bob));
        drop(got);
        assert_eq!(queue.state().free, 2);
    }
}
