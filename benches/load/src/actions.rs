//! What people do, one request or a few.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use rand_core::{OsRng, RngCore};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::Services;
use crate::bodies;
use crate::call::{Answer, call};
use crate::opaque;
use crate::people::Person;

/// A thing that somebody does.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum Action {
    /// What a process answers without a look at anything: `GET /health`.
    Health,
    /// `GET /cards/{id}`.
    Card,
    /// `POST /shares/query` with one id.
    Share,
    /// `POST /spaces/query` with one id.
    Space,
    /// `GET /cards`, a page of 50.
    Cards,
    /// `GET /shares/incoming`, a page of 50.
    Incoming,
    /// `PUT /cards/{id}` with a new card.
    Save,
    /// `POST /spaces` with one encryption space.
    Keep,
    /// `POST /shares` with one share.
    Give,
    /// `POST /tokens`.
    Token,
    /// A sign-in, with the token that follows.
    SignIn,
    /// One of what people do, as often as they do it.
    Mix,
    /// The bare handler: nothing.
    BareHealth,
    /// The bare handler: a card.
    BareCard,
    /// The bare handler: a share.
    BareShare,
    /// The bare handler: an encryption space.
    BareSpace,
    /// The bare handler: a page of 50 cards.
    BareCards,
    /// The bare handler: a page of 50 shares that somebody got.
    BareIncoming,
}

/// Of a hundred things that people do, how many are which.
const MIX: [(u32, Action); 9] = [
    (24, Action::Card),
    (20, Action::Share),
    (20, Action::Space),
    (10, Action::Cards),
    (10, Action::Incoming),
    (3, Action::Save),
    (5, Action::Keep),
    (5, Action::Give),
    (3, Action::SignIn),
];

/// Whom the requests go to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) services: Services,
    pub(crate) bare: String,
}

/// One of some, by chance.
pub(crate) fn any<T>(some: &[T]) -> Option<&T> {
    some.get(usize::try_from(OsRng.next_u64()).unwrap_or_default() % some.len().max(1))
}

/// One thing, done by whoever has what it takes.
pub(crate) struct Doing<'a> {
    pub(crate) http: &'a Client,
    pub(crate) target: &'a Target,
    pub(crate) people: &'a [Person],
}

