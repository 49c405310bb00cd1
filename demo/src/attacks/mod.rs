//! Attacks: a layer in front of both services that lies to one account, and the route that switches it. The services
//! themselves do not change, and neither does everybody else's view of them.
//!
//! The attacker knows everything that both services know, and has keys of its own; see [`attacker`]. Each kind of lie has
//! a file that changes answers.

mod attacker;
mod caller;
mod cards;
mod editions;
mod files;
mod forgery;
mod invitations;
mod keys;
mod shares;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::answer::{Refusal, Result};
use crate::look::{Look, Whose};
use attacker::Attacker;
use editions::Formers;
use shares::Forged;

/// Bytes of an answer at most: more than any answer of the services has.
const ANSWER: usize = 64 << 20;
/// Bytes of a request at most: more than any query for several records has.
const QUESTION: usize = 2 << 20;
/// Bytes of a request at most that changes shares.
const WRITE: usize = 32 << 20;

/// The lies that the services can be made to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Attack {
    /// The Vault shows its own key as the other person's before the client has seen theirs.
    SwapKeyBefore,
    /// The Vault shows its own key as the other person's after the client has seen theirs.
    SwapKeyLater,
    /// Both services make up a share from somebody.
    ForgeShare,
    /// The Vault exchanges ciphertexts with each other.
    SwapRecords,
    /// The Vault hands out shares as they were before their last change.
    OldEdition,
    /// The Vault accepts invitation links itself.
    TakeOverLink,
    /// The Vault exchanges files with each other.
    SwapFiles,
}

/// An attack that goes on.
struct Active {
    attack: Attack,
    since: i64,
    /// Connections whose false key was shown: it is shown to the end.
    shown: HashSet<String>,
    forged: Option<Forged>,
}

/// All attacks that go on.
pub(crate) struct Attacks {
    look: Look,
    attacker: OnceCell<Attacker>,
    active: Mutex<HashMap<String, Active>>,
    formers: Mutex<Formers>,
}

/// A request of an account to one of the services.
struct Asked {
    account: String,
    attack: Attack,
    since: i64,
    method: Method,
    /// The path in the service, after the version.
    path: String,
    /// Whether it is the first page of a list.
    first_page: bool,
    /// The ids that a query names.
    ids: Vec<String>,
}

impl Asked {
    fn is(&self, method: &Method, path: &str) -> bool {
        self.method == *method && self.path == path
    }

    /// The id of `GET {list}/{id}` and the like.
    fn record(&self, list: &str) -> Option<&str> {
        let id = self.path.strip_prefix(list)?.strip_prefix('/')?;
        uuid::Uuid::try_parse(id).is_ok().then_some(id)
    }
}

/// An answer that may be changed.
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Attacks {
    pub(crate) fn new(look: Look) -> Self {
        Self {
            look,
            attacker: OnceCell::new(),
            active: Mutex::default(),
            formers: Mutex::default(),
        }
    }

    fn formers(&self) -> MutexGuard<'_, Formers> {
        self.formers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self) -> MutexGuard<'_, HashMap<String, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn attacker(&self) -> Result<&Attacker> {
        self.attacker.get_or_try_init(Attacker::make).await
    }

    /// Makes the attacker's keys now, so that nobody waits for them later.
    pub(crate) fn prepare(self: &Arc<Self>) {
        if !self.attacker.initialized() {
            let this = self.clone();
            tokio::spawn(async move { this.attacker().await.map(drop) });
        }
    }

    /// The request, if the services lie to its account, and about this.
    async fn asked(&self, request: &Parts) -> Result<Option<Asked>> {
        if self.active().is_empty() {
            return Ok(None);
        }
        let path = request.uri.path();
        let account = match self.link_owner(path).await? {
            Some(account) => Some((account, path.trim_start_matches("/vault/v1"))),
            None => self.caller(request).await?,
        };
        let Some((account, path)) = account else {
            return Ok(None);
        };
        let lists = [
            "/cards",
            "/connections",
            "/files",
            "/invitations",
            "/keys",
            "/links",
            "/shares",
        ];
        if !lists.iter().any(|list| path.starts_with(list)) {
            return Ok(None);
        }
        let active = self.active();
        let Some(Active { attack, since, .. }) = active.get(&account) else {
            return Ok(None);
        };
        // What is said of files is no JSON, and can be large: no other lie touches it.
        if path.starts_with("/files") != (*attack == Attack::SwapFiles) {
            return Ok(None);
        }
        Ok(Some(Asked {
            account,
            attack: *attack,
            since: *since,
            method: request.method.clone(),
            path: path.to_owned(),
            first_page: !request.uri.query().unwrap_or("").contains("cursor="),
            ids: Vec::new(),
        }))
    }

    /// The account that calls, and the path in the service: what the Keystore is asked for spaces goes as `/keys/query`.
    async fn caller<'a>(&self, request: &'a Parts) -> Result<Option<(String, &'a str)>> {
        let path = request.uri.path();
        Ok(
            match (
                path.strip_prefix("/vault/v1"),
                path.strip_prefix("/keystore/v1"),
            ) {
                (Some(path), _) => {
                    caller::at_vault(&request.headers).map(|account| (account, path))
                }
                (_, Some("/spaces/query")) => caller::at_keystore(&self.look, &request.headers)
                    .await?
                    .map(|account| (account, "/keys/query")),
                _ => None,
            },
        )
    }

    /// The owner of the link that is read: whoever reads it has no account.
    async fn link_owner(&self, path: &str) -> Result<Option<String>> {
        let link = path
            .strip_prefix("/vault/v1/links/")
            .and_then(|path| path.strip_suffix("/read"));
        let Some(link) = link else { return Ok(None) };
        let owner = sqlx::query_scalar("SELECT account FROM main.links WHERE id = $1").bind(link);
        Ok(owner.fetch_optional(&self.look.pool).await?)
    }

    async fn change(&self, asked: &Asked, answer: &mut Answer) -> Result<()> {
        match asked.attack {
            Attack::SwapKeyBefore | Attack::SwapKeyLater => self.swap_keys(asked, answer).await,
            Attack::ForgeShare => self.forge_share(asked, answer).await,
            Attack::SwapRecords => self.swap_records(asked, answer).await,
            Attack::OldEdition => {
                self.serve_old_editions(asked, answer);
                Ok(())
            }
            Attack::TakeOverLink => self.take_over(asked, answer).await,
            // This one changes what is asked.
            Attack::SwapFiles => Ok(()),
        }
    }
}

