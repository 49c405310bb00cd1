//! The secrets that nobody but the people may have.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use sha2::Sha256;
use vouchsafe::crypto::rsa_key::RsaKey;
use zeroize::Zeroizing;

/// What kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Passphrase,
    RecoveryKey,
    /// What shows the Keystore that somebody has the recovery key.
    RecoveryAuth,
    ExportKey,
    /// What wraps a KEK, by HKDF.
    WrappingKey,
    Kek,
    VaultKey,
    SigningKey,
    ConnectionKey,
    Dek,
    /// The PSK of a peer's copy.
    Psk,
    LinkSecret,
    /// What proves that somebody held the link.
    AcceptKey,
    CardText,
    PeerName,
    /// The right to answer an invitation, from a link.
    LinkToken,
    /// The same, from a mail.
    MailToken,
    Session,
    VaultToken,
    /// The services' own secrets.
    Setup,
}

/// Bytes, or a text, which has more spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Bytes(Vec<u8>),
    Text(String),
}

/// A secret, and everything that would give it away.
#[derive(Clone, Debug)]
pub struct Secret {
    pub kind: Kind,
    pub name: String,
    pub parts: Vec<Part>,
}

impl Secret {
    pub fn bytes(kind: Kind, name: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            kind,
            name: name.into(),
            parts: vec![Part::Bytes(bytes.to_vec())],
        }
    }

    pub fn text(kind: Kind, name: impl Into<String>, text: &str) -> Self {
        Self {
            kind,
            name: name.into(),
            parts: vec![Part::Text(text.to_owned())],
        }
    }

    /// A passphrase as it was typed and as it is used.
    pub fn passphrase(owner: &str, typed: &str, normal: &str) -> Self {
        let mut secret = Self::text(Kind::Passphrase, owner, typed);
        if normal != typed {
            secret.parts.push(Part::Text(normal.to_owned()));
        }
        secret
    }

    /// A recovery key: as it is written, without hyphens, in small letters, and its bytes.
    pub fn recovery_key(owner: &str, written: &str) -> Self {
        let plain = written.replace('-', "");
        let mut parts = vec![Part::Bytes(recovery_bytes(written))];
        for text in [written, &plain] {
            parts.push(Part::Text(text.to_owned()));
            parts.push(Part::Text(text.to_lowercase()));
        }
        Self {
            kind: Kind::RecoveryKey,
            name: owner.to_owned(),
            parts,
        }
    }

    /// A private RSA key: each of its secret numbers.
    pub fn rsa_key(owner: &str, pkcs8: &[u8]) -> Self {
        let key = RsaKey::from_pkcs8(Zeroizing::new(pkcs8.to_vec())).unwrap();
        let jwk = serde_json::to_value(key.to_jwk().unwrap()).unwrap();
        let number = |name: &str| {
            let text = jwk[name].as_str().unwrap();
            Part::Bytes(BASE64URL_NOPAD.decode(text.as_bytes()).unwrap())
        };
        Self {
            kind: Kind::ConnectionKey,
            name: format!("{owner}, {}", key.public().thumbprint()),
            parts: ["p", "q", "d", "dp", "dq", "qi"].map(number).to_vec(),
        }
    }
}

/// The 32 bytes of a recovery key in its written form: Crockford's base32.
pub fn recovery_bytes(written: &str) -> Vec<u8> {
    const LETTERS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in written.chars().filter(|letter| *letter != '-') {
        held = held << 5 | u32::try_from(LETTERS.find(letter).unwrap()).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).unwrap());
            held &= (1 << bits) - 1;
        }
    }
    bytes.truncate(32);
    bytes
}

/// HKDF-SHA-256 with an empty salt.
pub fn derive(secret: &[u8], info: &str, length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    let hkdf = Hkdf::<Sha256>::new(None, secret);
    hkdf.expand(info.as_bytes(), &mut output).unwrap();
    output
}

/// How many there are of each kind.
pub fn count_kinds(secrets: &[Secret]) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    for secret in secrets {
        *counts.entry(secret.kind).or_default() += 1;
    }
    counts
}
