//! Email addresses: which ones mails go to, and which ones stand in a mail's text.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use lettre::Address;
use unicode_normalization::UnicodeNormalization;

/// The longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_BYTES: usize = 254;

/// The address as mail servers take it, of ASCII alone: its host in the form of DNS. The error says what to do about one that no
/// mail can go to.
///
/// A name of other letters would need SMTPUTF8 on every server on the way (RFC 6531); where one lacks it, the mail is lost after
/// it was taken. Quoted names and the characters of paths and queries are left out, although RFC 5322 has them: nobody's mailbox
/// needs them, and a mail program would show what they say.
pub(super) fn sendable(email: &str) -> Result<String, &'static str> {
    const UNKNOWN: &str = "Check the email address.";
    let (name, host) = email.rsplit_once('@').ok_or(UNKNOWN)?;
    let host = host_to_ascii(host).ok_or(UNKNOWN)?;
    if !name.is_ascii() {
        return Err(
            "Take another way than mail: not every mail server takes the letters before the @ of this address.",
        );
    }
    let named = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-=^_{|}~.".contains(c);
    let address = format!("{name}@{host}");
    let is_address = name.chars().all(named)
        && email.len().max(address.len()) <= MAX_ADDRESS_BYTES
        && address.parse::<Address>().is_ok();
    is_address.then_some(address).ok_or(UNKNOWN)
}

/// A host in the form of DNS (UTS #46), if nothing is left out or put in the place of something else: what people see is what is
/// asked for.
pub(super) fn host_to_ascii(host: &str) -> Option<String> {
    let (uts46, rules) = (Uts46::new(), AsciiDenyList::STD3);
    let ascii = uts46.to_ascii(host.as_bytes(), rules, Hyphens::Allow, DnsLength::Verify);
    let ascii = ascii.ok()?.into_owned();
    let (shown, _) = uts46.to_unicode(ascii.as_bytes(), rules, Hyphens::Allow);
    let given: String = host.chars().flat_map(char::to_lowercase).nfc().collect();
    (given == shown || given == ascii).then_some(ascii)
}

/// Tells whether an address may stand in the text of a mail: it looks like nothing but an address, in any program. Addresses of
/// other letters than ASCII may not, since they can look like others and change the direction of what stands around them.
pub(super) fn is_nameable(email: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
    sendable(email).is_ok() && email.chars().all(plain)
}

/// The mailbox that an address leads to, for counting and refusing mails: in NFKC, without the letters' case, with its host in the
/// form of DNS, and without what follows a `+`, which most mail servers leave to their users.
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
    let host = host_to_ascii(host).unwrap_or_else(|| host.to_owned());
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
    const HOSTILE: [&str; 17] = [
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
        "a@evil\u{200b}.example",
        "a@evil\u{ff0e}example",
        "a@\u{24d4}vil.example",
        "a@[192.0.2.1]",
    ];

    #[test]
    fn mails_go_to_addresses_alone() {
        for (right, sent) in [
            ("bob@example.org", "bob@example.org"),
            ("Bob+work@Example.ORG", "Bob+work@example.org"),
            ("o'neill=x@example.org", "o'neill=x@example.org"),
            ("bob@b\u{fc}cher.example", "bob@xn--bcher-kva.example"),
            ("bob@B\u{dc}CHER.example", "bob@xn--bcher-kva.example"),
            ("bob@bu\u{308}cher.example", "bob@xn--bcher-kva.example"),
            ("bob@xn--bcher-kva.example", "bob@xn--bcher-kva.example"),
            ("bob@XN--BCHER-KVA.example", "bob@xn--bcher-kva.example"),
            ("bob@stra\u{df}e.example", "bob@xn--strae-oqa.example"),
            (
                "bob@\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}.example",
                "bob@xn--j2bd4cyah0f.example",
            ),
            ("bob@r3---a.example", "bob@r3---a.example"),
        ] {
            assert_eq!(sendable(right).as_deref(), Ok(sent), "{right:?}");
        }
        for unsent in ["jos\u{e9}@example.org", "\u{5d3}\u{5d5}\u{5d3}@example.org"] {
            let error = sendable(unsent).unwrap_err();
            assert!(error.contains("before the @"), "{unsent:?}");
        }
        for wrong in [
            "",
            "bob",
            "bob@",
            "@example.org",
            "Bob <bob@example.org>",
            "a@b\r\nBcc: c@d",
            "a@b, c@d",
            "a@b_c.example",
            "a@example..org",
            "a@example.org.",
            "a@xn--\u{fc}.example",
            &format!("{}@example.org", "a".repeat(250)),
            &format!("a@{}.example", "\u{fc}".repeat(60)),
        ] {
            assert!(sendable(wrong).is_err(), "{wrong:?}");
        }
        for hostile in HOSTILE {
            assert!(sendable(hostile).is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn mails_name_what_cannot_be_misread() {
        assert!(is_nameable("Bob.B-b_b+work@mail.example.org"));
        for wrong in [
            "jos\u{e9}@example.org",
            "bob@b\u{fc}cher.example",
            "o'neill@x.example",
        ] {
            assert!(!is_nameable(wrong), "{wrong:?}");
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
        for email in ["Bob@B\u{dc}CHER.example", "bob+1@xn--bcher-kva.example"] {
            assert_eq!(mailbox(email), "bob@xn--bcher-kva.example");
        }
        assert_eq!(mailbox("+a@x"), "+a@x");
        assert_eq!(mailbox("JOSE\u{301}@x"), "jos\u{e9}@x");
        assert_eq!(domain(&mailbox("a@b.example")), "b.example");
    }
}
