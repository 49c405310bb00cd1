//! The flows: what there is before, what is called, and what a call that was cut may have done.

use std::sync::Mutex;

use vouchsafe::api::PageRequest;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::CardContent;
use vouchsafe::flows::{CardUpdate, Opened, Remaining, ShareRequest};
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};

use crate::faults::scene::{ALICE, BOB, CAROL, DORA, NEW, Props, Seat, Session};
use crate::faults::stage::Stage;
use crate::flows::following::of_fields;
use crate::support::sample::sample;
use crate::support::{PASSPHRASE, by_link, by_mail, linked, passport, run, snapshot, whole};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    SignUp,
    SignIn,
    Unlock,
    SignOut,
    CreateCard,
    UpdateCard,
    DeleteCard,
    InviteByLink,
    InviteByMail,
    Cancel,
    CancelAccepted,
    Decline,
    AcceptLink,
    AcceptMail,
    FirstLook,
    FirstList,
    MarkVerified,
    Share,
    ShareSnapshot,
    ShareWithMany,
    ReadShare,
    ReadShares,
    Lists,
    Revoke,
    UpdateShared,
    ShareAgain,
    ReadWithReceipt,
    ShareByLink,
    UpdateLinked,
    RevokeLink,
    DeleteShared,
    Rename,
    Disconnect,
    Recover,
    ChangePassphrase,
    MakeRecoveryKey,
    DeleteAccount,
}

