//! Everything that people do, once.

use vouchsafe::api::PageRequest;
use vouchsafe::api::vault::events::EventKind;
use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::records::{self, CardContent, Delivery};
use vouchsafe::flows::{
    CardUpdate, Client, Connection, Invite, LinkRequest, Session, Share, ShareRequest, Steps,
    Subscription,
};
use vouchsafe::ids::Id;
use zeroize::Zeroizing;

use crate::secrecy::secrets::{Kind, Part, Secret};
use crate::secrecy::stage::Stage;
use crate::secrecy::witness::Witness;
use crate::support::{Http, PAGE, eventually, linked, whole};

pub const WRONG_PASSPHRASE: &str = "völlig falsche Parole, leider 7";

/// Somebody, with what their devices have handled.
pub struct Person {
    pub name: &'static str,
    pub passphrase: &'static str,
    pub witness: Witness,
    pub session: Session<Http, Witness>,
}

impl Person {
    pub fn email(&self) -> String {
        format!("{}@example.org", self.name)
    }

    pub fn account(&self) -> String {
        self.session.account().to_string()
    }

    async fn invite(&self, known: &mut Vec<Secret>, name: &str) -> Ticket {
        known.push(Secret::text(Kind::PeerName, self.name, name));
        let invitation = self.session.invite(invite(name, None)).await.unwrap();
        let link = invitation.link.unwrap();
        known.push(link_secret(&link));
        Ticket::from_link(&link).unwrap()
    }

    async fn invite_by_mail(
        &self,
        stage: &Stage,
        known: &mut Vec<Secret>,
        name: &str,
        email: &str,
    ) -> Ticket {
        known.push(Secret::text(Kind::PeerName, self.name, name));
        let invite = invite(name, Some(email));
        self.session.invite(invite).await.unwrap();
        let link = stage.mailed_link(email).await;
        let token = link.rsplit_once('.').unwrap().1;
        let token = crate::support::jose::from_base64url(token);
        known.push(Secret::bytes(Kind::MailToken, &link, &token));
        Ticket::from_link(&link).unwrap()
    }

    async fn accept(&self, known: &mut Vec<Secret>, ticket: &Ticket, name: &str) -> Connection {
        known.push(Secret::text(Kind::PeerName, self.name, name));
        self.session.accept(ticket, name).await.unwrap()
    }
}

fn client(stage: &Stage, witness: &Witness) -> Client<Http, Witness> {
    let (vault, keystore) = (&stage.urls.vault, &stage.urls.keystore);
    let page = Some(PAGE.to_owned());
    let http = Http::default();
    Client::new(
        http,
        witness.clone(),
        vault,
        keystore,
        page,
        Steps::default(),
    )
    .unwrap()
}

fn invite(name: &str, email: Option<&str>) -> Invite {
    Invite {
        page: None,
        language: None,
        delivery: email.map_or(Delivery::Link, |_| Delivery::Email),
        email: email.map(str::to_owned),
        name: name.to_owned(),
        expires_at: None,
    }
}

fn link_secret(link: &str) -> Secret {
    let secret = crate::support::jose::from_base64url(link.rsplit_once('.').unwrap().1);
    Secret::bytes(Kind::LinkSecret, link, &secret)
}

async fn sign_up(
    stage: &Stage,
    known: &mut Vec<Secret>,
    name: &'static str,
    passphrase: &'static str,
) -> Person {
    let witness = Witness::default();
    let client = client(stage, &witness);
    let email = format!("{name}@example.org");
    let made = client.sign_up(&email, passphrase).await.unwrap();
    let normal = RustEngine.to_nfc(passphrase);
    known.push(Secret::passphrase(name, passphrase, &normal));
    known.push(Secret::recovery_key(name, &made.recovery_key));
    Person {
        name,
        passphrase,
        witness,
        session: made.session,
    }
}

/// A card, every text of which is a secret from now on.
fn card(known: &mut Vec<Secret>, label: &str, fields: &[(&str, &str, &str)]) -> CardContent {
    let texts = fields
        .iter()
        .flat_map(|(name, label, value)| [*name, label, value]);
    for text in texts.chain([label]) {
        let known_already = known.iter().any(|secret| secret.name == text);
        if !known_already {
            known.push(Secret::text(Kind::CardText, text, text));
        }
    }
    CardContent::new(label, fields)
}

