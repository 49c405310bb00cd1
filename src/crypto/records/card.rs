//! Cards: a label, fields and files, and what the app keeps with them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::crypto::engine::Engine;
use crate::crypto::envelope::{self, Place};
use crate::crypto::forms::Kind;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::padding::{from_padded_json, to_padded_json};
use crate::crypto::records::file::FileRef;
use crate::crypto::records::plain_text::is_plain_text;
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::json;

/// The second form has `kind` and `data`; the third is the second with `files`, of which there is one at least.
const KIND: Kind = Kind {
    name: "vs-card",
    newest: 3,
    written: 2,
};
/// The largest class of the padded plaintext, in bytes.
const MAX_CLASS_BYTES: usize = 1 << 20;
/// The most fields of a card.
const MAX_FIELDS: usize = 1000;
/// The most files of a card.
const MAX_FILES: usize = 100;
/// The most bytes of a card's or a field's label.
const MAX_LABEL_BYTES: usize = 1000;
/// The most bytes of a field's name.
const MAX_NAME_BYTES: usize = 200;
/// The most bytes of a card's kind.
const MAX_KIND_BYTES: usize = 100;
/// The most bytes of what the app keeps with a card.
const MAX_DATA_BYTES: usize = 16 << 10;

/// One entry of a card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Field {
    /// Unique within the card, 1 to 200 bytes.
    pub name: String,
    /// The words that people read, up to 1000 bytes.
    pub label: String,
    /// Any text, also none.
    pub value: String,
}

/// The text of a card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct CardContent {
    /// The words that people read, 1 to 1000 bytes.
    pub label: String,
    /// The app's word for what the card is, 1 to 100 bytes.
    pub kind: Option<String>,
    /// JSON for the app alone, up to 16 KiB.
    pub data: Option<String>,
    /// Up to 1000 entries.
    pub fields: Vec<Field>,
    /// Up to 100. A card without any is written as of old.
    #[serde(
        default,
        deserialize_with = "missing_or_some",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub files: Vec<FileRef>,
}

/// A member that is left out where there is none.
fn missing_or_some<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<FileRef>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The part of a card that is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The names of the chosen fields; all fields if `None`.
    pub fields: Option<Vec<String>>,
    /// The chosen files; if `None`, all files of a card with all fields, and no file of one with chosen fields.
    pub files: Option<Vec<Id>>,
}

impl Part {
    /// The part of the named fields.
    #[must_use]
    pub fn of_fields(names: &[&str]) -> Self {
        Self {
            fields: Some(names.iter().map(|&name| name.to_owned()).collect()),
            files: None,
        }
    }

    /// Whether it is all of a card, also of what is added later.
    fn is_whole(&self) -> bool {
        (&self.fields, &self.files) == (&None, &None)
    }

    fn has_field(&self, field: &Field) -> bool {
        let chosen = self.fields.as_ref();
        chosen.is_none_or(|names| names.contains(&field.name))
    }

    fn has_file(&self, file: &FileRef) -> bool {
        match &self.files {
            Some(ids) => ids.contains(&file.id),
            None => self.fields.is_none(),
        }
    }

    /// Whether it names something.
    pub fn check(&self) -> Result<()> {
        let is_empty = self.fields.as_ref().is_some_and(Vec::is_empty);
        if is_empty && self.files.as_ref().is_none_or(Vec::is_empty) {
            return Err(
                Error::bad_input("`fields` names one field or more, or `files` one file.")
                    .in_argument("fields"),
            );
        }
        Ok(())
    }
}

/// A card of the first form.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct FirstCard {
    label: String,
    fields: Vec<Field>,
}

impl From<FirstCard> for CardContent {
    fn from(mut card: FirstCard) -> Self {
        Self {
            label: std::mem::take(&mut card.label),
            kind: None,
            data: None,
            fields: std::mem::take(&mut card.fields),
            files: Vec::new(),
        }
    }
}

impl std::fmt::Debug for CardContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardContent")
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Field(..)")
    }
}

fn check_plain(text: &str) -> Result<()> {
    if is_plain_text(text) {
        Ok(())
    } else {
        Err(Error::bad_input(
            "Names, labels and kinds are one line of plain text, without characters that are invisible or change its direction.",
        ))
    }
}

