//! The order of steps: as many at once as there are lanes, none before a step that it needs, and none beside another that holds
//! the same resource.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::step::Step;

/// Steps that wait, run, and are done.
struct State {
    waiting: Vec<Step>,
    running: Vec<Step>,
    done: Vec<(Step, bool)>,
}

enum Next {
    Begin(Step),
    /// It cannot, because this one failed, which it needs.
    Miss(Step, Step),
    /// Another has to end first.
    Wait,
    Over,
}

impl State {
    fn next(&self) -> Next {
        let failed = |need: &&Step| self.done.contains(&(**need, false));
        for &step in &self.waiting {
            if let Some(&need) = step.needs().iter().find(failed) {
                return Next::Miss(step, need);
            }
        }
        let ready = |step: &&Step| {
            let mut others = self.waiting.iter().chain(&self.running);
            let needed = others.any(|other| step.needs().contains(other));
            let held = self.running.iter().filter_map(|other| other.holds());
            !needed && !held.into_iter().any(|held| step.holds() == Some(held))
        };
        match self.waiting.iter().find(ready) {
            Some(&step) => Next::Begin(step),
            None if self.waiting.is_empty() => Next::Over,
            None => Next::Wait,
        }
    }
}

/// Runs each step once. `work` does one and says whether it passed; `miss` is told of one that cannot run, and of the failed
/// one that it needs.
pub(super) fn run(
    steps: Vec<Step>,
    lanes: usize,
    work: impl Fn(Step) -> bool + Sync,
    miss: impl Fn(Step, Step) + Sync,
) {
    let state = Mutex::new(State {
        waiting: steps,
        running: Vec::new(),
        done: Vec::new(),
    });
    let changed = Condvar::new();
    let lane = || {
        let mut held = lock(&state);
        loop {
            match held.next() {
                Next::Begin(step) => {
                    held.waiting.retain(|other| *other != step);
                    held.running.push(step);
                    drop(held);
                    let passed = work(step);
                    held = lock(&state);
                    held.running.retain(|other| *other != step);
                    held.done.push((step, passed));
                    changed.notify_all();
                }
                Next::Miss(step, need) => {
                    held.waiting.retain(|other| *other != step);
                    held.done.push((step, false));
                    miss(step, need);
                    changed.notify_all();
                }
                Next::Wait => held = changed.wait(held).unwrap_or_else(PoisonError::into_inner),
                Next::Over => break,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..lanes {
            scope.spawn(lane);
        }
        lane();
    });
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use clap::ValueEnum as _;

    use super::run;
    use crate::test::step::Step;

    #[test]
    fn nothing_begins_before_what_it_needs_or_beside_what_holds_the_same() {
        let all = Step::value_variants().to_vec();
        let (running, done) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let most = AtomicUsize::new(0);
        let work = |step: Step| {
            let mut now = running.lock().unwrap();
            for other in now.iter().filter_map(|other: &Step| other.holds()) {
                assert_ne!(step.holds(), Some(other), "{step:?}");
            }
            now.push(step);
            most.fetch_max(now.len(), Ordering::Relaxed);
            drop(now);
            for need in step.needs() {
                assert!(done.lock().unwrap().contains(need), "{step:?}");
            }
            for _ in 0..100 {
                thread::yield_now();
            }
            running.lock().unwrap().retain(|other| *other != step);
            done.lock().unwrap().push(step);
            true
        };
        run(all.clone(), 3, work, |step, _| panic!("{step:?}"));
        assert_eq!(done.lock().unwrap().len(), all.len());
        assert!(most.load(Ordering::Relaxed) <= 3);
    }

    #[test]
    fn what_needs_a_failed_step_does_not_run_and_all_else_does() {
        let all = Step::value_variants().to_vec();
        let (ran, missed) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let work = |step: Step| {
            ran.lock().unwrap().push(step);
            step != Step::Package
        };
        run(all.clone(), 2, work, |step, need| {
            missed.lock().unwrap().push((step, need));
        });
        let missed = missed.into_inner().unwrap();
        let expected = all
            .iter()
            .filter(|step| step.needs().contains(&Step::Package));
        assert_eq!(missed.len(), expected.count());
        assert!(missed.iter().all(|(_, need)| *need == Step::Package));
        assert_eq!(ran.into_inner().unwrap().len() + missed.len(), all.len());
    }
}
