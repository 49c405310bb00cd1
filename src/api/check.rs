//! Whether the services answer at the addresses that the app has given.

use super::bodies::{answered, strange};
use super::largest::largest_answer;
use super::{Access, Method, Request, Services, Transport};
use crate::error::{Error, Result};

/// A value that no session or device has. With the headers that show it, and its method, a browser asks another origin for all
/// the permissions that the calls of an app need.
const NOBODY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl<T: Transport> Services<T> {
    /// Asks each service for what it refuses to nobody's token, and the other one does not know. The error names the address
    /// that is wrong. Nothing is made.
    pub(crate) async fn check(&self) -> Result<()> {
        self.check_one("vault", &self.vault, "/public-keys/-")
            .await?;
        self.check_one("keystore", &self.keystore, "/credentials")
            .await
    }

    async fn check_one(&self, option: &str, base: &str, path: &str) -> Result<()> {
        let (access, method) = (Access::Open, Method::Put);
        let mut request = Request::new(
            method,
            Some("{}".into()),
            largest_answer(access, method, path),
        );
        request.url = [base, "/v1", path].concat();
        request.bearer = Some(NOBODY.into());
        if option == "keystore" {
            request.device = Some(NOBODY.into());
        }
        let answer = self.deliver(&request, self.deadline()).await;
        let error = match answer.and_then(answered) {
            Err(Error::SessionExpired) => return Ok(()),
            Err(Error::Offline(failure)) if self.transport.is_hidden(&request.url).await => {
                Error::ServerError(failure.lasting(
                    "It answers, but not to this page: the service has to allow the page's origin (CORS, --cors-origin), and what stands in front of it to let that through.",
                ))
            }
            Err(error) => error,
            Ok(response) => strange(&response),
        };
        Err(error.about(&format!("`{option}` of open() ({base}): ")))
    }
}
