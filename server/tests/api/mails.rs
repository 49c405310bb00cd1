//! Invitation mails, as they are captured.

use std::time::Duration;

use crate::common::*;
use crate::port::Port;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// The captured mails, newest first.
pub(crate) async fn captured(lab: &Lab) -> Vec<Value> {
    let url = format!("http://{}/dev/mails", lab.server.address());
    let (status, body) = lab.call("GET", &url, None, None).await;
    assert_eq!(status, 200);
    body["items"].as_array().unwrap().clone()
}

/// The newest captured mail to an address, once there is one.
pub(crate) async fn mail_to(lab: &Lab, address: &str) -> Value {
    until(async || {
        let mut mails = captured(lab).await.into_iter();
        mails.find(|mail| mail["to"] == address)
    })
    .await
}

pub(crate) async fn mail_of(lab: &Lab, id: &str) -> Value {
    until(async || {
        let mut mails = captured(lab).await.into_iter();
        mails.find(|mail| mail["id"] == id)
    })
    .await
}

/// Whether a mail waits.
pub(crate) async fn is_waiting(lab: &Lab, id: &str) -> bool {
    let pool = database(&lab.vault_db).await;
    let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    found == 1
}

/// Waits until no mail waits any more.
pub(crate) async fn all_are_sent(lab: &Lab) {
    let pool = database(&lab.vault_db).await;
    until(async || {
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox")
            .fetch_one(&pool)
            .await
            .unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    pool.close().await;
}

/// The body by which the recipient of a mail refuses further ones, or allows them again.
pub(crate) fn refusal(mail: &Value, refused: bool) -> Value {
    let link = mail["refusalLink"].as_str().unwrap();
    let (token, _) = link.split_once('#').unwrap().1.split_once('.').unwrap();
    json!({ "address": mail["to"], "token": token, "refused": refused })
}

pub(crate) async fn try_to_invite(lab: &Lab, inviter: &Person, email: &str) -> (String, Answer) {
    let (key, id) = (lab.publish(inviter).await, v7());
    let body = mail_invitation(&key, email, lab.now() + 14 * DAY);
    let path = format!("/invitations/{id}");
    let answer = lab.vault(&inviter.token, "PUT", &path, Some(body)).await;
    (id, answer)
}

pub(crate) async fn invite_by_mail(lab: &Lab, inviter: &Person, email: &str) -> String {
    let (id, (status, made)) = try_to_invite(lab, inviter, email).await;
    assert_eq!(
        (status, &made["email"], &made["delivery"]),
        (201, &json!(email), &json!("email"))
    );
    id
}

#[tokio::test]
async fn a_mailed_token_accepts_and_is_forgotten() {
    let lab =
        Lab::with(|config| config.invitation_urls = vec!["https://app.example/start".into()]).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let id = invite_by_mail(&lab, &ada, "someone@example.org").await;
    let mail = mail_of(&lab, &id).await;
    let link = mail["link"].as_str().unwrap();
    let token = link
        .strip_prefix(&format!("https://app.example/start#vouchsafe=1.m.{id}."))
        .unwrap();
    let text = mail["text"].as_str().unwrap();
    let refusal_link = mail["refusalLink"].as_str().unwrap();
    // 1_800_000_000 seconds are in January 2027; 14 days later it is the 29th.
    for part in [
        link,
        refusal_link,
        "2027-01-29",
        "Somebody who uses app.example invites you",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let shape = json!({
        "id": id, "to": "someone@example.org", "subject": "You are invited to connect", "text": text, "link": link,
        "code": null, "refusalLink": refusal_link, "sentAt": lab.now(),
    });
    assert_eq!(mail, shape);
    until(async || (!is_waiting(&lab, &id).await).then_some(())).await;

    let body = json!({ "invitationId": id, "token": token, "publicKeyId": lab.publish(&bob).await, "proof": null });
    assert_eq!(
        lab.vault(&bob.token, "POST", "/connections", Some(body))
            .await
            .0,
        201
    );
}

/// Names that people sign up under, to speak to strangers through the operator's mails.
const HOSTILE_NAMES: [&str; 4] = [
    "security-team@your-bank",
    "your-bank.example/login?account=@evil",
    "bank\u{2800}team@evil",
    "zo\u{eb}@evil",
];
/// Names under which nobody gets an account.
const NO_NAMES: [&str; 8] = [
    "https://your-bank.example/login?account=@evil",
    "\"your-account-is-locked:https://evil.example/\"@evil",
    "\"<script>alert(1)</script>\"@evil",
    "elpmaxe.knab-ruoy\u{202e}@evil",
    "\u{2066}bank\u{2069}@evil",
    "bank\u{200b}team@evil",
    "bank\u{feff}@evil",
    "\u{3164}@evil",
];

#[tokio::test]
async fn no_stranger_speaks_through_a_mail() {
    let lab = Lab::with(|config| {
        config.mail_from = Some("Cards <mail@vault.example>".into());
        config.rate_limits = false;
    })
    .await;
    for name in NO_NAMES {
        let start = sign_up_start(lab.server.keystore_url(), &format!("{name}.example"));
        let answer = lab.open_keystore("/sign-up/start", start).await;
        assert_eq!(code(&answer), (400, "bad_input"), "{name:?}");
    }
    let mut usual: Option<String> = None;
    for name in HOSTILE_NAMES {
        let email = format!("{name}.example");
        let stranger = sign_up_as(&lab, &email).await;
        let id = invite_by_mail(&lab, &stranger, "bob@example.org").await;
        let mail = mail_of(&lab, &id).await;
        assert_eq!(mail["subject"], "You are invited to connect");
        let text = mail["text"].as_str().unwrap();
        // Whoever it is, the mail is the same but for its link.
        let text = text.replace(mail["link"].as_str().unwrap(), "LINK");
        assert!(
            text.contains("Somebody who uses Cards invites you"),
            "{text}"
        );
        assert_eq!(usual.get_or_insert_with(|| text.clone()), &text);
    }
}

#[tokio::test]
async fn a_confirmed_address_is_named_if_it_looks_like_one() {
    let lab =
        Lab::with(|config| config.mail_from = Some("Cards <mail@vault.example>".into())).await;
    for (email, named) in [
        ("ada.b+cards@example.org", true),
        ("o'neill@example.org", false),
    ] {
        let person = sign_up_as(&lab, email).await;
        crate::email::confirm(&lab, &person).await;
        let to = format!("{}@example.net", v7());
        let mail = mail_of(&lab, &invite_by_mail(&lab, &person, &to).await).await;
        assert_eq!(mail["subject"], "You are invited to connect");
        let text = mail["text"].as_str().unwrap();
        let says = format!("{email} invites you to connect");
        assert_eq!(text.contains(&says), named, "{text}");
        assert_eq!(text.contains("Somebody who uses Cards"), !named, "{text}");
    }
}

#[tokio::test]
async fn mails_go_to_addresses_alone() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    // The first is an address, of whoever has it.
    for name in NO_NAMES.iter().chain(&HOSTILE_NAMES[1..]) {
        let (_, answer) = try_to_invite(&lab, &ada, &format!("{name}.example")).await;
        assert_eq!(code(&answer), (400, "bad_input"), "{name:?}");
    }
}

#[tokio::test]
async fn a_mail_goes_to_the_one_address_that_was_meant() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    for typed in [
        "Anna@b\u{fc}cher.example",
        "\u{200f}Anna@bu\u{308}cher.example\u{200b}",
        "Anna@XN--BCHER-KVA.example.",
    ] {
        let (id, (status, made)) = try_to_invite(&lab, &ada, typed).await;
        assert_eq!(
            (status, &made["email"]),
            (201, &json!("Anna@xn--bcher-kva.example")),
            "{typed:?}"
        );
        assert_eq!(mail_of(&lab, &id).await["to"], "Anna@xn--bcher-kva.example");
    }
}

#[tokio::test]
async fn one_mailbox_gets_five_invitations_a_day() {
    let lab = Lab::with(|config| config.behind_proxy = true).await;
    let mut sent = 0;
    for n in 0..30 {
        // Other people, other networks, other spellings of the same mailbox.
        let person = lab.sign_up(&format!("ada{n}")).await;
        let to = format!("Bob+{n}@Example.org");
        let key = lab.publish(&person).await;
        let body = mail_invitation(&key, &to, lab.now() + DAY);
        let url = format!("{}/v1/invitations/{}", lab.server.vault_url(), v7());
        let request = lab.http.put(url).bearer_auth(&person.token).json(&body);
        let from = format!("192.0.2.{n}");
        let answer = request
            .header("x-forwarded-for", from)
            .send()
            .await
            .unwrap();
        match answer.status().as_u16() {
            201 => sent += 1,
            status => {
                assert_eq!(status, 429);
                let wait = answer.headers()["retry-after"].to_str().unwrap();
                assert_eq!(wait, "86400");
            }
        }
    }
    assert_eq!(sent, 5);
    until(async || (captured(&lab).await.len() == 5).then_some(())).await;
    lab.pass(DAY);
    let carol = lab.sign_up("carol").await;
    invite_by_mail(&lab, &carol, "bob@example.org").await;
}

#[tokio::test]
async fn what_makes_no_mail_counts_for_none() {
    let lab = Lab::with(|config| config.quotas.invitations = 1).await;
    let (ada, eve) = (lab.sign_up("ada").await, lab.sign_up("eve").await);
    let others = lab.publish(&ada).await;
    invite_by_mail(&lab, &eve, "carol@example.org").await;
    // With somebody else's key, and beyond the quota.
    for _ in 0..6 {
        let body = mail_invitation(&others, "bob@example.org", lab.now() + DAY);
        let path = format!("/invitations/{}", v7());
        let answer = lab.vault(&eve.token, "PUT", &path, Some(body)).await;
        assert_eq!(code(&answer), (404, "not_found"));
        let (_, answer) = try_to_invite(&lab, &eve, "bob@example.org").await;
        assert_eq!(code(&answer), (403, "quota_exceeded"));
    }
    for n in 0..5 {
        let person = lab.sign_up(&format!("dave{n}")).await;
        invite_by_mail(&lab, &person, "bob@example.org").await;
    }
    let (_, answer) = try_to_invite(&lab, &ada, "bob@example.org").await;
    assert_eq!(code(&answer), (429, "rate_limited"));
    // Nothing is left of it.
    let path = "/invitations";
    let (_, list) = lab.vault(&ada.token, "GET", path, None).await;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn a_repeated_invitation_is_mailed_once() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (key, id) = (lab.publish(&ada).await, v7());
    let body = mail_invitation(&key, "bob@example.org", lab.now() + DAY);
    let path = format!("/invitations/{id}");
    let first = lab
        .vault(&ada.token, "PUT", &path, Some(body.clone()))
        .await;
    mail_of(&lab, &id).await;
    let again = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
    assert_eq!((first.0, again.0, first.1), (201, 200, again.1));
    // A later mail has gone, and still there is one of the first.
    let later = invite_by_mail(&lab, &ada, "eve@example.org").await;
    mail_of(&lab, &later).await;
    assert_eq!(captured(&lab).await.len(), 2);
}

#[tokio::test]
async fn the_mailbox_is_shut_unless_it_is_opened() {
    let lab = Lab::with(|config| config.dev_mailbox = false).await;
    let url = format!("http://{}/dev/mails", lab.server.address());
    assert_eq!(
        code(&lab.call("GET", &url, None, None).await),
        (404, "unknown_route")
    );
}

#[tokio::test]
async fn cancelled_invitations_are_not_mailed() {
    let nobody = Port::hold();
    let smtp = format!("smtp://{}", nobody.address());
    let lab = Lab::with(|config| {
        config.smtp_url = Some(smtp);
        config.mail_from = Some("mail@vault.example".into());
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    assert!(is_waiting(&lab, &id).await);
    let cancel = format!("/invitations/{id}/cancel");
    let cancelled = lab.vault(&ada.token, "POST", &cancel, Some(json!({})));
    assert_eq!(cancelled.await.0, 200);
    assert!(!is_waiting(&lab, &id).await);
}

#[tokio::test]
async fn captured_mails_go_after_a_day() {
    let lab = Lab::with(|config| config.sweep = Duration::from_millis(20)).await;
    let ada = lab.sign_up("ada").await;
    let early = invite_by_mail(&lab, &ada, "bob@example.org").await;
    mail_of(&lab, &early).await;
    lab.pass(1);
    let late = invite_by_mail(&lab, &ada, "eve@example.org").await;
    mail_of(&lab, &late).await;
    lab.pass(DAY);
    let left = until(async || {
        let mails = captured(&lab).await;
        (mails.len() == 1).then_some(mails)
    });
    assert_eq!(left.await[0]["id"], late.as_str());
}

#[tokio::test]
async fn addresses_of_invitations_that_are_over_go_after_a_week() {
    let lab = Lab::with(|config| config.sweep = Duration::from_millis(20)).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let key = lab.publish(&bob).await;
    let invite = async |name: &str| {
        let id = invite_by_mail(&lab, &ada, &format!("{name}@example.net")).await;
        let mail = mail_of(&lab, &id).await;
        let token = mail["link"].as_str().unwrap().rsplit_once('.').unwrap().1;
        (id, token.to_owned())
    };
    let [accepted, declined, cancelled, expired] = [
        invite("accepted").await,
        invite("declined").await,
        invite("cancelled").await,
        invite("expired").await,
    ];
    let (id, token) = &accepted;
    let accept = json!({ "invitationId": id, "token": token, "publicKeyId": key, "proof": null });
    let made = lab.vault(&bob.token, "POST", "/connections", Some(accept));
    assert_eq!(made.await.0, 201);
    let (id, token) = &declined;
    let (path, body) = (
        format!("/invitations/{id}/decline"),
        json!({ "token": token }),
    );
    assert_eq!(
        lab.vault(&bob.token, "POST", &path, Some(body)).await.0,
        204
    );
    let path = format!("/invitations/{}/cancel", cancelled.0);
    assert_eq!(
        lab.vault(&ada.token, "POST", &path, Some(json!({})))
            .await
            .0,
        200
    );

    // The mailbox has the addresses, too.
    let outbox = lab.folder.path().join("outbox");
    let mails = || std::fs::read_dir(&outbox).unwrap().count();
    let left = async || {
        let pool = database(&lab.vault_db).await;
        let sql = "SELECT email FROM invitations WHERE email IS NOT NULL ORDER BY email";
        let left: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap();
        pool.close().await;
        left
    };
    lab.pass(7 * DAY - 1);
    until(async || (mails() == 0).then_some(())).await;
    assert_eq!(left().await.len(), 4);
    lab.pass(1);
    until(async || (left().await == ["expired@example.net"]).then_some(())).await;
    for address in [
        "accepted@example.net",
        "declined@example.net",
        "cancelled@example.net",
    ] {
        gone(&lab, address).await;
    }
    // After 14 days it is over, and a week later its address goes.
    lab.pass(14 * DAY - 1);
    until(async || {
        let path = format!("/invitations/{}", expired.0);
        let token = lab.token(&ada).await;
        let shown = lab.vault(&token, "GET", &path, None).await.1;
        (shown["state"] == "expired").then_some(())
    })
    .await;
    assert_eq!(left().await, ["expired@example.net"]);
    lab.pass(1);
    until(async || left().await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn nothing_stored_answers_a_mail() {
    let nobody = Port::hold();
    let lab = Lab::with(|config| {
        config.smtp_url = Some(format!("smtp://{}", nobody.address()));
        config.mail_from = Some("mail@vault.example".into());
        config.rate_limits = false;
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    // Both mails wait, so that what they will carry is still to be known.
    let id = invite_by_mail(&lab, &ada, "bob@example.org").await;
    let asked = lab.vault(
        &ada.token,
        "POST",
        "/email/code",
        Some(json!({ "language": null })),
    );
    assert_eq!(asked.await.0, 200);
    let pool = database(&lab.vault_db).await;
    let mut tried = 0;
    for sql in [
        "SELECT id, seed, mailbox FROM outbox",
        "SELECT hash, account, token_hash FROM codes, invitations",
        "SELECT setup, service, setup FROM owner",
    ] {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
        assert!(!rows.is_empty());
        for value in rows.into_iter().flat_map(|(a, b, c)| [a, b, c]) {
            let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).unwrap_or_default();
            for part in bytes.windows(16) {
                tried += 1;
                let token = json!(encode(part));
                let open = json!({ "token": token });
                let path = format!("/invitations/{id}/open");
                let opened = lab.vault(&bob.token, "POST", &path, Some(open)).await;
                assert_eq!(code(&opened), (404, "not_found"), "{value}");
                let refuse =
                    json!({ "address": "bob@example.org", "token": token, "refused": true });
                let url = format!("{}/v1/mail/refusals", lab.server.vault_url());
                let refused = lab.call("POST", &url, None, Some(refuse)).await;
                assert_eq!(code(&refused), (404, "not_found"), "{value}");
            }
        }
    }
    assert!(tried > 50, "{tried}");
    pool.close().await;
}