impl CardContent {
    /// A card from its parts.
    #[must_use]
    pub fn new(label: &str, fields: &[(&str, &str, &str)]) -> Self {
        let field = |&(name, label, value): &(&str, &str, &str)| Field {
            name: name.to_owned(),
            label: label.to_owned(),
            value: value.to_owned(),
        };
        Self {
            label: label.to_owned(),
            kind: None,
            data: None,
            fields: fields.iter().map(field).collect(),
            files: Vec::new(),
        }
    }

    /// Whether a kind of record may hold it in this form: the newest one has files, and no other.
    pub(super) fn is_of(&self, kind: Kind, form: u32) -> bool {
        (form == kind.newest) != self.files.is_empty()
    }

    /// The ids of its files.
    #[must_use]
    pub fn file_ids(&self) -> Vec<Id> {
        self.files.iter().map(|file| file.id).collect()
    }

    /// Whether the card may be written: bounds, and no name twice.
    pub fn check(&self) -> Result<()> {
        if self.label.trim().is_empty() || self.label.len() > MAX_LABEL_BYTES {
            let text = format!(
                "A card's label has 1 to {MAX_LABEL_BYTES} bytes, and not white space alone."
            );
            return Err(Error::bad_input(text).in_argument("label"));
        }
        check_plain(&self.label).map_err(|error| error.in_argument("label"))?;
        if self.fields.len() > MAX_FIELDS {
            return Err(Error::TooLarge(
                format!("A card has at most {MAX_FIELDS} fields.").into(),
            ));
        }
        if let Some(kind) = &self.kind {
            let fits = (1..=MAX_KIND_BYTES).contains(&kind.len());
            let size =
                || Error::bad_input(format!("A card's kind has 1 to {MAX_KIND_BYTES} bytes."));
            let checked = fits.then_some(()).ok_or_else(size);
            checked
                .and_then(|()| check_plain(kind))
                .map_err(|error| error.in_argument("kind"))?;
        }
        if (self.data.as_ref()).is_some_and(|data| data.len() > MAX_DATA_BYTES) {
            return Err(Error::TooLarge(
                format!("A card's data has at most {MAX_DATA_BYTES} bytes of JSON.").into(),
            ));
        }
        if (self.data.as_ref()).is_some_and(|data| !json::is_json(data.as_bytes())) {
            return Err(Error::bad_input("A card's data is JSON.").in_argument("data"));
        }
        for (index, field) in self.fields.iter().enumerate() {
            let within = |member: &'static str| {
                move |error: Error| error.in_argument(&format!("fields[{index}].{member}"))
            };
            let size = |fits: bool| match fits {
                true => Ok(()),
                false => Err(Error::bad_input(format!(
                    "A field's name has 1 to {MAX_NAME_BYTES} bytes, its label at most {MAX_LABEL_BYTES}."
                ))),
            };
            let name = &field.name;
            size(!name.is_empty() && name.len() <= MAX_NAME_BYTES)
                .and_then(|()| check_plain(name))
                .map_err(within("name"))?;
            size(field.label.len() <= MAX_LABEL_BYTES)
                .and_then(|()| check_plain(&field.label))
                .map_err(within("label"))?;
            let earlier = &self.fields[..index];
            if earlier.iter().any(|other| other.name == *name) {
                let text = format!("Two fields of the card have the name \"{name}\".");
                return Err(within("name")(Error::bad_input(text)));
            }
        }
        self.check_files()
    }

    fn check_files(&self) -> Result<()> {
        if self.files.len() > MAX_FILES {
            return Err(Error::TooLarge(
                format!("A card has at most {MAX_FILES} files.").into(),
            ));
        }
        for (index, file) in self.files.iter().enumerate() {
            let within =
                |member: &str, error: Error| error.in_argument(&format!("files[{index}].{member}"));
            file.check()
                .map_err(|(member, error)| within(member, error))?;
            if self.files[..index].iter().any(|other| other.id == file.id) {
                let error = Error::bad_input("The card has this file twice.");
                return Err(within("id", error));
            }
        }
        Ok(())
    }

    /// Whether the card has what is chosen: named fields and files, each named once.
    pub fn check_part(&self, part: &Part) -> Result<()> {
        let names = part.fields.as_deref().unwrap_or_default();
        let is_known = |name: &String| self.fields.iter().any(|field| field.name == *name);
        let mut indexed = names.iter().enumerate();
        let wrong =
            indexed.find(|(index, name)| !is_known(name) || names[..*index].contains(*name));
        if let Some((index, name)) = wrong {
            let text =
                format!("The card has no field with the name \"{name}\", or it is named twice.");
            return Err(Error::bad_input(text).in_argument(&format!("fields[{index}]")));
        }
        let ids = part.files.as_deref().unwrap_or_default();
        let is_known = |id: &Id| self.files.iter().any(|file| file.id == *id);
        let mut indexed = ids.iter().enumerate();
        let wrong = indexed.find(|(index, id)| !is_known(id) || ids[..*index].contains(*id));
        if let Some((index, id)) = wrong {
            let text = format!("The card has no file with the id {id}, or it is named twice.");
            return Err(Error::bad_input(text).in_argument(&format!("files[{index}]")));
        }
        Ok(())
    }

    /// The bytes of label, data and fields: most of what a card takes.
    pub(crate) fn text_bytes(&self) -> usize {
        let fields = self.fields.iter();
        let fields = fields.map(|field| field.name.len() + field.label.len() + field.value.len());
        self.label.len() + self.data.as_ref().map_or(0, String::len) + fields.sum::<usize>()
    }

    /// The chosen part of the card, in the card's order; a field or file may be gone meanwhile. What the app keeps with the card is
    /// shown with all fields alone.
    #[must_use]
    pub fn narrow(&self, part: &Part) -> Cow<'_, Self> {
        if part.is_whole() {
            return Cow::Borrowed(self);
        }
        let (fields, files) = (self.fields.iter(), self.files.iter());
        Cow::Owned(Self {
            label: self.label.clone(),
            kind: self.kind.clone(),
            data: self.data.clone().filter(|_| part.fields.is_none()),
            fields: fields
                .filter(|field| part.has_field(field))
                .cloned()
                .collect(),
            files: files.filter(|file| part.has_file(file)).cloned().collect(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Plaintext<C = CardContent> {
    card: C,
    version: u64,
}

fn place(account: Id, card: Id, kind: Kind) -> Place {
    Place::new(kind, &[&account, &card])
}

/// Seals a card of one's own under the vault key.
pub async fn seal_card(
    engine: &impl Engine,
    account: Id,
    id: Id,
    vault_key: &SymmetricKey,
    card: &CardContent,
    version: u64,
) -> Result<String> {
    card.check()?;
    let plaintext = to_padded_json(&Plaintext { card, version }, MAX_CLASS_BYTES)?;
    let kind = written(KIND, card);
    envelope::seal_large(engine, vault_key, &place(account, id, kind), &plaintext).await
}

/// A kind of record that holds a card, in the form in which it is written with this card.
pub(super) fn written(kind: Kind, card: &CardContent) -> Kind {
    match card.files.is_empty() {
        true => kind,
        false => kind.written_as(kind.newest),
    }
}

/// Opens a card of one's own, and brings it to the newest form; with its version.
pub async fn open_card(
    engine: &impl Engine,
    account: Id,
    id: Id,
    vault_key: &SymmetricKey,
    jwe: &str,
) -> Result<(CardContent, u64)> {
    let place = place(account, id, KIND);
    let (form, json) = envelope::open_large(engine, vault_key, &place, jwe).await?;
    let Plaintext::<CardContent> { card, version } = match form {
        1 => {
            let Plaintext::<FirstCard> { card, version } =
                from_padded_json(&json, MAX_CLASS_BYTES)?;
            let card = card.into();
            Plaintext { card, version }
        }
        _ => from_padded_json(&json, MAX_CLASS_BYTES)?,
    };
    card.check().map_err(|_| Error::RecordRejected)?;
    match card.is_of(KIND, form) {
        true => Ok((card, version)),
        false => Err(Error::RecordRejected),
    }
}
