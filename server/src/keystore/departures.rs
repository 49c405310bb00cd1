//! Deletions that were cut in the middle: they come to their end by themselves.
//!
//! Whoever deletes an account fetches a token for the Vault, deletes there, then here. From the token on the account counts as
//! leaving, until somebody who has signed in since then fetches an ordinary token, and so goes on with the account. When it has been leaving for long
//! enough that nobody is still at work on it, the Keystore asks the Vault whether its part is done, and does its own. What was
//! deleted here is deleted at the Vault once more.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::Method;

use super::callers::KeystoreCaller;
use super::deletion::{Reason, delete_account};
use super::state::Keystore;
use super::tokens::Token;
use crate::clock::{DAY, MINUTE};
use crate::http::error::{ApiError, Result};
use crate::jwks::is_trustworthy;
use crate::store::columns::from_columns;

/// No client is at work on a deletion for so long: the token for it has ended, also by a clock that goes wrong.
const LEAVING_MS: i64 = 10 * MINUTE;
/// So long a Vault that does not answer is asked again.
const ASKING_MS: i64 = 30 * DAY;
/// The most accounts of one sweep.
const MAX_DEPARTURES: i64 = 20;
/// The longest that the Vault may take for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

from_columns! {
    /// An account that is leaving.
    struct Departure {
        id: String,
        leaving_at: i64,
        deleted_at: Option<i64>,
    }
}

/// Asks the Vault.
pub(super) struct Departures {
    /// The Vault's main base URL; none where answers could come from somebody else.
    vault: Option<String>,
    /// Made when it is needed: it reads the machine's authorities.
    client: OnceLock<reqwest::Client>,
}

impl Departures {
    pub(super) fn new(vault: &str) -> Self {
        Self {
            vault: is_trustworthy(vault).then(|| vault.to_owned()),
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> reqwest::Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .build()?;
        Ok(self.client.get_or_init(|| made))
    }

    async fn send(&self, method: Method, url: String, token: Token) -> reqwest::Result<StatusCode> {
        let request = self.client()?.request(method, url);
        let answer = request.bearer_auth(token.as_str()).send().await?;
        Ok(answer.status())
    }

    /// The status of the Vault's answer; none if there is no answer.
    async fn ask(&self, method: Method, url: String, token: Token) -> Option<StatusCode> {
        let answer = self.send(method, url, token).await;
        answer
            .inspect_err(|error| {
                tracing::warn!(%error, "the Vault cannot be asked about deleted accounts");
            })
            .ok()
    }
}

impl Keystore {
    /// The account is leaving from now on.
    pub(super) async fn leave(&self, account: &str) -> Result<()> {
        sqlx::query("UPDATE accounts SET leaving_at = $1 WHERE id = $2")
            .bind(self.clock.now())
            .bind(account)
            .execute(&mut *self.db.writer_as(account).await?)
            .await?;
        Ok(())
    }

    /// Somebody goes on with the account, which was leaving since then. What is deleted stays so.
    pub(super) async fn stay(&self, account: &str, left_at: i64) -> Result<()> {
        sqlx::query(
            "UPDATE accounts SET leaving_at = NULL WHERE id = $1 AND leaving_at = $2 AND deleted_at IS NULL",
        )
        .bind(account)
        .bind(left_at)
        .execute(&mut *self.db.writer_as(account).await?)
        .await?;
        Ok(())
    }

    /// Ends deletions that were cut.
    pub(super) async fn end_departures(&self) -> Result<()> {
        let Some(vault) = &self.departures.vault else {
            return Ok(());
        };
        let now = self.clock.now();
        let leaving: Vec<Departure> = sqlx::query_as(
            "SELECT id, leaving_at, deleted_at FROM accounts WHERE leaving_at <= $1 AND leaving_at > $2 \
             ORDER BY leaving_at LIMIT $3",
        )
        .bind(now - LEAVING_MS)
        .bind(now - ASKING_MS)
        .bind(MAX_DEPARTURES)
        .fetch_all(&self.db.read)
        .await?;
        for departure in leaving {
            let has_answered = match departure.deleted_at {
                Some(_) => self.delete_at(vault, departure).await?,
                None => self.follow(vault, departure).await?,
            };
            if !has_answered {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Deletes the account at the Vault, and tells whether the Vault answered.
    async fn delete_at(&self, vault: &str, departure: Departure) -> Result<bool> {
        let (caller, now) = (caller(departure.id), self.clock.now());
        let token = self.sign_token(vault, &caller, now, Some(now))?;
        let url = format!("{vault}/v1/account");
        let status = self.departures.ask(Method::DELETE, url, token).await;
        if status == Some(StatusCode::NO_CONTENT) {
            sqlx::query("UPDATE accounts SET leaving_at = NULL WHERE id = $1 AND leaving_at = $2")
                .bind(&caller.account)
                .bind(departure.leaving_at)
                .execute(&mut *self.db.writer_as(&caller.account).await?)
                .await?;
        }
        Ok(status.is_some())
    }

    /// Deletes the account here if the Vault has deleted it, and tells whether the Vault answered. The Vault refuses tokens that
    /// were made before the deletion, and takes later ones.
    async fn follow(&self, vault: &str, departure: Departure) -> Result<bool> {
        let (caller, leaving_at) = (caller(departure.id), departure.leaving_at);
        let ask = async |made_at: i64| {
            let token = self.sign_token(vault, &caller, made_at, None)?;
            let url = format!("{vault}/v1/invitations?limit=1");
            Ok::<_, ApiError>(self.departures.ask(Method::GET, url, token).await)
        };
        let answers = (ask(leaving_at).await?, ask(self.clock.now()).await?);
        // A Vault that refuses both tokens, or answers in another way, says nothing of a deletion.
        match answers {
            (Some(StatusCode::UNAUTHORIZED), Some(StatusCode::OK)) => {
                let reason = Reason::Left(leaving_at);
                delete_account(&self.db, &caller.account, reason, self.clock.now()).await?;
            }
            (Some(StatusCode::OK), Some(StatusCode::OK)) => {
                self.stay(&caller.account, leaving_at).await?;
            }
            _ => {}
        }
        Ok(answers.0.is_some() && answers.1.is_some())
    }
}

/// The account as it asks the Vault.
fn caller(account: String) -> KeystoreCaller {
    KeystoreCaller {
        account,
        email: None,
        email_verified: false,
        returned_after: None,
    }
}