impl Doing<'_> {
    /// Does it. Returns the last answer, and how many requests it was.
    pub(crate) async fn act(&self, action: Action) -> Result<(Answer, u64)> {
        let action = if action == Action::Mix {
            of_mix()
        } else {
            action
        };
        let answer = match action {
            Action::Mix => unreachable!("one of the mix was chosen"),
            Action::Health => {
                self.get(&format!("{}/health", self.target.services.vault), None)
                    .await?
            }
            Action::Card => {
                let person = self.someone(|person| !person.cards.is_empty())?;
                let card = any(&person.cards).context("nobody has a card")?;
                self.vault(person, Method::GET, &format!("/cards/{card}"), None)
                    .await?
            }
            Action::Cards => {
                let person = self.someone(|person| !person.cards.is_empty())?;
                self.vault(person, Method::GET, "/cards?limit=50", None)
                    .await?
            }
            Action::Incoming => {
                let person = self.someone(|person| !person.shares.is_empty())?;
                self.vault(person, Method::GET, "/shares/incoming?limit=50", None)
                    .await?
            }
            Action::Share => {
                let person = self.someone(|person| !person.shares.is_empty())?;
                let (share, _) = any(&person.shares).context("nobody has a share")?;
                let body = json!({ "ids": [share] });
                self.vault(person, Method::POST, "/shares/query", Some(&body))
                    .await?
            }
            Action::Space => {
                let person = self.someone(|person| !person.shares.is_empty())?;
                let (_, space) = any(&person.shares).context("nobody has a share")?;
                let body = json!({ "ids": [space] });
                self.keystore(person, "/spaces/query", &body).await?
            }
            Action::Save => {
                let person = self.someone(|person| !person.cards.is_empty())?;
                let path = format!("/cards/{}", bodies::v7());
                self.vault(person, Method::PUT, &path, Some(&bodies::card()))
                    .await?
            }
            Action::Keep => {
                let (person, space, _) = self.share()?;
                let body = json!({ "spaces": [space] });
                self.keystore(person, "/spaces", &body).await?
            }
            Action::Give => {
                let (person, _, share) = self.share()?;
                let body = json!({ "shares": [share] });
                self.vault(person, Method::POST, "/shares", Some(&body))
                    .await?
            }
            Action::Token => {
                let person = any(self.people).context("there is nobody")?;
                let body = json!({ "audience": self.target.services.vault });
                self.keystore(person, "/tokens", &body).await?
            }
            Action::SignIn => return self.sign_in().await,
            Action::BareHealth => self.bare("/nothing").await?,
            Action::BareCard => {
                let person = self.someone(|person| !person.cards.is_empty())?;
                let card = any(&person.cards).context("nobody has a card")?;
                self.bare(&format!("/card/{}/{card}", person.account))
                    .await?
            }
            Action::BareShare | Action::BareSpace => {
                let person = self.someone(|person| !person.shares.is_empty())?;
                let (share, space) = any(&person.shares).context("nobody has a share")?;
                let path = match action {
                    Action::BareShare => format!("/share/{share}"),
                    _ => format!("/space/{space}"),
                };
                self.bare(&path).await?
            }
            Action::BareCards => {
                let person = self.someone(|person| !person.cards.is_empty())?;
                self.bare(&format!("/cards/{}", person.account)).await?
            }
            Action::BareIncoming => {
                let person = self.someone(|person| !person.shares.is_empty())?;
                self.bare(&format!("/incoming/{}", person.account)).await?
            }
        };
        Ok((answer, 1))
    }

    /// Somebody of whom it is true.
    fn someone(&self, fits: impl Fn(&Person) -> bool) -> Result<&Person> {
        // People who have things stand first; listeners have none.
        let few = self
            .people
            .partition_point(|person| !person.cards.is_empty());
        let some = if few > 0 {
            &self.people[..few]
        } else {
            self.people
        };
        let person = any(some).filter(|person| fits(person));
        person
            .or_else(|| self.people.iter().find(|person| fits(person)))
            .context("nobody of these people can do this")
    }

    /// Somebody, with a new encryption space and a new share for somebody else.
    fn share(&self) -> Result<(&Person, Value, Value)> {
        let person = self.someone(|person| !person.connections.is_empty())?;
        let (connection, peer) = any(&person.connections).context("nobody has a connection")?;
        let (space, share) = bodies::share(connection, peer);
        Ok((person, space, share))
    }

    async fn sign_in(&self) -> Result<(Answer, u64)> {
        let (keystore, vault) = (&self.target.services.keystore, &self.target.services.vault);
        let person = self.someone(|person| person.login.is_some())?;
        let (email, passphrase) = person.login.as_ref().context("nobody can sign in")?;
        let session = opaque::sign_in(self.http, keystore, email, passphrase).await?;
        let url = format!("{keystore}/v1/tokens");
        let body = json!({ "audience": vault });
        Ok((
            call(self.http, Method::POST, &url, Some(&session), Some(&body)).await?,
            3,
        ))
    }

    async fn get(&self, url: &str, bearer: Option<&str>) -> Result<Answer> {
        call(self.http, Method::GET, url, bearer, None).await
    }

    async fn bare(&self, path: &str) -> Result<Answer> {
        self.get(&format!("{}{path}", self.target.bare), None).await
    }

    async fn vault(
        &self,
        person: &Person,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let url = format!("{}/v1{path}", self.target.services.vault);
        call(self.http, method, &url, Some(&person.token), body).await
    }

    async fn keystore(&self, person: &Person, path: &str, body: &Value) -> Result<Answer> {
        let url = format!("{}/v1{path}", self.target.services.keystore);
        call(
            self.http,
            Method::POST,
            &url,
            Some(&person.session),
            Some(body),
        )
        .await
    }
}

/// One of the mix, by chance.
fn of_mix() -> Action {
    let all: u32 = MIX.iter().map(|(weight, _)| weight).sum();
    let mut left = OsRng.next_u32() % all;
    for (weight, action) in MIX {
        if left < weight {
            return action;
        }
        left -= weight;
    }
    Action::Card
}
