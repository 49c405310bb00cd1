//! Whole answers replaced by garbage, in every flow: an error with a code, never a panic, a hang or a result.

use vouchsafe::api::{PageRequest, Response};
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{CardUpdate, Share};
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};

use crate::support::sample::sample;
use crate::support::{
    Http, PASSPHRASE, PATIENCE, Person, World, by_link, connect_by_link, passport, run, snapshot,
};

/// The answers are tried in so many parts, each in every flow.
const PARTS: usize = 6;

fn bodies() -> Vec<Vec<u8>> {
    let text = [
        "",
        "{}",
        "null",
        "[]",
        "0",
        "\"\"",
        "true",
        " ",
        "{",
        "[",
        "}",
        "\u{feff}{}",
        "NaN",
        "<!doctype html><title>502</title>",
        r#"{"items":null,"next":null}"#,
        r#"{"items":[null],"next":null}"#,
        r#"{"results":[{}]}"#,
        r#"{"items":{},"next":[]}"#,
        r#"{"error":{"code":"not_found","message":"x"}}"#,
        r#"{"id":1,"id":2}"#,
    ];
    let mut found: Vec<Vec<u8>> = text.iter().map(|text| text.as_bytes().to_vec()).collect();
    found.push(vec![0xff; 100]);
    found.push(vec![0; 100]);
    for unit in ["[", "{\"items\":", "{\"results\":["] {
        found.push(unit.repeat(100_000).into_bytes());
    }
    found.push(format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)).into_bytes());
    found.push(format!("\"{}\"", "x".repeat(4 << 20)).into_bytes());
    found
}

/// What the flows are run with.
struct Scene {
    person: Person,
    card: Id,
    connection: Id,
    incoming: Share,
    outgoing: Share,
    ticket: Ticket,
}

