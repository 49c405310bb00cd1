//! Plaintexts that are not what they have to be, sealed and signed with the right keys.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::rsa_key::RsaPrivateJwk;

use crate::envelopes::case::{Case, KEYS, now};
use crate::envelopes::kind::{KINDS, Kind, members, object, with_member};
use crate::support::jose;
use crate::support::sample::sample;

/// Paddings are tried in so many parts: a megabyte takes seconds without optimisation.
const PARTS: usize = 8;

/// Every way to write an object that is not the one way.
pub(super) fn other_writings(json: &str) -> Vec<String> {
    let parts = members(json);
    let mut found = vec![
        json.replacen(':', ": ", 1),
        json.replacen('{', "{ ", 1),
        format!(" {json}"),
        format!("\n{json}"),
        format!("\u{feff}{json}"),
        format!("{json}{json}"),
        format!("[{json}]"),
        "null".into(),
        "[]".into(),
        "{}".into(),
        "\"\"".into(),
        "0".into(),
        String::new(),
    ];
    for (index, part) in parts.iter().enumerate() {
        let mut without = parts.clone();
        without.remove(index);
        found.push(object(&without));
        let mut doubled = parts.clone();
        doubled.insert(index, part.clone());
        found.push(object(&doubled));
        let mut moved = without;
        moved.insert((index + 1) % parts.len(), part.clone());
        found.push(object(&moved));
        let name = part.split(':').next().unwrap();
        for value in ["null", "\"\"", "{}", "[]", "-1", "1.5", "1e400", "true"] {
            let mut other = parts.clone();
            other[index] = format!("{name}:{value}");
            found.push(object(&other));
        }
        let mut unknown = parts.clone();
        unknown.insert(index, r#""x":1"#.into());
        found.push(object(&unknown));
    }
    found.retain(|text| text != json);
    found
}

#[test]
fn json_is_written_in_one_way() {
    let case = Case::new();
    for kind in KINDS {
        let json = case.json(kind);
        let mut others = other_writings(&json);
        if kind == Kind::ConnectionKey {
            let value: Value = serde_json::from_str(&json).unwrap();
            let rsa = json[7..].split_once('}').unwrap().0.to_owned() + "}";
            assert_eq!(serde_json::from_str::<Value>(&rsa).unwrap(), value["rsa"]);
            others.extend(
                other_writings(&rsa)
                    .iter()
                    .map(|other| json.replace(&rsa, other)),
            );
        }
        if kind == Kind::LinkSent {
            let link = json.split_once(r#""link":"#).unwrap().1;
            let link = link.strip_suffix('}').unwrap();
            let allowed = [("maxReads", json!(null)), ("name", json!(""))];
            let allowed = allowed.map(|(name, value)| with_member(link, name, &value));
            let nested = other_writings(link).into_iter();
            let nested = nested.filter(|other| !allowed.contains(other));
            others.extend(nested.map(|other| json.replace(link, &other)));
        }
        for other in others {
            // A pin or a verification that is not there, an end that is not there: these are values.
            let allowed = json.len() > 4 && is_another_value(kind, &json, &other);
            if !allowed {
                let jwe = case.with_json(kind, &kind.fill(other.as_bytes()));
                case.refuses(kind, &jwe, &other);
            }
        }
    }
}

/// Members that may be null or empty in an honest record.
fn is_another_value(kind: Kind, json: &str, other: &str) -> bool {
    let free: &[(&str, Value)] = match kind {
        Kind::Note => &[
            ("pin", json!(null)),
            ("ownKey", json!("")),
            ("name", json!("")),
            ("secret", json!("")),
            ("inviter", json!("")),
            ("createdAt", json!(null)),
            ("createdAt", json!(-1)),
        ],
        Kind::Sent => &[
            ("fields", json!(null)),
            ("fields", json!([])),
            ("expiresAt", json!(-1)),
            ("acceptUnverified", json!(true)),
        ],
        Kind::Share => &[("madeAt", json!(-1)), ("expiresAt", json!(-1))],
        Kind::LinkSent => &[
            ("fields", json!(null)),
            ("fields", json!([])),
            ("expiresAt", json!(-1)),
            ("acceptUnverified", json!(true)),
        ],
        Kind::Link => &[
            ("madeAt", json!(-1)),
            ("expiresAt", json!(-1)),
            ("maxReads", json!(null)),
        ],
        _ => &[],
    };
    free.iter()
        .any(|(name, value)| with_member(json, name, value) == other)
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let case = Case::new();
    for kind in KINDS {
        let json = case.json(kind).into_bytes();
        for position in [0, 1, json.len() / 2, json.len() - 1] {
            for byte in [0xff, 0xc0, 0x80, 0] {
                let mut broken = json.clone();
                broken[position] = byte;
                let jwe = case.with_json(kind, &kind.fill(&broken));
                case.refuses(kind, &jwe, &format!("{byte:x} at {position}"));
            }
        }
    }
    // The signed text of a share must be text itself.
    let header = jose::header_of(&case.seal(Kind::Share));
    case.refuses(
        Kind::Share,
        &case.reseal(Kind::Share, &header, &[0xff; 600]),
        "not text",
    );
}

#[test]
fn padding_has_one_length() {
    let case = Case::new();
    for kind in KINDS {
        let json = case.json(kind).into_bytes();
        let right = kind.fill(&json).len();
        let mut wrong = vec![
            jose::pad(&json, right + 1),
            jose::pad(&json, right * 2),
            jose::pad(&json, right * 4),
            [
                json.clone(),
                vec![b'\n'; right.max(json.len() + 1) - json.len()],
            ]
            .concat(),
            [
                json.clone(),
                vec![0; right.max(json.len() + 1) - json.len()],
            ]
            .concat(),
        ];
        if kind.is_padded() {
            wrong.push(jose::pad(&json, 4 << 20));
            wrong.push(json.clone());
            wrong.push(jose::pad(&json, right - 1));
            wrong.push([vec![b' '; right - json.len()], json].concat());
            wrong.push(vec![b' '; right]);
        }
        for plaintext in sample(&format!("wrong paddings of {kind:?}"), PARTS, wrong) {
            let jwe = case.with_json(kind, &plaintext);
            case.refuses(
                kind,
                &jwe,
                &format!("{} instead of {right}", plaintext.len()),
            );
        }
    }
}

#[test]
fn a_symmetric_key_has_32_bytes() {
    let case = Case::new();
    for kind in [
        Kind::KekPassphrase,
        Kind::KekRecovery,
        Kind::VaultKey,
        Kind::OwnDek,
        Kind::OwnLinkKey,
        Kind::PeerDek,
        Kind::Claim,
    ] {
        for length in [0, 1, 16, 31, 33, 64] {
            let k = BASE64URL_NOPAD.encode(&vec![7; length]);
            let jwk = format!(r#"{{"k":"{k}","kty":"oct"}}"#);
            case.refuses(kind, &case.with_json(kind, jwk.as_bytes()), &jwk);
        }
        let k = BASE64URL_NOPAD.encode(&[7; 32]);
        for jwk in [
            format!(r#"{{"k":"{k}","kty":"OKP"}}"#),
            format!(r#"{{"k":"{k}","kty":"RSA"}}"#),
            format!(r#"{{"k":"{k}=","kty":"oct"}}"#),
            format!(r#"{{"alg":"A256GCM","k":"{k}","kty":"oct"}}"#),
        ] {
            case.refuses(kind, &case.with_json(kind, jwk.as_bytes()), &jwk);
        }
    }
}

#[test]
fn a_signing_key_matches_its_public_half() {
    let (case, other) = (Case::new(), Case::new());
    let kind = Kind::SigningKey;
    let json = case.json(kind);
    let theirs: Value = serde_json::from_str(&other.json(kind)).unwrap();
    for changed in [
        with_member(&json, "x", &theirs["x"]),
        with_member(&json, "d", &theirs["d"]),
        with_member(&json, "crv", &json!("X25519")),
        with_member(&json, "kty", &json!("EC")),
        with_member(&json, "d", &json!(jose::to_base64url(&[7; 31]))),
        with_member(&json, "d", &json!(jose::to_base64url(&[7; 33]))),
    ] {
        case.refuses(kind, &case.with_json(kind, changed.as_bytes()), &changed);
    }
}

/// The private record with a half of another, whose members stay in their order.
fn with_half(json: &str, name: &str, value: &Value) -> String {
    let value = match name {
        "rsa" => {
            let rsa: RsaPrivateJwk = serde_json::from_value(value.clone()).unwrap();
            serde_json::to_string(&rsa).unwrap()
        }
        _ => value.to_string(),
    };
    let changed: Vec<String> = members(json)
        .into_iter()
        .map(|member| match member.starts_with(&format!("\"{name}\":")) {
            true => format!("\"{name}\":{value}"),
            false => member,
        })
        .collect();
    object(&changed)
}

#[test]
fn a_connection_key_is_the_one_that_was_made() {
    let case = Case::new();
    let kind = Kind::ConnectionKey;
    let json = case.json(kind);
    let another = KEYS[1].to_json().unwrap();
    case.refuses(kind, &case.with_json(kind, &another), "a whole other key");
    let theirs: Value = serde_json::from_slice(&another).unwrap();
    let own: Value = serde_json::from_str(&json).unwrap();
    let seed = jose::from_base64url(own["xwing"].as_str().unwrap());
    assert_eq!(seed.len(), 32);
    for seed in [&seed[1..], &[&seed[..], &[0]].concat(), &[]] {
        let changed = with_member(&json, "xwing", &json!(jose::to_base64url(seed)));
        case.refuses(kind, &case.with_json(kind, changed.as_bytes()), &changed);
    }
    for half in ["rsa", "xwing"] {
        let changed = with_half(&json, half, &theirs[half]);
        case.refuses(kind, &case.with_json(kind, changed.as_bytes()), half);
    }
    let with_number = |name: &str, value: &Value| {
        let (rsa, _) = json[7..].split_once('}').unwrap();
        let rsa = format!("{rsa}}}");
        json.replace(&rsa, &with_member(&rsa, name, value))
    };
    let number = |name: &str, change: fn(&mut Vec<u8>)| {
        let mut bytes = jose::from_base64url(own["rsa"][name].as_str().unwrap());
        change(&mut bytes);
        with_number(name, &json!(jose::to_base64url(&bytes)))
    };
    for changed in [
        with_number("n", &theirs["rsa"]["n"]),
        with_number("e", &json!("Aw")),
        with_number("kty", &json!("OKP")),
        number("n", |bytes| bytes.insert(0, 0)),
        number("d", |bytes| bytes.insert(0, 0)),
        number("p", |bytes| bytes.insert(0, 0)),
        number("e", |bytes| bytes.insert(0, 0)),
    ] {
        case.refuses(
            kind,
            &case.with_json(kind, changed.as_bytes()),
            &format!("{changed:.80}"),
        );
    }
    // The numbers are not computed with when they are read; what does not fit is refused before it is used. (The other
    // three follow from these, and engines compute them anew.)
    for name in ["d", "p", "q"] {
        let changed = with_number(name, &theirs["rsa"][name]);
        let refused = ConnectionKey::from_json(changed.as_bytes())
            .and_then(|key| now(RustEngine.import_rsa_key(key.rsa().pkcs8())));
        assert_eq!(
            refused.err().map(|error| error.code()),
            Some("record_rejected"),
            "{name}"
        );
    }
}

#[test]
fn a_share_says_what_it_must() {
    let (case, other) = (Case::new(), Case::new());
    let json = case.json(Kind::Share);
    let value: Value = serde_json::from_str(&json).unwrap();
    let party = |account: &Value, key: &Value| json!({ "account": account, "signingKey": key });
    let (alice, bob) = (&value["from"], &value["to"]);
    let stranger = json!(other.signing.public().kid());
    for changed in [
        with_member(&json, "share", &json!(other.share)),
        with_member(&json, "connection", &json!(other.connection)),
        with_member(&json, "space", &json!(other.space)),
        with_member(&json, "from", bob),
        with_member(&json, "to", alice),
        with_member(
            &json,
            "from",
            &party(&json!(other.alice), &alice["signingKey"]),
        ),
        with_member(&json, "from", &party(&alice["account"], &stranger)),
        with_member(&json, "to", &party(&json!(other.bob), &bob["signingKey"])),
        with_member(&json, "to", &party(&bob["account"], &stranger)),
        with_member(&json, "dek", &json!(other.dek.kid())),
        with_member(&json, "dek", &json!(case.kek.kid())),
    ] {
        let jwe = case.with_json(Kind::Share, &jose::pad_to_class(changed.as_bytes()));
        case.refuses(Kind::Share, &jwe, &changed);
    }
}

#[test]
fn a_share_is_signed_in_one_way() {
    let case = Case::new();
    let envelope = jose::header_of(&case.seal(Kind::Share));
    let payload = jose::pad_to_class(case.json(Kind::Share).as_bytes());
    let jwk = case.signing.to_jwk().unwrap();
    let kid = case.signing.public().kid();
    let good = case.signed(&payload);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut wrong: Vec<String> = [
        format!(r#"{{"alg":"EdDSA","typ":"vs-keys","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"vs-share","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"vs-share-content","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"Ed25519","typ":"vs-share-content","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"none","typ":"vs-share-content","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"HS256","typ":"vs-share-content","kid":"{kid}"}}"#),
        format!(
            r#"{{"alg":"EdDSA","typ":"vs-share-content","kid":"{}"}}"#,
            case.bobs.public().kid()
        ),
        format!(r#"{{"alg":"EdDSA","typ":"vs-share-content","kid":"{kid}","b64":false}}"#),
        format!(r#"{{"alg": "EdDSA","typ":"vs-share-content","kid":"{kid}"}}"#),
        r#"{"alg":"EdDSA","typ":"vs-share-content"}"#.into(),
    ]
    .iter()
    .map(|header| jose::sign(&jwk, header, &payload))
    .collect();
    let head = format!(r#"{{"alg":"EdDSA","typ":"vs-share-content","kid":"{kid}"}}"#);
    wrong.push(jose::sign(&case.bobs.to_jwk().unwrap(), &head, &payload));
    wrong.push(format!("{signed}."));
    wrong.push(signed.to_owned());
    wrong.push(format!("{signed}.{}", jose::to_base64url(&[0; 64])));
    wrong.push(format!("{good}.{signature}"));
    wrong.push(format!("{good} "));
    wrong.push(String::from_utf8(payload).unwrap());
    for jws in wrong {
        let jwe = case.reseal(Kind::Share, &envelope, jws.as_bytes());
        case.refuses(Kind::Share, &jwe, &format!("{jws:.120}"));
    }
    assert_eq!(
        case.open(
            Kind::Share,
            &case.reseal(Kind::Share, &envelope, good.as_bytes())
        ),
        Ok(true)
    );
}

#[test]
fn hostile_cards_are_refused() {
    let case = Case::new();
    let field = |name: &str| format!(r#"{{"name":"{name}","label":"L","value":"V"}}"#);
    let many: Vec<String> = (0..5000).map(|n| field(&format!("n{n}"))).collect();
    let card = |label: &str, fields: &[String]| {
        format!(r#"{{"label":"{label}","fields":[{}]}}"#, fields.join(","))
    };
    let long = "x".repeat(1001);
    let cards = [
        card("Twice", &[field("n"), field("n")]),
        card("Many", &many),
        card("Nameless", &[field("")]),
        card("Long name", &[field(&long)]),
        card(&long, &[]),
        card("", &[]),
        card("  ", &[]),
        format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
    ];
    for hostile in cards {
        for kind in [Kind::Share, Kind::Card] {
            let parts: Vec<String> = members(&case.json(kind))
                .into_iter()
                .map(|part| {
                    if part.starts_with("\"card\":") {
                        format!("\"card\":{hostile}")
                    } else {
                        part
                    }
                })
                .collect();
            let jwe = case.with_json(kind, &jose::pad_to_class(object(&parts).as_bytes()));
            case.refuses(kind, &jwe, &format!("{hostile:.60}"));
        }
    }
}
