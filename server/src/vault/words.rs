//! The words of mails, a file for each language in the folder `mails`.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

/// The most bytes of a language's tag (RFC 5646, section 4.4.1).
const MAX_TAG_BYTES: usize = 35;

/// What mails say in one language. In braces stands what is filled in: `{app}`, `{address}`, `{date}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Words {
    /// The language's subtag.
    #[serde(skip)]
    pub(super) language: &'static str,
    pub(super) hello: String,
    pub(super) invitation: InvitationWords,
    pub(super) code: CodeWords,
    pub(super) no_button: String,
    pub(super) refuse: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InvitationWords {
    pub(super) subject: String,
    pub(super) from: String,
    pub(super) from_somebody: String,
    pub(super) answer: String,
    pub(super) open: String,
    pub(super) once: String,
    pub(super) shown: String,
    pub(super) not_shown: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CodeWords {
    pub(super) subject: String,
    pub(super) confirms: String,
    pub(super) type_in: String,
    pub(super) ignore: String,
}

/// The languages; the first one is for all others.
const FILES: [(&str, &str); 4] = [
    ("en", include_str!("mails/en.json")),
    ("de", include_str!("mails/de.json")),
    ("es", include_str!("mails/es.json")),
    ("fr", include_str!("mails/fr.json")),
];

static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let read = |(language, file): (&'static str, &str)| {
        let words = serde_json::from_str::<Words>(file).ok()?;
        Some(Words { language, ..words })
    };
    FILES.into_iter().filter_map(read).collect()
});

impl Words {
    /// Those of the language with this tag, such as `de-AT`; else the English ones.
    pub(super) fn of(tag: Option<&str>) -> &'static Self {
        let language = tag
            .unwrap_or_default()
            .split('-')
            .next()
            .unwrap_or_default();
        let found = ALL
            .iter()
            .find(|words| words.language.eq_ignore_ascii_case(language));
        found.unwrap_or(&ALL[0])
    }
}

/// The sentence with what belongs in its braces. What is filled in is not looked at again.
pub(super) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        filled.push_str(before);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    filled + rest
}

/// A tag of a language (BCP 47), such as `de` or `pt-BR`.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 35, pattern = "^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$")]
pub(crate) struct LanguageTag(String);

impl LanguageTag {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for LanguageTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tag = String::deserialize(deserializer)?;
        let is_part = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if tag.len() <= MAX_TAG_BYTES && tag.len() > 1 && tag.split('-').all(is_part) {
            Ok(Self(tag))
        } else {
            Err(D::Error::custom("a language's tag, such as de or pt-BR"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in braces in a file, in order.
    fn gaps(file: &str) -> Vec<&str> {
        let parts = file
            .split('{')
            .skip(2)
            .filter_map(|part| part.split_once('}'));
        parts
            .map(|(name, _)| name)
            .filter(|name| name.len() < 10)
            .collect()
    }

    #[test]
    fn every_language_says_the_same_things() {
        let (_, english) = FILES[0];
        for (language, file) in FILES {
            if let Err(error) = serde_json::from_str::<Words>(file) {
                panic!("{language}: {error}");
            }
            assert_eq!(Words::of(Some(language)).language, language);
            let (mut found, mut expected) = (gaps(file), gaps(english));
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{language}");
        }
    }

    #[test]
    fn the_language_is_found_by_its_tag() {
        for (tag, language) in [
            (None, "en"),
            (Some("DE-at"), "de"),
            (Some("fr"), "fr"),
            (Some("deu"), "en"),
            (Some("ja-JP"), "en"),
        ] {
            assert_eq!(Words::of(tag).language, language, "{tag:?}");
        }
    }

    #[test]
    fn what_is_filled_in_fills_nothing_in() {
        let values = [("app", "{date}"), ("date", "today")];
        assert_eq!(fill("{app}, {date}: {none}!", &values), "{date}, today: !");
        assert_eq!(fill("a } b {app", &values), "a } b {date}");
    }
}
