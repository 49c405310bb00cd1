//! The tokens that calls show: the Keystore session, and the Vault's token, which is fetched with it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bodies::{answered, body_of, to_body};
use super::largest::largest_answer;
use super::retry::Deadline;
use super::{Access, Method, Request, Services, Transport};
use crate::error::{Error, Result};
use crate::json;

/// The time for which a Vault token is shown, in milliseconds: it lasts for five minutes. It counts since the token came, and so
/// does not depend on the services' clocks being this one.
const SHOWN_FOR_MS: i64 = 240_000;

/// The answer to a request for a token. Its `expiresAt`, by the Keystore's clock, says nothing here.
#[derive(Deserialize)]
struct NewToken {
    token: Zeroizing<String>,
}

/// A token for the Vault.
pub(super) struct VaultToken {
    token: Zeroizing<String>,
    came_at: i64,
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    audience: &'a str,
}

impl<T: Transport> Services<T> {
    pub(super) fn session_token(&self) -> Result<String> {
        self.session
            .borrow()
            .as_ref()
            .map(|token| token.to_string())
            .ok_or(Error::SessionExpired)
    }

    pub(super) async fn vault_token(&self, deadline: Deadline) -> Result<String> {
        let now = self.transport.now();
        if let Some(known) = self
            .token
            .borrow()
            .as_ref()
            // A clock that was set back counts as a long time.
            .filter(|known| (0..SHOWN_FOR_MS).contains(&(now - known.came_at)))
        {
            return Ok(known.token.to_string());
        }
        let token = self.fetch_token("/tokens", deadline).await?;
        let shown = token.to_string();
        let came_at = self.transport.now();
        *self.token.borrow_mut() = Some(VaultToken { token, came_at });
        Ok(shown)
    }

    /// A token for requests to the Vault that are made elsewhere: a fresh one, where the last was refused.
    pub(crate) async fn token_to_show(&self, fresh: bool) -> Result<String> {
        if fresh {
            self.forget_token();
        }
        self.vault_token(self.deadline()).await
    }

    /// A token that deletes the account at the Vault. It is not kept.
    pub(super) async fn proof_token(&self, deadline: Deadline) -> Result<String> {
        let token = self.fetch_token("/tokens/proof", deadline).await?;
        Ok(token.to_string())
    }

    async fn fetch_token(&self, path: &str, deadline: Deadline) -> Result<Zeroizing<String>> {
        let body = to_body(json::to_value(&TokenRequest {
            audience: &self.vault,
        }))?;
        let most = largest_answer(Access::Keystore, Method::Post, path);
        let mut request = Request::new(Method::Post, Some(body), most);
        request.url = format!("{}/v1{path}", self.keystore);
        request.bearer = Some(self.session_token()?);
        let response = answered(self.deliver(&request, deadline).await?)?;
        body_of(&response).map(|new: NewToken| new.token)
    }
}
