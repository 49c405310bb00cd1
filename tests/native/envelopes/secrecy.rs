//! What is logged by accident shows nothing.

use std::fmt::Debug;

use vouchsafe::api::keystore::accounts::{SignInStart, SignUpStart, SignedIn, SignedUp};
use vouchsafe::api::keystore::credentials::{RecoveryStart, RecoveryStarted};
use vouchsafe::api::vault::connections::NewConnection;
use vouchsafe::api::vault::invitations::TokenBody;
use vouchsafe::api::{Method, Request, Response};
use vouchsafe::crypto::engine::Finished;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::invitation_link::{LinkSecret, Ticket, to_link};
use vouchsafe::crypto::recovery_key::RecoveryKey;
use vouchsafe::flows::Login;
use zeroize::Zeroizing;

use crate::envelopes::case::{Case, content, now};
use crate::envelopes::kind::Kind;
use crate::support::jose;

/// Whether any spelling of these bytes appears.
fn shows(value: &impl Debug, secret: &[u8]) -> bool {
    let numbers: Vec<String> = secret.iter().take(4).map(u8::to_string).collect();
    let spellings = [
        jose::to_base64url(secret),
        numbers.join(","),
        secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        String::from_utf8_lossy(secret).replace(['\n', ' '], ""),
    ];
    [format!("{value:?}"), format!("{value:#?}")]
        .into_iter()
        .map(|text| text.replace(['\n', ' '], ""))
        .any(|text| spellings.iter().any(|spelling| text.contains(spelling)))
}

fn shows_nothing(value: &impl Debug, secret: &[u8]) {
    assert!(!shows(value, secret), "{value:?}");
}

#[test]
fn the_search_finds_what_is_shown() {
    assert!(shows(&vec![1_u8, 2, 3, 4, 5], &[1, 2, 3, 4, 5]));
    assert!(shows(&"secret text", b"secret text"));
    assert!(shows(&"AQIDBAU", &[1, 2, 3, 4, 5]));
    assert!(!shows(&"SymmetricKey { .. }", &[1, 2, 3, 4, 5]));
}

/// The bytes of a secret member of a private JWK.
fn member(jwk: &[u8], name: &str) -> Vec<u8> {
    let jwk: serde_json::Value = serde_json::from_slice(jwk).unwrap();
    jose::from_base64url(jwk[name].as_str().unwrap())
}

#[test]
fn keys() {
    let case = Case::new();
    shows_nothing(&case.kek, case.kek.as_bytes());
    shows_nothing(&case.signing, &member(&case.signing.to_jwk().unwrap(), "d"));
    let rsa = case.pair.rsa().to_jwk().unwrap();
    let jwk = serde_json::to_vec(&rsa).unwrap();
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        shows_nothing(&case.pair, &member(&jwk, name));
        shows_nothing(case.pair.rsa(), &member(&jwk, name));
        shows_nothing(&rsa, &member(&jwk, name));
    }
    let seed = jose::from_base64url(&case.pair.xwing().to_text());
    shows_nothing(&case.pair, &seed);
    shows_nothing(case.pair.xwing(), &seed);
    let recovery = RecoveryKey::make(&RustEngine).unwrap();
    shows_nothing(&recovery, recovery.to_written().unwrap().as_bytes());
    shows_nothing(&recovery, recovery.wrapping_key().unwrap().as_bytes());
}

#[test]
fn invitation_secrets() {
    let case = Case::new();
    let secret = LinkSecret::make(&RustEngine).unwrap();
    let bytes = jose::from_base64url(&secret.to_text());
    let token = secret.token().unwrap();
    let token_bytes = jose::from_base64url(&token.to_text());
    shows_nothing(&secret, &bytes);
    shows_nothing(&token, &token_bytes);
    let link = to_link(
        "https://app.example/",
        case.connection,
        case.signing.public(),
        &secret,
    );
    shows_nothing(&Ticket::from_link(&link).unwrap(), &bytes);
    shows_nothing(
        &Ticket::Mail {
            id: case.connection,
            token: token.clone(),
        },
        &token_bytes,
    );
    shows_nothing(&case.note().with_secret(&secret), &bytes);
}