/// How a flow changes what people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Not at all.
    None,
    /// By this one request: before it nothing is to be seen, after it everything.
    By(&'static str),
    /// By several, one after the other, up to this one. Repeated, the call goes on where it was.
    UpTo(&'static str),
}

impl Flow {
    pub const ALL: [Self; 37] = [
        Self::SignUp,
        Self::SignIn,
        Self::Unlock,
        Self::SignOut,
        Self::CreateCard,
        Self::UpdateCard,
        Self::DeleteCard,
        Self::InviteByLink,
        Self::InviteByMail,
        Self::Cancel,
        Self::CancelAccepted,
        Self::Decline,
        Self::AcceptLink,
        Self::AcceptMail,
        Self::FirstLook,
        Self::FirstList,
        Self::MarkVerified,
        Self::Share,
        Self::ShareSnapshot,
        Self::ShareWithMany,
        Self::ReadShare,
        Self::ReadShares,
        Self::Lists,
        Self::Revoke,
        Self::UpdateShared,
        Self::ShareAgain,
        Self::ReadWithReceipt,
        Self::ShareByLink,
        Self::UpdateLinked,
        Self::RevokeLink,
        Self::DeleteShared,
        Self::Rename,
        Self::Disconnect,
        Self::Recover,
        Self::ChangePassphrase,
        Self::MakeRecoveryKey,
        Self::DeleteAccount,
    ];

    /// Who calls.
    pub fn actor(self) -> &'static str {
        match self {
            Self::SignUp => DORA,
            Self::Decline
            | Self::AcceptLink
            | Self::AcceptMail
            | Self::ReadShare
            | Self::ReadShares
            | Self::ReadWithReceipt => BOB,
            _ => ALICE,
        }
    }

    /// Whom it could concern.
    pub fn people(self) -> &'static [&'static str] {
        match self {
            Self::SignUp => &[ALICE, DORA],
            Self::ShareWithMany
            | Self::UpdateShared
            | Self::DeleteShared
            | Self::Lists
            | Self::Disconnect
            | Self::DeleteAccount => &[ALICE, BOB, CAROL],
            _ => &[ALICE, BOB],
        }
    }

    /// Whether there is more to ask than whether people can sign in.
    pub fn changes_credentials(self) -> bool {
        matches!(
            self,
            Self::Recover | Self::ChangePassphrase | Self::MakeRecoveryKey | Self::DeleteAccount
        )
    }

    pub fn effect(self) -> Effect {
        match self {
            Self::SignIn
            | Self::Unlock
            | Self::SignOut
            | Self::FirstLook
            | Self::FirstList
            | Self::Lists => Effect::None,
            Self::SignUp => Effect::By("POST /keystore/v1/sign-up/finish"),
            Self::CreateCard | Self::UpdateCard => Effect::By("PUT /vault/v1/cards/{id}"),
            // Whoever signs in next brings shares and links up to date.
            Self::UpdateShared | Self::UpdateLinked => Effect::By("PUT /vault/v1/cards/{id}"),
            Self::DeleteCard => Effect::By("DELETE /vault/v1/cards/{id}"),
            Self::InviteByLink | Self::InviteByMail => Effect::By("PUT /vault/v1/invitations/{id}"),
            Self::Decline => Effect::By("POST /vault/v1/invitations/{id}/decline"),
            Self::AcceptLink | Self::AcceptMail => Effect::By("POST /vault/v1/connections"),
            Self::MarkVerified | Self::Rename => {
                Effect::By("PUT /keystore/v1/connections/{id}/note")
            }
            Self::Share | Self::ShareSnapshot | Self::ShareWithMany => {
                Effect::By("POST /vault/v1/shares")
            }
            Self::ReadShare => Effect::By("PUT /keystore/v1/spaces/claims"),
            Self::ReadShares => Effect::UpTo("PUT /keystore/v1/spaces/claims"),
            Self::ReadWithReceipt => Effect::UpTo("PUT /vault/v1/shares/read"),
            Self::ShareAgain => Effect::UpTo("PUT /vault/v1/shares"),
            Self::ShareByLink => Effect::By("PUT /vault/v1/links/{id}"),
            Self::RevokeLink => Effect::By("DELETE /vault/v1/links/{id}"),
            Self::DeleteShared => Effect::UpTo("DELETE /vault/v1/cards/{id}"),
            Self::Cancel => Effect::UpTo("POST /vault/v1/invitations/{id}/cancel"),
            Self::CancelAccepted => Effect::UpTo("DELETE /vault/v1/connections/{id}"),
            Self::Revoke => Effect::UpTo("DELETE /vault/v1/shares/{id}"),
            Self::Disconnect => Effect::UpTo("PUT /keystore/v1/connections/{id}/note"),
            Self::Recover | Self::ChangePassphrase | Self::MakeRecoveryKey => {
                Effect::By("PUT /keystore/v1/credentials")
            }
            Self::DeleteAccount => Effect::UpTo("DELETE /keystore/v1/account"),
        }
    }

    /// Whether a call makes a record that no other call makes. Repeated after an answer that was lost, it makes a second
    /// one: its caller, who was told `offline`, finds both in the list and can delete, cancel or revoke one. A client
    /// that guessed which was meant would lose a card that somebody wants twice. Never is one made by half.
    pub fn makes_records(self) -> bool {
        matches!(
            self,
            Self::CreateCard
                | Self::InviteByLink
                | Self::InviteByMail
                | Self::ShareSnapshot
                | Self::ShareByLink
                // Each makes a version.
                | Self::UpdateShared
                | Self::UpdateLinked
        )
    }

    /// What the same call answers when it has had its effect already, and nobody was told; `None` is a success.
    pub fn again(self) -> Option<&'static str> {
        match self {
            // The account is there: one signs in to it. (Its first recovery key is lost, and is made anew.)
            Self::SignUp => Some("email_taken"),
            // The version is taken: one reads the card, and finds one's own words.
            Self::UpdateCard => Some("conflict"),
            _ => None,
        }
    }

    /// The same, after a reload.
    pub fn again_anew(self) -> Option<&'static str> {
        match self {
            Self::DeleteAccount => Some("wrong_credentials"),
            _ => self.again(),
        }
    }

    /// The same, on a session where the call was a success.
    pub fn after_success(self) -> Option<&'static str> {
        match self {
            Self::DeleteAccount => Some("session_expired"),
            _ => self.again(),
        }
    }

    /// Brings about what the flow needs.
    pub async fn prepare(
        self,
        stage: &Stage,
        alice: &Session,
        bob: &Session,
        carol: &Session,
    ) -> Props {
        let mut props = Props::default();
        let share = async |from: &Session, card: Id, connection: Id| {
            from.share(snapshot(card, connection)).await.unwrap().id
        };
        match self {
            Self::SignUp
            | Self::SignIn
            | Self::Unlock
            | Self::SignOut
            | Self::CreateCard
            | Self::InviteByLink
            | Self::InviteByMail
            | Self::Recover
            | Self::ChangePassphrase
            | Self::MakeRecoveryKey => {}
            Self::UpdateCard | Self::DeleteCard => props.cards = vec![make_card(alice).await],
            Self::Cancel | Self::Decline | Self::AcceptLink => {
                props.ticket = Some(invite_by_link(alice).await);
            }
            Self::AcceptMail => props.ticket = Some(invite_by_mail(stage, alice).await),
            Self::CancelAccepted | Self::FirstLook | Self::FirstList => {
                let ticket = invite_by_link(alice).await;
                bob.accept(&ticket, "Alice").await.unwrap();
                props.ticket = Some(ticket);
            }
            Self::MarkVerified => {
                let ticket = invite_by_mail(stage, alice).await;
                let theirs = bob.accept(&ticket, "Alice").await.unwrap();
                props.connections = vec![theirs.id];
                props.safety_number = theirs.safety_number;
            }
            Self::Share | Self::ShareSnapshot => {
                props.cards = vec![make_card(alice).await];
                props.connections = vec![connect(alice, bob).await];
            }
            Self::ShareWithMany => {
                props.cards = vec![make_card(alice).await];
                props.connections = vec![connect(alice, bob).await];
                // With Carol it is the first look: the share pins.
                let ticket = invite_by_link(alice).await;
                let theirs = carol.accept(&ticket, "Alice").await.unwrap();
                props.connections.push(theirs.id);
            }
            Self::ReadShare | Self::ReadShares | Self::Revoke => {
                let card = make_card(alice).await;
                let connection = connect(alice, bob).await;
                props.shares = vec![share(alice, card, connection).await];
                if self == Self::ReadShares {
                    props.shares.push(share(alice, card, connection).await);
                }
                if self == Self::Revoke {
                    bob.read_share(props.shares[0]).await.unwrap();
                }
            }
            Self::UpdateShared | Self::DeleteShared => {
                let card = make_card(alice).await;
                props.cards = vec![card];
                let (with_bob, with_carol) =
                    (connect(alice, bob).await, connect(alice, carol).await);
                let narrow = of_fields(card, with_carol, &["country"]);
                for request in [whole(card, with_bob), narrow] {
                    alice.share(request).await.unwrap();
                }
                if self == Self::DeleteShared {
                    alice.share_by_link(linked(card)).await.unwrap();
                }
            }
            Self::ShareAgain | Self::ReadWithReceipt => {
                let card = make_card(alice).await;
                let connection = connect(alice, bob).await;
                props.cards = vec![card];
                props.connections = vec![connection];
                props.shares = vec![alice.share(whole(card, connection)).await.unwrap().id];
            }
            Self::ShareByLink | Self::UpdateLinked | Self::RevokeLink => {
                let card = make_card(alice).await;
                props.cards = vec![card];
                if self != Self::ShareByLink {
                    props.link = Some(alice.share_by_link(linked(card)).await.unwrap().id);
                }
            }
            Self::Rename => props.connections = vec![connect(alice, bob).await],
            Self::Lists | Self::Disconnect | Self::DeleteAccount => {
                let (hers, his) = (make_card(alice).await, make_card(bob).await);
                let connection = connect(alice, bob).await;
                let other = connect(alice, carol).await;
                for _ in 0..2 {
                    let made = share(alice, hers, connection).await;
                    bob.read_share(made).await.unwrap();
                }
                share(bob, his, connection).await;
                share(alice, hers, other).await;
                invite_by_link(alice).await;
                props.connections = vec![connection];
            }
        }
        props
    }

    /// The call. Another call with the same arguments is what an app does after an error.
    pub async fn call(self, seat: &Seat, props: &Props) -> Result<()> {
        let client = &seat.client;
        match self {
            Self::SignUp => done(client.sign_up(DORA, PASSPHRASE).await),
            Self::SignIn => done(client.sign_in(ALICE, PASSPHRASE).await),
            Self::Unlock => {
                seat.session().lock();
                seat.session().unlock(PASSPHRASE).await
            }
            Self::SignOut => seat.session().sign_out().await,
            Self::CreateCard => done(seat.session().create_card(passport()).await),
            Self::UpdateCard => {
                let update = CardUpdate {
                    id: props.cards[0],
                    version: 1,
                    content: CardContent::new("Passport", &[("number", "Number", "new")]),
                };
                done(seat.session().update_card(update).await)
            }
            // As somebody does who reads a card and edits it.
            Self::UpdateShared | Self::UpdateLinked => {
                let card = seat.session().card(props.cards[0]).await?;
                let content = CardContent::new("Passport", &[("country", "Country", "new")]);
                let update = CardUpdate {
                    id: card.id,
                    version: card.version,
                    content,
                };
                let mut lagging = seat.session().update_card(update).await?.lagging;
                lagging.pop().map_or(Ok(()), |one| Err(one.error))
            }
            Self::DeleteCard => seat.session().delete_card(props.cards[0], None).await,
            Self::DeleteShared => {
                let remaining = Some(Remaining::Revoke);
                seat.session().delete_card(props.cards[0], remaining).await
            }
            Self::ShareAgain => {
                let (card, connection) = (props.cards[0], props.connections[0]);
                let request = of_fields(card, connection, &["country"]);
                done(seat.session().share(request).await)
            }
            Self::ShareByLink => {
                let request = linked(props.cards[0]);
                done(seat.session().share_by_link(request).await)
            }
            Self::RevokeLink => seat.session().revoke_link(props.link.unwrap()).await,
            Self::Rename => {
                let session = seat.session();
                done(
                    session
                        .rename_connection(props.connections[0], "Robert")
                        .await,
                )
            }
            Self::InviteByLink => done(seat.session().invite(by_link("Bob")).await),
            Self::InviteByMail => done(seat.session().invite(by_mail(BOB)).await),
            Self::Cancel | Self::CancelAccepted => {
                done(seat.session().cancel_invitation(ticket(props).id()).await)
            }
            Self::Decline => seat.session().decline_invitation(ticket(props)).await,
            Self::AcceptLink | Self::AcceptMail => {
                done(seat.session().accept(ticket(props), "Alice").await)
            }
            Self::FirstLook => done(seat.session().connection(ticket(props).id()).await),
            Self::FirstList => {
                let page = PageRequest::default();
                all(seat.session().connections(&page).await?.items)
            }
            Self::MarkVerified => {
                let number = props.safety_number.as_deref().unwrap();
                let session = seat.session();
                done(session.mark_verified(props.connections[0], number).await)
            }
            Self::Share => {
                let request = whole(props.cards[0], props.connections[0]);
                done(seat.session().share(request).await)
            }
            Self::ShareSnapshot => {
                let request = snapshot(props.cards[0], props.connections[0]);
                done(seat.session().share(request).await)
            }
            Self::ShareWithMany => {
                let request = ShareRequest {
                    connections: props.connections.clone(),
                    ..whole(props.cards[0], props.connections[0])
                };
                let outcomes = seat.session().share_with_many(request).await?;
                let outcomes = outcomes.into_iter().map(|outcome| done(outcome.result));
                outcomes.collect()
            }
            Self::ReadShare | Self::ReadWithReceipt => {
                done(seat.session().read_share(props.shares[0]).await)
            }
            Self::ReadShares => all(seat.session().read_shares(&props.shares).await?),
            Self::Lists => {
                let (session, page) = (seat.session(), PageRequest::default());
                all(session.cards(&page).await?.items)?;
                all(session.invitations(&page).await?.items)?;
                all(session.connections(&page).await?.items)?;
                session.incoming_shares(&page).await?;
                done(session.outgoing_shares(&page, None).await)
            }
            Self::Revoke => seat.session().revoke_share(props.shares[0]).await,
            Self::Disconnect => seat.session().disconnect(props.connections[0]).await,
            Self::Recover => {
                let made = client.recover(ALICE, &props.recovery_key, NEW).await?;
                seat.given.replace(Some(made.recovery_key.to_string()));
                Ok(())
            }
            Self::ChangePassphrase => seat.session().change_passphrase(PASSPHRASE, NEW).await,
            Self::MakeRecoveryKey => {
                let made = seat.session().make_recovery_key(PASSPHRASE).await?;
                seat.given.replace(Some(made.to_string()));
                Ok(())
            }
            Self::DeleteAccount => seat.session().delete_account(PASSPHRASE).await,
        }
    }

    /// The device from which the flow is called; somebody who signs in or up is not signed in before.
    pub async fn seat(self, stage: &Stage) -> Result<Seat> {
        match self {
            Self::SignUp | Self::SignIn | Self::Recover => Ok(Seat::empty(stage)),
            Self::ReadWithReceipt => Seat::telling(stage, self.actor()).await,
            _ => Seat::signed_in(stage, self.actor()).await,
        }
    }
}

