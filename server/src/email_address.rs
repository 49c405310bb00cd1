//! Email addresses as people type and paste them, in the one form in which they are compared, kept and written to.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use unicode_normalization::UnicodeNormalization;
use url::Host;

/// The longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_BYTES: usize = 254;

/// The address that a text can only mean: in NFKC, without blanks and unseen letters around it, its host in A-labels as the
/// URL Standard writes them. The name keeps the case of its letters.
pub(crate) fn read_address(text: &str) -> Option<String> {
    let text: String = text.nfkc().collect();
    let (name, host) = text.trim_matches(is_unseen).rsplit_once('@')?;
    let Host::Domain(host) = Host::parse(host).ok()? else {
        return None;
    };
    let host = host.trim_end_matches('.');
    let hosted = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    // The signs have a meaning of their own in an address (RFC 5322, section 3.2.3).
    let named = |c| !is_unseen(c) && !c.is_control() && !"\"(),:;<>@[\\]".contains(c);
    let fits = !name.is_empty()
        && !host.is_empty()
        && name.chars().all(named)
        && host.bytes().all(hosted)
        && name.len() + 1 + host.len() <= MAX_ADDRESS_BYTES;
    fits.then(|| format!("{name}@{host}"))
}

/// Tells whether a letter is a blank, or takes no place.
fn is_unseen(c: char) -> bool {
    c.is_whitespace() || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_only_mean_one_address_is_that_address() {
        for (text, address) in [
            ("Bob@example.org", "Bob@example.org"),
            ("\t bob@example.org\r\n", "bob@example.org"),
            ("\u{200f}bob@example.org\u{200b}", "bob@example.org"),
            ("\u{feff}\u{a0}bob@example.org\u{2069}", "bob@example.org"),
            ("bob@EXAMPLE.org.", "bob@example.org"),
            ("ｂｏｂ＠ｅｘａｍｐｌｅ．ｏｒｇ", "bob@example.org"),
            ("bob@example。org", "bob@example.org"),
            ("bob@exam\u{ad}ple.org", "bob@example.org"),
            ("anna@bücher.example", "anna@xn--bcher-kva.example"),
            ("anna@bu\u{308}cher.example", "anna@xn--bcher-kva.example"),
            ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
            ("anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example"),
            ("anna@XN--BCHER-KVA.example", "anna@xn--bcher-kva.example"),
            ("anna@faß.example", "anna@xn--fa-hia.example"),
            (
                "user@उदाहरण.परीक्षा",
                "user@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
            ),
            ("jose\u{301}@example.org", "jos\u{e9}@example.org"),
            ("o'neill+x=1@x", "o'neill+x=1@x"),
        ] {
            assert_eq!(read_address(text).as_deref(), Some(address), "{text:?}");
        }
    }

    #[test]
    fn what_can_mean_two_things_is_none() {
        for wrong in [
            "",
            "bob",
            "@x",
            "bob@",
            "bob@.",
            "a@b@c",
            "a＠b@c",
            "a b@c",
            "a\n@c",
            "a\u{200b}b@c",
            "a\u{200d}b@c",
            "a@b\u{202e}c",
            "a@b\u{200f}c",
            "a@127.0.0.1",
            "a@1.2",
            "a@[::1]",
            "a@b:80",
            "a@b/c",
            "a@b,c",
            "a@b;",
            "a@xn--\u{e4}",
            "a@xn--0",
            "<a@b>",
            "mailto:a@b",
            "\"a\"@b",
            "a\u{0}@b",
            &format!("{}@x", "a".repeat(253)),
        ] {
            assert_eq!(read_address(wrong), None, "{wrong:?}");
        }
    }
}
