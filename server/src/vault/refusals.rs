//! Mailboxes that want no more mails from here. Each mail has a link to a page that asks, so that a mail scanner which opens the
//! link changes nothing; the right to refuse is in the link's fragment, and follows from the mailbox and the Vault's setup.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::address::mailbox;
use super::state::{Vault, VaultState};
use crate::http::error::{Code, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::{CallerAddress, Place, REFUSALS};
use crate::http::values::{Bytes, same_secret};
use crate::store::new_row::NewRow;

/// The path of the page, which calls `/mail/refusals` beside it.
pub(super) const PAGE_PATH: &str = "/no-more-mails";

/// A wish about the mails to an address.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    address: String,
    token: Bytes<16>,
    /// No more mails, or mails again.
    refused: bool,
}

impl Vault {
    /// The link by which the recipient of a mail refuses further ones.
    pub(super) fn refusal_link(&self, address: &str) -> String {
        let token = self.setup.refusal_token(&mailbox(address)).to_text();
        let address = utf8_percent_encode(address, NON_ALPHANUMERIC);
        format!("{}/v1{PAGE_PATH}#{token}.{address}", self.base_url)
    }
}

/// Refuses mails to an address, or allows them again. The token comes from a mail to it.
#[utoipa::path(
    post, path = "/mail/refusals", request_body = Refusal, security(()),
    responses((status = 204), (status = "default", body = ErrorBody)),
)]
pub(super) async fn write(
    State(vault): VaultState,
    address: CallerAddress,
    Input(input): Input<Refusal>,
) -> Result<StatusCode> {
    let mailbox = mailbox(&input.address);
    let refused = vault.setup.refused(&mailbox);
    let place = Place::Address(&address);
    vault.limits.attempt(&REFUSALS, &refused, &place)?;
    let token = vault.setup.refusal_token(&mailbox).to_text();
    if !same_secret(&token, &input.token.to_text()) {
        return Err(Code::NotFound.into());
    }
    let stands = sqlx::query("SELECT mailbox FROM refusals WHERE mailbox = $1")
        .bind(&*refused)
        .fetch_optional(&vault.db.read)
        .await?;
    // What changes nothing waits for nobody.
    if stands.is_some() == input.refused {
        return Ok(StatusCode::NO_CONTENT);
    }
    let mut tx = vault.db.begin_as(&refused).await?;
    let gone = if input.refused {
        let row = NewRow::of("refusals").key("mailbox", &*refused);
        let row = row.made("created_at", vault.clock.now());
        row.insert(&mut tx).await?;
        // Mails that wait are not sent, either.
        "DELETE FROM outbox WHERE mailbox = $1"
    } else {
        "DELETE FROM refusals WHERE mailbox = $1"
    };
    let gone = sqlx::query(gone).bind(&*refused);
    gone.execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

const STYLE: &str = include_str!("refusals/page.css");
const SCRIPT: &str = include_str!("refusals/page.js");

/// The page, and the one policy under which its style and script run.
static PAGE: LazyLock<(String, String)> = LazyLock::new(|| {
    let page = include_str!("refusals/page.html");
    let page = page
        .replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT);
    let [style, script] = [STYLE, SCRIPT].map(|text| BASE64.encode(&Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    (page, policy)
});

/// The page that asks whether no more mails shall come.
pub(super) async fn page() -> Response {
    let (page, policy) = &*PAGE;
    let mut response = axum::response::Html(page.as_str()).into_response();
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
