//! The queue in front of a database's writers: those who wait get their turns by account, so that one account with many
//! writes delays another's by one of them, and not by all.
//!
//! Who has no account yet, or has not proved which, waits at a door of its own, by the network that they come from. Where both
//! wait, every second turn is the door's, so that people come in however many accounts write.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A queue with so many turns at once.
#[derive(Debug)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    accounts: Line,
    door: Line,
    /// The last turn was the door's.
    was_at_door: bool,
}

/// Those who wait for turns of one kind.
#[derive(Debug, Default)]
struct Line {
    /// The accounts, or networks, in the order in which they get the next turns.
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
            accounts: Line::default(),
            door: Line::default(),
            was_at_door: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait, in the line of accounts and at the door.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.state();
        (state.accounts.len(), state.door.len())
    }

    /// Waits for this account's turn. There is none only if the queue is gone.
    pub(super) async fn turn(self: &Arc<Self>, account: &str) -> Option<Turn> {
        self.wait(|state| &mut state.accounts, account).await
    }

    /// Waits at the door for this network's turn. There is none only if the queue is gone.
    pub(super) async fn turn_at_door(self: &Arc<Self>, network: &str) -> Option<Turn> {
        self.wait(|state| &mut state.door, network).await
    }

    async fn wait(
        self: &Arc<Self>,
        line: impl FnOnce(&mut State) -> &mut Line,
        name: &str,
    ) -> Option<Turn> {
        let waiting = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Some(Turn(Some(Arc::clone(self))));
            }
            line(&mut state).join(name)
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
    /// The next one who waits: where both do, not of those who had the last turn.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let lines = match self.was_at_door {
            true => [(false, &mut self.accounts), (true, &mut self.door)],
            false => [(true, &mut self.door), (false, &mut self.accounts)],
        };
        let mut found = lines
            .into_iter()
            .filter_map(|(at_door, line)| Some((at_door, line.next()?)));
        let (at_door, next) = found.next()?;
        self.was_at_door = at_door;
        Some(next)
    }
}

impl Line {
    fn join(&mut self, name: &str) -> oneshot::Receiver<Turn> {
        let (give, waiting) = oneshot::channel();
        match self.waiting.get_mut(name) {
            Some(others) => others.push_back(give),
            None => {
                self.order.push_back(name.to_owned());
                self.waiting.insert(name.to_owned(), [give].into());
            }
        }
        waiting
    }

    /// How many wait, those included who have gone since.
    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// The next one who waits, of the account or network whose turn it is, which goes to the end of the order.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let name = self.order.pop_front()?;
        let others = self.waiting.get_mut(&name)?;
        let next = others.pop_front();
        if others.is_empty() {
            self.waiting.remove(&name);
        } else {
            self.order.push_back(name);
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

    /// Somebody who has begun to wait, at the door if it is a network.
    fn begin(queue: &Arc<Queue>, name: &'static str) -> Waiting {
        let queue = Arc::clone(queue);
        let mut waiting: Waiting = match name.contains('/') {
            true => Box::pin(async move { queue.turn_at_door(name).await }),
            false => Box::pin(async move { queue.turn(name).await }),
        };
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

    /// The order in which those who wait get the only turn.
    async fn order<const N: usize>(names: [&'static str; N]) -> Vec<&'static str> {
        let queue = Queue::new(1);
        let mut turn = queue.turn("ada").await;
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
        drop(turn);
        let state = queue.state();
        assert_eq!(state.free, 1);
        for line in [&state.accounts, &state.door] {
            assert!(line.order.is_empty() && line.waiting.is_empty());
        }
        order
    }

    #[tokio::test]
    async fn accounts_take_turns() {
        let names = ["ada", "ada", "ada", "ada", "bob", "bob", "eve"];
        let fair = ["ada", "bob", "eve", "ada", "bob", "ada", "ada"];
        assert_eq!(order(names).await, fair);
    }

    #[tokio::test]
    async fn every_second_turn_is_the_doors() {
        let names = ["ada", "bob", "eve", "ada", "1/32", "1/32", "2/32", "1/32"];
        let fair = ["1/32", "ada", "2/32", "bob", "1/32", "eve", "1/32", "ada"];
        assert_eq!(order(names).await, fair);
        let networks = ["1/32", "1/32", "2/32"];
        assert_eq!(order(networks).await, ["1/32", "2/32", "1/32"]);
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
