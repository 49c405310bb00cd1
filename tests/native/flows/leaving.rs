//! What becomes of a card's shares when the people whom it was shared with leave.

use vouchsafe::Error;
use vouchsafe::crypto::records::CardContent;

use crate::flows::following::update;
use crate::support::{PASSPHRASE, World, connect_by_link, eventually, run, snapshot, whole};

/// What was shared over a connection that the other person has ended counts no more, lags no more and holds no deletion up.
#[test]
fn a_card_is_free_of_people_who_have_left() {
    run(async {
        let world = World::start();
        let alice = world.person("alice").await;
        for (bob, carol, leaves) in [
            ("bob", "carol", "disconnects"),
            ("dave", "erin", "deletes the account"),
        ] {
            let (bob, carol) = (world.person(bob).await, world.person(carol).await);
            let (with_bob, _) = connect_by_link(&alice, &bob).await;
            let (with_carol, _) = connect_by_link(&alice, &carol).await;
            let mine = alice.card().await.id;
            let other = alice.card().await.id;
            for connection in [with_bob.id, with_carol.id] {
                alice.session.share(whole(mine, connection)).await.unwrap();
            }
            let still = alice.session.share(snapshot(mine, with_bob.id)).await;
            still.unwrap();
            alice
                .session
                .share(whole(other, with_bob.id))
                .await
                .unwrap();
            if leaves == "disconnects" {
                bob.session.disconnect(with_bob.id).await.unwrap();
            } else {
                bob.session.delete_account(PASSPHRASE).await.unwrap();
            }

            alice.session.delete_card(other, None).await.unwrap();
            let renewed = CardContent::new("Passport", &[("number", "Number", "X2")]);
            let made = update(&alice, mine, 1, renewed).await;
            let made = made.unwrap();
            assert!(made.lagging.is_empty(), "{leaves}: {:?}", made.lagging);
            eventually(async || {
                let count = alice.session.card(mine).await.unwrap().shares;
                (count == Some(1)).then_some(())
            })
            .await;
            let refused = alice.session.delete_card(mine, None).await.unwrap_err();
            assert_eq!(refused, Error::CardShared(1), "{leaves}");
        }
    });
}
