//! What a person publishes: the statement that binds a connection key to them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vouchsafe::api::vault::connections::Side;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::SigningKey;
use vouchsafe::crypto::records::{Publication, Role, check_publication, make_publication};

use crate::envelopes::case::{Case, KEYS};
use crate::envelopes::kind::{KINDS, members, object, with_member};
use crate::support::jose;

fn publication(case: &Case) -> Publication {
    make_publication(
        case.alice,
        case.connection,
        Role::Inviter,
        &case.signing,
        case.pair.public(),
    )
    .unwrap()
}

fn refused(case: &Case, publication: &Publication, why: &str) {
    match check_publication(publication, case.alice, case.connection, Role::Inviter) {
        Err(error) => assert_eq!(error.code(), "record_rejected", "{why}"),
        Ok(_) => panic!("taken: {why}"),
    }
}

fn header(case: &Case) -> String {
    let kid = case.signing.public().kid();
    format!(r#"{{"alg":"EdDSA","typ":"vs-keys","kid":"{kid}"}}"#)
}

/// A statement with any content, rightly signed.
fn stating(case: &Case, json: &str) -> Publication {
    let jwk = case.signing.to_jwk().unwrap();
    Publication {
        statement: jose::sign(&jwk, &header(case), json.as_bytes()),
        ..publication(case)
    }
}

#[test]
fn the_unchanged_one_is_taken() {
    let case = Case::new();
    let made = publication(&case);
    let json = String::from_utf8(jose::payload_of(&made.statement)).unwrap();
    for good in [&made, &stating(&case, &json)] {
        let (signing, key) =
            check_publication(good, case.alice, case.connection, Role::Inviter).unwrap();
        assert_eq!(
            (&signing, &key),
            (case.signing.public(), case.pair.public())
        );
    }
}

#[test]
fn it_is_for_one_account_invitation_and_role() {
    let (case, other) = (Case::new(), Case::new());
    let made = publication(&case);
    for (account, invitation, role) in [
        (other.alice, case.connection, Role::Inviter),
        (case.alice, other.connection, Role::Inviter),
        (case.alice, case.connection, Role::Invitee),
    ] {
        let error = check_publication(&made, account, invitation, role).unwrap_err();
        assert_eq!(error.code(), "record_rejected");
    }
}

/// A publication that is in order, but for an X-Wing key that fails the check of encapsulation keys.
fn unchecked(case: &Case) -> Publication {
    let key = case.pair.public();
    let mut xwing = key.xwing().as_bytes().to_vec();
    xwing[..3].fill(0xff);
    let id = Sha256::new()
        .chain_update("vouchsafe/1 connection key")
        .chain_update(jose::from_base64url(key.rsa().thumbprint()))
        .chain_update(&xwing)
        .finalize();
    let id = jose::to_base64url(&id);
    let json = String::from_utf8(jose::payload_of(&publication(case).statement)).unwrap();
    Publication {
        xwing: jose::to_base64url(&xwing),
        id: id.clone(),
        ..stating(case, &with_member(&json, "key", &json!(id)))
    }
}

#[test]
fn its_parts_belong_together() {
    let case = Case::new();
    let made = publication(&case);
    let stranger = SigningKey::make(&RustEngine).unwrap();
    let theirs = make_publication(
        case.alice,
        case.connection,
        Role::Inviter,
        &stranger,
        KEYS[1].public(),
    )
    .unwrap();
    let swapped = [
        Publication {
            id: theirs.id.clone(),
            ..made.clone()
        },
        Publication {
            spki: theirs.spki.clone(),
            ..made.clone()
        },
        Publication {
            spki: theirs.spki.clone(),
            id: theirs.id.clone(),
            ..made.clone()
        },
        Publication {
            xwing: theirs.xwing.clone(),
            ..made.clone()
        },
        Publication {
            xwing: theirs.xwing.clone(),
            id: theirs.id.clone(),
            ..made.clone()
        },
        Publication {
            xwing: String::new(),
            ..made.clone()
        },
        Publication {
            xwing: format!("{}=", made.xwing),
            ..made.clone()
        },
        // A coefficient of 4095: the statement of one's own would hold for it.
        unchecked(&case),
        Publication {
            signing_key: theirs.signing_key.clone(),
            ..made.clone()
        },
        Publication {
            statement: theirs.statement.clone(),
            ..made.clone()
        },
        Publication {
            statement: theirs.statement.clone(),
            signing_key: theirs.signing_key.clone(),
            ..made.clone()
        },
        Publication {
            id: String::new(),
            ..made.clone()
        },
        Publication {
            id: format!("{}=", made.id),
            ..made.clone()
        },
        Publication {
            spki: format!("{}=", made.spki),
            ..made.clone()
        },
        Publication {
            spki: made.spki.replace('-', "+"),
            id: String::new(),
            ..made.clone()
        },
    ];
    for (index, wrong) in swapped.iter().enumerate() {
        refused(&case, wrong, &format!("swap {index}"));
    }
}

#[test]
fn the_statement_is_written_in_one_way() {
    let (case, other) = (Case::new(), Case::new());
    let json = String::from_utf8(jose::payload_of(&publication(&case).statement)).unwrap();
    let parts = members(&json);
    let mut variants = vec![
        format!("{json} "),
        format!("{json}\n"),
        json.replacen(':', ": ", 1),
        "{}".into(),
        "null".into(),
        String::new(),
        with_member(&json, "account", &json!(other.alice)),
        with_member(
            &json,
            "account",
            &json!(case.alice.to_string().to_uppercase()),
        ),
        with_member(&json, "invitation", &json!(other.connection)),
        with_member(&json, "role", &json!("invitee")),
        with_member(&json, "role", &json!("Inviter")),
        with_member(&json, "key", &json!(KEYS[1].public().id())),
        with_member(&json, "key", &json!("")),
    ];
    for (index, part) in parts.iter().enumerate() {
        let mut without = parts.clone();
        without.remove(index);
        variants.push(object(&without));
        let mut doubled = parts.clone();
        doubled.push(part.clone());
        variants.push(object(&doubled));
        let mut moved = without;
        moved.insert((index + 1) % parts.len(), part.clone());
        variants.push(object(&moved));
        let mut unknown = parts.clone();
        unknown.insert(index, r#""x":1"#.into());
        variants.push(object(&unknown));
    }
    for variant in variants {
        refused(&case, &stating(&case, &variant), &variant);
    }
    let mut broken = json.into_bytes();
    broken[3] = 0xff;
    let jwk = case.signing.to_jwk().unwrap();
    let statement = jose::sign(&jwk, &header(&case), &broken);
    refused(
        &case,
        &Publication {
            statement,
            ..publication(&case)
        },
        "not UTF-8",
    );
}

#[test]
fn the_signature_is_of_one_kind() {
    let case = Case::new();
    let made = publication(&case);
    let payload = jose::payload_of(&made.statement);
    let (jwk, kid) = (case.signing.to_jwk().unwrap(), case.signing.public().kid());
    let mut wrong: Vec<String> = [
        format!(r#"{{"alg":"EdDSA","typ":"vs-share-content","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"none","typ":"vs-keys","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"vs-keys","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"vs-keys","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(
            r#"{{"alg":"EdDSA","typ":"vs-keys","kid":"{}"}}"#,
            case.bobs.public().kid()
        ),
        format!(r#"{{"alg":"EdDSA","typ":"vs-keys","kid":"{kid}","crit":["x"]}}"#),
        r#"{"alg":"EdDSA","typ":"vs-keys"}"#.into(),
    ]
    .iter()
    .map(|header| jose::sign(&jwk, header, &payload))
    .collect();
    let (signed, signature) = made.statement.rsplit_once('.').unwrap();
    let mut flipped = jose::from_base64url(signature);
    flipped[0] ^= 1;
    wrong.push(format!("{signed}.{}", jose::to_base64url(&flipped)));
    wrong.push(format!("{signed}.{}", &signature[..signature.len() - 2]));
    wrong.push(format!("{signed}.{signature}AA"));
    wrong.push(format!("{signed}."));
    wrong.push(signed.to_owned());
    wrong.push(format!("{}.{signature}", made.statement));
    wrong.push(String::new());
    wrong.push("..".into());
    for kind in KINDS {
        wrong.push(case.seal(kind));
    }
    for statement in wrong {
        let why = format!("{statement:.100}");
        refused(
            &case,
            &Publication {
                statement,
                ..publication(&case)
            },
            &why,
        );
    }
}

/// S and S + L sign the same message for a lenient verifier.
#[test]
fn signatures_cannot_be_respelled() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let case = Case::new();
    let made = publication(&case);
    let (signed, signature) = made.statement.rsplit_once('.').unwrap();
    let mut bytes = jose::from_base64url(signature);
    let mut carry = 0_u16;
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    let statement = format!("{signed}.{}", jose::to_base64url(&bytes));
    refused(&case, &Publication { statement, ..made }, "S + L");
}

#[test]
fn signing_keys_are_ed25519_and_not_weak() {
    let case = Case::new();
    let made = serde_json::to_value(publication(&case)).unwrap();
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = [[0; 32], identity, [0xff; 32]];
    let mut changes: Vec<(&str, Value)> = weak
        .iter()
        .map(|key| ("x", json!(jose::to_base64url(key))))
        .collect();
    changes.push(("x", json!(jose::to_base64url(&[7; 31]))));
    changes.push(("x", json!("")));
    changes.push(("crv", json!("X25519")));
    changes.push(("crv", json!("ed25519")));
    changes.push(("kty", json!("EC")));
    for (name, value) in changes {
        let mut wrong = made.clone();
        wrong["signingKey"][name] = value;
        let why = wrong["signingKey"].to_string();
        refused(&case, &serde_json::from_value(wrong).unwrap(), &why);
    }
    // As the Vault's answers are read.
    let read = |publication: &Value| {
        let side = json!({ "account": case.alice, "publication": publication });
        vouchsafe::json::read::<Side>(side.to_string().as_bytes())
    };
    assert!(read(&made).is_ok());
    for extra in ["d", "kid", "use"] {
        let mut wrong = made.clone();
        wrong["signingKey"][extra] = json!("x");
        assert!(read(&wrong).is_err(), "{extra}");
    }
}
