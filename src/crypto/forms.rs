//! The forms of a kind of record: a record's `typ` names its kind, and from the second form on the form, too.
//!
//! `vs-note` is the first form of a note, `vs-note.2` the second. The list of forms is closed: what is in it is read as it
//! always was, and what came after it was written by a later release.

use serde::Deserialize;

use super::base64url::from_base64url;
use crate::error::Error;
use crate::json;

/// A kind of record, and its forms as this release knows them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// `typ` of the first form.
    pub(crate) name: &'static str,
    /// The newest form that is read. All forms before it are read, too.
    pub(crate) newest: u32,
    /// The form that is written: the newest one; until everybody's release reads that, the one before; or an older one, where
    /// the newest has members that are seldom needed (see [`Kind::written_as`]).
    pub(crate) written: u32,
}

impl Kind {
    /// A kind that has one form.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            newest: 1,
            written: 1,
        }
    }

    /// The same kind, written in another form: the last one that has what is written.
    pub(crate) const fn written_as(self, form: u32) -> Self {
        Self {
            written: form,
            ..self
        }
    }

    /// `typ` of a form.
    pub(crate) fn typ(self, form: u32) -> String {
        match form {
            1 => self.name.to_owned(),
            _ => format!("{}.{form}", self.name),
        }
    }

    /// The reason why a record with this header, in base64url, is not opened as one of this kind: a later release wrote it,
    /// or it is not what it has to be.
    pub(crate) fn refusal(self, header: &str) -> Error {
        match self.form_of(header) {
            Some(form) if form > self.newest => Error::UpdateNeeded,
            _ => Error::RecordRejected,
        }
    }

    /// The form that a header names, if it is one of this kind.
    fn form_of(self, header: &str) -> Option<u32> {
        #[derive(Deserialize)]
        struct Named {
            typ: String,
        }
        let named: Named = json::read(&from_base64url(header).ok()?).ok()?;
        let number = named.typ.strip_prefix(self.name)?.strip_prefix('.')?;
        let form = number.parse().ok()?;
        (self.typ(form) == named.typ).then_some(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::base64url::to_base64url;

    const NOTE: Kind = Kind {
        name: "vs-note",
        newest: 2,
        written: 2,
    };

    #[test]
    fn a_form_is_a_part_of_typ() {
        assert_eq!(
            [1, 2, 10].map(|form| NOTE.typ(form)),
            ["vs-note", "vs-note.2", "vs-note.10"]
        );
    }

    #[test]
    fn only_a_later_form_of_the_kind_needs_an_update() {
        let refusal = |header: &str| NOTE.refusal(&to_base64url(header.as_bytes()));
        for header in [
            r#"{"alg":"dir","enc":"A256GCM","typ":"vs-note.3","kid":"k","ctx":"a/b"}"#,
            r#"{"typ":"vs-note.4294967295"}"#,
            r#"{"alg":"other","typ":"vs-note.3","more":{"a":[1]}}"#,
        ] {
            assert_eq!(refusal(header), Error::UpdateNeeded, "{header}");
        }
        for header in [
            r#"{"typ":"vs-note"}"#,
            r#"{"typ":"vs-note.1"}"#,
            r#"{"typ":"vs-note.2"}"#,
            r#"{"typ":"vs-note.0"}"#,
            r#"{"typ":"vs-note.03"}"#,
            r#"{"typ":"vs-note.+3"}"#,
            r#"{"typ":"vs-note.3x"}"#,
            r#"{"typ":"vs-note.4294967296"}"#,
            r#"{"typ":"vs-notes.3"}"#,
            r#"{"typ":"vs-card.3"}"#,
            r#"{"typ":3}"#,
            r#"{"typ":"vs-note.3","typ":"vs-note.3"}"#,
            r#"{"kid":"vs-note.3"}"#,
            "[]",
            "",
        ] {
            assert_eq!(refusal(header), Error::RecordRejected, "{header}");
        }
        assert_eq!(NOTE.refusal("not base64url!"), Error::RecordRejected);
    }
}
