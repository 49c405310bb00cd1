//! Records of cards that have files: forms of their own, read as strictly as all others, and never one as the other.

use serde_json::json;

use crate::envelopes::case::{Case, file};
use crate::envelopes::insides::other_writings;
use crate::envelopes::kind::{Kind, members, object, with_member};
use crate::support::jose;

const KINDS: [Kind; 5] = [
    Kind::Card,
    Kind::Share,
    Kind::Sent,
    Kind::LinkSent,
    Kind::Link,
];

/// Where the file of a card's record is written: with what stands around it.
fn parts_of(json: &str) -> [&str; 3] {
    let (before, rest) = json.split_once(r#","files":["#).unwrap();
    let (file, after) = rest.split_once(']').unwrap();
    [before, file, after]
}

#[test]
fn a_record_with_files_opens_as_what_it_was() {
    let case = Case::with_file();
    let typ = |kind| jose::header_value(&case.seal(kind))["typ"].clone();
    let typs = [
        "vs-card.3",
        "vs-share.3",
        "vs-sent.2",
        "vs-sent.2",
        "vs-link.2",
    ];
    assert_eq!(KINDS.map(typ), typs.map(|typ| json!(typ)));
    for kind in KINDS {
        assert_eq!(case.open(kind, &case.seal(kind)), Ok(true), "{kind:?}");
        let json = case.json(kind);
        assert_eq!(
            case.open(kind, &case.with_json(kind, &kind.fill(json.as_bytes()))),
            Ok(true),
            "{json}"
        );
    }
}

#[test]
fn a_record_without_files_is_written_as_of_old() {
    let case = Case::new();
    let typ = |kind| jose::header_value(&case.seal(kind))["typ"].clone();
    let typs = ["vs-card.2", "vs-share.2", "vs-sent", "vs-sent", "vs-link"];
    assert_eq!(KINDS.map(typ), typs.map(|typ| json!(typ)));
}

#[test]
fn neither_form_is_read_as_the_other() {
    let (with, without) = (Case::with_file(), Case::new());
    for kind in KINDS {
        let [with_files, as_of_old] = [&with, &without].map(|case| case.json(kind));
        let filled = with.with_json(kind, &kind.fill(as_of_old.as_bytes()));
        with.refuses(kind, &filled, "no files in the form that has some");
        let filled = without.with_json(kind, &kind.fill(with_files.as_bytes()));
        without.refuses(kind, &filled, "files in the form that has none");
    }
}

#[test]
fn a_list_of_files_is_written_in_one_way() {
    let case = Case::with_file();
    for kind in [Kind::Card, Kind::Share, Kind::Link] {
        let json = case.json(kind);
        let [before, file, after] = parts_of(&json);
        let with = |files: &str| format!(r#"{before},"files":[{files}]{after}"#);
        assert_eq!(with(file), json);
        let mut others: Vec<String> = other_writings(file)
            .into_iter()
            // The name of a file, and its bytes, are what the sender says.
            .filter(|other| *other != with_member(file, "size", &json!(0)))
            .collect();
        others.push(format!("{file},{file}"));
        for (name, value) in [
            ("id", json!("A0000000-0000-7000-8000-000000000000")),
            ("name", json!("scan\n.png")),
            ("name", json!("gnp.\u{202e}nacs")),
            ("name", json!("x".repeat(1001))),
            ("type", json!("image/é")),
            ("type", json!("x".repeat(256))),
            ("size", json!((5u64 << 30) + 1)),
            ("key", json!(jose::to_base64url(&[1; 31]))),
            (
                "digest",
                json!(format!("{}=", jose::to_base64url(&[1; 32]))),
            ),
        ] {
            others.push(with_member(file, name, &value));
        }
        for other in others {
            let jwe = case.with_json(kind, &kind.fill(with(&other).as_bytes()));
            case.refuses(kind, &jwe, &other);
        }
        let moved = {
            let end = format!(r#","files":[{file}]"#);
            let (card, rest) = json.split_once(&end).unwrap();
            format!(
                "{}{rest}",
                card.replacen(r#""label":"#, &format!(r#"{},"label":"#, &end[1..]), 1)
            )
        };
        let jwe = case.with_json(kind, &kind.fill(moved.as_bytes()));
        case.refuses(kind, &jwe, &moved);
    }
    for kind in [Kind::Sent, Kind::LinkSent] {
        let json = case.json(kind);
        let mut parts = members(&json);
        let at = parts.iter().position(|part| part.starts_with(r#""files""#));
        for wrong in ["null", "{}", r#""""#, r#"["x"]"#, "[null]", "[1]"] {
            parts[at.unwrap()] = format!(r#""files":{wrong}"#);
            let jwe = case.with_json(kind, &kind.fill(object(&parts).as_bytes()));
            case.refuses(kind, &jwe, wrong);
        }
    }
}

#[test]
fn a_card_has_so_many_files_and_no_more() {
    let mut case = Case::with_file();
    case.content.files = std::iter::repeat_with(file).take(100).collect();
    for kind in KINDS {
        assert_eq!(case.open(kind, &case.seal(kind)), Ok(true), "{kind:?}");
    }
    case.content.files.push(file());
    let refused = case.content.check().unwrap_err();
    assert_eq!(refused.code(), "too_large");
}
