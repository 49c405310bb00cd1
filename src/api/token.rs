//! The tokens that calls show: the Keystore session, and the Vault's token, which is fetched with it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bodies::{error_of, to_body, unreadable};
use super::{Method, Request, Services, Transport};
use crate::error::{Error, Result};
use crate::json;

/// How long before its end a Vault token is renewed, in milliseconds.
const RENEW_BEFORE: i64 = 60_000;

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

    pub(super) async fn vault_token(&self) -> Result<String> {
        let now = self.transport.now();
        if let Some(known) = self
            .token
            .borrow()
            .as_ref()
            .filter(|known| known.expires_at.saturating_sub(RENEW_BEFORE) > now)
        {
            return Ok(known.token.to_string());
        }
        let body = to_body(json::to_value(&TokenRequest {
            audience: &self.vault,
        }))?;
        let request = Request {
            method: Method::Post,
            url: format!("{}/v1/tokens", self.keystore),
            bearer: Some(self.session_token()?),
            body: Some(body),
            last_event_id: None,
        };
        let response = self.deliver(request).await?;
        if response.status != 200 {
            return Err(error_of(&response));
        }
        let made: VaultToken = json::read(&response.body).map_err(|_| unreadable())?;
        let token = made.token.to_string();
        *self.token.borrow_mut() = Some(made);
        Ok(token)
    }
}
