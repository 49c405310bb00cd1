//! Confirming one's email address, so that invitation mails may name one by it.

use crate::api::Transport;
use crate::api::vault::email::{AskedCode, EmailCode, EmailStatus, TypedCode};
use crate::crypto::engine::Engine;
use crate::error::{Error, Result};
use crate::flows::session::Session;

/// The digits of a code.
const CODE_DIGITS: usize = 8;

impl<T: Transport, E: Engine> Session<T, E> {
    /// The address by which mails may name this person, and whether it is confirmed. The Vault says so.
    pub async fn email_status(&self) -> Result<EmailStatus> {
        self.keys()?;
        self.services().email_status().await
    }

    /// Has the Vault mail a code to the account's address, in the language of this tag.
    pub async fn send_email_code(&self, language: Option<String>) -> Result<EmailCode> {
        self.keys()?;
        let body = AskedCode { language };
        self.services().send_email_code(&body).await
    }

    /// Confirms the address with the code that was mailed to it. White space and hyphens in it do not matter.
    pub async fn confirm_email(&self, code: &str) -> Result<()> {
        self.keys()?;
        let code: String = code
            .chars()
            .filter(|letter| !letter.is_whitespace() && *letter != '-')
            .collect();
        if code.len() != CODE_DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(
                Error::bad_input(format!("The code has {CODE_DIGITS} digits.")).in_argument("code"),
            );
        }
        self.services().confirm_email(&TypedCode { code }).await
    }
}
