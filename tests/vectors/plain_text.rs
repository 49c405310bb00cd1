//! Names and labels that are plain text, and others that hide something. The stand-in for tests of apps reads the same file.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::records::is_plain_text;

const TEXTS: &str = include_str!("plain-text.json");

#[wasm_bindgen_test(unsupported = test)]
fn emoji_are_plain_and_what_they_could_hide_is_not() {
    let texts: serde_json::Value = serde_json::from_str(TEXTS).unwrap();
    for (kind, count, is_plain) in [("plain", 17, true), ("hidden", 23, false)] {
        let texts = texts[kind].as_array().unwrap();
        assert_eq!(texts.len(), count, "{kind}");
        for text in texts {
            assert_eq!(is_plain_text(text.as_str().unwrap()), is_plain, "{text}");
        }
    }
}
