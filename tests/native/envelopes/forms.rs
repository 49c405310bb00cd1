//! Forms of records: what a later release wrote is told from what is broken.

use vouchsafe::crypto::records::{Role, check_publication, make_publication};

use crate::envelopes::case::Case;
use crate::envelopes::kind::{KINDS, Kind};
use crate::support::jose;

/// The newest form of a kind that is read.
fn newest(kind: Kind) -> u32 {
    match kind {
        Kind::Card | Kind::Share => 3,
        Kind::Note | Kind::Sent | Kind::LinkSent | Kind::Link => 2,
        _ => 1,
    }
}

/// A header whose `typ` names this form of the same kind.
fn with_form(header: &str, form: &str) -> String {
    let (before, rest) = header.split_once(r#""typ":""#).unwrap();
    let (typ, after) = rest.split_once('"').unwrap();
    let kind = typ.split('.').next().unwrap();
    format!(r#"{before}"typ":"{kind}{form}"{after}"#)
}

#[test]
fn a_later_form_needs_an_update() {
    let case = Case::new();
    for kind in KINDS {
        let jwe = case.seal(kind);
        let header = jose::header_of(&jwe);
        let code = |jwe: &str| case.open(kind, jwe).unwrap_err().code();
        for form in [newest(kind) + 1, 10, u32::MAX] {
            let later = with_form(&header, &format!(".{form}"));
            // Whatever else that form has: another algorithm, other members, other parts.
            let resealed = case.reseal(kind, &later, &case.plaintext(kind));
            assert_eq!(code(&resealed), "update_needed", "{kind:?} {form}");
            let other = later.replace(r#""alg":""#, r#""new":1,"alg":"X"#);
            let head = jose::to_base64url(other.as_bytes());
            for rest in ["", ".", ".a.b", "....."] {
                let record = format!("{head}{rest}");
                assert_eq!(code(&record), "update_needed", "{kind:?} {rest}");
            }
        }
        for form in [
            ".1",
            ".0",
            ".01",
            ".-1",
            ".+9",
            ".9x",
            ".99999999999",
            ".",
            "9",
        ] {
            let wrong = with_form(&header, form);
            let resealed = case.reseal(kind, &wrong, &case.plaintext(kind));
            case.refuses(kind, &resealed, form);
        }
    }
}

#[test]
fn a_later_form_of_another_kind_is_refused() {
    let case = Case::narrow();
    for kind in KINDS {
        for other in KINDS {
            let typ = |kind| {
                let header = jose::header_value(&case.seal(kind));
                header["typ"]
                    .as_str()
                    .unwrap()
                    .split('.')
                    .next()
                    .unwrap()
                    .to_owned()
            };
            if typ(kind) != typ(other) {
                let header = with_form(&jose::header_of(&case.seal(other)), ".9");
                let resealed = case.reseal(other, &header, &case.plaintext(other));
                case.refuses(kind, &resealed, &header);
            }
        }
    }
}

#[test]
fn later_forms_of_what_is_signed_need_an_update() {
    let case = Case::new();
    let jwk = case.signing.to_jwk().unwrap();
    let made = make_publication(
        case.alice,
        case.connection,
        Role::Inviter,
        &case.signing,
        case.pair.public(),
    );
    let mut publication = made.unwrap();
    let payload = jose::payload_of(&publication.statement);
    let header = with_form(&jose::header_of(&publication.statement), ".2");
    publication.statement = jose::sign(&jwk, &header, &payload);
    let checked = check_publication(&publication, case.alice, case.connection, Role::Inviter);
    assert_eq!(checked.unwrap_err().code(), "update_needed");

    let share = jose::header_of(&case.seal(Kind::Share));
    let payload = jose::pad_to_class(case.json(Kind::Share).as_bytes());
    let header = with_form(&jose::header_of(&case.signed(&payload)), ".4");
    let signed = jose::sign(&jwk, &header, &payload);
    let jwe = case.reseal(Kind::Share, &share, signed.as_bytes());
    let opened = case.open(Kind::Share, &jwe);
    assert_eq!(opened.unwrap_err().code(), "update_needed");
}
