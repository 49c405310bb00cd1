//! The X-Wing half of a connection key (draft-connolly-cfrg-xwing-kem), and HPKE with it (draft-ietf-hpke-hpke).
//!
//! X-Wing joins X25519 and ML-KEM-768: who wants its secret has to break both. HPKE runs in PSK mode, with KEM X-Wing
//! (0x647a), KDF SHAKE256 (0x0011) and AEAD AES-256-GCM (0x0002): `HPKE-9` of draft-ietf-jose-hpke-pq-pqt. Nothing
//! of it is computed here.

use std::convert::Infallible;
use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::KdfShake256;
use hpke::kem::XWing;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::base64url::{from_base64url, from_base64url_exact, to_base64url};
use super::engine::{Engine, make_random};
use crate::error::{Error, Result};

/// The length of a public key: 1184 bytes of ML-KEM-768, then 32 of X25519.
pub const PUBLIC_BYTES: usize = 1216;
/// The length of a private key, from which both halves follow.
pub const SEED_BYTES: usize = 32;
/// The length of an encapsulated secret: 1088 bytes of ML-KEM-768, then 32 of X25519.
pub const ENC_BYTES: usize = 1120;

type PublicKey = <XWing as Kem>::PublicKey;
type PrivateKey = <XWing as Kem>::PrivateKey;

fn rejected<E>(_: E) -> Error {
    Error::RecordRejected
}

/// A public X-Wing key.
#[derive(Clone, PartialEq, Eq)]
pub struct XwingPublicKey(Vec<u8>);

impl XwingPublicKey {
    /// Reads the raw key: of the right length, and its ML-KEM half passes the check of encapsulation keys (FIPS 203,
    /// section 7.2).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        PublicKey::from_bytes(bytes).map_err(rejected)?;
        Ok(Self(bytes.to_vec()))
    }

    /// Reads base64url of the raw key.
    pub fn from_text(text: &str) -> Result<Self> {
        Self::from_bytes(&from_base64url(text)?)
    }

    /// Base64url of the raw key.
    #[must_use]
    pub fn to_text(&self) -> String {
        to_base64url(&self.0)
    }

    /// The raw key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals with HPKE for the holder of the private key: the encapsulated secret, then ciphertext and tag. Without
    /// `psk`, which `psk_id` names, nobody opens it either. `info` is empty.
    pub(crate) fn seal(
        &self,
        engine: &impl Engine,
        psk: &[u8; 32],
        psk_id: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>)> {
        let key = PublicKey::from_bytes(&self.0).map_err(rejected)?;
        let mode = OpModeS::Psk(PskBundle::new(psk, psk_id).map_err(rejected)?);
        let mut draws = Draws {
            engine,
            failed: None,
        };
        let sealed = hpke::single_shot_seal_with_rng::<AesGcm256, KdfShake256, XWing>(
            &mode,
            &key,
            &[],
            plaintext,
            aad,
            &mut draws,
        );
        // What came of draws that failed is not given out.
        if let Some(error) = draws.failed {
            return Err(error);
        }
        let (enc, ciphertext) = sealed.map_err(rejected)?;
        Ok((enc.to_bytes().to_vec(), ciphertext))
    }
}

impl fmt::Debug for XwingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XwingPublicKey").finish_non_exhaustive()
    }
}

/// An X-Wing key pair of one's own.
#[derive(Clone, ZeroizeOnDrop)]
pub struct XwingKey {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    #[zeroize(skip)]
    public: XwingPublicKey,
}

impl XwingKey {
    /// A new key pair.
    pub fn make(engine: &impl Engine) -> Result<Self> {
        Self::from_seed(make_random(engine)?)
    }

    /// Reads the seed, which is the private key.
    pub fn from_seed(seed: Zeroizing<[u8; SEED_BYTES]>) -> Result<Self> {
        let private = PrivateKey::from_bytes(&seed[..]).map_err(rejected)?;
        let public = XwingPublicKey(XWing::sk_to_pk(&private).to_bytes().to_vec());
        Ok(Self { seed, public })
    }

    /// Reads base64url of the seed.
    pub fn from_text(text: &str) -> Result<Self> {
        Self::from_seed(from_base64url_exact(text)?)
    }

    /// Base64url of the seed.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(to_base64url(&self.seed[..]))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &XwingPublicKey {
        &self.public
    }

    /// The inverse of [`XwingPublicKey::seal`]. Every failure is `record_rejected`.
    pub(crate) fn open(
        &self,
        psk: &[u8; 32],
        psk_id: &[u8],
        enc: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let private = PrivateKey::from_bytes(&self.seed[..]).map_err(rejected)?;
        let mode = OpModeR::Psk(PskBundle::new(psk, psk_id).map_err(rejected)?);
        let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).map_err(rejected)?;
        hpke::single_shot_open::<AesGcm256, KdfShake256, XWing>(
            &mode,
            &private,
            &enc,
            &[],
            ciphertext,
            aad,
        )
        .map(Zeroizing::new)
        .map_err(rejected)
    }
}

impl fmt::Debug for XwingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XwingKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// The engine's randomness, as the library asks for it. The library knows no failure, so it is kept here.
struct Draws<'a, E> {
    engine: &'a E,
    failed: Option<Error>,
}

impl<E: Engine> TryRng for Draws<'_, E> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> std::result::Result<(), Infallible> {
        if let Err(error) = self.engine.fill_random(buffer) {
            buffer.zeroize();
            self.failed = Some(error);
        }
        Ok(())
    }
}

impl<E: Engine> TryCryptoRng for Draws<'_, E> {}
