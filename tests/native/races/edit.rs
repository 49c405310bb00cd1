//! Two devices of one person edit the same card, and one of them also changes what is shared of it, while others read.

use tokio::join;
use vouchsafe::Error;
use vouchsafe::crypto::records::{CardContent, Part};
use vouchsafe::flows::{CardUpdate, Updated};
use vouchsafe::ids::Id;

use crate::flows::following::of_fields;
use crate::races::lab::{Lab, PARTS, ROUNDS, on_one_thread, watch};
use crate::support::{Person, connect_by_link, sample, whole};

fn content(round: usize, device: &str) -> CardContent {
    let text = format!("{round} {device}");
    CardContent::new(
        "Card",
        &[("open", "Open", &text), ("secret", "Secret", &text)],
    )
}

async fn edit(device: &Person, id: Id, version: u64, content: CardContent) -> Option<Updated> {
    let update = CardUpdate {
        id,
        version,
        content,
    };
    match device.session.update_card(update).await {
        Ok(updated) => Some(updated),
        Err(Error::Conflict(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Every round ends with everybody at the newest version, and nobody is ever shown something older, or a field that is not theirs.
#[test]
fn two_devices_edit_one_card_while_others_read() {
    on_one_thread(async {
        let lab = Lab::start().await;
        let alice = lab.world.person("alice").await;
        let (bob, carol) = (
            lab.world.person("bob").await,
            lab.world.person("carol").await,
        );
        let (with_bob, _) = connect_by_link(&alice, &bob).await;
        let (with_carol, _) = connect_by_link(&alice, &carol).await;
        let elsewhere = lab.world.other_device(&alice).await;
        for person in [&alice, &elsewhere, &bob, &carol] {
            watch(&person.http);
        }
        let id = alice.session.create_card(content(0, "")).await.unwrap().id;
        let to_bob = alice
            .session
            .share(whole(id, with_bob.id))
            .await
            .unwrap()
            .id;
        let open = of_fields(id, with_carol.id, &["open"]);
        let to_carol = alice.session.share(open.clone()).await.unwrap().id;
        let (mut version, mut seen) = (1, 1);
        for round in 1..=sample::rounds("two devices edit", PARTS, ROUNDS) {
            let (one, other, read, narrow, again) = join!(
                edit(&alice, id, version, content(round, "one")),
                edit(&elsewhere, id, version, content(round, "other")),
                bob.session.read_share(to_bob),
                carol.session.read_share(to_carol),
                elsewhere.session.share(open.clone()),
            );
            assert!(one.is_some() ^ other.is_some(), "one of them was faster");
            let read = read.unwrap();
            assert!(read.share.edition >= seen, "nobody goes back");
            assert_eq!(narrow.unwrap().card.fields.len(), 1);
            assert_eq!(again.unwrap().id, to_carol, "no second share");
            version += 1;
            // Who gave way to the other's work left the rest to it; what both left is for the next session.
            let lagging = one
                .into_iter()
                .chain(other)
                .any(|made| !made.lagging.is_empty());
            if lagging {
                alice.session.catch_up_shares().await.unwrap();
            }
            let card = elsewhere.session.card(id).await.unwrap();
            assert_eq!((card.version, card.shares), (version, Some(2)));
            let settled = crate::support::eventually(async || {
                let read = bob.session.read_share(to_bob).await.unwrap();
                (read.card == card.content).then_some(read.share.edition)
            });
            seen = settled.await;
            crate::support::eventually(async || {
                let read = carol.session.read_share(to_carol).await.unwrap();
                let chosen = card
                    .content
                    .narrow(&Part::of_fields(&["open"]))
                    .into_owned();
                assert_eq!(read.card.fields.len(), 1);
                (read.card == chosen).then_some(())
            })
            .await;
        }
    });
}
