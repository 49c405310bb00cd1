//! The tokens that calls show: the Keystore session, and the Vault's token, which is fetched with it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bodies::{error_of, to_body, unreadable};
use super::largest::largest_answer;
use super::retry::Deadline;
use super::{Access, Method, Request, Services, Transport};
use crate::error::{Error, Result};
use crate::json;

/// The time before its end at which a Vault token is renewed, in milliseconds.
const RENEW_BEFORE_MS: i64 = 60_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VaultToken {
    token: Zeroizing<String>,
    expires_at: i64,
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
            .filter(|known| known.expires_at.saturating_sub(RENEW_BEFORE_MS) > now)
        {
            return Ok(known.token.to_string());
        }
        let made = self.fetch_token("/tokens", deadline).await?;
        let token = made.token.to_string();
        *self.token.borrow_mut() = Some(made);
        Ok(token)
    }

    /// A token that deletes the account at the Vault. It is not kept.
    pub(super) async fn proof_token(&self, deadline: Deadline) -> Result<String> {
        let made = self.fetch_token("/tokens/proof", deadline).await?;
        Ok(made.token.to_string())
    }

    async fn fetch_token(&self, path: &str, deadline: Deadline) -> Result<VaultToken> {
        let body = to_body(json::to_value(&TokenRequest {
            audience: &self.vault,
        }))?;
        let most = largest_answer(Access::Keystore, Method::Post, path);
        let mut request = Request::new(Method::Post, Some(body), most);
        request.url = format!("{}/v1{path}", self.keystore);
        request.bearer = Some(self.session_token()?);
        let response = self.deliver(&request, deadline).await?;
        if response.status != 200 {
            return Err(error_of(&response));
        }
        json::read(&response.body).map_err(|_| unreadable())
    }
}
