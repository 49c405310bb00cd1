//! The flows of two people who reload their pages, behind a network that loses answers.

use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{Card, CardUpdate};
use vouchsafe::{Error, Result};

use crate::nonces::seen::Seen;
use crate::support::{
    Counting, Fault, Http, PASSPHRASE, TestClient, TestSession, World, by_link, by_mail,
    eventually, passport, run, whole,
};

/// The deadline of a call, so that a machine that does other things meanwhile is not taken for a network that lost everything.
const PATIENCE_MS: u32 = 120_000;

const LOADS: usize = 12;

/// Every so many-th answer is lost; the client sends its request again.
const LOST: usize = 3;

fn lose_answers(http: &Http) {
    http.break_with(|_, attempt| (attempt % LOST == LOST - 1).then_some(Fault::AnswerLost));
}

/// Calls once while every answer is lost, then again. What the lost call wrote is there or is not.
async fn cut_and_again<R>(http: &Http, mut call: impl AsyncFnMut() -> Result<R>) -> Result<R> {
    http.cut_from(0, Fault::AnswerLost);
    let cut = call().await.map(drop);
    assert!(matches!(cut, Err(Error::Offline(_))), "{cut:?}");
    lose_answers(http);
    call().await
}

async fn write_cards(http: &Http, session: &TestSession) -> Card {
    let card = cut_and_again(http, async || session.create_card(passport()).await)
        .await
        .unwrap();
    let update = || CardUpdate {
        id: card.id,
        version: card.version,
        content: passport(),
    };
    match cut_and_again(http, async || session.update_card(update()).await).await {
        // The lost call wrote it.
        Err(Error::Conflict(_)) => session.card(card.id).await.unwrap(),
        other => other.unwrap().card,
    }
}

#[test]
fn reloads_and_retries() {
    run(async {
        let (world, http) = (World::start(), Http::default());
        // A page that was loaded anew: nothing is left of what was drawn before.
        let load = || -> TestClient {
            let client = world.client_with(http.clone(), Counting::default());
            client.with_timeout(PATIENCE_MS).unwrap()
        };
        let (alice, bob) = ("alice@example.org", "bob@example.org");
        lose_answers(&http);
        let hers = load().sign_up(alice, PASSPHRASE).await.unwrap().session;
        let his = load().sign_up(bob, PASSPHRASE).await.unwrap().session;
        let invitation = hers.invite(by_link("Bob")).await.unwrap();
        let ticket = Ticket::from_link(invitation.link.as_deref().unwrap()).unwrap();
        his.accept(&ticket, "Alice").await.unwrap();
        hers.connection(invitation.id).await.unwrap();
        let pending = hers.invite(by_mail("carol@example.org")).await.unwrap();
        hers.cancel_invitation(pending.id).await.unwrap();

        for _ in 0..LOADS {
            let hers = load().sign_in(alice, PASSPHRASE).await.unwrap();
            let card = write_cards(&http, &hers).await;
            let request = || whole(card.id, invitation.id);
            let share = cut_and_again(&http, async || hers.share(request()).await).await;
            let share = share.unwrap();
            // Two tabs read it, and each claims the key.
            for _ in 0..2 {
                let his = load().sign_in(bob, PASSPHRASE).await.unwrap();
                his.read_share(share.id).await.unwrap();
            }
            eventually(async || {
                let shares = hers.outgoing_shares(&Default::default(), None).await;
                shares.unwrap().items[0].claimed.then_some(())
            })
            .await;
        }

        let mut seen = Seen::default();
        for body in http
            .sent
            .borrow()
            .iter()
            .filter_map(|request| request.body.as_ref())
        {
            seen.note_all(&serde_json::from_str(body).unwrap());
        }
        for typ in [
            "vs-kek",
            "vs-key",
            "vs-card.2",
            "vs-note.2",
            "vs-own",
            "vs-dek",
            "vs-claim",
            "vs-sent",
            "vs-share.2",
        ] {
            assert!(seen.of_kind(typ) > 0, "no {typ} was sealed");
        }
        assert!(seen.count() > 8 * LOADS, "{} records", seen.count());
        assert!(seen.repeated > 4 * LOADS, "{} retries", seen.repeated);
        println!(
            "{} records over {} page loads, {} sent again: no key and IV twice",
            seen.count(),
            3 * LOADS + 2,
            seen.repeated,
        );
    });
}
