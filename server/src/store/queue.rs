//! The queue in front of a database's writers: those who wait get their turns by account, so that one account with many
//! writes delays another's by one of them, and not by all.
//!
//! Who has no account yet, or has not proved which, waits at a door of its own, by the network that they come from. Where both
//! wait, every second turn is the door's, so that people come in however many accounts write.
//!
//! An account has one turn at a time, since its writes wait for one another in any case, and a network half of them at the
//! door: so nobody has all, however long each of theirs takes.

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

/// Those who wait for turns of one kind, and those who have them.
#[derive(Debug)]
struct Line {
    /// The most turns of one account, or network, at once.
    most: usize,
    held: HashMap<String, usize>,
    /// The accounts, or networks, that wait, in the order in which they get the next turns.
    order: VecDeque<String>,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to write, passed on when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Holder>);

/// An account that has a turn, or a network that has one at the door.
#[derive(Debug)]
struct Holder {
    queue: Arc<Queue>,
    is_at_door: bool,
    name: String,
}

impl Queue {
    pub(super) fn new(turns: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: turns,
            accounts: Line::of(1),
            door: Line::of(turns.div_ceil(2)),
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
        self.wait(false, account).await
    }

    /// Waits at the door for this network's turn. There is none only if the queue is gone.
    pub(super) async fn turn_at_door(self: &Arc<Self>, network: &str) -> Option<Turn> {
        self.wait(true, network).await
    }

    async fn wait(self: &Arc<Self>, is_at_door: bool, name: &str) -> Option<Turn> {
        let waiting = {
            let mut state = self.state();
            let is_free = state.free > 0;
            let line = state.line(is_at_door);
            if is_free && line.may(name) {
                line.hold(name);
                state.free -= 1;
                return Some(self.give(is_at_door, name.to_owned()));
            }
            line.join(name)
        };
        waiting.await.ok()
    }

    fn give(self: &Arc<Self>, is_at_door: bool, name: String) -> Turn {
        Turn(Some(Holder {
            queue: Arc::clone(self),
            is_at_door,
            name,
        }))
    }

    /// Takes a turn back, and gives it to the next one who still waits for it.
    fn pass_on(self: &Arc<Self>, was_at_door: bool, from: &str) {
        let mut state = self.state();
        state.line(was_at_door).let_go(from);
        while let Some((is_at_door, name, waits)) = state.next() {
            state.line(is_at_door).hold(&name);
            match waits.send(self.give(is_at_door, name)) {
                Ok(()) => return,
                // Nobody waits any more; the turn that came back is not dropped, but given to the next one.
                Err(mut turn) => {
                    if let Some(holder) = turn.0.take() {
                        state.line(is_at_door).let_go(&holder.name);
                    }
                }
            }
        }
        state.free += 1;
    }
}

impl State {
    fn line(&mut self, is_at_door: bool) -> &mut Line {
        match is_at_door {
            true => &mut self.door,
            false => &mut self.accounts,
        }
    }

    /// The next one who may have a turn: where there is one in both lines, not of those who had the last turn.
    fn next(&mut self) -> Option<(bool, String, oneshot::Sender<Turn>)> {
        for is_at_door in [!self.was_at_door, self.was_at_door] {
            if let Some((name, waits)) = self.line(is_at_door).next() {
                self.was_at_door = is_at_door;
                return Some((is_at_door, name, waits));
            }
        }
        None
    }
}

impl Line {
    fn of(most: usize) -> Self {
        Self {
            most,
            held: HashMap::new(),
            order: VecDeque::new(),
            waiting: HashMap::new(),
        }
    }

    /// Whether this one may have one more turn.
    fn may(&self, name: &str) -> bool {
        self.held.get(name).is_none_or(|held| *held < self.most)
    }

    fn hold(&mut self, name: &str) {
        match self.held.get_mut(name) {
            Some(held) => *held += 1,
            None => drop(self.held.insert(name.to_owned(), 1)),
        }
    }

    fn let_go(&mut self, name: &str) {
        if let Some(held) = self.held.get_mut(name) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(name);
            }
        }
    }

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

    /// The next one who waits, of the first account or network that may have a turn, which goes to the end of the order.
    fn next(&mut self) -> Option<(String, oneshot::Sender<Turn>)> {
        let place = self.order.iter().position(|name| self.may(name))?;
        let name = self.order.remove(place)?;
        let others = self.waiting.get_mut(&name)?;
        let next = others.pop_front()?;
        if others.is_empty() {
            self.waiting.remove(&name);
        } else {
            self.order.push_back(name.clone());
        }
        Some((name, next))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(holder) = self.0.take() {
            holder.queue.pass_on(holder.is_at_door, &holder.name);
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
            assert!(line.order.is_empty() && line.waiting.is_empty() && line.held.is_empty());
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
        let (first, second) = (queue.turn("ada").await, queue.turn("eve").await);
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

    #[tokio::test]
    async fn nobody_has_all_turns() {
        let queue = Queue::new(4);
        let ada = queue.turn("ada").await;
        let mut second = begin(&queue, "ada");
        let bob = queue.turn("bob").await;
        let network = queue.turn_at_door("1/32").await;
        let mut another = queue.turn_at_door("1/32").await;
        assert_eq!(queue.waiting(), (1, 0));
        // All four are taken: what comes back goes to those who may have it.
        let mut third = begin(&queue, "1/32");
        drop(bob);
        assert!(ask(&mut second).is_none() && ask(&mut third).is_none());
        drop(ada);
        assert!(ask(&mut second).is_some());
        drop(network);
        assert!(ask(&mut third).is_some());
        drop(another.take());
        assert!(queue.state().free > 0);
    }
}
