//! Symmetric keys and the signing key, each with its RFC 7638 thumbprint as `kid`.
//!
//! In and out as WebCrypto takes them: raw, JWK, and for Ed25519 also PKCS#8 and SPKI.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey as Ed25519, VerifyingKey as Ed25519Public};
use hkdf::Hkdf;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::{Decode, Encode, asn1::OctetStringRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::base64url::{from_base64url_exact, to_base64url};
use super::canonical_json::{from_json, to_json};
use super::engine::{Engine, make_random};
use crate::error::{Error, Result};

const ED25519_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// SHA-256 of a JWK's required members, base64url (RFC 7638).
pub(crate) fn thumbprint_of(canonical_jwk: &[u8]) -> String {
    to_base64url(&Sha256::digest(canonical_jwk))
}

/// HKDF-SHA-256 with an empty salt (RFC 5869).
pub(crate) fn derive<const N: usize>(secret: &[u8], info: &str) -> Result<Zeroizing<[u8; N]>> {
    derive_with(&[], secret, info)
}

/// HKDF-SHA-256 with a salt, which may be secret, too.
pub(crate) fn derive_with<const N: usize>(
    salt: &[u8],
    secret: &[u8],
    info: &str,
) -> Result<Zeroizing<[u8; N]>> {
    let mut output = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info.as_bytes(), &mut output[..])
        .map_err(|_| Error::RecordRejected)?;
    Ok(output)
}

#[derive(Serialize, Deserialize)]
struct OctJwk {
    k: Zeroizing<String>,
    kty: String,
}

/// An AES-256-GCM key.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SymmetricKey {
    bytes: Zeroizing<[u8; 32]>,
    #[zeroize(skip)]
    kid: String,
}

impl SymmetricKey {
    /// A random key.
    pub fn make(engine: &impl Engine) -> Result<Self> {
        Self::from_bytes(make_random(engine)?)
    }

    /// A key derived from a secret by HKDF.
    pub(crate) fn derive(secret: &[u8], info: &str) -> Result<Self> {
        Self::from_bytes(derive(secret, info)?)
    }

    /// Reads the raw key.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Result<Self> {
        let mut key = Self {
            bytes,
            kid: String::new(),
        };
        key.kid = thumbprint_of(&key.to_jwk()?);
        Ok(key)
    }

    /// Reads the JWK (`{"k","kty"}`, in this order).
    pub fn from_jwk(json: &[u8]) -> Result<Self> {
        let jwk: OctJwk = from_json(json)?;
        if jwk.kty != "oct" {
            return Err(Error::RecordRejected);
        }
        Self::from_bytes(from_base64url_exact(&jwk.k)?)
    }

    /// The JWK, which is also the input of the thumbprint.
    pub fn to_jwk(&self) -> Result<Zeroizing<Vec<u8>>> {
        to_json(&OctJwk {
            k: Zeroizing::new(to_base64url(&self.bytes[..])),
            kty: "oct".into(),
        })
    }

    /// The raw key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymmetricKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// The private JWK of a signing key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OkpPrivateJwk {
    crv: String,
    d: Zeroizing<String>,
    kty: String,
    x: String,
}

/// The public JWK of a signing key, its members in the order of RFC 7638.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OkpPublicJwk {
    crv: String,
    kty: String,
    x: String,
}

/// An account's Ed25519 key.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SigningKey {
    key: Ed25519,
    #[zeroize(skip)]
    public: VerifyingKey,
}

impl SigningKey {
    /// A random key.
    pub fn make(engine: &impl Engine) -> Result<Self> {
        Self::from_seed(&make_random(engine)?)
    }

    fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Result<Self> {
        let key = Ed25519::from_bytes(seed);
        let public = VerifyingKey::from_bytes(key.verifying_key().as_bytes())?;
        Ok(Self { key, public })
    }

    /// Reads the private JWK; the public half is recomputed and compared.
    pub fn from_jwk(json: &[u8]) -> Result<Self> {
        Self::from_members(&from_json(json)?)
    }

    /// The same of a JWK inside a record.
    pub(crate) fn from_members(jwk: &OkpPrivateJwk) -> Result<Self> {
        let key = Self::from_seed(&from_base64url_exact(&jwk.d)?)?;
        let public = key.public.to_jwk();
        if (&jwk.kty, &jwk.crv, &jwk.x) == (&public.kty, &public.crv, &public.x) {
            Ok(key)
        } else {
            Err(Error::RecordRejected)
        }
    }

