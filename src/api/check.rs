//! Whether the services answer at the addresses that the app has given.

use super::bodies::{answered, strange};
use super::largest::largest_answer;
use super::{Access, Method, Request, Services, Transport};
use crate::error::{Error, Result};

/// A value that no session or device has. With the headers that show it a browser asks another origin for the permission
/// that the calls of an app need.
const NOBODY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl<T: Transport> Services<T> {
    /// Asks each service for something that is everybody's. The error names the address that is wrong.
    pub(crate) async fn check(&self) -> Result<()> {
        self.check_one("vault", &self.vault, Method::Head, "/openapi.json")
            .await?;
        // The Vault has no such route.
        self.check_one("keystore", &self.keystore, Method::Get, "/jwks")
            .await
    }

    async fn check_one(&self, option: &str, base: &str, method: Method, path: &str) -> Result<()> {
        let mut request = Request::new(method, None, largest_answer(Access::Open, method, path));
        request.url = [base, "/v1", path].concat();
        request.bearer = Some(NOBODY.into());
        if option == "keystore" {
            request.device = Some(NOBODY.into());
        }
        let answer = self.deliver(&request, self.deadline()).await;
        let error = match answer.and_then(answered) {
            Ok(response) if response.status == 200 => return Ok(()),
            Ok(response) => strange(&response),
            Err(Error::Offline(failure)) if self.transport.is_hidden(&request.url).await => {
                Error::ServerError(failure.lasting(
                    "It answers, but not to this page: the service has to allow the page's origin (CORS, --cors-origin), and what stands in front of it to let that through.",
                ))
            }
            Err(error) => error,
        };
        Err(error.about(&format!("`{option}` of open() ({base}): ")))
    }
}