#[test]
fn contents() {
    let case = Case::new();
    shows_nothing(&content(), b"X123");
    shows_nothing(&content().fields[0], b"X123");
    let opened = now(vouchsafe::crypto::records::open_share(
        &RustEngine,
        &case.at(),
        1,
        &case.dek,
        case.signing.public(),
        case.bobs.public(),
        &case.seal(Kind::Share),
    ));
    shows_nothing(&opened.unwrap(), b"X123");
}

#[test]
fn the_export_key() {
    let finished = Finished {
        message: Vec::new(),
        export_key: Zeroizing::new(vec![177; 64]),
    };
    shows_nothing(&finished, &[177; 64]);
}

#[test]
fn sessions_and_tokens_on_the_wire() {
    let case = Case::new();
    let secret = "c2VjcmV0LXNlc3Npb24";
    let (session, jwe) = (Zeroizing::new(secret.to_owned()), String::new());
    let request = Request {
        method: Method::Get,
        url: "https://vault.example/v1/cards".into(),
        bearer: Some(secret.to_owned()),
        body: Some(secret.to_owned()),
        last_event_id: None,
        device: None,
        max_answer: 1 << 16,
    };
    let response = Response {
        status: 200,
        content_type: String::new(),
        retry_after: None,
        body: secret.as_bytes().to_vec(),
    };
    let token = TokenBody {
        token: session.clone(),
    };
    let connection = NewConnection {
        invitation_id: case.connection,
        token: session.clone(),
        public_key_id: String::new(),
        proof: None,
    };
    let signed_up = SignedUp {
        account_id: case.alice,
        session: session.clone(),
        expires_at: 0,
    };
    let signed_in = SignedIn {
        account_id: case.alice,
        email: None,
        session: session.clone(),
        expires_at: 0,
        kek_passphrase: jwe.clone(),
        vault_key: jwe.clone(),
        signing_key: jwe.clone(),
        credentials_version: 1,
        failed_sign_ins: 0,
    };
    let login = Login::Identity(session.clone());
    let sign_in_start = SignInStart {
        email: None,
        identity_token: Some(session.clone()),
        keystore: String::new(),
        credential_request: String::new(),
    };
    let sign_up_start = SignUpStart {
        email: None,
        identity_token: Some(session.clone()),
        keystore: String::new(),
        suite: 1,
        registration_request: String::new(),
    };
    let recovery_start = RecoveryStart {
        email: None,
        identity_token: Some(session.clone()),
        recovery_auth: session.clone(),
    };
    let recovery_started = RecoveryStarted {
        account_id: case.alice,
        session,
        expires_at: 0,
        kek_recovery: jwe.clone(),
        vault_key: jwe.clone(),
        signing_key: jwe,
        credentials_version: 1,
    };
    let shown: Vec<&str> = [
        ("Request", shows(&request, secret.as_bytes())),
        ("Response", shows(&response, secret.as_bytes())),
        ("TokenBody", shows(&token, secret.as_bytes())),
        ("NewConnection", shows(&connection, secret.as_bytes())),
        ("SignedUp", shows(&signed_up, secret.as_bytes())),
        ("SignedIn", shows(&signed_in, secret.as_bytes())),
        ("Login", shows(&login, secret.as_bytes())),
        ("SignInStart", shows(&sign_in_start, secret.as_bytes())),
        ("SignUpStart", shows(&sign_up_start, secret.as_bytes())),
        ("RecoveryStart", shows(&recovery_start, secret.as_bytes())),
        (
            "RecoveryStarted",
            shows(&recovery_started, secret.as_bytes()),
        ),
    ]
    .into_iter()
    .filter(|(_, shown)| *shown)
    .map(|(name, _)| name)
    .collect();
    assert!(shown.is_empty(), "{shown:?} show secrets");
}
