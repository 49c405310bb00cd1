//! Accounts of people for whom the app's own sign-in vouches.

mod keys;
mod tokens;

use crate::common::*;
use crate::credentials::new_recovery;
use crate::issuer::{Issuer, Signer};
use serde_json::{Value, json};
use vouchsafe_server::Config;

const PASSPHRASE: &str = "a passphrase";

/// A provider with one key, and a Keystore that takes its tokens.
struct Scene {
    issuer: Issuer,
    signer: Signer,
    lab: Lab,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let signer = Signer::new("1");
        let issuer = Issuer::start(&[&signer]).await;
        let lab = Lab::with(|config| {
            config.oidc_issuer = Some(issuer.url.clone());
            config.oidc_audiences = vec!["other app".into(), "app".into()];
            change(config);
        })
        .await;
        Self {
            issuer,
            signer,
            lab,
        }
    }

    fn claims(&self, subject: &str) -> Value {
        self.issuer.claims(&self.lab, subject)
    }

    fn token(&self, subject: &str) -> String {
        self.signer.token(&self.claims(subject))
    }

    /// A token of these claims, some of them others.
    fn token_with(&self, subject: &str, others: Value) -> String {
        let mut claims = self.claims(subject);
        for (name, value) in others.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.signer.token(&claims)
    }

    async fn sign_up(&self, who: &str) -> Answer {
        let (http, keystore) = (&self.lab.http, self.lab.server.keystore_url());
        let body = sign_up_body(http, keystore, who, PASSPHRASE).await;
        self.lab.open_keystore("/sign-up/finish", body).await
    }

    async fn sign_in(&self, who: &str) -> Answer {
        let (http, keystore) = (&self.lab.http, self.lab.server.keystore_url());
        sign_in(http, keystore, who, PASSPHRASE).await
    }

    /// The same to all that a token opens.
    async fn everywhere(&self, who: impl Fn(Value) -> Value) -> Vec<Answer> {
        let keystore = self.lab.server.keystore_url();
        let mut sign_up = registration_request();
        sign_up["keystore"] = json!(keystore);
        let request = sign_in_start(keystore, "x@y")["credentialRequest"].clone();
        let finish = json!({
            "accountId": "3f0b7c52-6a0e-4f3c-9d1e-2b9a51c7e8d4", "registration": random(69), "registrationRecord": "AAAA",
            "kekPassphrase": jwe("x"), "kekRecovery": jwe("x"), "vaultKey": jwe("x"), "signingKey": jwe("x"),
            "recoveryVerifier": random(32),
        });
        let mut answers = Vec::new();
        for (path, body) in [
            ("/sign-up/start", sign_up),
            ("/sign-up/finish", finish),
            (
                "/sign-in/start",
                json!({ "keystore": keystore, "credentialRequest": request }),
            ),
            ("/recovery/start", json!({ "recoveryAuth": random(32) })),
        ] {
            answers.push(self.lab.open_keystore(path, who(body)).await);
        }
        answers
    }

    /// Whether a token gets as far as its account, which there is none of.
    async fn passes(&self, token: &str) -> Answer {
        let body = by(token, json!({ "recoveryAuth": random(32) }));
        self.lab.open_keystore("/recovery/start", body).await
    }
}

#[tokio::test]
async fn a_token_stands_where_an_address_would() {
    let scene = Scene::new().await;
    let ada = scene.token("ada");
    let made = scene.sign_up(&ada).await;
    assert_eq!(made.0, 201, "{made:?}");
    let start = sign_up_start(scene.lab.server.keystore_url(), &scene.token("ada"));
    let taken = scene.lab.open_keystore("/sign-up/start", start);
    assert_eq!(code(&taken.await), (409, "email_taken"));

    // Another token of the same person.
    scene.lab.pass(60_000);
    let signed_in = scene.sign_in(&scene.token("ada")).await;
    assert_eq!(signed_in.0, 200, "{signed_in:?}");
    assert_eq!(signed_in.1["accountId"], made.1["accountId"]);
    assert_eq!(signed_in.1["email"], Value::Null);
    let session = signed_in.1["session"].as_str().unwrap();
    let (keystore, vault) = (
        scene.lab.server.keystore_url(),
        scene.lab.server.vault_url(),
    );
    let token = token(&scene.lab.http, keystore, vault, session).await;
    assert_eq!(scene.lab.vault(&token, "GET", "/cards", None).await.0, 200);

    // A new passphrase is registered for the same identity.
    let url = format!("{keystore}/v1/credentials/start");
    let mut passphrase = register(&scene.lab.http, &url, Some(session), None, "another one").await;
    passphrase["kekPassphrase"] = json!(jwe("new"));
    let body = json!({ "credentialsVersion": 1, "passphrase": passphrase, "recovery": null });
    let changed = scene
        .lab
        .keystore(session, "PUT", "/credentials", Some(body))
        .await;
    assert_eq!(changed.0, 200, "{changed:?}");
    let again = sign_in(
        &scene.lab.http,
        keystore,
        &scene.token("ada"),
        "another one",
    )
    .await;
    assert_eq!(again.0, 200, "{again:?}");

    let session = again.1["session"].as_str().unwrap();
    let gone = scene
        .lab
        .keystore(session, "DELETE", "/account", None)
        .await;
    assert_eq!(gone.0, 204);
    let anew = scene.sign_up(&scene.token("ada")).await;
    assert_eq!(anew.0, 201, "the identity is free: {anew:?}");
    let (_, signature) = ada.rsplit_once('.').unwrap();
    assert!(
        !holds(scene.lab.folder.path(), signature),
        "tokens are not kept"
    );
    assert_ne!(anew.1["accountId"], made.1["accountId"]);
}

