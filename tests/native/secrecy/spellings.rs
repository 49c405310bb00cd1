//! The ways in which bytes and texts are written down, and what of a secret is recognisable in each.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};

use crate::secrecy::secrets::Part;

/// A way of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    Raw,
    Reversed,
    HexLower,
    HexUpper,
    Base64,
    Base64Url,
    /// Base64url within base64url, as a JWK in a part of a JWE or JWS has it.
    Base64UrlTwice,
    /// `1,2,3`
    Numbers,
    /// `1, 2, 3`
    NumbersSpaced,
    /// Every byte as `%ab`.
    PercentLower,
    PercentUpper,
    /// As URLs do it, with `%` for what is not a plain letter or digit.
    Url,
    /// As forms do it: with `+` for a space.
    Form,
    /// What is not ASCII as `\xab`.
    Escaped,
    /// What is not ASCII as `\u00ab`.
    Json,
    JsonUpper,
    Html,
    Utf16,
}

const OF_BYTES: [Spelling; 14] = [
    Spelling::Raw,
    Spelling::Reversed,
    Spelling::HexLower,
    Spelling::HexUpper,
    Spelling::Base64,
    Spelling::Base64Url,
    Spelling::Base64UrlTwice,
    Spelling::Numbers,
    Spelling::NumbersSpaced,
    Spelling::PercentLower,
    Spelling::PercentUpper,
    Spelling::Url,
    Spelling::Form,
    Spelling::Escaped,
];

const OF_TEXTS_ALONE: [Spelling; 4] = [
    Spelling::Json,
    Spelling::JsonUpper,
    Spelling::Html,
    Spelling::Utf16,
];

/// So much of a secret is recognised; a shorter piece could turn up by chance.
const BYTES: usize = 16;
const LETTERS: usize = 12;
/// So many pieces of a long secret are looked for.
const PIECES: usize = 4;

impl Part {
    /// The spellings that make sense for it.
    pub fn spellings(&self) -> Vec<Spelling> {
        match self {
            Self::Bytes(_) => OF_BYTES.to_vec(),
            Self::Text(_) => [&OF_BYTES[..], &OF_TEXTS_ALONE].concat(),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }

    /// Everything that shows it: pieces of it, in each spelling, as they look wherever they begin.
    pub fn needles(&self) -> Vec<(Spelling, Vec<u8>)> {
        let mut needles = Vec::new();
        for piece in self.pieces() {
            for spelling in self.spellings() {
                let found = recognisable(spelling, &piece);
                needles.extend(found.into_iter().map(|needle| (spelling, needle)));
            }
        }
        needles
    }

    /// Pieces from its beginning to its end.
    fn pieces(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => starts(bytes.len(), BYTES)
                .map(|start| bytes[start..][..BYTES.min(bytes.len())].to_vec())
                .collect(),
            Self::Text(text) => {
                let letters: Vec<char> = text.chars().collect();
                starts(letters.len(), LETTERS)
                    .map(|start| &letters[start..][..LETTERS.min(letters.len())])
                    .map(|piece| piece.iter().collect::<String>().into_bytes())
                    .collect()
            }
        }
    }
}

/// Where pieces of this length begin, the last one at the end.
fn starts(whole: usize, piece: usize) -> impl Iterator<Item = usize> {
    let room = whole.saturating_sub(piece);
    let count = whole.div_ceil(piece).clamp(1, PIECES);
    (0..count).map(move |index| room * index / (count - 1).max(1))
}

