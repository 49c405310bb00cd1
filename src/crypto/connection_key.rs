//! The RSA key pair of one connection: SPKI, PKCS#8 and JWK, checked on every way in.
//!
//! Only 3072 bits with exponent 65537 are taken. The numbers are parsed, never computed with: that is the engine's.

use std::fmt;

use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef, UintRef};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::{Decode, Encode, asn1::OctetStringRef};
use serde::{Deserialize, Serialize};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::encoding::{from_base64url, from_json, to_base64url, to_json};
use super::engine::{Engine, MODULUS_BYTES};
use super::keys::thumbprint_of;
use crate::error::{Error, Result};

const EXPONENT: &[u8] = &[1, 0, 1];

fn rejected<E>(_: E) -> Error {
    Error::RecordRejected
}

/// The members that RFC 7638 hashes, in its order; also the public JWK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RsaPublicJwk {
    e: String,
    kty: String,
    n: String,
}

/// The public key of one side of a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionPublicKey {
    spki: Vec<u8>,
    thumbprint: String,
}

impl ConnectionPublicKey {
    /// Reads SPKI, in the one encoding that DER allows.
    pub fn from_spki(der: &[u8]) -> Result<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(rejected)?;
        info.algorithm
            .assert_algorithm_oid(pkcs1::ALGORITHM_OID)
            .map_err(rejected)?;
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or(Error::RecordRejected)?;
        let key = RsaPublicKeyRef::from_der(bits).map_err(rejected)?;
        let public = Self::from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
        if public.spki == der {
            Ok(public)
        } else {
            Err(Error::RecordRejected)
        }
    }

    fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let full_length =
            modulus.len() == MODULUS_BYTES && modulus.first().is_some_and(|byte| byte & 0x80 != 0);
        if !full_length || exponent != EXPONENT {
            return Err(Error::RecordRejected);
        }
        let key = RsaPublicKeyRef {
            modulus: UintRef::new(modulus).map_err(rejected)?,
            public_exponent: UintRef::new(exponent).map_err(rejected)?,
        };
        let key = key.to_der().map_err(rejected)?;
        let spki = SubjectPublicKeyInfoRef {
            algorithm: pkcs1::ALGORITHM_ID,
            subject_public_key: spki::der::asn1::BitStringRef::from_bytes(&key)
                .map_err(rejected)?,
        };
        let thumbprint = thumbprint_of(&to_json(&jwk_of(modulus))?);
        Ok(Self {
            spki: spki.to_der().map_err(rejected)?,
            thumbprint,
        })
    }

    /// Reads the public JWK.
    pub fn from_jwk(jwk: &RsaPublicJwk) -> Result<Self> {
        if jwk.kty != "RSA" {
            return Err(Error::RecordRejected);
        }
        Self::from_numbers(&from_base64url(&jwk.n)?, &from_base64url(&jwk.e)?)
    }

    /// The public JWK.
    pub fn to_jwk(&self) -> Result<RsaPublicJwk> {
        let info = SubjectPublicKeyInfoRef::from_der(&self.spki).map_err(rejected)?;
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or(Error::RecordRejected)?;
        let key = RsaPublicKeyRef::from_der(bits).map_err(rejected)?;
        Ok(jwk_of(key.modulus.as_bytes()))
    }

    /// SPKI.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The thumbprint, which is also the key's id at the Vault.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

fn jwk_of(modulus: &[u8]) -> RsaPublicJwk {
    RsaPublicJwk {
        e: to_base64url(EXPONENT),
        kty: "RSA".into(),
        n: to_base64url(modulus),
    }
}

impl fmt::Debug for ConnectionPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPublicKey")
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RsaPrivateJwk {
    d: Zeroizing<String>,
    dp: Zeroizing<String>,
    dq: Zeroizing<String>,
    e: String,
    kty: String,
    n: String,
    p: Zeroizing<String>,
    q: Zeroizing<String>,
    qi: Zeroizing<String>,
}

/// One's own key pair of a connection.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ConnectionKey {
    pkcs8: Zeroizing<Vec<u8>>,
    #[zeroize(skip)]
    public: ConnectionPublicKey,
}

impl ConnectionKey {
    /// A new key pair.
    pub async fn make(engine: &impl Engine) -> Result<Self> {
        Self::from_pkcs8(engine.make_rsa_key().await?)
    }

    /// Reads PKCS#8.
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self> {
        let info = PrivateKeyInfoRef::from_der(&pkcs8).map_err(rejected)?;
        info.algorithm
            .assert_algorithm_oid(pkcs1::ALGORITHM_OID)
            .map_err(rejected)?;
        let key = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(rejected)?;
        let public = ConnectionPublicKey::from_numbers(
            key.modulus.as_bytes(),
            key.public_exponent.as_bytes(),
        )?;
        Ok(Self { pkcs8, public })
    }

    /// Reads the private JWK; members in the order of the alphabet.
    pub fn from_jwk(json: &[u8]) -> Result<Self> {
        let jwk: RsaPrivateJwk = from_json(json)?;
        if jwk.kty != "RSA" {
            return Err(Error::RecordRejected);
        }
        let number = |text: &str| from_base64url(text).map(Zeroizing::new);
        let (n, e, d) = (number(&jwk.n)?, number(&jwk.e)?, number(&jwk.d)?);
        let (p, q, dp, dq, qi) = (
            number(&jwk.p)?,
            number(&jwk.q)?,
            number(&jwk.dp)?,
            number(&jwk.dq)?,
            number(&jwk.qi)?,
        );
        let inner = RsaPrivateKeyRef {
            modulus: UintRef::new(&n).map_err(rejected)?,
            public_exponent: UintRef::new(&e).map_err(rejected)?,
            private_exponent: UintRef::new(&d).map_err(rejected)?,
            prime1: UintRef::new(&p).map_err(rejected)?,
            prime2: UintRef::new(&q).map_err(rejected)?,
            exponent1: UintRef::new(&dp).map_err(rejected)?,
            exponent2: UintRef::new(&dq).map_err(rejected)?,
            coefficient: UintRef::new(&qi).map_err(rejected)?,
            other_prime_infos: None,
        };
        let inner = Zeroizing::new(inner.to_der().map_err(rejected)?);
        let octets = OctetStringRef::new(&inner).map_err(rejected)?;
        let algorithm = AlgorithmIdentifierRef {
            ..pkcs1::ALGORITHM_ID
        };
        let pkcs8 = PrivateKeyInfoRef::new(algorithm, octets)
            .to_der()
            .map_err(rejected)?;
        let key = Self::from_pkcs8(Zeroizing::new(pkcs8))?;
        // One spelling: leading zeros and the like would make two JWKs of one key.
        if key.to_jwk()?.as_slice() == json {
            Ok(key)
        } else {
            Err(Error::RecordRejected)
        }
    }

    /// The private JWK.
    pub fn to_jwk(&self) -> Result<Zeroizing<Vec<u8>>> {
        let info = PrivateKeyInfoRef::from_der(&self.pkcs8).map_err(rejected)?;
        let key = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(rejected)?;
        let secret = |number: UintRef<'_>| Zeroizing::new(to_base64url(number.as_bytes()));
        to_json(&RsaPrivateJwk {
            d: secret(key.private_exponent),
            dp: secret(key.exponent1),
            dq: secret(key.exponent2),
            e: to_base64url(key.public_exponent.as_bytes()),
            kty: "RSA".into(),
            n: to_base64url(key.modulus.as_bytes()),
            p: secret(key.prime1),
            q: secret(key.prime2),
            qi: secret(key.coefficient),
        })
    }

    /// PKCS#8.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
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