fn ticket(props: &Props) -> &Ticket {
    props.ticket.as_ref().unwrap()
}

fn done<R>(result: Result<R>) -> Result<()> {
    result.map(drop)
}

fn all<R>(opened: Vec<Opened<R>>) -> Result<()> {
    opened.into_iter().try_for_each(|one| done(one.result))
}

async fn make_card(person: &Session) -> Id {
    person.create_card(passport()).await.unwrap().id
}

async fn invite_by_link(person: &Session) -> Ticket {
    let invitation = person.invite(by_link("Bob")).await.unwrap();
    Ticket::from_link(invitation.link.as_deref().unwrap()).unwrap()
}

async fn invite_by_mail(stage: &Stage, person: &Session) -> Ticket {
    person.invite(by_mail(BOB)).await.unwrap();
    stage.mails_are_sent().await;
    let link = stage.mails().remove(0)["link"].as_str().unwrap().to_owned();
    Ticket::from_link(&link).unwrap()
}

async fn connect(inviter: &Session, invitee: &Session) -> Id {
    let ticket = invite_by_link(inviter).await;
    let theirs = invitee.accept(&ticket, "Alice").await.unwrap();
    inviter.connection(theirs.id).await.unwrap().id
}

/// What the code of a call is called in messages.
pub fn code_of(result: Result<()>) -> Option<&'static str> {
    result.err().map(|error: Error| error.code())
}

