//! Begun registrations of a passphrase. What the start hands out, sealed, the finish brings back: it holds the OPAQUE
//! credential identifier, works once, and proves that a finish which comes again is the first one's sender's.

use sha2::{Digest, Sha256};
use sqlx::AnyExecutor;

use super::opaque;
use super::seal::SEAL_BYTES;
use super::state::Keystore;
use crate::base64url::base64url;
use crate::clock::MINUTE;
use crate::http::error::{ApiError, Result};
use crate::http::values::{Bytes, Message};
use crate::store::db::Tx;
use crate::store::new_row::NewRow;

/// A registration has to be finished within this time after its start.
const REGISTRATION_LIFETIME_MS: i64 = 10 * MINUTE;
/// A used registration is remembered for this long, no shorter than it could be used again.
const REMEMBERED_MS: i64 = REGISTRATION_LIFETIME_MS;
/// Identifier, suite and expiry, sealed.
const SEALED_BYTES: usize = 32 + 1 + 8 + SEAL_BYTES;

/// A registration as it travels.
pub(crate) type Sealed = Bytes<SEALED_BYTES>;

/// The purpose of a registration, which is good for no other.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// An account for this login.
    SignUp(&'a str),
    /// A new passphrase, by the session of this hash.
    Credentials(&'a str),
}

impl Purpose<'_> {
    fn place(self) -> String {
        match self {
            Self::SignUp(login) => format!("sign-up {login}"),
            Self::Credentials(session) => format!("credentials {session}"),
        }
    }
}

/// A begun registration.
pub(super) struct Registration {
    /// OPAQUE's credential identifier.
    pub(super) credential_id: String,
    /// The suite that the client named.
    pub(super) suite: i64,
    expires_at: i64,
    /// The SHA-256 of the sealed one, which is stored in its place.
    hash: String,
}

fn over() -> ApiError {
    ApiError::bad_input(
        "Begin the registration again: this one is over, or was begun for something else.",
    )
}

impl Keystore {
    /// Begins a registration: what the finish has to bring back, and OPAQUE's answer. Its identifier is new, so that the
    /// answer says nothing about any passphrase that is registered already.
    pub(super) fn begin_registration(
        &self,
        purpose: Purpose<'_>,
        suite: i64,
        request: &Message,
    ) -> Result<(Sealed, Message)> {
        let suite = opaque::known_suite(suite)?;
        let id = Bytes::<32>::make();
        let answer = self.setup.register(id.as_bytes(), request)?;
        let expires_at = self.clock.now() + REGISTRATION_LIFETIME_MS;
        let plaintext = [&id.as_bytes()[..], &[suite], &expires_at.to_be_bytes()];
        let sealed = self
            .setup
            .registrations
            .seal(&purpose.place(), &plaintext.concat())?;
        let sealed: [u8; SEALED_BYTES] = sealed
            .try_into()
            .map_err(|_| ApiError::internal("a registration has another length", SEALED_BYTES))?;
        Ok((sealed.into(), answer))
    }

    /// Opens what a start handed out for this purpose. Whether it is over is told when it is [used](Registration::spend).
    pub(super) fn open_registration(
        &self,
        purpose: Purpose<'_>,
        sealed: &Sealed,
    ) -> Result<Registration> {
        let opened = self
            .setup
            .registrations
            .open(&purpose.place(), sealed.as_bytes());
        let parts = opened.as_deref().and_then(|opened| {
            let (id, rest) = opened.split_first_chunk::<32>()?;
            let (suite, expires_at) = rest.split_first()?;
            Some((id, *suite, i64::from_be_bytes(expires_at.try_into().ok()?)))
        });
        let (id, suite, expires_at) = parts.ok_or_else(over)?;
        Ok(Registration {
            credential_id: base64url(id),
            suite: suite.into(),
            expires_at,
            hash: base64url(&Sha256::digest(sealed.as_bytes())),
        })
    }
}

impl Registration {
    /// Uses the registration for this account, and tells whether it was unused. The transaction stores the record with the
    /// identifier, or is given up.
    pub(super) async fn spend(&self, tx: &mut Tx, account: &str, now: i64) -> Result<bool> {
        NewRow::of("registrations")
            .key("hash", &self.hash)
            .made("account", account)
            .made("expires_at", now + REMEMBERED_MS)
            .insert(tx)
            .await
    }

    /// Refuses a registration whose time is over.
    pub(super) fn in_time(&self, now: i64) -> Result<()> {
        if now < self.expires_at {
            Ok(())
        } else {
            Err(over())
        }
    }

    /// Whether it was used for this account, a while ago at most.
    pub(super) async fn was_spent_for(
        &self,
        database: impl AnyExecutor<'_>,
        account: &str,
        now: i64,
    ) -> Result<bool> {
        let found = sqlx::query(
            "SELECT hash FROM registrations WHERE hash = $1 AND account = $2 AND expires_at > $3",
        )
        .bind(&self.hash)
        .bind(account)
        .bind(now)
        .fetch_optional(database)
        .await?;
        Ok(found.is_some())
    }
}
