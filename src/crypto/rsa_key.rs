//! The RSA half of a connection key: SPKI, PKCS#8 and JWK, checked on every way in.
//!
//! Only 3072 bits with exponent 65537 are taken. The numbers are parsed, never computed with: that is the engine's.

use std::fmt;

use pkcs8::der::asn1::{AnyRef, UintRef};
use pkcs8::der::{Encode, Header, Length, Reader, SliceReader, Tag};
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::base64url::{from_base64url, to_base64url};
use super::canonical_json::to_json;
use super::engine::{Engine, MODULUS_BYTES};
use super::keys::thumbprint_of;
use crate::error::{Error, Result};

const EXPONENT: &[u8] = &[1, 0, 1];
/// The bytes before the modulus in the SPKI of any key here: only one size and one exponent exist.
const SPKI_HEAD: &[u8] =
    b"\x30\x82\x01\xa2\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\
    \x03\x82\x01\x8f\x00\x30\x82\x01\x8a\x02\x82\x01\x81\x00";
/// The bytes after it.
const SPKI_TAIL: &[u8] = b"\x02\x03\x01\x00\x01";
/// `rsaEncryption` and its parameters, which are NULL (RFC 8017, appendix A.1).
const ALGORITHM: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// Version 0 of PKCS#8, and of the RSA key in it.
const VERSION: &[u8] = b"\x02\x01\x00";
/// More bytes than the numbers of any private key take: a buffer that grows leaves copies behind.
const ROOM_FOR_NUMBERS_BYTES: usize = 2048;

fn rejected<E>(_: E) -> Error {
    Error::RecordRejected
}

/// The members that RFC 7638 hashes, in its order; also the public JWK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaPublicJwk {
    e: String,
    kty: String,
    n: String,
}

/// A public RSA key.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaPublicKey {
    spki: Vec<u8>,
    thumbprint: String,
}

impl RsaPublicKey {
    /// Reads SPKI, in the one encoding that DER allows.
    pub fn from_spki(der: &[u8]) -> Result<Self> {
        der.strip_prefix(SPKI_HEAD)
            .and_then(|rest| rest.strip_suffix(SPKI_TAIL))
            .ok_or(Error::RecordRejected)
            .and_then(|modulus| Self::from_numbers(modulus, EXPONENT))
    }

    fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let full_length =
            modulus.len() == MODULUS_BYTES && modulus.first().is_some_and(|byte| byte & 0x80 != 0);
        if !full_length || exponent != EXPONENT {
            return Err(Error::RecordRejected);
        }
        Ok(Self {
            spki: [SPKI_HEAD, modulus, SPKI_TAIL].concat(),
            thumbprint: thumbprint_of(&to_json(&jwk_of(modulus))?),
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
        let modulus = self
            .spki
            .get(SPKI_HEAD.len()..SPKI_HEAD.len() + MODULUS_BYTES);
        modulus.map(jwk_of).ok_or(Error::RecordRejected)
    }

    /// SPKI.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The RFC 7638 thumbprint.
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

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPublicKey")
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// The private JWK; members in the order of the alphabet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaPrivateJwk {
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

impl fmt::Debug for RsaPrivateJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPrivateJwk")
            .field("n", &self.n)
            .finish_non_exhaustive()
    }
}

/// An RSA key pair of one's own.
#[derive(Clone, ZeroizeOnDrop)]
pub struct RsaKey {
    pkcs8: Zeroizing<Vec<u8>>,
    #[zeroize(skip)]
    public: RsaPublicKey,
}

impl RsaKey {
    /// A new key pair.
    pub async fn make(engine: &impl Engine) -> Result<Self> {
        Self::from_pkcs8(engine.make_rsa_key().await?)
    }

    /// Reads PKCS#8.
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self> {
        let [modulus, exponent, ..] = numbers_of(&pkcs8)?;
        let public = RsaPublicKey::from_numbers(modulus, exponent)?;
        Ok(Self { pkcs8, public })
    }

