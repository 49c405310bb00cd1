//! The Vault's own secret. It lies in a file beside the database, so that nothing which is stored in a stolen database answers a
//! mail in somebody's stead.

use std::path::Path;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::base64url::base64url;
use crate::http::values::{Bytes, Id};
use crate::start_error::StartError;
use crate::store::setup_file;

/// The digits of a confirmation code.
pub(super) const CODE_DIGITS: usize = 8;
/// So many codes there are.
const CODES: u64 = 100_000_000;

/// The secret in use. Everything that mails carry and that answers to them are compared with follows from it, and
/// the tickets of links.
pub(crate) struct Setup {
    /// HMAC under the secret, before its first byte.
    mac: Hmac<Sha256>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetupFile {
    mail_secret: Bytes<32>,
}

impl Setup {
    /// Reads the setup, or makes it on the first start.
    pub(super) fn open(file: &Path) -> Result<Self, StartError> {
        let stored: SetupFile = match setup_file::read(file)? {
            Some(stored) => stored,
            None => {
                let mail_secret = Bytes::make();
                setup_file::make(file, &SetupFile { mail_secret })?
            }
        };
        let mac = Hmac::new_from_slice(stored.mail_secret.as_bytes());
        let bad = |_| StartError(format!("Restore {} from a backup.", file.display()));
        mac.map(|mac| Self { mac }).map_err(bad)
    }

    /// The name by which the database remembers it.
    pub(super) fn id(&self) -> String {
        base64url(&self.digest("setup", &[]))
    }

    /// The token of a mailed invitation.
    pub(super) fn invitation_token(&self, id: &str, seed: &str) -> Bytes<16> {
        half(&self.digest("invitation token", &[id, seed]))
    }

    /// The code of a mail.
    pub(super) fn code(&self, id: &str, seed: &str) -> String {
        let digest = self.digest("confirmation code", &[id, seed]);
        let number = digest[..16]
            .iter()
            .fold(0, |number, byte| (number * 256 + u64::from(*byte)) % CODES);
        format!("{number:0CODE_DIGITS$}")
    }

    /// The digest that stands for a code until it is typed in.
    pub(super) fn code_hash(&self, account: &str, address: &str, code: &str) -> String {
        base64url(&self.digest("typed code", &[account, address, code]))
    }

    /// The digest that says that this account confirmed this address.
    pub(super) fn confirmed(&self, account: &str, address: &str) -> String {
        base64url(&self.digest("confirmed address", &[account, address]))
    }

    /// The right of a mailbox to refuse mails, and to allow them again.
    pub(super) fn refusal_token(&self, mailbox: &str) -> Bytes<16> {
        half(&self.digest("refusal token", &[mailbox]))
    }

    /// The digest by which a mailbox stands among those that want no more mails.
    pub(super) fn refused(&self, mailbox: &str) -> String {
        base64url(&self.digest("refused mailbox", &[mailbox]))
    }

    /// The right to the files of a link, of somebody whose read of it was counted at this time: the read's id, and half of a
    /// digest.
    pub(super) fn ticket(&self, link: &Id, read: &Bytes<16>, read_at: i64) -> Bytes<32> {
        let parts = [link.as_str(), &read.to_text(), &read_at.to_string()];
        let mut ticket = self.digest("link ticket", &parts);
        ticket[..16].copy_from_slice(read.as_bytes());
        ticket.into()
    }

    /// The id of the read that a ticket is for.
    pub(super) fn read_of(ticket: &Bytes<32>) -> Bytes<16> {
        half(ticket.as_bytes())
    }

    /// HMAC-SHA-256 over the purpose and the parts, each behind its length.
    fn digest(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        for part in ["vouchsafe/1 mail", purpose].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

fn half(digest: &[u8; 32]) -> Bytes<16> {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_for_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup::open(&folder.path().join("a")).unwrap();
        let other = Setup::open(&folder.path().join("b")).unwrap();
        let code = setup.code("a", "b");
        assert!(code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit()));
        let id = Id::stored("a".to_owned());
        let all = |setup: &Setup| {
            [
                setup.invitation_token("a", "b").to_text(),
                setup.code_hash("a", "b", ""),
                setup.code_hash("a", "", "b"),
                setup.confirmed("a", "b"),
                setup.confirmed("ab", ""),
                setup.refusal_token("a").to_text(),
                setup.refused("a"),
                // Behind the read's id, which it begins with.
                setup.ticket(&id, &[7; 16].into(), 1).to_text()[22..].to_owned(),
                setup.ticket(&id, &[7; 16].into(), 11).to_text()[22..].to_owned(),
            ]
        };
        let mut seen: Vec<String> = [all(&setup), all(&other)].concat();
        // The shorter ones are no beginnings of the longer ones.
        seen.iter_mut().for_each(|text| text.truncate(20));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 18);
    }
}
