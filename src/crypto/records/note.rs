//! The private note of a connection: what one remembers of the other person, and above all the pins.
//!
//! It is kept in the Keystore, under the vault key: who serves keys does not keep pins.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::publication::Role;
use crate::crypto::base64url::to_base64url;
use crate::crypto::connection_key::ConnectionPublicKey;
use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::invitation_link::LinkSecret;
use crate::crypto::keys::{OkpPublicJwk, SymmetricKey, VerifyingKey};
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::error::Result;
use crate::ids::Id;

/// The second form has `createdAt`.
const KIND: Kind = Kind {
    name: "vs-note",
    newest: 2,
    written: 2,
};
/// The largest class of the padded plaintext, in bytes.
const MAX_CLASS_BYTES: usize = 1 << 14;

/// The stage of the connection, as this side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteState {
    /// This side invited; nothing is pinned.
    Invited,
    /// This side is about to accept; the inviter's keys are pinned.
    Accepting,
    /// Both sides are connected and pinned.
    Accepted,
    /// This side declined.
    Declined,
    /// This side took its invitation back.
    Cancelled,
    /// The connection has ended.
    Ended,
}

impl NoteState {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Declined | Self::Cancelled | Self::Ended)
    }
}

/// The invitation's way to the invited person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// By a mail of the Vault.
    Email,
    /// By a link that the inviter hands over.
    Link,
}

/// The reason why a connection is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VerifiedBy {
    /// Two people compared it.
    SafetyNumber,
    /// It came through an invitation link.
    Link,
}

/// The other person's keys, as they were first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// The account id.
    pub account: Id,
    signing_key: OkpPublicJwk,
    connection_key: String,
    xwing: String,
}

impl Pin {
    /// Pins these keys.
    #[must_use]
    pub fn new(
        account: Id,
        signing_key: &VerifyingKey,
        connection_key: &ConnectionPublicKey,
    ) -> Self {
        Self {
            account,
            signing_key: signing_key.to_jwk(),
            connection_key: to_base64url(connection_key.rsa().spki()),
            xwing: connection_key.xwing().to_text(),
        }
    }

    /// The pinned signing key.
    pub fn signing_key(&self) -> Result<VerifyingKey> {
        VerifyingKey::from_jwk(&self.signing_key)
    }

    /// The pinned connection key.
    pub fn connection_key(&self) -> Result<ConnectionPublicKey> {
        ConnectionPublicKey::from_text(&self.connection_key, &self.xwing)
    }
}

/// The note.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Grows by one with every write.
    pub version: u64,
    /// The stage of the connection.
    pub state: NoteState,
    /// This side's role.
    pub role: Role,
    /// The invitation's way to the invited person.
    pub delivery: Delivery,
    secret: Option<Zeroizing<String>>,
    /// The inviter's signing-key thumbprint, from the link.
    pub inviter: Option<String>,
    /// The id of one's own connection key.
    pub own_key: String,
    /// The other person's keys.
    pub pin: Option<Pin>,
    /// The reason why it is verified, if it is.
    pub verified_by: Option<VerifiedBy>,
    /// This side's name for the other person.
    pub name: String,
    /// The time of the first note of the connection by this side's clock, in milliseconds since 1970. A note of the first
    /// form did not hold it.
    pub created_at: Option<i64>,
}

/// A note of the first form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstForm {
    version: u64,
    state: NoteState,
    role: Role,
    delivery: Delivery,
    secret: Option<Zeroizing<String>>,
    inviter: Option<String>,
    own_key: String,
    pin: Option<Pin>,
    verified_by: Option<VerifiedBy>,
    name: String,
}

impl From<FirstForm> for Note {
    fn from(first: FirstForm) -> Self {
        Self {
            version: first.version,
            state: first.state,
            role: first.role,
            delivery: first.delivery,
            secret: first.secret,
            inviter: first.inviter,
            own_key: first.own_key,
            pin: first.pin,
            verified_by: first.verified_by,
            name: first.name,
            created_at: None,
        }
    }
}

impl Note {
    /// The first note of a connection.
    #[must_use]
    pub fn new(
        state: NoteState,
        role: Role,
        delivery: Delivery,
        own_key: &ConnectionPublicKey,
        name: &str,
        created_at: i64,
    ) -> Self {
        Self {
            version: 1,
            state,
            role,
            delivery,
            secret: None,
            inviter: None,
            own_key: own_key.id().to_owned(),
            pin: None,
            verified_by: None,
            name: name.to_owned(),
            created_at: Some(created_at),
        }
    }

    /// Remembers the link's secret.
    #[must_use]
    pub fn with_secret(mut self, secret: &LinkSecret) -> Self {
        self.secret = Some(secret.to_text());
        self
    }

    /// The link's secret.
    pub fn secret(&self) -> Result<Option<LinkSecret>> {
        let text = self.secret.as_ref();
        text.map(|text| LinkSecret::from_text(text)).transpose()
    }
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note")
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn place(account: Id, connection: Id) -> Place {
    Place::new(KIND, &[&account, &connection])
}

/// Seals the note under the vault key, in the newest form, whichever it had.
pub fn seal_note(
    engine: &impl Engine,
    account: Id,
    connection: Id,
    vault_key: &SymmetricKey,
    note: &Note,
) -> Result<String> {
    envelope::seal(
        engine,
        vault_key,
        &place(account, connection),
        &to_padded_json(note, MAX_CLASS_BYTES)?,
    )
}

/// Opens the note, and brings it to the newest form.
pub fn open_note(account: Id, connection: Id, vault_key: &SymmetricKey, jwe: &str) -> Result<Note> {
    let (form, json) = envelope::open_form(vault_key, &place(account, connection), jwe)?;
    match form {
        1 => from_padded_json::<FirstForm>(&json, MAX_CLASS_BYTES).map(Note::from),
        _ => from_padded_json(&json, MAX_CLASS_BYTES),
    }
}
