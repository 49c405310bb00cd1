//! What the answers of a mail server mean (RFC 5321, section 4.2; RFC 3463). Final is what they say of the recipient, or of the
//! mail itself. What they say of this server, its name, its sender, its log-in or its rights, is a matter of setting up, and can
//! be mended while the mail waits.

use lettre::transport::smtp::Error;

use super::smtp::Failure;

/// The part of a mail's way that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Sender,
    Recipient,
    /// The leave to send the mail, which servers refuse where no recipient is left.
    Data,
    Mail,
}

/// Words by which servers speak of who sends, where their codes do not tell.
const OF_SETUP: [&str; 8] = [
    "relay",
    "helo",
    "ehlo",
    "hostname",
    "client host",
    "sender",
    "authenti",
    "not verified",
];

/// What an error means for a mail to this address.
pub(super) fn failure(error: &Error, part: Part, to: &str) -> Failure {
    let Some(code) = error.status().map(u16::from) else {
        return Failure::Later("the connection broke".to_owned());
    };
    let words = std::error::Error::source(error).map(ToString::to_string);
    // The address is not the server's word.
    let words = words.unwrap_or_default().to_lowercase();
    let words = words.replace(&to.to_lowercase(), "");
    let shown = shown(code, &words);
    match is_final(part, code, &words) {
        true => Failure::Refused(shown),
        false => Failure::Later(shown),
    }
}

/// The answer without the server's own words, which may repeat the address.
fn shown(code: u16, words: &str) -> String {
    let status = status(code, words);
    let status = status.map(|(subject, detail)| format!(" {}.{subject}.{detail}", code / 100));
    let mut shown = format!("the server said {code}{}", status.unwrap_or_default());
    if words.contains("helo") || words.contains("hostname") {
        shown += ", of the name by which this one greets it: see --smtp-hello";
    }
    shown
}

fn is_final(part: Part, code: u16, words: &str) -> bool {
    if !(500..600).contains(&code) || part == Part::Sender {
        return false;
    }
    match status(code, words) {
        // A sender that does not exist, or whose domain does not.
        Some((1, 7 | 8)) => false,
        // Of the recipient's address, mailbox and host: but a full mailbox gets empty.
        Some((1, 1..)) => true,
        Some((2, detail)) => detail != 2,
        Some((4, 1 | 4)) => true,
        // Of the mail itself.
        Some((6, _)) => true,
        None | Some((0 | 1, _)) => {
            let is_of_recipient = match part {
                Part::Data => matches!(code, 550 | 551 | 553 | 554),
                _ => matches!(code, 550 | 551 | 553),
            };
            is_of_recipient && !OF_SETUP.iter().any(|word| words.contains(word))
        }
        Some(_) => false,
    }
}

/// The subject and the detail of an enhanced status code, wherever it stands: some servers put it at the end.
fn status(code: u16, words: &str) -> Option<(u16, u16)> {
    let class = (code / 100).to_string();
    let mut tokens = words.split(|c: char| !c.is_ascii_digit() && c != '.');
    tokens.find_map(|token| {
        let mut parts = token.trim_matches('.').split('.');
        let is_status = parts.next()? == class;
        let (subject, detail) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (is_status && parts.next().is_none()).then_some((subject, detail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as servers in use give them.
    #[test]
    fn final_is_what_is_said_of_the_recipient_or_the_mail() {
        use Part::{Data, Mail, Recipient, Sender};
        for (part, code, words) in [
            (
                Recipient,
                550,
                "5.1.1 <>: recipient address rejected: user unknown in local recipient table",
            ),
            (Recipient, 550, "no such user here"),
            (
                Recipient,
                550,
                "sorry, no mailbox here by that name. (#5.1.1)",
            ),
            (
                Recipient,
                550,
                "5.1.10 recipient not found; domain has a null mx",
            ),
            (
                Recipient,
                550,
                "5.2.1 the email account that you tried to reach is disabled",
            ),
            (
                Recipient,
                550,
                "5.4.1 recipient address rejected: access denied",
            ),
            (Recipient, 550, "5.0.0 unknown user"),
            (Recipient, 551, "user not local"),
            (Recipient, 553, "5.1.3 bad recipient address syntax"),
            (Recipient, 553, "no"),
            (Data, 554, "no valid recipients"),
            (Mail, 554, "5.6.0 not such a mail"),
            (Mail, 550, "no such user"),
        ] {
            assert!(is_final(part, code, words), "{part:?} {code} {words}");
        }
        for (part, code, words) in [
            (
                Recipient,
                504,
                "5.5.2 <vault>: helo command rejected: need fully-qualified hostname",
            ),
            (Recipient, 504, "need fully-qualified hostname"),
            (
                Recipient,
                450,
                "4.7.1 client host rejected: cannot find your reverse hostname",
            ),
            (Recipient, 451, "4.7.1 greylisted, try again"),
            (
                Recipient,
                550,
                "access denied - invalid helo name (see rfc2821 4.1.1.1)",
            ),
            (Recipient, 550, "relay not permitted"),
            (
                Recipient,
                550,
                "5.1.0 <mail@vault.example>: sender address rejected: user unknown",
            ),
            (
                Recipient,
                550,
                "5.1.8 <mail@vault.example>: sender address rejected: domain not found",
            ),
            (Recipient, 550, "5.7.1 unable to relay"),
            (
                Recipient,
                553,
                "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
            ),
            (Recipient, 530, "5.7.0 must issue a starttls command first"),
            (Recipient, 530, "smtp authentication is required"),
            (Recipient, 503, "5.5.1 bad sequence of commands"),
            (
                Recipient,
                554,
                "service unavailable; client host blocked using a list",
            ),
            (Recipient, 554, "5.7.1 relay access denied"),
            (Recipient, 552, "5.2.2 mailbox full"),
            (Recipient, 452, "4.2.2 mailbox full"),
            (Recipient, 421, "4.3.2 shutting down"),
            (Recipient, 555, "unsupported parameter"),
            (Mail, 554, "message rejected: email address is not verified"),
            (Mail, 550, "email address is not verified"),
            (Mail, 552, "5.3.4 message size exceeds fixed limit"),
            (Mail, 554, "5.7.1 message contains spam"),
            (Sender, 550, "5.1.0 not from you"),
            (Sender, 553, "5.1.1 no such user"),
        ] {
            assert!(!is_final(part, code, words), "{part:?} {code} {words}");
        }
    }

    #[test]
    fn the_log_tells_codes_and_the_cure() {
        let said = "5.5.2 <vault>: helo command rejected: need fully-qualified hostname";
        let shown = shown(504, said);
        assert!(shown.starts_with("the server said 504 5.5.2,") && shown.contains("--smtp-hello"));
        assert_eq!(
            super::shown(451, "4.2.0 later"),
            "the server said 451 4.2.0"
        );
        assert_eq!(
            super::shown(550, "10.5.1.1 (rfc 4.1.1) says 5.1 no"),
            "the server said 550"
        );
    }
}