/// The people at the end, and what they got rid of.
pub struct People {
    pub all: Vec<Person>,
    /// Ids of accounts, cards and encryption spaces.
    pub gone: Vec<String>,
}

/// Everything, from signing up to signing out, with a crash in the middle.
pub async fn play(stage: &mut Stage, known: &mut Vec<Secret>) -> People {
    let alice = sign_up(stage, known, "alice", "Größe 42: rot-grün, „niemals“ blau").await;
    let bob = sign_up(
        stage,
        known,
        "bob",
        "Zu\u{308}rich liegt am See & nicht <hier>",
    )
    .await;
    let carol = sign_up(stage, known, "carol", "čtyři \"koně\" ve dvoře \\ 1987").await;
    stage.look("after sign-up");

    let passport = [
        (
            "passport-number-of-zofie",
            "Nummer im Dokument",
            "X1234567-№-Grün",
        ),
        (
            "home-country-of-zofie",
            "Ausstellendes Land",
            "Ísland & <Føroyar>",
        ),
    ];
    let content = card(known, "Reisepass «Žofie Nováková»", &passport);
    let first = alice.session.create_card(content).await.unwrap();
    let mut renewed = passport;
    renewed[0].2 = "Z7654321-№-Blau";
    let update = CardUpdate {
        id: first.id,
        version: first.version,
        content: card(known, "Reisepass «Žofie Nováková»", &renewed),
    };
    let passport = alice.session.update_card(update).await.unwrap().card;
    // Longer than a page of the database.
    let long: String = (1000..2500)
        .map(|number| format!("{number} Zeilen "))
        .collect();
    let account = [
        (
            "iban-of-the-account",
            "Internationale Kontonummer",
            "DE89 3704 0044 0532",
        ),
        (
            "what-was-written-down",
            "Verwendungszweck, sehr lang",
            &long,
        ),
    ];
    let content = card(known, "Girokonto bei der Sparkasse", &account);
    let account = alice.session.create_card(content).await.unwrap();
    let gone = [(
        "throwaway-field-name",
        "Nur für kurze Zeit da",
        "verschwindet sofort",
    )];
    let content = card(known, "Wird gleich gelöscht, ja", &gone);
    let gone = alice.session.create_card(content).await.unwrap();
    alice.session.delete_card(gone.id, None).await.unwrap();
    let bobs = [(
        "library-number-of-bob",
        "Leserausweis der Bücherei",
        "BIB-2024-000815",
    )];
    let content = card(known, "Ausweis für die Bücherei", &bobs);
    let bobs = bob.session.create_card(content).await.unwrap();
    stage.look("after cards");

    let events = [EventKind::Share, EventKind::Revoked, EventKind::Connection]
        .map(|kind| bob.session.on(kind, |_| {}).unwrap());
    let ticket = alice.invite(known, "Róbert aus Budapest").await;
    let with_bob = bob.accept(known, &ticket, "Alice-Élise vom Chor").await;
    alice.session.connection(with_bob.id).await.unwrap();
    let ticket = alice
        .invite_by_mail(stage, known, "Karolína Dvořáková", &carol.email())
        .await;
    let with_carol = carol.accept(known, &ticket, "Älteste Schwester A.").await;
    let number = with_carol.safety_number.unwrap();
    alice
        .session
        .mark_verified(with_carol.id, &number)
        .await
        .unwrap();
    carol
        .session
        .mark_verified(with_carol.id, &number)
        .await
        .unwrap();
    stage.look("after connecting");

    let ticket = bob.invite(known, "Abgelehnte Einladung 1").await;
    alice.session.decline_invitation(&ticket).await.unwrap();
    let name = "Abgelehnt, per Post 2";
    let ticket = carol.invite_by_mail(stage, known, name, &bob.email()).await;
    bob.session.decline_invitation(&ticket).await.unwrap();
    let ticket = bob.invite(known, "Zurückgezogen, Nr. 3").await;
    bob.session.cancel_invitation(ticket.id()).await.unwrap();
    let name = "Per Post zurückgezogen";
    let ticket = alice
        .invite_by_mail(stage, known, name, "dave@example.org")
        .await;
    alice.session.cancel_invitation(ticket.id()).await.unwrap();
    carol.invite(known, "Noch unbeantwortet 5").await;
    let name = "Post ohne Antwort, Nr. 6";
    alice
        .invite_by_mail(stage, known, name, "erin@example.org")
        .await;
    stage.look("after invitations");

    let share = async |request: ShareRequest| alice.session.share(request).await.unwrap();
    let to_bob = share(whole(passport.id, with_bob.id)).await;
    let chosen = ShareRequest {
        part: records::Part::of_fields(&["home-country-of-zofie"]),
        ..whole(passport.id, with_carol.id)
    };
    let to_carol = share(chosen).await;
    let both = ShareRequest {
        connections: vec![with_bob.id, with_carol.id],
        ..whole(account.id, with_bob.id)
    };
    let outcomes = alice.session.share_with_many(both).await.unwrap();
    let to_both: Vec<Share> = outcomes
        .into_iter()
        .map(|one| one.result.unwrap())
        .collect();
    let request = whole(bobs.id, with_bob.id);
    let to_alice = bob.session.share(request).await.unwrap();
    link(stage, known, &alice, passport.id).await;
    stage.look("after sharing");

    for (person, shares) in [
        (&bob, [to_bob.id, to_both[0].id]),
        (&carol, [to_carol.id, to_both[1].id]),
    ] {
        person
            .session
            .incoming_shares(&PageRequest::default())
            .await
            .unwrap();
        for opened in person.session.read_shares(&shares).await.unwrap() {
            opened.result.unwrap();
        }
    }
    alice.session.read_share(to_alice.id).await.unwrap();
    eventually(async || {
        let page = PageRequest::default();
        let sent = alice.session.outgoing_shares(&page, None).await.unwrap();
        sent.items.iter().all(|share| share.claimed).then_some(())
    })
    .await;
    stage.look_into_rows("after reading").await;
    stage.look("after reading");
    events.iter().for_each(Subscription::cancel);

    stage.kill();
    stage.look("after a crash");
    stage.run().await;

    let wrong = client(stage, &alice.witness)
        .sign_in(&alice.email(), WRONG_PASSPHRASE)
        .await;
    assert_eq!(wrong.unwrap_err().code(), "wrong_credentials");
    known.push(Secret::text(Kind::Passphrase, "nobody", WRONG_PASSPHRASE));
    for person in [&alice, &bob, &carol] {
        let page = PageRequest::default();
        // The connections from before are dead, which each client finds out by using them.
        eventually(async || person.session.connections(&page).await.ok()).await;
        person.session.invitations(&page).await.unwrap();
        person.session.cards(&page).await.unwrap();
    }
    alice.session.lock();
    alice.session.unlock(alice.passphrase).await.unwrap();
    let elsewhere = client(stage, &bob.witness);
    let elsewhere = elsewhere
        .sign_in(&bob.email(), bob.passphrase)
        .await
        .unwrap();
    elsewhere.read_share(to_bob.id).await.unwrap();
    stage.look("after signing in");

    alice.session.revoke_share(to_bob.id).await.unwrap();
    let refused = elsewhere.read_share(to_bob.id).await;
    assert_eq!(refused.unwrap_err().code(), "not_found");
    alice.session.disconnect(with_carol.id).await.unwrap();
    elsewhere.sign_out().await.unwrap();
    let mut gone = vec![gone.id, to_bob.space, to_carol.space, to_both[1].space];
    let mut all = vec![alice, bob, carol];
    change_accounts(stage, known, &mut all).await;
    let dora = come_and_go(stage, known, &all[0], passport.id).await;
    gone.push(dora.session.account());
    all.push(dora);

    stage.look("at the end");
    stage.look_into_rows("at the end").await;
    stage.stop();
    stage.look("after stopping");
    People {
        all,
        gone: gone.iter().map(Id::to_string).collect(),
    }
}

