//! The publication of a person at the Vault for one connection: the connection key, and a statement that binds it to the
//! person and the invitation.

use serde::{Deserialize, Serialize};

use crate::crypto::base64url::to_base64url;
use crate::crypto::canonical_json::{from_json, to_json};
use crate::crypto::connection_key::ConnectionPublicKey;
use crate::crypto::forms::Kind;
use crate::crypto::keys::{OkpPublicJwk, SigningKey, VerifyingKey};
use crate::crypto::signature;
use crate::error::{Error, Result};
use crate::ids::Id;

const KIND: Kind = Kind::new("vs-keys");

/// A side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Made the invitation.
    Inviter,
    /// Accepts it.
    Invitee,
}

impl Role {
    /// The other side's.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Inviter => Self::Invitee,
            Self::Invitee => Self::Inviter,
        }
    }
}

/// A publication, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    /// The connection key's id.
    pub id: String,
    /// Its RSA key, SPKI in base64url.
    pub spki: String,
    /// Its X-Wing key, raw in base64url.
    pub xwing: String,
    /// The signing key.
    pub signing_key: OkpPublicJwk,
    /// A JWS by the signing key.
    pub statement: String,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct Statement {
    account: Id,
    invitation: Id,
    role: Role,
    key: String,
}

/// Signs one's connection key for an invitation.
pub fn make_publication(
    account: Id,
    invitation: Id,
    role: Role,
    signing_key: &SigningKey,
    key: &ConnectionPublicKey,
) -> Result<Publication> {
    let statement = Statement {
        account,
        invitation,
        role,
        key: key.id().to_owned(),
    };
    Ok(Publication {
        id: key.id().to_owned(),
        spki: to_base64url(key.rsa().spki()),
        xwing: key.xwing().to_text(),
        signing_key: signing_key.public().to_jwk(),
        statement: signature::sign(signing_key, KIND, &to_json(&statement)?)?.to_string(),
    })
}

/// The keys of a publication, if its statement holds for this account, invitation and role.
pub fn check_publication(
    publication: &Publication,
    account: Id,
    invitation: Id,
    role: Role,
) -> Result<(VerifyingKey, ConnectionPublicKey)> {
    let signing_key = VerifyingKey::from_jwk(&publication.signing_key)?;
    let key = ConnectionPublicKey::from_text(&publication.spki, &publication.xwing)?;
    let statement: Statement = from_json(&signature::verify(
        &signing_key,
        KIND,
        KIND.newest,
        &publication.statement,
    )?)?;
    let expected = Statement {
        account,
        invitation,
        role,
        key: key.id().to_owned(),
    };
    if statement == expected && publication.id == key.id() {
        Ok((signing_key, key))
    } else {
        Err(Error::RecordRejected)
    }
}
