//! Mailboxes that want no more mails, and the page on which they say so.

use crate::common::*;
use crate::mails::{captured, invite_by_mail, mail_of, refusal};
use crate::writers::hold_writers;
use serde_json::{Value, json};

async fn say(lab: &Lab, body: Value) -> Answer {
    let url = format!("{}/v1/mail/refusals", lab.server.vault_url());
    lab.call("POST", &url, None, Some(body)).await
}

#[tokio::test]
async fn a_mailbox_gets_no_more_mails_until_it_allows_them() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let first = invite_by_mail(&lab, &ada, "Bob+x@example.org").await;
    let mail = mail_of(&lab, &first).await;
    let refused = (204, Value::Null);
    assert_eq!(say(&lab, refusal(&mail, true)).await, refused);

    // The inviter is told nothing, and nothing is mailed, whatever the spelling.
    for spelling in ["bob@example.org", "BOB+y@example.org"] {
        invite_by_mail(&lab, &ada, spelling).await;
    }
    let last = invite_by_mail(&lab, &ada, "eve@example.org").await;
    mail_of(&lab, &last).await;
    assert_eq!(captured(&lab).await.len(), 2);

    assert_eq!(say(&lab, refusal(&mail, false)).await, refused);
    let again = invite_by_mail(&lab, &ada, "bob@example.org").await;
    mail_of(&lab, &again).await;
}

#[tokio::test]
async fn only_the_mailbox_itself_refuses() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let mail = mail_of(&lab, &invite_by_mail(&lab, &ada, "eve@example.org").await).await;
    let with = |member: &str, value: Value| {
        let mut body = refusal(&mail, true);
        body[member] = value;
        body
    };
    for wrong in [
        with("address", json!("bob@example.org")),
        with("address", json!("")),
        with("token", json!(random(16))),
    ] {
        let answer = say(&lab, wrong.clone()).await;
        assert_eq!(code(&answer), (404, "not_found"), "{wrong}");
    }
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    mail_of(&lab, &id).await;
}

#[tokio::test]
async fn refusals_are_counted_and_take_their_turns() {
    let lab = Lab::with(|config| config.behind_proxy = true).await;
    let ada = lab.sign_up("ada").await;
    let mail = mail_of(&lab, &invite_by_mail(&lab, &ada, "bob@example.org").await).await;
    let other = mail_of(&lab, &invite_by_mail(&lab, &ada, "eve@example.org").await).await;
    let say_from = async |from: &str, body: Value| {
        let url = format!("{}/v1/mail/refusals", lab.server.vault_url());
        let request = lab.http.post(url).json(&body);
        let answer = request.header("x-forwarded-for", from).send().await;
        answer.unwrap().status().as_u16()
    };
    // What changes nothing is not written, so that it waits for nobody.
    let refused = refusal(&mail, true);
    assert_eq!(say_from("192.0.2.1", refused.clone()).await, 204);
    let held = hold_writers(&lab.vault_db).await;
    assert_eq!(say_from("192.0.2.1", refused.clone()).await, 204);
    assert_eq!(say_from("192.0.2.1", refusal(&other, false)).await, 204);
    drop(held);
    // Thirty in all for one mailbox from one network, wrong tokens too, however the address is spelled.
    let mut wrong = refused.clone();
    wrong["token"] = json!(random(16));
    wrong["address"] = json!("Bob+x@Example.org");
    for n in 2..30 {
        let answer = say_from("192.0.2.1", wrong.clone()).await;
        assert_eq!(answer, 404, "{n}");
    }
    assert_eq!(say_from("192.0.2.1", refused.clone()).await, 429);
    assert_eq!(say_from("192.0.2.1", refusal(&other, true)).await, 204);
    assert_eq!(say_from("198.51.100.1", refused.clone()).await, 204);
    lab.pass(5 * 60_000);
    assert_eq!(say_from("192.0.2.1", refusal(&mail, false)).await, 204);
    assert_eq!(count(&lab).await, 1, "eve's");
}

/// The mailboxes that want no mails.
async fn count(lab: &Lab) -> i64 {
    let pool = database(&lab.vault_db).await;
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM refusals");
    let count = count.fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn opening_the_link_changes_nothing() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let mail = mail_of(&lab, &invite_by_mail(&lab, &ada, "bob@example.org").await).await;
    let link = mail["refusalLink"].as_str().unwrap();
    let (page, secret) = link.split_once('#').unwrap();
    assert_eq!(page, format!("{}/v1/no-more-mails", lab.server.vault_url()));
    assert!(secret.ends_with(".bob%40example%2Eorg"), "{secret}");

    // A scanner opens every link, with what stands behind the # or without.
    let answer = lab.http.get(link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/html"));
    assert_eq!(header("referrer-policy"), "no-referrer");
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    // The policy lets through what stands in the page, and nothing else.
    let html = answer.text().await.unwrap();
    for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
        let (_, rest) = html.split_once(&format!("<{tag}>")).unwrap();
        let (inside, _) = rest.split_once(&format!("</{tag}>")).unwrap();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(inside);
        let hash = data_encoding::BASE64.encode(&digest);
        assert!(
            policy.contains(&format!("{directive} 'sha256-{hash}'")),
            "{policy}"
        );
    }
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    mail_of(&lab, &id).await;
}
