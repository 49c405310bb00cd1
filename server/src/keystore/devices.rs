//! Devices that an account knows, since they signed in to it before: strangers cannot use up the attempts that they have.
//!
//! A device shows 32 bytes, by which it is known to one account alone. They open nothing.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::state::Keystore;
use crate::http::error::{ApiError, Result};
use crate::http::limits::{CallerAddress, Place};
use crate::http::values::Bytes;
use crate::store::db::Tx;

/// The header that a device shows its bytes in.
const HEADER: &str = "vouchsafe-device";
/// The most devices that an account knows. The one that signed in longest ago is forgotten first.
const MAX_DEVICES: i64 = 20;

/// The hash of what the device showed, if it showed something.
pub(super) struct Device(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(value) = parts.headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let shown = value.to_str().ok();
        let shown = shown.and_then(|text| Bytes::<32>::try_from(Cow::from(text)).ok());
        let shown = shown.ok_or_else(|| {
            ApiError::bad_input("Send 32 bytes as base64url in Vouchsafe-Device, or leave it out.")
        })?;
        Ok(Self(Some(shown.to_hash())))
    }
}

impl Device {
    /// Lets the account know the device, which has just signed in to it.
    pub(super) async fn remember(&self, tx: &mut Tx, account: &str, now: i64) -> Result<()> {
        let Some(hash) = &self.0 else {
            return Ok(());
        };
        sqlx::query(
            "INSERT INTO devices (account, hash, used_at) VALUES ($1, $2, $3) \
             ON CONFLICT (account, hash) DO UPDATE SET used_at = excluded.used_at",
        )
        .bind(account)
        .bind(hash)
        .bind(now)
        .execute(&mut **tx)
        .await?;
        sqlx::query(
            "DELETE FROM devices WHERE account = $1 AND hash NOT IN \
             (SELECT hash FROM devices WHERE account = $1 ORDER BY used_at DESC, hash LIMIT $2)",
        )
        .bind(account)
        .bind(MAX_DEVICES)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// The place that an attempt at a login counts for.
    pub(super) async fn place<'a>(
        &'a self,
        keystore: &Keystore,
        login: &str,
        address: &'a CallerAddress,
    ) -> Result<Place<'a>> {
        let Some(hash) = &self.0 else {
            return Ok(Place::Address(address));
        };
        let known = sqlx::query(
            "SELECT 1 FROM devices JOIN accounts ON accounts.id = devices.account \
             WHERE accounts.login = $1 AND devices.hash = $2",
        )
        .bind(login)
        .bind(hash)
        .fetch_optional(&keystore.db.read)
        .await?;
        Ok(match known {
            Some(_) => Place::Device(hash),
            None => Place::Address(address),
        })
    }
}
