//! Trace contexts of W3C, by which the log lines of several programs about one request are found together.

use axum::http::HeaderMap;

/// The place of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: u128,
    /// The span that the request belongs under.
    pub(crate) parent: u64,
    pub(crate) flags: u8,
}

impl TraceParent {
    /// The one that a request came with, if it is well-formed.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all("traceparent").iter();
        match (sent.next(), sent.next()) {
            (Some(only), None) => Self::parse(only.to_str().ok()?),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let (trace, parent) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = hex(parts.next()?, 2)?;
        // A later version may have more parts.
        let is_whole = version > 0 || parts.next().is_none();
        let fits = version != 0xff && trace != 0 && parent != 0 && is_whole;
        fits.then_some(Self {
            trace,
            parent: u64::try_from(parent).ok()?,
            flags: u8::try_from(flags).ok()?,
        })
    }
}

/// A number of so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = text.len() == digits && text.bytes().all(is_digit);
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn only_what_is_well_formed_is_taken() {
        let parse = |text: &str| TraceParent::parse(&text.replace("TRACE", TRACE));
        let with = |flags| {
            Some(TraceParent {
                trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
                parent: 0x00f0_67aa_0ba9_02b7,
                flags,
            })
        };
        assert_eq!(parse("00-TRACE-00f067aa0ba902b7-01"), with(1));
        assert_eq!(parse("00-TRACE-00f067aa0ba902b7-00"), with(0));
        assert_eq!(parse("cc-TRACE-00f067aa0ba902b7-01-more"), with(1));
        for wrong in [
            "",
            "00",
            "TRACE",
            "00-TRACE-00f067aa0ba902b7",
            "00-TRACE-00f067aa0ba902b7-01-more",
            "ff-TRACE-00f067aa0ba902b7-01",
            "00-TRACE-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-TRACE-00F067AA0BA902B7-01",
            "00-TRACE-+0f067aa0ba902b7-01",
            "00-TRACE0-00f067aa0ba902b7-01",
            "00-TRACE-00f067aa0ba902b7-1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