/// The attack that goes on, if any.
#[derive(Serialize)]
pub(crate) struct Switched {
    attack: Option<Attack>,
}

/// The attack to switch on, or `None` for off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    #[serde(flatten)]
    whose: Whose,
    #[serde(deserialize_with = "Option::deserialize")]
    attack: Option<Attack>,
}

/// Answers with the attack that goes on.
pub(crate) async fn show(
    State(attacks): State<Arc<Attacks>>,
    Query(whose): Query<Whose>,
) -> Result<Json<Switched>> {
    let account = whose.account()?;
    attacks.prepare();
    let active = attacks.active();
    Ok(Json(Switched {
        attack: active.get(account).map(|active| active.attack),
    }))
}

/// Switches an attack on, or off. An attack that is switched on again goes on unchanged.
pub(crate) async fn switch(
    State(attacks): State<Arc<Attacks>>,
    body: axum::body::Bytes,
) -> Result<Json<Switched>> {
    let bad = |_| {
        Refusal::bad_input("Send `account`, an account id, and `attack`, the id of one or null.")
    };
    let Switch { whose, attack } = serde_json::from_slice(&body).map_err(bad)?;
    let account = whose.account()?.to_owned();
    if attack.is_some() {
        attacks.attacker().await?;
    }
    let mut active = attacks.active();
    match attack {
        None => drop(active.remove(&account)),
        Some(attack) if active.get(&account).is_some_and(|on| on.attack == attack) => {}
        Some(attack) => {
            let on = Active {
                attack,
                since: now(),
                shown: HashSet::new(),
                forged: None,
            };
            active.insert(account, on);
        }
    }
    Ok(Json(Switched { attack }))
}

/// Lets a request through, and changes the answer where the services shall lie.
pub(crate) async fn lie(
    State(attacks): State<Arc<Attacks>>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let (mut parts, mut body) = request.into_parts();
    if parts.method == Method::PUT && parts.uri.path() == "/vault/v1/shares" {
        let bytes = read(body, WRITE).await?;
        attacks.keep_formers(&bytes).await?;
        body = Body::from(bytes);
    }
    let Some(mut asked) = attacks.asked(&parts).await? else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    if asked.attack == Attack::SwapFiles {
        if let Some(other) = attacks.other_file(&asked).await? {
            parts.uri = other;
        }
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    if asked.path.ends_with("/query") {
        let bytes = read(body, QUESTION).await?;
        asked.ids = serde_json::from_slice::<Ids>(&bytes).map_or(Vec::new(), |query| query.ids);
        body = Body::from(bytes);
    }
    let request = Request::from_parts(parts, body);
    let (mut parts, body) = next.run(request).await.into_parts();
    // An answer of `not_found` also shows that the token was good.
    if !parts.status.is_success() && parts.status != StatusCode::NOT_FOUND {
        return Ok(Response::from_parts(parts, body));
    }
    let bytes = to_bytes(body, ANSWER).await.map_err(|error| {
        tracing::error!(%error, "an answer could not be read");
        Refusal::server_error()
    })?;
    let mut answer = Answer {
        status: parts.status,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    attacks.change(&asked, &mut answer).await?;
    parts.status = answer.status;
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = if answer.status == StatusCode::NO_CONTENT {
        parts.headers.remove(header::CONTENT_TYPE);
        Body::empty()
    } else {
        Body::from(answer.body.to_string())
    };
    Ok(Response::from_parts(parts, body))
}

async fn read(body: Body, most: usize) -> Result<axum::body::Bytes> {
    let bytes = to_bytes(body, most).await;
    bytes.map_err(|_| Refusal::bad_input("Send less."))
}

#[derive(Deserialize)]
struct Ids {
    ids: Vec<String>,
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// The records of a list or a query, or the single one.
fn records(body: &mut Value) -> Vec<&mut Value> {
    if body.get("items").is_some() {
        body["items"].as_array_mut().into_iter().flatten().collect()
    } else {
        vec![body]
    }
}

/// Puts a record in front, as the newest.
fn add(body: &mut Value, record: Value) {
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        items.insert(0, record);
    }
}

/// The text of a member.
fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_default()
}