/// Flows are broken off in so many parts: what a flow begins with, and looking at all that people see, is most of the work.
pub const PARTS: usize = 3;

/// Does this with the flows that are asked for, or else with those whose turn it is, on as many threads as there are
/// processors; adds up.
pub fn in_parallel<F: Future<Output = (usize, Vec<String>)>>(
    what: &str,
    work: impl Fn(Flow) -> F + Sync,
) -> (usize, Vec<String>) {
    let asked = std::env::var("VOUCHSAFE_FLOWS").unwrap_or_default();
    let asked: Vec<&str> = asked.split(',').filter(|name| !name.is_empty()).collect();
    let flows = if asked.is_empty() {
        sample(what, PARTS, Flow::ALL.to_vec())
    } else {
        let mut flows = Flow::ALL.to_vec();
        flows.retain(|flow| asked.contains(&format!("{flow:?}").as_str()));
        flows
    };
    let flows = flows.iter();
    let (flows, sum) = (Mutex::new(flows), Mutex::new((0, Vec::new())));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(flow) = flows.lock().unwrap().next() else {
                        return;
                    };
                    run(async {
                        let (count, wrong) = work(*flow).await;
                        let mut sum = sum.lock().unwrap();
                        sum.0 += count;
                        sum.1.extend(wrong);
                    });
                }
            });
        }
    });
    sum.into_inner().unwrap()
}
