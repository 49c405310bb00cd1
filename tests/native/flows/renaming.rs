//! Calling the other person by another name.

use futures_util::future::join;
use vouchsafe::Error;
use vouchsafe::api::PageRequest;
use vouchsafe::flows::Trust;

use crate::support::{World, connect_by_link, connect_by_mail, run};

#[test]
fn a_name_is_changed_for_every_device_of_one_side_and_nothing_else() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, his) = connect_by_link(&alice, &bob).await;
        let renamed = alice.session.rename_connection(hers.id, "Robert").await;
        let renamed = renamed.unwrap();
        assert_eq!(renamed.name, "Robert");
        assert_eq!(
            (renamed.trust, renamed.safety_number, renamed.account),
            (Trust::Verified, hers.safety_number, hers.account)
        );
        let elsewhere = world.other_device(&alice).await;
        let seen = elsewhere.session.connections(&PageRequest::default()).await;
        let [seen] = &seen.unwrap().items[..] else {
            panic!("one connection");
        };
        let seen = seen.result.as_ref().unwrap();
        assert_eq!((&*seen.name, seen.trust), ("Robert", Trust::Verified));
        let other_side = bob.session.connection(his.id).await.unwrap();
        assert_eq!(other_side.name, "Alice");

        bob.session.disconnect(his.id).await.unwrap();
        let ended = alice.session.rename_connection(hers.id, "Bob, once").await;
        assert_eq!(ended.unwrap().name, "Bob, once");
        for wrong in ["", "B\u{200b}ob", &"b".repeat(201)] {
            let refused = alice.session.rename_connection(hers.id, wrong).await;
            let error = refused.unwrap_err();
            assert_eq!(
                (error.code(), error.argument()),
                ("bad_input", Some("name"))
            );
        }
        let nobody = world.person("carol").await;
        let refused = nobody.session.rename_connection(hers.id, "Bob").await;
        assert_eq!(refused.unwrap_err(), Error::NotFound);
    });
}

#[test]
fn two_devices_rename_at_once_and_a_third_verifies() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (hers, _) = connect_by_mail(&world, &alice, &bob).await;
        let other = world.other_device(&alice).await;
        let number = hers.safety_number.unwrap();
        for round in 0..4 {
            let (here, there) = join(
                alice
                    .session
                    .rename_connection(hers.id, &format!("Bob {round}")),
                other
                    .session
                    .rename_connection(hers.id, &format!("Rob {round}")),
            )
            .await;
            assert!(here.is_ok() && there.is_ok(), "{here:?} {there:?}");
            let verified = alice.session.mark_verified(hers.id, &number).await.unwrap();
            assert_eq!(verified.trust, Trust::Verified);
            assert!(verified.name.ends_with(&round.to_string()));
        }
    });
}
