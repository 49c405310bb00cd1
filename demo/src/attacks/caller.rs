//! The account of a caller. It is not checked here: the services behind do that, and only their answers are changed.

use axum::http::{HeaderMap, header};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::answer::Result;
use crate::look::Look;

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// The account in a token for the Vault.
pub(super) fn at_vault(headers: &HeaderMap) -> Option<String> {
    let payload = bearer(headers)?.split('.').nth(1)?;
    let claims = BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(claims.sub)
}

/// The account of a session at the Keystore.
pub(super) async fn at_keystore(look: &Look, headers: &HeaderMap) -> Result<Option<String>> {
    let session = bearer(headers).and_then(|token| BASE64URL_NOPAD.decode(token.as_bytes()).ok());
    let Some(session) = session else {
        return Ok(None);
    };
    let account = sqlx::query_scalar("SELECT account FROM keystore.sessions WHERE hash = $1")
        .bind(BASE64URL_NOPAD.encode(&Sha256::digest(session)))
        .fetch_optional(&look.pool);
    Ok(account.await?)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}
