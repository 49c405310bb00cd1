//! Sign-ins that were begun and not finished: whoever signs in next is told how many there were.
//!
//! A client learns from the Keystore's answer whether its passphrase was right, and sends no more if it was not. So a guess is a
//! sign-in that stays unfinished.

use sha2::{Digest, Sha256};

use crate::base64url::base64url;
use crate::http::error::Result;
use crate::http::values::Message;
use crate::store::db::Tx;

/// The hash of a sign-in's first message. The same message again is the same guess.
pub(super) fn request_hash(request: &Message) -> String {
    base64url(&Sha256::digest(&request.0))
}

/// Counts a sign-in that begins, unless it began before with the same message. Where there is no account, nothing counts.
pub(super) async fn begin(tx: &mut Tx, login: &str, request: &str) -> Result<()> {
    sqlx::query(
        "UPDATE accounts SET sign_ins_begun = sign_ins_begun + 1 WHERE login = $1 AND NOT EXISTS \
         (SELECT 1 FROM logins WHERE logins.account = accounts.id AND logins.request = $2)",
    )
    .bind(login)
    .bind(request)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The number of other sign-ins that failed since the last one that did not. Those that may still be finished are left for the
/// next answer. `login` is the hash of the one that ends now; the same one again gets the same number.
pub(super) async fn end(tx: &mut Tx, account: &str, login: &str, now: i64) -> Result<i64> {
    let told: Option<i64> = sqlx::query_scalar("SELECT failed FROM logins WHERE hash = $1")
        .bind(login)
        .fetch_optional(&mut **tx)
        .await?
        .flatten();
    if let Some(told) = told {
        return Ok(told);
    }
    let open: i64 = sqlx::query_scalar(
        "SELECT COUNT(DISTINCT request) FROM logins WHERE account = $1 AND session IS NULL AND expires_at > $2 \
         AND request <> (SELECT request FROM logins WHERE hash = $3)",
    )
    .bind(account)
    .bind(now)
    .bind(login)
    .fetch_one(&mut **tx)
    .await?;
    let begun: i64 = sqlx::query_scalar("SELECT sign_ins_begun FROM accounts WHERE id = $1")
        .bind(account)
        .fetch_one(&mut **tx)
        .await?;
    let failed = (begun - 1 - open).max(0);
    sqlx::query("UPDATE accounts SET sign_ins_begun = $1 WHERE id = $2")
        .bind(open)
        .bind(account)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE logins SET failed = $1 WHERE hash = $2")
        .bind(failed)
        .bind(login)
        .execute(&mut **tx)
        .await?;
    Ok(failed)
}
