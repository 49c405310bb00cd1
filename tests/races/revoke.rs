//! A share is revoked while it is being read.

use vouchsafe::Error;

use crate::lab::{Lab, ROUNDS, Tally, on_one_thread, watch};
use crate::support::{connect_by_link, passport, whole};

#[test]
fn reading_what_is_being_revoked() {
    let lab = on_one_thread(async {
        let lab = Lab::start().await;
        let (alice, bob) = (
            lab.world.person("alice").await,
            lab.world.person("bob").await,
        );
        let (hers, _) = connect_by_link(&alice, &bob).await;
        let card = alice.card().await;
        // Another device, so that the share's place and keys are not at hand.
        let revoker = lab.world.other_device(&alice).await;
        for person in [&alice, &bob, &revoker] {
            watch(&person.http);
        }
        let mut tally = Tally::new("reading what is being revoked", ["read", "not_found"]);
        for _ in 0..ROUNDS {
            let share = alice.session.share(whole(card.id, hers.id)).await.unwrap();
            let (revoked, read) = tokio::join!(
                revoker.session.revoke_share(share.id),
                bob.session.read_share(share.id),
            );
            revoked.unwrap();
            match &read {
                Ok(received) => assert_eq!(received.card, passport()),
                Err(error) => assert_eq!(error, &Error::NotFound),
            }
            tally.count(read.is_err());
            // What the device has in memory is of no more use.
            let again = bob.session.read_share(share.id).await;
            assert_eq!(again.unwrap_err(), Error::NotFound);
        }
        tally.tell();
        lab
    });
    // Every claim that was on its way has arrived by now.
    on_one_thread(async {
        let copies = "spaces WHERE own <> '' OR peer <> '' OR claim IS NOT NULL";
        assert_eq!(lab.in_keystore(copies).await, 0, "no copy of a key is left");
        assert_eq!(lab.in_keystore("spaces WHERE deleted_at IS NULL").await, 0);
        assert_eq!(lab.in_vault("shares WHERE share <> ''").await, 0);
        assert_eq!(
            lab.in_vault("shares WHERE deleted_at IS NOT NULL").await,
            ROUNDS
        );
    });
}
