//! Requests that are sent again while a service is away or too busy.
//!
//! A call to a service has one deadline, which its attempts, the waits between them and the fetch of the Vault's token
//! share. So a service that hangs costs the time of one call, and not that of each attempt.

use std::ops::RangeInclusive;
use std::pin::pin;

use futures_util::future::{Either, select};
use zeroize::Zeroize;

use super::{Request, Response, Services, Transport};
use crate::error::{Error, Result};

/// The time for one call to a service, unless the app sets another, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u32 = 20_000;
/// The times that an app may set for it, in milliseconds: a second to ten minutes.
pub const TIMEOUT_RANGE_MS: RangeInclusive<u32> = 1_000..=600_000;
/// The most requests of one call, the first among them, and without those after which the service said when to come back.
const MAX_ATTEMPTS: u32 = 5;
/// The longest wait before the second attempt, in milliseconds; before each further one it doubles.
const FIRST_WAIT_MS: u32 = 200;
/// The longest time between two looks at the clock, in milliseconds. A timer alone would stand still while the machine
/// sleeps.
const LOOK_MS: u32 = 5_000;

/// The time that a call may take, since it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    /// By the transport's clock.
    since: i64,
    timeout_ms: u32,
}

impl Deadline {
    /// The milliseconds that are left at `now`. A clock that was set by much, forward or back, ends the call.
    fn left(self, now: i64) -> u32 {
        let passed = u32::try_from(now.abs_diff(self.since)).unwrap_or(u32::MAX);
        self.timeout_ms.saturating_sub(passed)
    }

    fn over(self) -> Error {
        let seconds = self.timeout_ms / 1000;
        Error::Offline(
            format!(
                "The service did not answer within {seconds} seconds: check the connection and try again."
            )
            .into(),
        )
    }
}

impl<T: Transport> Services<T> {
    /// The deadline of a call that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline {
            since: self.transport.now(),
            timeout_ms: self.timeout_ms,
        }
    }

    /// Sends the very same request again while the service is away or too busy: every write is such that a second one
    /// with the same bytes is answered like the first. An attempt may take all the time that is left; a wait for which
    /// too little is left is not begun.
    pub(super) async fn deliver(&self, request: &Request, deadline: Deadline) -> Result<Response> {
        let (mut attempts, mut longest) = (MAX_ATTEMPTS, FIRST_WAIT_MS);
        loop {
            let answer = self.attempt(request, deadline).await?;
            let (asked, is_away) = match &answer {
                Err(Error::Offline(_)) => (0, false),
                Ok(response) if is_passing(response.status) => {
                    let asked = response.retry_after.unwrap_or(0);
                    (asked, response.status == 503 && asked > 0)
                }
                _ => return answer,
            };
            // A service that says when it may be back is asked until the time is over.
            if !is_away {
                attempts -= 1;
            }
            let wait = asked.saturating_mul(1000).saturating_add(jitter(longest));
            if attempts == 0 || wait >= deadline.left(self.transport.now()) {
                return answer;
            }
            self.transport.sleep(wait).await;
            if !is_away {
                longest *= 2;
            }
        }
    }

    /// The outcome of one attempt; or `offline`, when the deadline passes before it has one.
    async fn attempt(&self, request: &Request, deadline: Deadline) -> Result<Result<Response>> {
        let mut sent = pin!(self.transport.send(request));
        let began = self.transport.now();
        loop {
            let left = deadline.left(self.transport.now());
            if left == 0 {
                return Err(deadline.over());
            }
            let timer = pin!(self.transport.watch(left.min(LOOK_MS)));
            if let Either::Left((answer, _)) = select(sent.as_mut(), timer).await {
                self.took.set(self.transport.now() - began);
                return Ok(answer.map(|answer| within(request, answer)));
            }
        }
    }
}

/// Whether an answer of this status comes from a service that is away or too busy. 520 to 530 are those of proxies that stand for
/// many sites, when they do not reach one.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 502..=504 | 520..=530)
}

/// The answer. One that is longer than it may be says nothing, but for its status.
fn within(request: &Request, mut answer: Response) -> Response {
    if answer.body.len() > request.max_answer {
        answer.body.zeroize();
        answer.content_type.insert_str(0, "too long, ");
    }
    answer
}

/// A random part of a wait, so that many clients do not come back at the same moment. Without randomness it is all of it.
pub(crate) fn jitter(longest: u32) -> u32 {
    let mut bytes = [0; 2];
    let part = getrandom::fill(&mut bytes).map_or(u16::MAX, |()| u16::from_le_bytes(bytes));
    let wait = u64::from(longest) * u64::from(part) / u64::from(u16::MAX);
    u32::try_from(wait).unwrap_or(longest)
}