    /// The private JWK.
    pub fn to_jwk(&self) -> Result<Zeroizing<Vec<u8>>> {
        to_json(&self.to_members())
    }

    /// The private JWK, to stand inside a record.
    pub(crate) fn to_members(&self) -> OkpPrivateJwk {
        let OkpPublicJwk { crv, kty, x } = self.public.to_jwk();
        let mut seed = self.key.to_bytes();
        let d = Zeroizing::new(to_base64url(&seed));
        seed.zeroize();
        OkpPrivateJwk { crv, d, kty, x }
    }

    /// PKCS#8 (RFC 8410).
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut inner = Zeroizing::new([0_u8; 34]);
        inner[..2].copy_from_slice(&[0x04, 0x20]);
        let mut seed = self.key.to_bytes();
        inner[2..].copy_from_slice(&seed);
        seed.zeroize();
        let algorithm = AlgorithmIdentifierRef {
            oid: ED25519_OID,
            parameters: None,
        };
        let octets = OctetStringRef::new(&inner[..]).map_err(|_| Error::RecordRejected)?;
        PrivateKeyInfoRef::new(algorithm, octets)
            .to_der()
            .map(Zeroizing::new)
            .map_err(|_| Error::RecordRejected)
    }

    /// Reads PKCS#8.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| Error::RecordRejected)?;
        let seed = info
            .private_key
            .as_bytes()
            .strip_prefix(&[0x04, 0x20])
            .ok_or(Error::RecordRejected)?;
        if info.algorithm.oid != ED25519_OID || info.algorithm.parameters.is_some() {
            return Err(Error::RecordRejected);
        }
        let seed: Zeroizing<[u8; 32]> =
            Zeroizing::new(seed.try_into().map_err(|_| Error::RecordRejected)?);
        Self::from_seed(&seed)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.public.kid)
            .finish_non_exhaustive()
    }
}

/// The public half of a [`SigningKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    key: Ed25519Public,
    kid: String,
}

impl VerifyingKey {
    /// Reads the raw 32 bytes. Weak keys are rejected, and a second spelling of a key: one with a y of p or more, which
    /// RFC 8032, section 5.1.3 rejects, too.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let key = Ed25519Public::from_bytes(bytes).map_err(|_| Error::RecordRejected)?;
        if key.is_weak() || key.to_edwards().compress().as_bytes() != bytes {
            return Err(Error::RecordRejected);
        }
        let mut public = Self {
            key,
            kid: String::new(),
        };
        public.kid = thumbprint_of(&to_json(&public.to_jwk())?);
        Ok(public)
    }

    /// Reads the public JWK.
    pub fn from_jwk(jwk: &OkpPublicJwk) -> Result<Self> {
        if jwk.kty != "OKP" || jwk.crv != "Ed25519" {
            return Err(Error::RecordRejected);
        }
        Self::from_bytes(&*from_base64url_exact(&jwk.x)?)
    }

    /// The public JWK.
    #[must_use]
    pub fn to_jwk(&self) -> OkpPublicJwk {
        OkpPublicJwk {
            crv: "Ed25519".into(),
            kty: "OKP".into(),
            x: to_base64url(self.as_bytes()),
        }
    }

    /// Reads SPKI, in the one encoding that DER allows.
    pub fn from_spki(der: &[u8]) -> Result<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| Error::RecordRejected)?;
        if info.algorithm.oid != ED25519_OID || info.algorithm.parameters.is_some() {
            return Err(Error::RecordRejected);
        }
        let bits = info.subject_public_key.as_bytes();
        let bytes = bits.and_then(|bits| bits.try_into().ok());
        Self::from_bytes(bytes.ok_or(Error::RecordRejected)?)
    }

    /// SPKI (RFC 8410).
    pub fn to_spki(&self) -> Result<Vec<u8>> {
        let bits = spki::der::asn1::BitStringRef::from_bytes(self.as_bytes())
            .map_err(|_| Error::RecordRejected)?;
        let algorithm = AlgorithmIdentifierRef {
            oid: ED25519_OID,
            parameters: None,
        };
        SubjectPublicKeyInfoRef {
            algorithm,
            subject_public_key: bits,
        }
        .to_der()
        .map_err(|_| Error::RecordRejected)
    }

    /// The raw key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<()> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key
            .verify_strict(message, &signature)
            .map_err(|_| Error::RecordRejected)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