/// Somebody without an account opens a link with a passphrase, after a wrong one.
async fn link(stage: &Stage, known: &mut Vec<Secret>, maker: &Person, card: Id) {
    let (words, name) = ("Nur am Telefon: 19 & 5", "Žofie, die den Link schickt");
    known.push(Secret::text(Kind::Passphrase, "a link", words));
    known.push(Secret::text(Kind::PeerName, maker.name, name));
    let request = LinkRequest {
        passphrase: Some(Zeroizing::new(words.to_owned())),
        name: name.to_owned(),
        ..linked(card)
    };
    let made = maker.session.share_by_link(request).await.unwrap();
    let text = made.link.unwrap();
    known.push(link_secret(&text));
    let link = CardLink::from_link(&text).unwrap();
    let stranger = client(stage, &Witness::default());
    let wrong = stranger.open_link(&link, Some("Nur geraten")).await;
    assert_eq!(wrong.unwrap_err().code(), "wrong_credentials");
    stranger.open_link(&link, Some(words)).await.unwrap();
    let page = PageRequest::default();
    let found = maker.session.link_shares(&page).await.unwrap().items;
    assert_eq!(found[0].result.as_ref().unwrap().told.reads, 1);
}

/// Everybody replaces what opens their account, each in another way.
async fn change_accounts(stage: &mut Stage, known: &mut Vec<Secret>, people: &mut [Person]) {
    let [alice, bob, carol] = people else {
        panic!()
    };
    let made = alice
        .session
        .make_recovery_key(alice.passphrase)
        .await
        .unwrap();
    known.push(Secret::recovery_key("alice", &made));
    let new = "Neu und länger: drei – vier – fünf";
    bob.session
        .change_passphrase(bob.passphrase, new)
        .await
        .unwrap();
    known.push(Secret::text(Kind::Passphrase, "bob", new));
    bob.passphrase = new;
    stage.look("after new credentials");

    let new = "„Vergessen“ und wieder <neu> erdacht";
    let lost = known
        .iter()
        .find(|secret| secret.kind == Kind::RecoveryKey && secret.name == "carol")
        .and_then(|secret| match &secret.parts[1] {
            Part::Text(written) => Some(written.clone()),
            Part::Bytes(_) => None,
        });
    let device = client(stage, &carol.witness);
    let recovered = device
        .recover(&carol.email(), &lost.unwrap(), new)
        .await
        .unwrap();
    known.push(Secret::text(Kind::Passphrase, "carol", new));
    known.push(Secret::recovery_key("carol", &recovered.recovery_key));
    carol.passphrase = new;
    carol.session = recovered.session;
    stage.look("after recovering");
    for person in people {
        let again = client(stage, &person.witness);
        again
            .sign_in(&person.email(), person.passphrase)
            .await
            .unwrap();
    }
}

