//! Invitations before anybody has signed in.

use vouchsafe::Error;
use vouchsafe::api::vault::invitations::InvitationState;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::Delivery;

use crate::support::{Counting, Http, World, run};

#[test]
fn a_stranger_sees_whether_an_invitation_stands_and_whose_keys_it_has() {
    run(async {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let http = Http::default();
        let stranger = world.client_with(http.clone(), Counting::default());
        let (invitation, ticket) = alice.invite_by_link("Bob").await;
        let seen = stranger.preview_invitation(&ticket).await.unwrap();
        assert_eq!(
            (seen.delivery, seen.state, seen.keys_match, seen.expires_at),
            (
                Delivery::Link,
                InvitationState::Pending,
                Some(true),
                invitation.expires_at
            )
        );
        assert_eq!(seen.inviter_email, None, "it is not confirmed");
        assert_eq!(http.sent.borrow().len(), 1, "and nothing else is asked");

        // Another key, in the link or at the Vault, is told.
        let link = invitation.link.unwrap();
        let mut parts: Vec<&str> = link.split('.').collect();
        let other = "A".repeat(43);
        let thumbprint = parts.len() - 2;
        parts[thumbprint] = &other;
        let forged = Ticket::from_link(&parts.join(".")).unwrap();
        let seen = stranger.preview_invitation(&forged).await.unwrap();
        assert_eq!(seen.keys_match, Some(false));

        let (_, mailed) = alice.invite_by_mail(&world, &bob).await;
        let seen = stranger.preview_invitation(&mailed).await.unwrap();
        assert_eq!((seen.delivery, seen.keys_match), (Delivery::Email, None));

        bob.session.accept(&ticket, "Alice").await.unwrap();
        let seen = stranger.preview_invitation(&ticket).await.unwrap();
        assert_eq!(seen.state, InvitationState::Accepted);
        let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
        let unknown = link.replace(&invitation.id.to_string(), nobody);
        let unknown = Ticket::from_link(&unknown).unwrap();
        assert_eq!(
            stranger.preview_invitation(&unknown).await.unwrap_err(),
            Error::NotFound
        );
    });
}
