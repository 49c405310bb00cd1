//! `admin mails`, beside a running server.

use crate::common::*;
use crate::mails::{invite_by_mail, is_waiting};
use crate::processes::command;
use crate::sink::{Fault, Sink, Tls};
use crate::smtp::{forgotten, invitation, lab_of, sent, tried};
use serde_json::{Value, json};

async fn admin(lab: &Lab, arguments: &[&str]) -> Value {
    let arguments = [&["admin", "--json", "mails"], arguments].concat();
    let mut command = command(&arguments, lab.folder.path());
    if lab.vault_db.starts_with("postgres:") {
        command.env("VOUCHSAFE_VAULT_DB", &lab.vault_db);
    }
    super::ended(command).await.json()
}

#[tokio::test]
async fn mails_that_do_not_go_are_listed_tried_and_dropped() {
    let sink = Sink::open(Tls::Never).await;
    let lab = lab_of(&sink, "smtp://127.0.0.1:PORT").await;
    let ada = lab.sign_up("ada").await;
    sink.fails(Fault::Says("RCPT", "451 4.2.0 later"));
    let mut ids = Vec::new();
    for name in ["bob", "eve", "joe"] {
        ids.push(invite_by_mail(&lab, &ada, &format!("{name}@example.org")).await);
    }
    // The lab's clock moves once, so that no mail is tried but when it is told to be.
    let mut wait = 0;
    for id in &ids {
        wait = tried(&lab, id, 1).await;
    }
    lab.pass(wait);
    for id in &ids {
        tried(&lab, id, 2).await;
    }
    // One that was tried once may be on its way.
    let fresh = invite_by_mail(&lab, &ada, "ann@example.org").await;
    tried(&lab, &fresh, 1).await;
    let stuck = admin(&lab, &["stuck"]).await;
    let found = stuck.as_array().unwrap().iter();
    let mut found: Vec<_> = found.map(|mail| mail["id"].as_str().unwrap()).collect();
    found.sort_unstable();
    ids.sort();
    assert_eq!(found, ids);
    assert_eq!(stuck[0]["kind"], "invitation");
    assert!(stuck[0]["recipient"].as_str().unwrap().contains('@'));

    assert_eq!(
        admin(&lab, &["retry", &ids[0]]).await,
        json!({ "mails": 1 })
    );
    tried(&lab, &ids[0], 3).await;
    tried(&lab, &ids[1], 2).await;

    assert_eq!(admin(&lab, &["drop", &ids[1]]).await, json!({ "mails": 1 }));
    forgotten(&lab, &ids[1]).await;
    let shown = invitation(&lab, &ada, &ids[1]).await;
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("undeliverable"), &json!("unsent"))
    );
    assert!(is_waiting(&lab, &ids[0]).await);

    sink.fails(None);
    assert_eq!(
        admin(&lab, &["retry", "--all"]).await,
        json!({ "mails": 2 })
    );
    sent(&sink, 2).await;
    for id in [&ids[0], &ids[2]] {
        forgotten(&lab, id).await;
    }
    assert_eq!(admin(&lab, &["stuck"]).await, json!([]));
    assert_eq!(admin(&lab, &["drop", "--all"]).await, json!({ "mails": 0 }));
    assert!(
        is_waiting(&lab, &fresh).await,
        "one that is not stuck stays"
    );
}
