//! OPAQUE without stretching, as in RFC 9807, C.1.1: the client's half, with the random values that the RFC names.

use opaque_ke::Identifiers;
use opaque_ke::ksf::Identity;
use serde::Deserialize;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Scripted, hex, tell};
use crate::crypto::engine::Engine;
use crate::crypto::opaque::{
    Random, finish_registration, finish_sign_in, start_registration, start_sign_in,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    section: String,
    context: String,
    client_identity: Option<String>,
    server_identity: Option<String>,
    password: String,
    blind_registration: String,
    envelope_nonce: String,
    blind_login: String,
    client_keyshare_seed: String,
    client_nonce: String,
    registration_request: String,
    registration_response: String,
    registration_upload: String,
    ke1: String,
    ke2: String,
    ke3: String,
    export_key: String,
}

/// A scalar is drawn as 64 bytes and reduced; the RFC's are reduced already.
fn as_drawn(scalar: &str) -> Vec<u8> {
    [hex(scalar), vec![0; 32]].concat()
}

#[wasm_bindgen_test(unsupported = test)]
fn the_vectors_of_rfc_9807() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("opaque.json")).unwrap();
    let sections: Vec<&str> = vectors.iter().map(|vector| &*vector.section).collect();
    assert_eq!(sections, ["C.1.1.1", "C.1.1.2"]);
    for vector in &vectors {
        registers(vector);
        signs_in(vector);
    }
    tell("OPAQUE: two registrations and two sign-ins as in the RFC");
}

fn registers(vector: &Vector) {
    let password = hex(&vector.password);
    let engine = Scripted::new(&as_drawn(&vector.blind_registration));
    let started = start_registration(&engine, &password).unwrap();
    assert!(engine.is_used_up());
    assert_eq!(started.message, hex(&vector.registration_request));

    let engine = Scripted::new(&hex(&vector.envelope_nonce));
    let mut random = Random::new(|buffer: &mut [u8]| engine.fill_random(buffer));
    let (client, server) = identities(vector);
    let finished = finish_registration::<Identity>(
        &mut random,
        &started.state,
        &password,
        &hex(&vector.registration_response),
        identifiers(&client, &server),
    )
    .unwrap();
    assert!(engine.is_used_up());
    assert_eq!(finished.message, hex(&vector.registration_upload));
    assert_eq!(*finished.export_key, hex(&vector.export_key));
}

fn signs_in(vector: &Vector) {
    let password = hex(&vector.password);
    let drawn = [
        as_drawn(&vector.blind_login),
        hex(&vector.client_keyshare_seed),
        hex(&vector.client_nonce),
    ];
    let engine = Scripted::new(&drawn.concat());
    let started = start_sign_in(&engine, &password).unwrap();
    assert!(engine.is_used_up());
    assert_eq!(started.message, hex(&vector.ke1));

    let (client, server) = identities(vector);
    let answer = hex(&vector.ke2);
    let finish = |password: &[u8], answer: &[u8], context: &[u8]| {
        let mut random = Random::new(|_: &mut [u8]| Ok(()));
        let identifiers = identifiers(&client, &server);
        let state = &started.state;
        finish_sign_in::<Identity>(&mut random, state, password, answer, context, identifiers)
    };
    let context = hex(&vector.context);
    let finished = finish(&password, &answer, &context).unwrap();
    assert_eq!(finished.message, hex(&vector.ke3));
    assert_eq!(*finished.export_key, hex(&vector.export_key));

    let mut changed = answer.clone();
    *changed.last_mut().unwrap() ^= 1;
    for failed in [
        finish(b"another", &answer, &context),
        finish(&password, &changed, &context),
        finish(&password, &answer, b"another"),
    ] {
        assert_eq!(failed.unwrap_err().code(), "wrong_credentials");
    }
}

fn identities(vector: &Vector) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (
        vector.client_identity.as_deref().map(hex),
        vector.server_identity.as_deref().map(hex),
    )
}

fn identifiers<'a>(client: &'a Option<Vec<u8>>, server: &'a Option<Vec<u8>>) -> Identifiers<'a> {
    Identifiers {
        client: client.as_deref(),
        server: server.as_deref(),
    }
}