/// What is seen of `piece` when something unknown stands around it.
fn recognisable(spelling: Spelling, piece: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(piece);
    let each = |write: &dyn Fn(u8) -> String| -> String {
        piece.iter().map(|byte| write(*byte)).collect()
    };
    let letters = |write: &dyn Fn(char) -> String| -> String { text.chars().map(write).collect() };
    let numbers: Vec<String> = piece.iter().map(u8::to_string).collect();
    let written: String = match spelling {
        Spelling::Raw => return vec![piece.to_vec()],
        Spelling::Reversed => return vec![piece.iter().rev().copied().collect()],
        Spelling::Utf16 => {
            return vec![text.encode_utf16().flat_map(u16::to_le_bytes).collect()];
        }
        Spelling::Base64 => return inner(&BASE64_NOPAD, piece).into(),
        Spelling::Base64Url => return inner(&BASE64URL_NOPAD, piece).into(),
        Spelling::Base64UrlTwice => {
            let once = inner(&BASE64URL_NOPAD, piece);
            return once
                .iter()
                .flat_map(|once| inner(&BASE64URL_NOPAD, once))
                .collect();
        }
        Spelling::HexLower => each(&|byte| format!("{byte:02x}")),
        Spelling::HexUpper => each(&|byte| format!("{byte:02X}")),
        Spelling::Numbers => numbers.join(","),
        Spelling::NumbersSpaced => numbers.join(", "),
        Spelling::PercentLower => each(&|byte| format!("%{byte:02x}")),
        Spelling::PercentUpper => each(&|byte| format!("%{byte:02X}")),
        Spelling::Url => each(&|byte| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        }),
        Spelling::Form => each(&|byte| match byte {
            b' ' => "+".to_owned(),
            b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        }),
        Spelling::Escaped => piece.escape_ascii().to_string(),
        Spelling::Json => letters(&|letter| json(letter, |unit| format!("\\u{unit:04x}"))),
        Spelling::JsonUpper => letters(&|letter| json(letter, |unit| format!("\\u{unit:04X}"))),
        Spelling::Html => letters(&|letter| match letter {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#x27;".to_owned(),
            _ => letter.to_string(),
        }),
    };
    vec![written.into_bytes()]
}

/// A letter within a JSON string that is all ASCII.
fn json(letter: char, escape: impl Fn(u16) -> String) -> String {
    match letter {
        '"' | '\\' => format!("\\{letter}"),
        ' '..='~' => letter.to_string(),
        _ => letter
            .encode_utf16(&mut [0; 2])
            .iter()
            .copied()
            .map(escape)
            .collect(),
    }
}

/// The letters that `piece` alone decides, for each of the three places in a group where it may begin.
fn inner(encoding: &Encoding, piece: &[u8]) -> [Vec<u8>; 3] {
    [0, 1, 2].map(|before| {
        let shifted = [&[0; 2][..before], piece].concat();
        let letters = encoding.encode(&shifted).into_bytes();
        let (first, end) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        letters[first..end].to_vec()
    })
}

/// Writes `part` down as a program would that leaks it, with `before` and `after` around it.
pub fn write(spelling: Spelling, part: &Part, before: &[u8], after: &[u8]) -> Vec<u8> {
    let whole = [before, part.as_bytes(), after].concat();
    let joined = |separator: &str| format!("{whole:?}").replace(", ", separator).into_bytes();
    match spelling {
        Spelling::HexLower => HEXLOWER.encode(&whole).into_bytes(),
        Spelling::HexUpper => HEXUPPER.encode(&whole).into_bytes(),
        Spelling::Base64 => BASE64_NOPAD.encode(&whole).into_bytes(),
        Spelling::Base64Url => BASE64URL_NOPAD.encode(&whole).into_bytes(),
        Spelling::Base64UrlTwice => {
            let once = BASE64URL_NOPAD.encode(&whole);
            let twice = [before, once.as_bytes()].concat();
            BASE64URL_NOPAD.encode(&twice).into_bytes()
        }
        Spelling::Numbers => joined(","),
        Spelling::NumbersSpaced => joined(", "),
        Spelling::Reversed => {
            let reversed: Vec<u8> = part.as_bytes().iter().rev().copied().collect();
            [before, &reversed, after].concat()
        }
        Spelling::Json | Spelling::JsonUpper => {
            let text = serde_json::to_string(&String::from_utf8_lossy(part.as_bytes())).unwrap();
            let ascii: String = text
                .chars()
                .map(|letter| match (letter.is_ascii(), spelling) {
                    (true, _) => letter.to_string(),
                    (false, Spelling::Json) => units(letter, |unit| format!("\\u{unit:04x}")),
                    (false, _) => units(letter, |unit| format!("\\u{unit:04X}")),
                })
                .collect();
            [before, ascii.as_bytes(), after].concat()
        }
        Spelling::Escaped => whole.escape_ascii().to_string().into_bytes(),
        _ => {
            let written = recognisable(spelling, part.as_bytes()).concat();
            [before, &written, after].concat()
        }
    }
}

fn units(letter: char, escape: impl Fn(u16) -> String) -> String {
    letter
        .encode_utf16(&mut [0; 2])
        .iter()
        .copied()
        .map(escape)
        .collect()
}
