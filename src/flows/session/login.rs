//! The login, by which somebody's account is found: an email address, or an identity token of the app's own sign-in.

use zeroize::Zeroizing;

use super::Session;
use crate::api::Transport;
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::checks::check_email;

/// The most bytes of an identity token.
const MAX_IDENTITY_TOKEN_BYTES: usize = 16 << 10;

/// An email address or an identity token, by which somebody's account is found. It says who they are; only the passphrase or the recovery key opens anything.
#[derive(Debug, Clone)]
pub enum Login {
    /// An address, as typed.
    Email(String),
    /// A token by which an OpenID Connect provider says who somebody is. The Keystore checks it.
    Identity(Zeroizing<String>),
}

impl Login {
    /// Somebody with an identity, whose token is not known any more: it has to be given anew.
    pub(super) fn identity() -> Self {
        Self::Identity(Zeroizing::default())
    }

    /// The same, if it can be one.
    pub(in crate::flows) fn check(self) -> Result<Self> {
        match self {
            Self::Email(email) => check_email(&email).map(Self::Email),
            Self::Identity(token) if token.is_empty() => {
                Err(Error::bad_input("Pass a fresh `identityToken`.").in_argument("identityToken"))
            }
            Self::Identity(token) if token.len() > MAX_IDENTITY_TOKEN_BYTES => {
                Err(Error::bad_input(format!(
                    "An identity token has at most {MAX_IDENTITY_TOKEN_BYTES} bytes."
                ))
                .in_argument("identityToken"))
            }
            identity => Ok(identity),
        }
    }

    /// The address, for a request; else nothing.
    pub(in crate::flows) fn email(&self) -> Option<String> {
        match self {
            Self::Email(email) => Some(email.clone()),
            Self::Identity(_) => None,
        }
    }

    /// The token, for a request; else nothing.
    pub(in crate::flows) fn identity_token(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::Email(_) => None,
            Self::Identity(token) => Some(token.clone()),
        }
    }

    /// As a session remembers it: an address in the form in which the Keystore keeps it.
    pub(super) fn normalise(self, engine: &impl Engine) -> Self {
        match self {
            Self::Email(email) => Self::Email(engine.to_lowercase(&engine.to_nfc(email.trim()))),
            identity => identity,
        }
    }
}

impl From<&str> for Login {
    fn from(email: &str) -> Self {
        Self::Email(email.to_owned())
    }
}

impl From<&String> for Login {
    fn from(email: &String) -> Self {
        email.as_str().into()
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// The email address as the Keystore keeps it; nothing for somebody who signed in with an identity token.
    #[must_use]
    pub fn email(&self) -> Option<String> {
        self.inner.login.borrow().email()
    }

    /// Gives the session a fresh identity token: the next calls that ask for the passphrase show it to the Keystore.
    pub fn renew_identity_token(&self, token: Zeroizing<String>) -> Result<()> {
        let mut login = self.inner.login.borrow_mut();
        if matches!(*login, Login::Email(_)) {
            return Err(Error::bad_input(
                "Leave `identityToken` out: this session is an email address's.",
            )
            .in_argument("identityToken"));
        }
        *login = Login::Identity(token).check()?;
        Ok(())
    }

    /// The login for a request. It fails where an identity token was not given anew.
    pub(in crate::flows) fn login(&self) -> Result<Login> {
        self.inner.login.borrow().clone().check()
    }
}