    /// Reads the private JWK.
    pub fn from_jwk(jwk: &RsaPrivateJwk) -> Result<Self> {
        if jwk.kty != "RSA" {
            return Err(Error::RecordRejected);
        }
        let mut inner = Zeroizing::new(Vec::with_capacity(ROOM_FOR_NUMBERS_BYTES));
        inner.extend_from_slice(VERSION);
        for text in [
            &jwk.n, &jwk.e, &*jwk.d, &*jwk.p, &*jwk.q, &*jwk.dp, &*jwk.dq, &*jwk.qi,
        ] {
            let number = Zeroizing::new(from_base64url(text)?);
            let number = UintRef::new(&number).map_err(rejected)?;
            number.encode_to_vec(&mut inner).map_err(rejected)?;
        }
        let inner = tagged(Tag::Sequence, &[&inner])?;
        let pkcs8 = tagged(
            Tag::Sequence,
            &[
                VERSION,
                &tagged(Tag::Sequence, &[ALGORITHM])?,
                &tagged(Tag::OctetString, &[&inner])?,
            ],
        )?;
        let key = Self::from_pkcs8(pkcs8)?;
        // One spelling: leading zeros and the like would make two JWKs of one key.
        if key.to_jwk()? == *jwk {
            Ok(key)
        } else {
            Err(Error::RecordRejected)
        }
    }

    /// The private JWK.
    pub fn to_jwk(&self) -> Result<RsaPrivateJwk> {
        let [n, e, d, p, q, dp, dq, qi] = numbers_of(&self.pkcs8)?;
        let secret = |number| Zeroizing::new(to_base64url(number));
        Ok(RsaPrivateJwk {
            d: secret(d),
            dp: secret(dp),
            dq: secret(dq),
            e: to_base64url(e),
            kty: "RSA".into(),
            n: to_base64url(n),
            p: secret(p),
            q: secret(q),
            qi: secret(qi),
        })
    }

    /// PKCS#8.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &RsaPublicKey {
        &self.public
    }
}

/// The numbers in PKCS#8: modulus, exponents, primes, the exponents for them and the coefficient (RFC 8017, appendix
/// A.1.2). Element by element and not through the types for it: those would cost a browser 10 kB.
fn numbers_of(pkcs8: &[u8]) -> Result<[&[u8]; 8]> {
    let mut whole = SliceReader::new(pkcs8).map_err(rejected)?;
    let mut info = inside(element(&mut whole, Tag::Sequence)?)?;
    let version = element(&mut info, Tag::Integer)?;
    let algorithm = element(&mut info, Tag::Sequence)?;
    let mut octets = inside(element(&mut info, Tag::OctetString)?)?;
    let mut key = inside(element(&mut octets, Tag::Sequence)?)?;
    let inner_version = element(&mut key, Tag::Integer)?;
    let versions = (version.value(), inner_version.value());
    if versions != (&[0], &[0]) || algorithm.value() != ALGORITHM {
        return Err(Error::RecordRejected);
    }
    let mut numbers: [&[u8]; 8] = [&[]; 8];
    for number in &mut numbers {
        let element = element(&mut key, Tag::Integer)?;
        *number = UintRef::try_from(element).map_err(rejected)?.as_bytes();
    }
    let ends = whole.is_finished() && octets.is_finished() && key.is_finished();
    ends.then_some(numbers).ok_or(Error::RecordRejected)
}

fn inside(element: AnyRef<'_>) -> Result<SliceReader<'_>> {
    SliceReader::new(element.value()).map_err(rejected)
}

/// The next element, if it is one of these.
fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<AnyRef<'a>> {
    let element: AnyRef<'a> = reader.decode().map_err(rejected)?;
    if element.header().tag() == tag {
        Ok(element)
    } else {
        Err(Error::RecordRejected)
    }
}

/// An element with these parts as its content.
fn tagged(tag: Tag, parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut element = Zeroizing::new(Vec::with_capacity(length + 8));
    Header::new(tag, Length::try_from(length).map_err(rejected)?)
        .encode_to_vec(&mut element)
        .map_err(rejected)?;
    for part in parts {
        element.extend_from_slice(part);
    }
    Ok(element)
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
