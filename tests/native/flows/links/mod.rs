//! Links that show a card to somebody without an account: opened, guarded, counted, brought up to date, revoked.

mod following;
mod opening;
mod secrets;

use vouchsafe::Result;
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::card_link::CardLink;
use vouchsafe::crypto::records::{CardContent, Part};
use vouchsafe::flows::{LinkRequest, LinkShare, LinkView};
use vouchsafe::ids::Id;
use zeroize::Zeroizing;

use crate::support::{Http, Person, World, linked};

/// Opens a link as somebody without an account, on a device of their own.
pub(crate) async fn open(
    world: &World,
    link: &LinkShare,
    passphrase: Option<&str>,
) -> Result<LinkView> {
    let link = CardLink::from_link(link.link.as_deref().unwrap()).unwrap();
    world.client().open_link(&link, passphrase).await
}

pub(crate) async fn links_of(person: &Person) -> Vec<LinkShare> {
    let page = PageRequest::default();
    let items = person.session.link_shares(&page).await.unwrap().items;
    items.into_iter().map(|item| item.result.unwrap()).collect()
}

fn guarded(card: Id, passphrase: &str) -> LinkRequest {
    LinkRequest {
        passphrase: Some(Zeroizing::new(passphrase.to_owned())),
        ..linked(card)
    }
}

fn of_country(card: Id) -> LinkRequest {
    LinkRequest {
        part: Part::of_fields(&["country"]),
        ..linked(card)
    }
}

fn changed(number: &str, country: &str) -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", number),
            ("country", "Country", country),
        ],
    )
}

fn asked(http: &Http, before: usize) -> Vec<String> {
    let sent = http.sent.borrow();
    let sent = sent[before..].iter().map(|request| {
        let path = request.url.splitn(4, '/').nth(3).unwrap();
        let path = path.split('?').next().unwrap();
        format!("{} /{path}", request.method.as_str())
    });
    let quiet = |asked: &String| {
        let ends = ["/settled", "/tokens"];
        !asked.starts_with("GET ") && !ends.iter().any(|end| asked.ends_with(end))
    };
    let mut asked: Vec<String> = sent.filter(quiet).collect();
    asked.sort();
    asked
}
