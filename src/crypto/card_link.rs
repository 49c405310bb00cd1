//! Links that show one card to whoever has them: the parts of the fragment, and what follows from its secret, alone and
//! together with a passphrase.

use super::engine::Engine;
use super::invitation_link::{LinkSecret, Token, fragment_of, link_of, read_parts};
use super::keys::{SymmetricKey, VerifyingKey, derive, derive_with};
use super::opaque::passphrase_bytes;
use crate::error::{Error, Result};
use crate::ids::Id;
use zeroize::Zeroizing;

/// A link that shows a card, as its reader holds it.
#[derive(Debug, Clone)]
pub struct CardLink {
    /// The link's id.
    pub id: Id,
    /// The thumbprint of the key that signed what it shows, made for this link alone.
    pub signer: String,
    /// The secret.
    pub secret: LinkSecret,
}

impl CardLink {
    /// Reads a link, `<base>#vouchsafe=1.s.…`, or its fragment alone, as [`super::invitation_link::Ticket::from_link`] does.
    pub fn from_link(link: &str) -> Result<Self> {
        let read = || {
            let fragment = fragment_of(link)?;
            let (id, signer, secret) = read_parts(fragment.strip_prefix("s.")?)?;
            Some(Self { id, signer, secret })
        };
        read().ok_or_else(|| {
            Error::bad_input(
                "This is not a link to a card: copy the whole link, to its last character.",
            )
            .in_argument("link")
        })
    }

    /// The link, `<base>#vouchsafe=1.s.…`.
    #[must_use]
    pub fn to_link(
        base: &str,
        id: Id,
        signer: &VerifyingKey,
        secret: &LinkSecret,
    ) -> Zeroizing<String> {
        link_of(base, 's', id, signer, secret)
    }
}

/// What a passphrase adds to the secret of a link: 32 bytes, or none without one.
pub async fn stretch_for_link(
    engine: &impl Engine,
    id: Id,
    passphrase: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>> {
    match passphrase {
        None => Ok(Zeroizing::default()),
        Some(passphrase) => {
            let passphrase = passphrase_bytes(engine, passphrase);
            engine.stretch(&passphrase, id.as_bytes()).await
        }
    }
}

impl LinkSecret {
    /// The token that shows that somebody has the link.
    pub fn opening_token(&self) -> Result<Token> {
        derive(self.as_bytes(), "vouchsafe/1 link open").map(Token)
    }

    /// The token that gets what the link shows, of whoever has its passphrase, too, and the key that opens that.
    pub fn reading_keys(&self, stretched: &[u8]) -> Result<(Token, SymmetricKey)> {
        let token = derive_with(stretched, self.as_bytes(), "vouchsafe/1 link read")?;
        let key = derive_with(stretched, self.as_bytes(), "vouchsafe/1 link key")?;
        Ok((Token(token), SymmetricKey::from_bytes(key)?))
    }
}
