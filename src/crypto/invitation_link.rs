//! Invitation links: the parts of the fragment, and the values that follow from its secret. Links that show a card are
//! read by the same rules, see [`super::card_link`].

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::base64url::{from_base64url, from_base64url_exact, to_base64url};
use super::connection_key::ConnectionPublicKey;
use super::engine::{Engine, make_random};
use super::keys::{VerifyingKey, derive};
use super::records::Delivery;
use crate::error::{Error, Result};
use crate::ids::Id;

/// The beginning of the fragment, and what some programs make of it.
const PREFIXES: [&str; 3] = ["vouchsafe=1.", "vouchsafe%3D1.", "vouchsafe%3d1."];
/// The characters of a link behind the prefix: `l` or `s`, the id, the thumbprint and the secret.
const LINK_CHARS: usize = 1 + 1 + 36 + 1 + 43 + 1 + 22;
/// Those of a mail's link: `m`, the id and the token.
const MAIL_CHARS: usize = 1 + 1 + 36 + 1 + 22;
/// The most bytes of a link, and of the text around it.
const MAX_LINK_BYTES: usize = 4096;

/// One side of a connection, as the proof covers it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The account id.
    pub account: Id,
    /// The signing key.
    pub signing_key: &'a VerifyingKey,
    /// The connection key.
    pub connection_key: &'a ConnectionPublicKey,
}

/// The 128-bit secret of a link, which no server sees.
#[derive(Clone, ZeroizeOnDrop)]
pub struct LinkSecret(Zeroizing<[u8; 16]>);

impl LinkSecret {
    /// A random secret.
    pub fn make(engine: &impl Engine) -> Result<Self> {
        make_random(engine).map(Self)
    }

    /// Base64url, as in the link and in the note.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(to_base64url(&self.0[..]))
    }

    /// Reads [`LinkSecret::to_text`].
    pub fn from_text(text: &str) -> Result<Self> {
        from_base64url_exact(text).map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// The invitation token: the right to accept.
    pub fn token(&self) -> Result<Token> {
        derive(&self.0[..], "vouchsafe/1 invitation token").map(Token)
    }

    /// The proof that whoever accepted held the link, over both sides' ids and keys.
    pub fn accept_proof(
        &self,
        invitation: Id,
        inviter: Side<'_>,
        invitee: Side<'_>,
    ) -> Result<[u8; 32]> {
        let key = derive::<32>(&self.0[..], "vouchsafe/1 accept")?;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key[..]).map_err(|_| Error::RecordRejected)?;
        mac.update(invitation.as_bytes());
        for side in [inviter, invitee] {
            mac.update(side.account.as_bytes());
            mac.update(&from_base64url(side.signing_key.kid())?);
            mac.update(&from_base64url(side.connection_key.id())?);
        }
        Ok(mac.finalize().into_bytes().into())
    }

    /// Whether `proof` is the one of [`LinkSecret::accept_proof`].
    pub fn is_accept_proof(
        &self,
        proof: &[u8],
        invitation: Id,
        inviter: Side<'_>,
        invitee: Side<'_>,
    ) -> Result<bool> {
        Ok(self
            .accept_proof(invitation, inviter, invitee)?
            .as_slice()
            .ct_eq(proof)
            .into())
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

/// The right to something at the Vault: 16 bytes.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Token(pub(super) Zeroizing<[u8; 16]>);

impl Token {
    /// Base64url, as on the wire.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(to_base64url(&self.0[..]))
    }

    /// The hash of it that the Vault keeps, SHA-256 in base64url.
    #[must_use]
    pub fn hash(&self) -> String {
        to_base64url(&Sha256::digest(&self.0[..]))
    }

    /// Reads the text of an invitation's token.
    pub fn from_text(text: &str) -> Result<Self> {
        from_base64url_exact(text).map(Self).map_err(|_| {
            Error::bad_input(
                "This is not an invitation token: open the link of the invitation again.",
            )
            .in_argument("token")
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// An invitation as the invited person holds it.
#[derive(Debug, Clone)]
pub enum Ticket {
    /// Through a link that the inviter delivered.
    Link {
        /// The invitation's id.
        id: Id,
        /// The thumbprint of the inviter's signing key.
        inviter: String,
        /// The secret.
        secret: LinkSecret,
    },
    /// Through a mail that the Vault sent.
    Mail {
        /// The invitation's id.
        id: Id,
        /// The token.
        token: Token,
    },
}

impl Ticket {
    /// The invitation's id.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Link { id, .. } | Self::Mail { id, .. } => *id,
        }
    }

    /// Its way to the invited person.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::Link { .. } => Delivery::Link,
            Self::Mail { .. } => Delivery::Email,
        }
    }

    /// The token for the Vault.
    pub fn token(&self) -> Result<Token> {
        match self {
            Self::Link { secret, .. } => secret.token(),
            Self::Mail { token, .. } => Ok(token.clone()),
        }
    }

    /// Reads a link of either kind, `<base>#vouchsafe=1.…`, or its fragment alone. Lines may break in it, and the text that it
    /// was copied out of may go on behind it.
    pub fn from_link(link: &str) -> Result<Self> {
        let read = || {
            let fragment = fragment_of(link)?;
            if let Some(parts) = fragment.strip_prefix("l.") {
                let (id, inviter, secret) = read_parts(parts)?;
                return Some(Self::Link {
                    id,
                    inviter,
                    secret,
                });
            }
            let (id, token) = fragment.strip_prefix("m.")?.split_once('.')?;
            let (id, token) = (Id::parse(id).ok()?, Token::from_text(token).ok()?);
            Some(Self::Mail { id, token })
        };
        read().ok_or_else(|| {
            Error::bad_input(
                "This is not an invitation link: copy the whole link, to its last character.",
            )
            .in_argument("link")
        })
    }
}

