//! The parts of a step's time that are not its own work: compiling, and installing what was missing.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Parts of the time of one thread.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) compiling: Duration,
    pub(crate) installing: Duration,
}

thread_local! {
    static SPENT: Cell<Spent> = const { Cell::new(Spent { compiling: Duration::ZERO, installing: Duration::ZERO }) };
}

/// Does `work`, which compiles.
pub(crate) fn compiling<T>(work: impl FnOnce() -> T) -> T {
    timed(work, |spent| &mut spent.compiling)
}

/// Does `work`, which installs.
pub(crate) fn installing<T>(work: impl FnOnce() -> T) -> T {
    timed(work, |spent| &mut spent.installing)
}

fn timed<T>(work: impl FnOnce() -> T, part: fn(&mut Spent) -> &mut Duration) -> T {
    let start = Instant::now();
    let result = work();
    let mut spent = SPENT.get();
    *part(&mut spent) += start.elapsed();
    SPENT.set(spent);
    result
}

/// The time that this thread spent since the last call of this function.
pub(crate) fn take() -> Spent {
    SPENT.take()
}
