//! The session that came with a request, and what it may do.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::state::Keystore;
use crate::http::error::{ApiError, Code, Result};
use crate::http::values::{Bytes, same_secret};
use crate::store::columns::from_columns;
use crate::store::db::Tx;
use crate::token::{PROOF_LIFETIME_MS, bearer};

/// A session that has not ended, whatever it may do.
pub(super) struct Session {
    pub(super) account: String,
    login: String,
    /// The address that mails name it by.
    pub(super) email: Option<String>,
    /// The hash of the session, which is stored in its place.
    pub(super) hash: String,
    /// It can set new credentials, and nothing else.
    pub(super) is_recovery: bool,
    /// The time of the last proof of the passphrase or the recovery key.
    pub(super) proved_at: i64,
    is_fresh: bool,
    pub(super) is_deleted: bool,
    leaving_at: Option<i64>,
}

/// The account of a full session.
pub(super) struct KeystoreCaller {
    pub(super) account: String,
    /// Their address.
    pub(super) email: Option<String>,
    /// The time at which its deletion was begun, if the person proved themselves again since then.
    pub(super) returned_after: Option<i64>,
    /// Their identity provider vouches for the address.
    pub(super) email_verified: bool,
}

/// A session that proved the passphrase, or the recovery key, a moment ago.
pub(super) struct Proven(pub(super) Session);

/// A session that may delete its account, or has done so.
pub(super) struct Leaver(pub(super) Session);

from_columns! {
    /// A session with its account, as they are stored.
    struct StoredSession {
        hash: String,
        account: String,
        login: String,
        email: Option<String>,
        proved_at: i64,
        recovery: i64,
        deleted_at: Option<i64>,
        leaving_at: Option<i64>,
    }
}

impl Session {
    async fn find(parts: &Parts, keystore: &Keystore) -> Result<Self> {
        let session = bearer(&parts.headers)
            .and_then(|text| Bytes::<32>::try_from(Cow::from(text)).ok())
            .ok_or(Code::SessionExpired)?;
        let (hash, now) = (session.to_hash(), keystore.clock.now());
        let found: Option<StoredSession> = sqlx::query_as(
            "SELECT sessions.hash, sessions.account, accounts.login, accounts.email, sessions.proved_at, \
             sessions.recovery, accounts.deleted_at, accounts.leaving_at FROM sessions JOIN accounts ON accounts.id = sessions.account \
             WHERE sessions.hash = $1 AND sessions.expires_at > $2",
        )
        .bind(&hash)
        .bind(now)
        .fetch_optional(&keystore.db.read)
        .await?;
        let stored = found
            .filter(|stored| same_secret(&stored.hash, &hash))
            .ok_or(Code::SessionExpired)?;
        Ok(Self {
            account: stored.account,
            login: stored.login,
            email: stored.email,
            hash: stored.hash,
            is_recovery: stored.recovery != 0,
            proved_at: stored.proved_at,
            // Not so when the clock was set back in between.
            is_fresh: (0..=PROOF_LIFETIME_MS).contains(&(now - stored.proved_at)),
            is_deleted: stored.deleted_at.is_some(),
            leaving_at: stored.leaving_at,
        })
    }

    /// The session if it may do what is asked, and its account has not asked for too much; one that may not is answered like
    /// one that has ended.
    fn that(self, may: impl FnOnce(&Self) -> bool, keystore: &Keystore) -> Result<Self> {
        if !may(&self) {
            return Err(Code::SessionExpired.into());
        }
        keystore.limits.count(&keystore.requests, &self.account)?;
        Ok(self)
    }
}

impl From<Session> for KeystoreCaller {
    fn from(session: Session) -> Self {
        Self {
            // The address of an identity came with its token, which said that it is verified.
            email_verified: session
                .email
                .as_ref()
                .is_some_and(|email| *email != session.login),
            returned_after: session.leaving_at.filter(|left| *left < session.proved_at),
            account: session.account,
            email: session.email,
        }
    }
}

impl Keystore {
    /// Begins a transaction that holds the account: it cannot be deleted before what is made for it is in.
    pub(super) async fn begin_for(&self, caller: &KeystoreCaller) -> Result<Tx> {
        let mut tx = self.db.begin_as(&caller.account).await?;
        let held = sqlx::query(
            "UPDATE accounts SET deleted_at = NULL WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(&caller.account)
        .execute(&mut *tx)
        .await?;
        if held.rows_affected() == 1 {
            Ok(tx)
        } else {
            Err(Code::SessionExpired.into())
        }
    }
}

impl FromRequestParts<Arc<Keystore>> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, keystore: &Arc<Keystore>) -> Result<Self> {
        let session = Self::find(parts, keystore).await?;
        session.that(|session| !session.is_deleted, keystore)
    }
}

impl FromRequestParts<Arc<Keystore>> for KeystoreCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, keystore: &Arc<Keystore>) -> Result<Self> {
        let session = Session::find(parts, keystore).await?;
        let may = |session: &Session| !session.is_deleted && !session.is_recovery;
        Ok(session.that(may, keystore)?.into())
    }
}

impl FromRequestParts<Arc<Keystore>> for Proven {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, keystore: &Arc<Keystore>) -> Result<Self> {
        let session = Session::find(parts, keystore).await?;
        let may =
            |session: &Session| !session.is_deleted && (session.is_recovery || session.is_fresh);
        session.that(may, keystore).map(Self)
    }
}

impl FromRequestParts<Arc<Keystore>> for Leaver {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, keystore: &Arc<Keystore>) -> Result<Self> {
        let session = Session::find(parts, keystore).await?;
        let may =
            |session: &Session| session.is_deleted || (session.is_fresh && !session.is_recovery);
        session.that(may, keystore).map(Self)
    }
}
