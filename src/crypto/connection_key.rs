//! The key of one side of a connection: an RSA key pair and an X-Wing key pair, each of which a DEK is wrapped for.
//!
//! RSA has been looked at for longest, and X-Wing withstands a quantum computer that somebody builds after a ciphertext
//! was recorded. Who wants a DEK has to break both.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::base64url::{from_base64url, from_base64url_exact, to_base64url};
use super::canonical_json::{from_json, to_json};
use super::engine::Engine;
use super::rsa_key::{RsaKey, RsaPrivateJwk, RsaPublicKey};
use super::xwing::{XwingKey, XwingPublicKey};
use crate::error::Result;

const ID_LABEL: &[u8] = b"vouchsafe/1 connection key";

/// The public half of a [`ConnectionKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionPublicKey {
    rsa: RsaPublicKey,
    xwing: XwingPublicKey,
    id: String,
}

impl ConnectionPublicKey {
    /// The key of these two.
    pub fn new(rsa: RsaPublicKey, xwing: XwingPublicKey) -> Result<Self> {
        let thumbprint = from_base64url_exact::<32>(rsa.thumbprint())?;
        let id = Sha256::new()
            .chain_update(ID_LABEL)
            .chain_update(&thumbprint[..])
            .chain_update(xwing.as_bytes())
            .finalize();
        Ok(Self {
            rsa,
            xwing,
            id: to_base64url(&id),
        })
    }

    /// Reads both as they travel: SPKI, and the raw X-Wing key, in base64url.
    pub fn from_text(spki: &str, xwing: &str) -> Result<Self> {
        let rsa = RsaPublicKey::from_spki(&from_base64url(spki)?)?;
        Self::new(rsa, XwingPublicKey::from_text(xwing)?)
    }

    /// The RSA key.
    #[must_use]
    pub fn rsa(&self) -> &RsaPublicKey {
        &self.rsa
    }

    /// The X-Wing key.
    #[must_use]
    pub fn xwing(&self) -> &XwingPublicKey {
        &self.xwing
    }

    /// The id: a hash of both, base64url. It is also the `kid` of what is sealed for this key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for ConnectionPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPublicKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The private record.
#[derive(Serialize, Deserialize)]
struct PrivateKeys {
    rsa: RsaPrivateJwk,
    xwing: Zeroizing<String>,
}

/// One's own key of a connection.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ConnectionKey {
    rsa: RsaKey,
    xwing: XwingKey,
    #[zeroize(skip)]
    public: ConnectionPublicKey,
}

impl ConnectionKey {
    /// Two new key pairs.
    pub async fn make(engine: &impl Engine) -> Result<Self> {
        let xwing = XwingKey::make(engine)?;
        Self::new(RsaKey::make(engine).await?, xwing)
    }

    /// The key of these two pairs.
    pub fn new(rsa: RsaKey, xwing: XwingKey) -> Result<Self> {
        let public = ConnectionPublicKey::new(rsa.public().clone(), xwing.public().clone())?;
        Ok(Self { rsa, xwing, public })
    }

    /// Reads [`ConnectionKey::to_json`].
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let keys: PrivateKeys = from_json(json)?;
        Self::new(
            RsaKey::from_jwk(&keys.rsa)?,
            XwingKey::from_text(&keys.xwing)?,
        )
    }

    /// The private record: `rsa` is a JWK, `xwing` the seed in base64url.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>> {
        to_json(&PrivateKeys {
            rsa: self.rsa.to_jwk()?,
            xwing: self.xwing.to_text(),
        })
    }

    /// The RSA key pair.
    #[must_use]
    pub fn rsa(&self) -> &RsaKey {
        &self.rsa
    }

    /// The X-Wing key pair.
    #[must_use]
    pub fn xwing(&self) -> &XwingKey {
        &self.xwing
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &ConnectionPublicKey {
        &self.public
    }
}

impl fmt::Debug for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
