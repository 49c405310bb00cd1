//! Requests that are sent again while a service is away or too busy.

use super::{Request, Response, Services, Transport};
use crate::error::{Error, Result};

/// How often a request is sent before the call fails.
const ATTEMPTS: u32 = 5;
/// The longest wait before the second attempt, in milliseconds; before each further one it doubles.
const FIRST_WAIT: u32 = 200;
/// A service that wants to be left alone for more seconds than this is not waited for.
const LONGEST_RETRY_AFTER: u32 = 20;

impl<T: Transport> Services<T> {
    /// Sends the very same request again while the service is away or too busy: every write is such that a second one
    /// with the same bytes is answered like the first.
    pub(super) async fn deliver(&self, request: Request) -> Result<Response> {
        let (mut left, mut longest) = (ATTEMPTS, FIRST_WAIT);
        loop {
            let answer = self.transport.send(request.clone()).await;
            let asked = match &answer {
                Err(Error::Offline(_)) => 0,
                Ok(response) if matches!(response.status, 429 | 502..=504) => {
                    response.retry_after.unwrap_or(0)
                }
                _ => return answer,
            };
            left -= 1;
            if left == 0 || asked > LONGEST_RETRY_AFTER {
                return answer;
            }
            self.transport.sleep(asked * 1000 + jitter(longest)).await;
            longest *= 2;
        }
    }
}

/// A random part of a wait, so that many clients do not come back at the same moment. Without randomness it is all of it.
pub(crate) fn jitter(longest: u32) -> u32 {
    let mut bytes = [0; 2];
    let part = getrandom::fill(&mut bytes).map_or(u16::MAX, |()| u16::from_le_bytes(bytes));
    let wait = u64::from(longest) * u64::from(part) / u64::from(u16::MAX);
    u32::try_from(wait).unwrap_or(longest)
}
