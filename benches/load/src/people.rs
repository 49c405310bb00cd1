//! The people: made over HTTP, or found where somebody else made them. The file of them has a line of JSON for each, with a
//! session, and an address and a passphrase if they can sign in. What they have is asked of the services.

use anyhow::{Context as _, Result};
use clap::Args;
use data_encoding::BASE64URL_NOPAD;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Client, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Services;
use crate::bodies::{self, length};
use crate::call::{call, text};
use crate::opaque;

/// Requests at once while people are made or arrive.
const AT_ONCE: usize = 16;
/// Shares of one request.
const SHARES_OF_REQUEST: usize = 20;
/// Records of a page.
const PAGE: usize = 50;

/// How much is made.
#[derive(Args, Clone)]
pub(crate) struct Amounts {
    /// The people who have cards, and are connected in a ring.
    #[arg(long, default_value_t = 200)]
    people: usize,
    /// The people who have an account and nothing else.
    #[arg(long, default_value_t = 0)]
    listeners: usize,
    /// The cards of each.
    #[arg(long, default_value_t = 50)]
    cards: usize,
    /// The shares of each with the next one.
    #[arg(long, default_value_t = 20)]
    shares: usize,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    session: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    passphrase: Option<String>,
    /// Whether they have nothing, so that nobody asks what.
    #[serde(default)]
    only_listens: bool,
}

/// Somebody who uses the services.
pub(crate) struct Person {
    pub(crate) account: String,
    pub(crate) session: String,
    pub(crate) token: String,
    /// Address and passphrase.
    pub(crate) login: Option<(String, String)>,
    pub(crate) cards: Vec<String>,
    /// The ids of the shares that they got, and of their encryption spaces.
    pub(crate) shares: Vec<(String, String)>,
    /// The ids of their connections, and of the people at the other end.
    pub(crate) connections: Vec<(String, String)>,
}

/// Makes people. Returns the lines of their file.
pub(crate) async fn make(services: &Services, amounts: &Amounts) -> Result<String> {
    let http = Client::new();
    let made = stream::iter(0..amounts.people + amounts.listeners).map(async |number| {
        let email = format!("person.{number}@example.test");
        let passphrase = format!("passphrase of {number}");
        let session = opaque::sign_up(&http, &services.keystore, &email, &passphrase).await?;
        let maker = Maker::new(&http, services, session).await?;
        if number < amounts.people {
            maker.make_cards(amounts.cards).await?;
        }
        let line = Line {
            session: maker.session.clone(),
            email: Some(email),
            passphrase: Some(passphrase),
            only_listens: number >= amounts.people,
        };
        anyhow::Ok((maker, serde_json::to_string(&line)?))
    });
    let made: Vec<_> = made.buffered(AT_ONCE).try_collect().await?;
    let ring = &made[..amounts.people];
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    let pairs = pairs.map(async |((one, _), (next, _))| {
        let connection = one.connect(next).await?;
        one.share(next, &connection, amounts.shares).await
    });
    let _: Vec<()> = stream::iter(pairs)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(made.into_iter().map(|(_, line)| line + "\n").collect())
}

/// Somebody who is being made.
struct Maker<'a> {
    http: &'a Client,
    services: &'a Services,
    session: String,
    token: String,
    account: String,
    key: String,
}

impl<'a> Maker<'a> {
    async fn new(http: &'a Client, services: &'a Services, session: String) -> Result<Self> {
        let token = opaque::token(http, &services.keystore, &services.vault, &session).await?;
        let (key, body) = bodies::public_key();
        let this = Self {
            account: account_of(&token)?,
            http,
            services,
            session,
            token,
            key,
        };
        this.vault(Method::PUT, &format!("/public-keys/{}", this.key), &body)
            .await?;
        Ok(this)
    }

    async fn vault(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/v1{path}", self.services.vault);
        call(self.http, method, &url, Some(&self.token), Some(body))
            .await?
            .json()
    }

    async fn keystore(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/v1{path}", self.services.keystore);
        call(self.http, method, &url, Some(&self.session), Some(body))
            .await?
            .json()
    }