#[tokio::test]
async fn a_recovery_key_needs_the_token_too() {
    let scene = Scene::new().await;
    let ada = scene.token("ada");
    scene.sign_up(&ada).await;
    let auth = recovery_auth(&ada);
    let recover = async |body: Value| scene.lab.open_keystore("/recovery/start", body).await;
    let shown = || json!({ "recoveryAuth": auth });
    let theirs = recover(by(&scene.token("eve"), shown())).await;
    assert_eq!(code(&theirs), (401, "wrong_credentials"));
    let nobodys = recover(by("ada@example.org", shown())).await;
    assert_eq!(code(&nobodys), (401, "wrong_credentials"));
    let wrong = by(&scene.token("ada"), json!({ "recoveryAuth": random(32) }));
    assert_eq!(code(&recover(wrong).await), (401, "wrong_credentials"));

    let started = recover(by(&scene.token("ada"), shown())).await;
    assert_eq!(started.0, 200, "{started:?}");
    let session = started.1["session"].as_str().unwrap();
    let keystore = scene.lab.server.keystore_url();
    let url = format!("{keystore}/v1/credentials/start");
    let mut passphrase = register(&scene.lab.http, &url, Some(session), None, "another one").await;
    passphrase["kekPassphrase"] = json!(jwe("new"));
    let body = json!({
        "credentialsVersion": 1, "recovery": new_recovery(&random(32)), "passphrase": passphrase,
    });
    let changed = scene
        .lab
        .keystore(session, "PUT", "/credentials", Some(body))
        .await;
    assert_eq!(changed.0, 200, "{changed:?}");
    let again = sign_in(
        &scene.lab.http,
        keystore,
        &scene.token("ada"),
        "another one",
    )
    .await;
    assert_eq!(again.0, 200, "{again:?}");
}

#[tokio::test]
async fn the_passphrase_opens_nothing_with_the_token_of_another() {
    let scene = Scene::new().await;
    scene.sign_up(&scene.token("ada")).await;
    scene.sign_up(&scene.token("bob")).await;
    scene.sign_up("ada@example.org").await;
    let (http, keystore) = (&scene.lab.http, scene.lab.server.keystore_url());
    // Bob's account has the same passphrase, and stays Bob's.
    let bob = scene.sign_in(&scene.token("bob")).await;
    let ada = scene.sign_in(&scene.token("ada")).await;
    assert_ne!(ada.1["accountId"], bob.1["accountId"]);
    for (who, passphrase) in [
        (scene.token("eve"), PASSPHRASE),
        (scene.token("Ada"), PASSPHRASE),
        (scene.token("ada "), PASSPHRASE),
        (scene.token("ada@example.org"), PASSPHRASE),
        ("ada@x".to_owned(), PASSPHRASE),
        (scene.token("ada"), "another passphrase"),
    ] {
        let (started, finish) = sign_in_body(http, keystore, &who, passphrase).await;
        assert!(finish.is_none(), "{who}");
        // Whether there is an account does not show.
        assert_eq!(started.as_object().unwrap().len(), 3);
        let body = json!({ "login": started["login"], "credentialFinalization": random(64) });
        let refused = scene.lab.open_keystore("/sign-in/finish", body).await;
        assert_eq!(code(&refused), (401, "wrong_credentials"), "{who}");
    }
}

#[tokio::test]
async fn one_of_address_and_token_is_given() {
    let scene = Scene::new().await;
    let token = scene.token("ada");
    for who in [
        json!({ "email": null, "identityToken": null }),
        json!({ "email": "ada@example.org", "identityToken": token }),
        json!({ "email": "ada@example.org" }),
        json!({ "identityToken": token }),
        json!({ "email": 7, "identityToken": token }),
        json!({ "email": null, "identityToken": [token] }),
        json!({ "email": token, "identityToken": null }),
        json!({}),
    ] {
        let with = |mut body: Value| {
            let members = who.as_object().unwrap().clone();
            body.as_object_mut().unwrap().extend(members);
            body
        };
        for answer in scene.everywhere(with).await {
            assert_eq!(code(&answer), (400, "bad_input"), "{who}");
        }
    }
}