/// Somebody signs up, shares and is shared with, and deletes the account.
async fn come_and_go(
    stage: &mut Stage,
    known: &mut Vec<Secret>,
    friend: &Person,
    card_of_friend: Id,
) -> Person {
    let dora = sign_up(stage, known, "dora", "bald wieder weg: 24 & 7 Tage?").await;
    let ticket = friend.invite(known, "Dora, nur vorübergehend").await;
    let with_friend = dora.accept(known, &ticket, "Alice, die noch bleibt").await;
    friend.session.connection(with_friend.id).await.unwrap();
    let fields = [(
        "short-lived-field",
        "Was es nur kurz gibt",
        "vergänglich-0815-4711",
    )];
    let content = card(known, "Eintagsfliege der Dora", &fields);
    let own = dora.session.create_card(content).await.unwrap();
    let sent = dora
        .session
        .share(whole(own.id, with_friend.id))
        .await
        .unwrap();
    let received = whole(card_of_friend, with_friend.id);
    let received = friend.session.share(received).await.unwrap();
    friend.session.read_share(sent.id).await.unwrap();
    dora.session.read_share(received.id).await.unwrap();
    eventually(async || {
        let page = PageRequest::default();
        let sent = friend
            .session
            .outgoing_shares(&page, Some(with_friend.id))
            .await;
        sent.unwrap().items[0].claimed.then_some(())
    })
    .await;
    stage.look("before an account is deleted");
    dora.session.delete_account(dora.passphrase).await.unwrap();
    dora
}
