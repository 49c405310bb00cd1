//! Several futures at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// A future, or what it gave.
enum Part<F: Future> {
    Running(Pin<Box<F>>),
    Done(F::Output),
}

/// What all of these give, in their order. They are few: each is asked whenever one of them may go on. `join_all` of
/// `futures-util` is ready for many more, at the cost of kilobytes of the module.
pub(super) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let running = futures.map(|future| Part::Running(Box::pin(future)));
    let mut parts: Vec<Part<F>> = running.collect();
    poll_fn(|context| {
        let mut is_done = true;
        for part in &mut parts {
            if let Part::Running(future) = part {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *part = Part::Done(output),
                    Poll::Pending => is_done = false,
                }
            }
        }
        match is_done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    let outputs = parts.into_iter().filter_map(|part| match part {
        Part::Done(output) => Some(output),
        Part::Running(_) => None,
    });
    outputs.collect()
}
