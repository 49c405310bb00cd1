//! Deletions of accounts that were cut between the two services.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::common::*;
use crate::sweeping::count;
use axum::Router;
use axum::http::StatusCode;
use serde_json::json;
use vouchsafe_server::Services;

const MINUTE: i64 = 60_000;
const ACCOUNTS: &str = "SELECT COUNT(*) FROM accounts WHERE login = $1";
const LEAVING: &str = "SELECT COUNT(*) FROM accounts WHERE id = $1 AND leaving_at IS NOT NULL";

async fn write_card(lab: &Lab, token: &str) -> u16 {
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    let path = format!("/cards/{}", v7());
    lab.vault(token, "PUT", &path, Some(body)).await.0
}

async fn cards(lab: &Lab, person: &Person) -> usize {
    let (_, list) = lab
        .vault(&lab.token(person).await, "GET", "/cards", None)
        .await;
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_was_cut_ends_by_itself() {
    let lab = Lab::with(|config| config.sweep = Duration::from_millis(20)).await;
    let [ada, mut bob, carol, dave, frank] = [
        lab.sign_up("ada").await,
        lab.sign_up("bob").await,
        lab.sign_up("carol").await,
        lab.sign_up("dave").await,
        lab.sign_up("frank").await,
    ];
    for person in [&ada, &bob, &carol, &dave, &frank] {
        assert_eq!(write_card(&lab, &person.token).await, 201);
    }
    // Ada's call ended before anything was deleted; Bob's after the Vault's part, and he signs in again; Carol's likewise, and
    // she does not; nor does Frank, but a page of his stays open; Dave's client deleted at the Keystore alone.
    lab.proof(&ada).await;
    for person in [&bob, &carol, &frank] {
        let proof = lab.proof(person).await;
        assert_eq!(lab.vault(&proof, "DELETE", "/account", None).await.0, 204);
    }
    let gone = lab.keystore(&dave.session, "DELETE", "/account", None);
    assert_eq!(gone.await.0, 204);

    lab.pass(2 * MINUTE);
    let keystore = lab.server.keystore_url();
    let (_, back) = sign_in(&lab.http, keystore, &bob.email, &bob.passphrase).await;
    bob.session = back["session"].as_str().unwrap().to_owned();
    for person in [&bob, &frank] {
        assert_eq!(write_card(&lab, &lab.token(person).await).await, 201);
    }
    lab.pass(8 * MINUTE);
    count(&lab.keystore_db, ACCOUNTS, &carol.email, 0).await;
    count(&lab.keystore_db, ACCOUNTS, &frank.email, 0).await;
    let rows = "SELECT COUNT(*) FROM cards WHERE account = $1";
    count(&lab.vault_db, rows, &dave.account, 0).await;
    count(&lab.keystore_db, LEAVING, &ada.account, 0).await;
    count(&lab.keystore_db, LEAVING, &dave.account, 0).await;
    assert_eq!((cards(&lab, &ada).await, cards(&lab, &bob).await), (1, 1));
    // Carol's part at the Vault is deleted once more, in case something came to it meanwhile.
    lab.pass(10 * MINUTE);
    count(&lab.keystore_db, LEAVING, &carol.account, 0).await;
    count(&lab.vault_db, rows, &frank.account, 0).await;
    assert_eq!((cards(&lab, &ada).await, cards(&lab, &bob).await), (1, 1));
}

#[tokio::test]
async fn a_deletion_that_begins_again_is_not_forgotten() {
    let (asked, database_url) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(OnceLock::<String>::new()),
    );
    let (count, url) = (asked.clone(), database_url.clone());
    // A Vault that knows of no deletion; while it is asked, another one begins.
    let stub = Router::new().fallback(move || {
        let (nth, url) = (count.fetch_add(1, Ordering::SeqCst), url.clone());
        async move {
            if nth == 0 {
                let pool = database(url.get().unwrap()).await;
                let begin = "UPDATE accounts SET leaving_at = leaving_at + 1";
                sqlx::query(begin).execute(&pool).await.unwrap();
                pool.close().await;
            }
            StatusCode::OK
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let vault = format!("http://{}/vault", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, stub).await });
    let lab = Lab::with(|config| {
        config.sweep = Duration::from_millis(20);
        config.services = Services::Keystore;
        config.vault_urls = vec![vault.clone()];
    })
    .await;
    let url = lab.keystore_db.replace("mode=ro", "mode=rw");
    database_url.set(url).unwrap();
    let ada = sign_up(&lab.http, lab.server.keystore_url(), &vault, "ada").await;
    let ask = Some(json!({ "audience": vault }));
    let proof = lab.keystore(&ada.session, "POST", "/tokens/proof", ask);
    assert_eq!(proof.await.0, 200);
    lab.pass(11 * MINUTE);
    until(async || (asked.load(Ordering::SeqCst) >= 4).then_some(())).await;
    serving.abort();
}

#[tokio::test]
async fn a_vault_that_says_nothing_of_a_deletion_deletes_nobody() {
    for answers in [
        [StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED],
        [StatusCode::UNAUTHORIZED, StatusCode::INTERNAL_SERVER_ERROR],
        [StatusCode::NOT_FOUND, StatusCode::OK],
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let stub = Router::new().fallback(move || {
            let nth = count.fetch_add(1, Ordering::SeqCst);
            async move { answers[nth % 2] }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vault = format!("http://{}/vault", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, stub).await });
        let lab = Lab::with(|config| {
            config.sweep = Duration::from_millis(20);
            config.services = Services::Keystore;
            config.vault_urls = vec![vault.clone()];
        })
        .await;
        let keystore = lab.server.keystore_url();
        let ada = sign_up(&lab.http, keystore, &vault, "ada").await;
        let ask = Some(json!({ "audience": vault }));
        let proof = lab.keystore(&ada.session, "POST", "/tokens/proof", ask);
        assert_eq!(proof.await.0, 200);
        lab.pass(10 * MINUTE);
        until(async || (asked.load(Ordering::SeqCst) >= 4).then_some(())).await;
        let again = sign_in(&lab.http, keystore, &ada.email, &ada.passphrase).await;
        assert_eq!(again.0, 200, "{answers:?}");
        serving.abort();
    }
}