type Outcome = (&'static str, Result<()>);

/// Each flow that gives something back, with all of its answers changed.
async fn flows(scene: &Scene) -> Vec<Outcome> {
    let Scene {
        person,
        card,
        connection,
        incoming,
        outgoing,
        ticket,
    } = scene;
    let (session, page) = (&person.session, PageRequest::default());
    let page = &page;
    let content = passport();
    let zeros = "0".repeat(60);
    let update = CardUpdate {
        id: *card,
        version: 1,
        content: content.clone(),
    };
    macro_rules! run {
        ($($name:literal: $flow:expr),* $(,)?) => {
            vec![$({
                let wait = tokio::time::timeout(PATIENCE, $flow).await;
                let result = wait.unwrap_or_else(|_| panic!("{} hangs", $name));
                ($name, result.map(|_| ()))
            }),*]
        };
    }
    run![
        "sign_in": person.client.sign_in(&person.email, PASSPHRASE),
        "sign_up": person.client.sign_up("new@example.org", PASSPHRASE),
        "recover": person.client.recover(&person.email, &person.recovery_key, PASSPHRASE),
        "change_passphrase": session.change_passphrase(PASSPHRASE, PASSPHRASE),
        "make_recovery_key": session.make_recovery_key(PASSPHRASE),
        "delete_account": session.delete_account(PASSPHRASE),
        "create_card": session.create_card(content.clone()),
        "update_card": session.update_card(update.clone()),
        "card": session.card(*card),
        "cards": session.cards(page),
        "invite": session.invite(by_link("Bob")),
        "invitations": session.invitations(page),
        "accept": session.accept(ticket, "Bob"),
        "connections": session.connections(page),
        "connection": session.connection(*connection),
        "mark_verified": session.mark_verified(*connection, &zeros),
        "share": session.share(snapshot(*card, *connection)),
        "incoming_shares": session.incoming_shares(page),
        "outgoing_shares": session.outgoing_shares(page, None),
        "read_share": session.read_share(incoming.id),
        "read_own_share": session.read_share(outgoing.id),
        "disconnect": session.disconnect(*connection),
        "cancel": session.cancel_invitation(*connection),
    ]
}

async fn scene(world: &World) -> Scene {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (hers, _) = connect_by_link(&alice, &bob).await;
    let (card, his_card) = (alice.card().await, bob.card().await);
    let outgoing = alice
        .session
        .share(snapshot(card.id, hers.id))
        .await
        .unwrap();
    let incoming = bob
        .session
        .share(snapshot(his_card.id, hers.id))
        .await
        .unwrap();
    let (_, ticket) = bob.invite_by_link("Alice").await;
    let key = vouchsafe::crypto::engine::Engine::make_rsa_key(&alice.engine).await;
    *alice.engine.ready_made.borrow_mut() = Some(key.unwrap());
    Scene {
        card: card.id,
        connection: hers.id,
        person: alice,
        incoming,
        outgoing,
        ticket,
    }
}

fn answer_with(http: &Http, status: Option<u16>, body: Vec<u8>) {
    http.tamper(move |_, response| Response {
        status: status.unwrap_or(response.status),
        content_type: "application/json".into(),
        retry_after: None,
        body: body.clone(),
    });
}

#[test]
fn garbage_is_an_error() {
    run(async {
        let world = World::start();
        let scene = scene(&world).await;
        for body in sample("bodies of garbage", PARTS, bodies()) {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            answer_with(&scene.person.http, Some(200), body);
            for (name, result) in flows(&scene).await {
                let error = result.expect_err(&format!("{name} believed {shown}"));
                let codes = ["server_error", "wrong_credentials"];
                assert!(codes.contains(&error.code()), "{name} {shown}: {error:?}");
                assert!(!error.to_string().is_empty());
            }
        }
    });
}

#[test]
fn errors_without_an_explanation_are_errors() {
    run(async {
        let world = World::start();
        let scene = scene(&world).await;
        let bodies = [
            "",
            "<html>",
            r#"{"error":{"code":"made_up","message":"<b>pay here</b>"}}"#,
        ];
        let statuses: [u16; 15] = [
            100, 199, 300, 302, 304, 400, 401, 403, 404, 410, 418, 429, 500, 503, 599,
        ];
        let answers = statuses
            .iter()
            .flat_map(|status| bodies.map(|body| (*status, body)));
        for (status, body) in sample("errors", PARTS, answers.collect()) {
            answer_with(&scene.person.http, Some(status), body.into());
            let code = match status {
                429 => "rate_limited",
                _ => "server_error",
            };
            for (name, result) in flows(&scene).await {
                let error = result.expect_err(&format!("{name} believed {status}"));
                assert_eq!(error.code(), code, "{name} {status}");
                assert!(!error.to_string().contains("pay here"));
            }
        }
        // Codes that only a client may give are not taken from a service.
        for code in [
            "locked",
            "record_rejected",
            "peer_key_changed",
            "connection_unverified",
            "aborted",
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"x"}}}}"#);
            answer_with(&scene.person.http, Some(400), body.into_bytes());
            let error = scene.person.session.card(scene.card).await.unwrap_err();
            assert_eq!(error.code(), "server_error", "{code}");
        }
    });
}

/// One answer at a time, so that the flow gets further before it meets the garbage.
#[test]
fn garbage_late_in_a_flow_is_an_error() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        for nth in 0..4 {
            for body in [
                "",
                "{}",
                "null",
                "[]",
                "<html>",
                r#"{"items":[]}"#,
                r#"{"results":[]}"#,
            ] {
                let share = alice
                    .session
                    .share(snapshot(card.id, hers.id))
                    .await
                    .unwrap();
                let mut left = nth;
                bob.http.tamper(move |_, mut response| {
                    if left == 0 {
                        response.body = body.as_bytes().to_vec();
                    }
                    left -= 1;
                    response
                });
                let read = bob.session.read_share(share.id).await;
                let error = read.expect_err(&format!("answer {nth} {body}"));
                assert!(
                    matches!(
                        error,
                        Error::ServerError(_) | Error::NotFound | Error::RecordRejected
                    ),
                    "{nth} {body}: {error:?}"
                );
                bob.http.honest();
            }
        }
        assert_eq!(bob.engine.decryptions.get(), 0);
    });
}
