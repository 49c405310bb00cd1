//! A person's name at the door: an email address, or an identity for which the app's own sign-in vouches.

use unicode_normalization::UnicodeNormalization;

use super::state::Keystore;
use crate::email_address::read_address;
use crate::http::error::{ApiError, Code, Result};

/// Somebody as an open route met them.
pub(super) struct Who {
    /// The name that their account is found by: an address, or an identity. Identities hold spaces, and addresses do not.
    pub(super) login: String,
    /// The address that mails name them by.
    pub(super) email: Option<String>,
}

impl Who {
    /// Somebody who gives their address.
    fn by_email(email: &str) -> Result<Self> {
        let email = normalise(email)?;
        Ok(Self {
            login: email.clone(),
            email: Some(email),
        })
    }

    /// Somebody for whom an identity provider vouches. The issuer holds no spaces, so that every pair has a login of its own.
    pub(super) fn by_identity(issuer: &str, subject: &str, email: Option<String>) -> Self {
        Self {
            login: format!("identity {issuer} {subject}"),
            email,
        }
    }
}

impl Who {
    /// The error for a second account of the same name.
    pub(super) fn taken(&self) -> ApiError {
        match self.is_address() {
            true => Code::EmailTaken.into(),
            false => ApiError::new(Code::EmailTaken, "Sign in: this identity has an account."),
        }
    }

    /// The address that an identity token held.
    pub(super) fn token_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| !self.is_address())
    }

    fn is_address(&self) -> bool {
        self.email.as_ref() == Some(&self.login)
    }
}

impl Keystore {
    /// The person who wants to open an account.
    pub(super) async fn newcomer(
        &self,
        email: Option<&str>,
        identity_token: Option<&str>,
    ) -> Result<Who> {
        let who = self.who(email, identity_token).await?;
        if who.is_address() && !self.email_sign_up {
            return Err(ApiError::bad_input(
                "Sign up with an identity token: this Keystore opens no accounts by email address.",
            ));
        }
        Ok(who)
    }

    /// The person who asks. A request gives an address or an identity token, and null for the other.
    pub(super) async fn who(
        &self,
        email: Option<&str>,
        identity_token: Option<&str>,
    ) -> Result<Who> {
        match (email, identity_token, &self.identities) {
            (Some(email), None, _) => Who::by_email(email),
            (None, Some(token), Some(identities)) => {
                identities.check(token, self.clock.now()).await
            }
            (None, Some(_), None) => Err(ApiError::bad_input(
                "Sign in with an email address: this Keystore was told of no identity provider.",
            )),
            _ => Err(ApiError::bad_input(
                "Give `email` or `identityToken`, and null for the other.",
            )),
        }
    }
}

/// An address as accounts are found by it: in the one form that it has, and lower-case.
pub(super) fn normalise(email: &str) -> Result<String> {
    read_address(email)
        .map(|address| address.to_lowercase().nfc().collect())
        .ok_or_else(|| ApiError::bad_input("Check the email address."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_have_one_spelling() {
        assert_eq!(normalise("  Bob@Example.ORG ").unwrap(), "bob@example.org");
        assert_eq!(normalise("JOSE\u{301}@x").unwrap(), "jos\u{e9}@x");
        assert!(normalise("a b@c").is_err());
    }

    #[test]
    fn no_address_is_an_identity() {
        let login = Who::by_identity("https://accounts.example", "7@x", None).login;
        assert_eq!(login, "identity https://accounts.example 7@x");
        assert!(normalise(&login).is_err());
    }
}