#[tokio::test]
async fn a_keystore_without_a_provider_takes_no_tokens() {
    let scene = Scene::with(|config| {
        config.oidc_issuer = None;
        config.oidc_audiences.clear();
    })
    .await;
    let token = scene.token("ada");
    for answer in scene.everywhere(|body| by(&token, body)).await {
        assert_eq!(code(&answer), (400, "bad_input"));
        assert!(answer.1.to_string().contains("no identity provider"));
    }
    assert_eq!(scene.issuer.asked(), 0);
}

#[tokio::test]
async fn each_identity_is_tried_thirty_times() {
    let scene = Scene::new().await;
    let passes = async |subject: &str| code(&scene.passes(&scene.token(subject)).await).0;
    for n in 0..30 {
        assert_eq!(passes("ada").await, 401, "{n}");
    }
    assert_eq!(passes("ada").await, 429);
    assert_eq!(passes("bob").await, 401);
    scene.lab.pass(5 * 60_000);
    assert_eq!(passes("ada").await, 401);
}

#[tokio::test]
async fn mails_name_people_by_a_verified_address_alone() {
    let scene = Scene::new().await;
    let lab = &scene.lab;
    let mut claims = json!({ "email": " Ada@Example.org", "email_verified": true });
    let ada = scene.token_with("ada", claims.clone());
    scene.sign_up(&ada).await;
    for (change, named) in [
        (json!({}), "ada@example.org invites you"),
        (
            json!({ "email": "new@example.org" }),
            "new@example.org invites you",
        ),
        (
            json!({ "email_verified": "true" }),
            "new@example.org invites you",
        ),
        (
            json!({ "email_verified": false }),
            "Somebody who uses 127.0.0.1 invites you",
        ),
        (
            json!({ "email_verified": null }),
            "Somebody who uses 127.0.0.1 invites you",
        ),
        (
            json!({ "email_verified": true, "email": "no address" }),
            "Somebody who uses 127.0.0.1 invites you",
        ),
        (
            json!({ "email": null }),
            "Somebody who uses 127.0.0.1 invites you",
        ),
    ] {
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let signed_in = scene
            .sign_in(&scene.token_with("ada", claims.clone()))
            .await;
        assert_eq!((signed_in.0, &signed_in.1["email"]), (200, &Value::Null));
        let session = signed_in.1["session"].as_str().unwrap().to_owned();
        let (keystore, vault) = (lab.server.keystore_url(), lab.server.vault_url());
        let token = token(&lab.http, keystore, vault, &session).await;
        let (key, body) = public_key();
        let published = lab
            .vault(&token, "PUT", &format!("/public-keys/{key}"), Some(body))
            .await;
        assert_eq!(published.0, 201);
        let to = format!("{}@example.org", random(8).to_lowercase());
        let body = mail_invitation(&key, &to, lab.now() + DAY);
        let path = format!("/invitations/{}", v7());
        assert_eq!(lab.vault(&token, "PUT", &path, Some(body)).await.0, 201);
        let url = format!("http://{}/dev/mails", lab.server.address());
        let mail = until(async || {
            let (_, mails) = lab.call("GET", &url, None, None).await;
            let items = mails["items"].as_array().unwrap().clone();
            items.into_iter().find(|mail| mail["to"] == json!(to))
        })
        .await;
        assert_eq!(mail["subject"], "You are invited to connect");
        assert!(
            mail["text"].as_str().unwrap().contains(named),
            "{change}: {mail}"
        );
    }
}

#[tokio::test]
async fn an_address_that_a_token_holds_is_no_account_of_that_address() {
    let scene = Scene::new().await;
    let address = json!({ "email": "ada@example.org", "email_verified": true });
    let token = scene.token_with("ada", address);
    assert_eq!(scene.sign_up(&token).await.0, 201);
    let made = scene.sign_up("ada@example.org").await;
    assert_eq!(made.0, 201, "{made:?}");
    let signed_in = scene.sign_in("ada@example.org").await;
    assert_eq!(signed_in.1["accountId"], made.1["accountId"]);
    assert_eq!(signed_in.1["email"], "ada@example.org");
    assert_ne!(
        scene.sign_in(&token).await.1["accountId"],
        made.1["accountId"]
    );
}

#[tokio::test]
async fn sign_up_by_address_can_be_closed() {
    let scene = Scene::with(|config| config.email_sign_up = false).await;
    let body = sign_up_start(scene.lab.server.keystore_url(), "ada@example.org");
    let start = scene.lab.open_keystore("/sign-up/start", body).await;
    assert_eq!(code(&start), (400, "bad_input"));
    assert!(start.1.to_string().contains("identity token"));
    let answers = scene.everywhere(|body| by("ada@example.org", body)).await;
    let codes: Vec<_> = answers.iter().map(|answer| code(answer).0).collect();
    assert_eq!(codes, [400, 400, 200, 401], "who has an account goes on");
    assert_eq!(scene.sign_up(&scene.token("ada")).await.0, 201);
}