    async fn make_cards(&self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.vault(
                Method::PUT,
                &format!("/cards/{}", bodies::v7()),
                &bodies::card(),
            )
            .await?;
        }
        Ok(())
    }

    /// Makes a connection with somebody, as a link does.
    async fn connect(&self, other: &Self) -> Result<String> {
        let id = bodies::v7();
        let (body, token) = bodies::invitation(&self.key);
        self.vault(Method::PUT, &format!("/invitations/{id}"), &body)
            .await?;
        let body = json!({ "invitationId": id, "token": token, "publicKeyId": other.key, "proof": bodies::random(32) });
        other.vault(Method::POST, "/connections", &body).await?;
        let path = format!("/connections/{id}");
        for person in [self, other] {
            let body = json!({ "key": bodies::jwe(length::CONNECTION_KEY), "note": bodies::jwe(length::NOTE) });
            person.keystore(Method::PUT, &path, &body).await?;
        }
        Ok(id)
    }

    /// Shares with somebody, who claims what they got, as a client does when it reads.
    async fn share(&self, other: &Self, connection: &str, count: usize) -> Result<()> {
        let all: Vec<_> = (0..count)
            .map(|_| bodies::share(connection, &other.account))
            .collect();
        for some in all.chunks(SHARES_OF_REQUEST) {
            let (spaces, shares): (Vec<_>, Vec<_>) = some.iter().cloned().unzip();
            let claims = spaces
                .iter()
                .map(|space| json!({ "id": space["id"], "claim": bodies::jwe(length::CLAIM) }));
            let claims = json!({ "claims": claims.collect::<Vec<_>>() });
            let spaces = json!({ "spaces": spaces });
            self.keystore(Method::POST, "/spaces", &spaces).await?;
            self.vault(Method::POST, "/shares", &json!({ "shares": shares }))
                .await?;
            other
                .keystore(Method::PUT, "/spaces/claims", &claims)
                .await?;
        }
        Ok(())
    }
}

/// Brings the people of a file to where they can begin: with a token, and knowing what they have.
pub(crate) async fn arrive(services: &Services, file: &str) -> Result<Vec<Person>> {
    let http = Client::new();
    let arriving = stream::iter(file.lines()).map(async |line| {
        let line: Line =
            serde_json::from_str(line).context("a line of the file of people is none")?;
        let token =
            opaque::token(&http, &services.keystore, &services.vault, &line.session).await?;
        let account = account_of(&token)?;
        let list = async |path: &str| {
            if line.only_listens {
                return Ok(Vec::new());
            }
            let url = format!("{}/v1{path}?limit={PAGE}", services.vault);
            let page = call(&http, Method::GET, &url, Some(&token), None)
                .await?
                .json()?;
            anyhow::Ok(page["items"].as_array().cloned().unwrap_or_default())
        };
        let cards = list("/cards").await?;
        let shares = list("/shares/incoming").await?;
        let connections = list("/connections").await?;
        let ids = |items: &[Value]| -> Result<Vec<String>> {
            items
                .iter()
                .map(|item| Ok(text(item, "id")?.to_owned()))
                .collect()
        };
        let pair = |item: &Value, other: &str| {
            anyhow::Ok((text(item, "id")?.to_owned(), other.to_owned()))
        };
        let peer = |item: &Value| {
            let ends = [
                text(&item["inviter"], "account")?,
                text(&item["invitee"], "account")?,
            ];
            pair(item, if ends[0] == account { ends[1] } else { ends[0] })
        };
        anyhow::Ok(Person {
            cards: ids(&cards).context("cards")?,
            shares: shares
                .iter()
                .map(|item| pair(item, text(item, "spaceId")?))
                .collect::<Result<_>>()?,
            connections: connections.iter().map(peer).collect::<Result<_>>()?,
            login: line.email.clone().zip(line.passphrase.clone()),
            session: line.session.clone(),
            account,
            token,
        })
    });
    arriving.buffered(AT_ONCE).try_collect().await
}

/// The account that a token speaks for.
fn account_of(token: &str) -> Result<String> {
    let claims = token.split('.').nth(1).context("the token is no JWS")?;
    let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes())?)?;
    Ok(text(&claims, "sub")?.to_owned())
}
