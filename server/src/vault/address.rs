//! Email addresses: which ones mails go to, and which ones stand in a mail's text.

use lettre::Address;
use unicode_normalization::UnicodeNormalization;

/// The longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_BYTES: usize = 254;

/// Tells whether mail can be addressed to this text. Quoted names and the characters of paths and queries are left out, although
/// RFC 5322 has them: nobody's mailbox needs them, and a mail program would show what they say.
pub(super) fn is_address(email: &str) -> bool {
    let named = |c: char| is_letter(c) || "!#$%&'*+-=^_{|}~.".contains(c);
    let hosted = |c: char| is_letter(c) || "-.".contains(c);
    email.len() <= MAX_ADDRESS_BYTES
        && email.parse::<Address>().is_ok()
        && email
            .rsplit_once('@')
            .is_some_and(|(name, host)| name.chars().all(named) && host.chars().all(hosted))
}

/// A letter or digit of any language that takes its place.
fn is_letter(c: char) -> bool {
    let is_filler = matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    c.is_alphanumeric() && !is_filler
}

/// Tells whether an address may stand in the text of a mail: it looks like nothing but an address, in any program. Addresses of
/// other letters than ASCII may not, since they can look like others and change the direction of what stands around them.
pub(super) fn is_nameable(email: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
    is_address(email) && email.chars().all(plain)
}

/// The mailbox that an address leads to, for counting and refusing mails: in NFKC, without the letters' case and without what
/// follows a `+`, which most mail servers leave to their users.
pub(super) fn mailbox(email: &str) -> String {
    let email: String = email
        .nfkc()
        .collect::<String>()
        .to_lowercase()
        .nfc()
        .collect();
    let (name, host) = email.rsplit_once('@').unwrap_or((&email, ""));
    let name = match name.split_once('+') {
        Some((name, _)) if !name.is_empty() => name,
        _ => name,
    };
    format!("{name}@{host}")
}

/// The domain of a mailbox.
pub(super) fn domain(mailbox: &str) -> &str {
    mailbox.rsplit_once('@').map_or("", |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses that would be sentences, links or riddles in a mail.
    const HOSTILE: [&str; 14] = [
        "your-bank.example/login?a=@evil.example",
        "https://evil.example/@evil.example",
        "\"Your account is locked\"@evil.example",
        "\"https://evil.example/\"@evil.example",
        "a`b@evil.example",
        "moc.elpmaxe\u{202e}@evil.example",
        "\u{2066}a\u{2069}@evil.example",
        "a\u{2800}b@evil.example",
        "a\u{200b}b@evil.example",
        "a\u{2028}b@evil.example",
        "\u{3164}@evil.example",
        "a\u{feff}@evil.example",
        "a@evil\u{ad}.example",
        "a@[192.0.2.1]",
    ];

    #[test]
    fn mails_go_to_addresses_alone() {
        for right in [
            "bob@example.org",
            "bob+work@example.org",
            "o'neill=x@example.org",
            "josé@exämple.org",
            "דוד@example.org",
        ] {
            assert!(is_address(right), "{right:?}");
        }
        for wrong in [
            "",
            "bob",
            "bob@",
            "Bob <bob@example.org>",
            "a@b\r\nBcc: c@d",
            "a@b, c@d",
            &format!("{}@example.org", "a".repeat(250)),
        ] {
            assert!(!is_address(wrong), "{wrong:?}");
        }
        for hostile in HOSTILE {
            assert!(!is_address(hostile), "{hostile:?}");
        }
    }

    #[test]
    fn mails_name_what_cannot_be_misread() {
        assert!(is_nameable("Bob.B-b_b+work@mail.example.org"));
        for wrong in ["josé@example.org", "דוד@example.org", "o'neill@x.example"] {
            assert!(is_address(wrong) && !is_nameable(wrong), "{wrong:?}");
        }
        for hostile in HOSTILE {
            assert!(!is_nameable(hostile), "{hostile:?}");
        }
    }

    #[test]
    fn a_mailbox_has_many_addresses() {
        for email in [
            "Bob@Example.org",
            "bob+1@example.org",
            "bob++@EXAMPLE.ORG",
            "ＢＯＢ@ｅxample.org",
            "bob＋1＠example.org",
        ] {
            assert_eq!(mailbox(email), "bob@example.org");
        }
        assert_eq!(mailbox("+a@x"), "+a@x");
        assert_eq!(mailbox("JOSE\u{301}@x"), "jos\u{e9}@x");
        assert_eq!(domain(&mailbox("a@b.example")), "b.example");
    }
}
