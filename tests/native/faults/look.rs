//! What everybody sees from a new device: the state that must be the same, with and without a break.

use std::fmt::Write;

use vouchsafe::api::PageRequest;
use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::{Error, Result};

use crate::faults::flow::Flow;
use crate::faults::scene::{ALICE, DORA, Props, Seat};
use crate::faults::stage::Stage;
use crate::support::PASSPHRASE;

/// What must never be seen, not even right after a break: records that do not open, and pins that do not match.
const NEVER: [&str; 4] = [
    "record_rejected",
    "peer_key_changed",
    "server_error",
    "Changed",
];

/// A text without ids and times of records that flows make: two of them can be compared. Looking pins and claims, so it
/// is done on a copy.
pub async fn look(stage: &Stage, flow: Flow, props: &Props) -> String {
    look_as(stage, flow, props, false).await
}

/// The same. Where people sign in as the package does, shares whose card's update was cut are brought up to date first.
pub async fn look_as(stage: &Stage, flow: Flow, props: &Props, catches_up: bool) -> String {
    stage.mails_are_sent().await;
    let stage = &stage.copy().await;
    let mut lines = Vec::new();
    let mut seats = Vec::new();
    for email in flow.people() {
        match Seat::signed_in(stage, email).await {
            Ok(seat) => {
                if catches_up {
                    seat.session().catch_up_shares().await.unwrap();
                    seat.line.settle().await;
                }
                seats.push((email, seat));
            }
            Err(error) => lines.push(format!("{email} cannot sign in: {}", error.code())),
        }
    }
    if flow.changes_credentials() {
        let counts = Seat::signed_in_with(stage, ALICE, PASSPHRASE).await.is_ok();
        lines.push(format!("the first passphrase counts: {counts}"));
        let counts = stage.is_recovery_key(ALICE, &props.recovery_key).await;
        lines.push(format!("the first recovery key counts: {counts}"));
    }
    // What is claimed comes first, because reading claims.
    for (email, seat) in &seats {
        if let Err(error) = sent(email, seat, &mut lines).await {
            lines.push(format!("{email} sees nothing sent: {}", error.code()));
        }
    }
    for (email, seat) in &seats {
        if let Err(error) = everything(email, seat, &mut lines).await {
            lines.push(format!("{email} sees nothing: {}", error.code()));
        }
    }
    for mail in stage.mails() {
        lines.push(format!("mail to {}: {}", mail["to"], mail["subject"]));
    }
    lines.sort();
    let mut text = String::new();
    for line in lines {
        assert!(!NEVER.iter().any(|never| line.contains(never)), "{line}");
        writeln!(text, "{line}").unwrap();
    }
    text
}

fn page() -> PageRequest {
    PageRequest {
        cursor: None,
        limit: Some(200),
    }
}

async fn sent(email: &str, seat: &Seat, lines: &mut Vec<String>) -> Result<()> {
    let sent = seat.session().outgoing_shares(&page(), None).await?;
    for outgoing in sent.items {
        let (to, claimed) = (outgoing.share.to, outgoing.claimed);
        let (fields, live) = (outgoing.fields, outgoing.live);
        let read = outgoing.read.map(|receipt| receipt.edition);
        lines.push(format!(
            "{email} sent to {to}, claimed: {claimed}, fields: {fields:?}, live: {live}, read: {read:?}"
        ));
    }
    for opened in seat.session().link_shares(&page()).await?.items {
        let text = match opened.result {
            Err(error) => code(error),
            Ok(made) => {
                let seen = match made.link.map(|link| CardLink::from_link(&link)) {
                    Some(Ok(link)) => seat.client.open_link(&link, None).await,
                    _ => Err(Error::NotFound),
                };
                let seen = seen.map_or_else(code, |seen| to_json(&seen.card));
                let (state, fields, live) = (made.told.state, made.fields, made.live);
                format!("{state:?}, fields: {fields:?}, live: {live}, {seen}")
            }
        };
        lines.push(format!("{email} has a link: {text}"));
    }
    Ok(())
}

async fn everything(email: &str, seat: &Seat, lines: &mut Vec<String>) -> Result<()> {
    let session = seat.session();
    let account = session.account();
    if email != DORA {
        lines.push(format!("{email} signs in as {account}"));
    }
    for opened in session.cards(&page()).await?.items {
        let text = opened.result.map_or_else(code, |card| {
            format!("{} v{}", to_json(&card.content), card.version)
        });
        lines.push(format!("{email} has a card: {text}"));
    }
    for opened in session.invitations(&page()).await?.items {
        let text = opened.result.map_or_else(code, |made| {
            let (state, delivery, link) = (made.state, made.delivery, made.link.is_some());
            format!(
                "{state:?} {delivery:?} {:?} {} link: {link}",
                made.email, made.name
            )
        });
        lines.push(format!("{email} has an invitation: {text}"));
    }
    for opened in session.connections(&page()).await?.items {
        let text = opened.result.map_or_else(code, |made| {
            let (state, trust, verified_by) = (made.state, made.trust, made.verified_by);
            let (account, number) = (made.account, made.safety_number);
            let (name, role) = (made.name, made.role);
            format!("{state:?} {name} {account} {trust:?} {verified_by:?} {number:?} {role:?}")
        });
        lines.push(format!("{email} has a connection: {text}"));
    }
    let incoming = session.incoming_shares(&page()).await?.items;
    let outgoing = session.outgoing_shares(&page(), None).await?.items;
    let outgoing = outgoing.into_iter().map(|outgoing| outgoing.share);
    let ids: Vec<_> = incoming
        .into_iter()
        .chain(outgoing)
        .map(|share| share.id)
        .collect();
    for ids in ids.chunks(50) {
        for opened in session.read_shares(ids).await? {
            let text = opened.result.map_or_else(code, |read| {
                let (card, trust) = (to_json(&read.card), read.trust);
                let (from, to) = (read.share.from, read.share.to);
                format!("{card} from {from} to {to} {trust:?}")
            });
            lines.push(format!("{email} reads: {text}"));
        }
    }
    seat.line.settle().await;
    Ok(())
}

fn code(error: Error) -> String {
    error.code().to_owned()
}

fn to_json(content: &impl serde::Serialize) -> String {
    serde_json::to_string(content).unwrap()
}