/// The fragment of a link of any kind, behind its prefix: as long as its kind is, and unbroken.
pub(super) fn fragment_of(link: &str) -> Option<Zeroizing<String>> {
    let mut found = link.split('#').filter_map(|part| {
        let part = part.trim_start();
        PREFIXES.iter().find_map(|prefix| part.strip_prefix(prefix))
    });
    let rest = found.next()?;
    let length = match rest.starts_with(['l', 's']) {
        true => LINK_CHARS,
        false => MAIL_CHARS,
    };
    let mut letters = rest.chars();
    let unbroken = letters.by_ref().filter(|letter| !letter.is_whitespace());
    let mut fragment = Zeroizing::new(String::with_capacity(length));
    fragment.extend(unbroken.take(length));
    let behind = letters.find(|letter| *letter != '.');
    let goes_on = behind
        .is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
    let is_one = link.len() <= MAX_LINK_BYTES && !goes_on && found.next().is_none();
    is_one.then_some(fragment)
}

/// Id, thumbprint and secret, of a kind of link that has these.
pub(super) fn read_parts(parts: &str) -> Option<(Id, String, LinkSecret)> {
    let (id, rest) = parts.split_once('.')?;
    let (thumbprint, secret) = rest.split_once('.')?;
    from_base64url_exact::<32>(thumbprint).ok()?;
    let secret = LinkSecret::from_text(secret).ok()?;
    Some((Id::parse(id).ok()?, thumbprint.to_owned(), secret))
}

/// The link that the inviter hands over.
#[must_use]
pub fn to_link(
    base: &str,
    id: Id,
    inviter: &VerifyingKey,
    secret: &LinkSecret,
) -> Zeroizing<String> {
    link_of(base, 'l', id, inviter, secret)
}

pub(super) fn link_of(
    base: &str,
    kind: char,
    id: Id,
    signer: &VerifyingKey,
    secret: &LinkSecret,
) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "{base}#{}{kind}.{id}.{}.{}",
        PREFIXES[0],
        signer.kid(),
        *secret.to_text()
    ))
}
