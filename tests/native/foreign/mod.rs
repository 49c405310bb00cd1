//! Foreign readers and writers: node's WebCrypto and the packages `jose` and `hpke` open what the client made, and the
//! client opens what they made; and a stranger opens a share by the protocol's page alone.

mod page;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::records::{open_claim, open_peer_dek};

use crate::support::secrets::{Secrets, bodies, claim_of, place, sent_share, sent_space, text};
use crate::support::{World, eventually, jose, passport, run, whole};

/// Runs the script with this input.
fn ask_node(input: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    assert!(
        folder.join("node_modules/hpke").is_dir(),
        "the hpke package is missing: run `npm ci --prefix tests`"
    );
    let mut node = Command::new("node")
        .arg(folder.join("native/foreign/open.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is missing: install Node.js 20 or later");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "open.mjs failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

#[test]
fn jose_and_webcrypto_agree_with_the_client() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let theirs = bob.session.accept(&ticket, "Alice").await.unwrap();
        let hers_view = alice.session.connection(theirs.id).await.unwrap();
        let card = alice.card().await;
        let share = alice
            .session
            .share(whole(card.id, theirs.id))
            .await
            .unwrap();
        bob.session.read_share(share.id).await.unwrap();
        let claim = eventually(async || claim_of(&bob, share.space)).await["claim"].clone();

        let (hers, his) = (Secrets::of(&alice), Secrets::of(&bob));
        let pair = his.connection_key(&bob, share.connection);
        let alices_pair = hers.connection_key(&alice, share.connection);
        let dek = hers.dek(&alice, &share);
        let side = |secrets: &Secrets, key: &str| {
            json!({
                "account": secrets.account,
                "signingKid": secrets.signing.public().kid(),
                "signingRaw": jose::to_base64url(secrets.signing.public().as_bytes()),
                "connectionKid": key,
            })
        };
        let link = invitation.link.unwrap();
        let input = json!({
            "connectionJwk": pair.rsa().to_jwk().unwrap(),
            "connectionPkcs8": jose::to_base64url(pair.rsa().pkcs8()),
            "connectionSpki": jose::to_base64url(pair.public().rsa().spki()),
            "connectionPublicJwk": pair.public().rsa().to_jwk().unwrap(),
            "xwing": pair.public().xwing().to_text(),
            "xwingSeed": *pair.xwing().to_text(),
            "peer": sent_space(&alice, share.space)["peer"],
            "share": sent_share(&alice, share.id)["share"],
            "claim": claim,
            "senderJwk": hers.signing.public().to_jwk(),
            "signingJwk": parsed(&hers.signing.to_jwk().unwrap()),
            "signingPkcs8": jose::to_base64url(&hers.signing.to_pkcs8().unwrap()),
            "signingSpki": jose::to_base64url(&hers.signing.public().to_spki().unwrap()),
            "signingRaw": jose::to_base64url(hers.signing.public().as_bytes()),
            "kek": parsed(&his.kek.to_jwk().unwrap()),
            "kekRaw": jose::to_base64url(his.kek.as_bytes()),
            "dekText": String::from_utf8(dek.to_jwk().unwrap().to_vec()).unwrap(),
            "link": {
                "secret": link.rsplit_once('.').unwrap().1,
                "invitation": share.connection,
                "sides": [
                    side(&hers, alices_pair.public().id()),
                    side(&his, pair.public().id()),
                ],
            },
        });
        let output = ask_node(&input);

        // A stranger's libraries open the share.
        let opened = &output["opened"];
        assert_eq!(opened["content"]["card"], json!(passport()));
        assert_eq!(
            (&opened["sameDek"], &opened["claimedDek"]),
            (&json!(true), &json!(true))
        );
        let content = &opened["content"];
        let party = |secrets: &Secrets| json!({ "account": secrets.account, "signingKey": secrets.signing.public().kid() });
        assert_eq!(
            (&content["from"], &content["to"]),
            (&party(&hers), &party(&his))
        );
        assert_eq!(
            (&content["share"], &content["connection"], &content["space"]),
            (
                &json!(share.id),
                &json!(share.connection),
                &json!(share.space)
            )
        );
        assert_eq!(content["dek"], json!(dek.kid()));
        assert_eq!(content["expiresAt"], Value::Null);
        assert_eq!(content["edition"], 1);
        assert_eq!(content.as_object().unwrap().len(), 11, "{content}");
        let length = opened["payloadLength"].as_u64().unwrap();
        assert!(length >= 512 && length.is_power_of_two(), "{length}");
        let ctx = format!(
            "{}/{}/{}/{}/{}",
            share.from, share.to, share.connection, share.space, share.id
        );
        let psk_id = &opened["dekHeader"]["psk_id"];
        assert_eq!(
            opened["dekHeader"],
            json!({ "alg": "HPKE-9", "typ": "vs-dek", "kid": pair.public().id(), "psk_id": psk_id, "ctx": ctx })
        );
        assert_eq!(opened["lengths"], json!([32, 384]));
        assert_eq!(
            opened["shareHeader"],
            json!({ "alg": "dir", "enc": "A256GCM", "typ": "vs-share.2", "kid": dek.kid(), "ctx": format!("{ctx}/1") })
        );
        assert_eq!(
            opened["contentHeader"],
            json!({ "alg": "EdDSA", "typ": "vs-share-content.2", "kid": hers.signing.public().kid() })
        );
        assert_eq!(
            opened["thumbprints"],
            json!({
                "dek": dek.kid(),
                "kek": his.kek.kid(),
                "sender": hers.signing.public().kid(),
                "connection": pair.public().id(),
                "connectionPrivate": pair.public().id(),
            })
        );

        // WebCrypto imports every exported form, and writes the same bytes.
        let imported = &output["imported"];
        assert_eq!(imported["done"].as_array().unwrap().len(), 4 + 6 + 1);
        assert_eq!(imported["spki"], input["connectionSpki"]);
        assert_eq!(imported["xwing"], input["xwing"]);
        assert_eq!(imported["n"], input["connectionJwk"]["n"]);
        assert_eq!(imported["pkcs8"], input["signingPkcs8"]);

        // The client opens what jose made with its header, and with no other.
        let made = &output["made"];
        let rsa = RustEngine.import_rsa_key(pair.rsa().pkcs8()).await;
        let rsa = rsa.unwrap();
        let at = place(&share);
        let peer = async |name: &str| {
            let jwe = text(&made[name]);
            let opened = open_peer_dek(&RustEngine, &rsa, &pair, &at, jwe).await;
            opened
                .map(|opened| opened.kid().to_owned())
                .map_err(|error| error.code())
        };
        let claim = |name: &str| {
            open_claim(&his.kek, &at, text(&made[name]))
                .map(|opened| opened.kid().to_owned())
                .map_err(|error| error.code())
        };
        assert_eq!(peer("peer").await.as_deref(), Ok(dek.kid()));
        assert_eq!(claim("claim").as_deref(), Ok(dek.kid()));
        for name in ["turnedPeer", "barePeer", "rsaPeer"] {
            assert_eq!(peer(name).await, Err("record_rejected"), "{name}");
        }
        for name in ["turnedClaim", "bareClaim"] {
            assert_eq!(claim(name), Err("record_rejected"), "{name}");
        }

        // What the protocol derives, derived by its text.
        let derived = &output["derived"];
        assert_eq!(
            Some(text(&derived["safetyNumber"])),
            hers_view.safety_number.as_deref()
        );
        assert_eq!(theirs.safety_number, hers_view.safety_number);
        let accepted = bodies(&bob, "/v1/connections").pop().unwrap();
        assert_eq!(accepted["proof"], derived["proof"]);
        assert_eq!(accepted["token"], derived["token"]);
    });
}
