//! How both databases find what the services ask for: by an index, and in order, however many rows there are.
//!
//! The statements are those that run while the tests' requests are answered, as the driver logs them, so that none can be left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::common::*;
use crate::files::octets;
use crate::links::Made;
use crate::matrix::by_their_owners;
use crate::repeats::repeat_everything;
use crate::routes::routes;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Instrument, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use vouchsafe_server::{Config, Server};

/// What a plan may have all the same: a part of the statement, a part of the plan's line, and why.
const ALLOWED: [(&str, &str, &str); 9] = [
    ("owner", "owner", "there is one row"),
    (
        "to_erase = 1",
        "_to_erase",
        "the index has these rows alone",
    ),
    ("WITH asked", "USE TEMP B-TREE FOR ORDER BY", ASKED_FOR),
    ("WITH asked", "Sort", ASKED_FOR),
    ("list_0", "USE TEMP B-TREE FOR ORDER BY", TAKEN),
    ("list_0", "Sort", TAKEN),
    (
        "COUNT(DISTINCT request)",
        "USE TEMP B-TREE FOR count(DISTINCT)",
        BEGUN,
    ),
    ("COUNT(DISTINCT request)", "Sort", BEGUN),
    ("LIMIT", "Sort", "a piece's ids, each once"),
];
const ASKED_FOR: &str = "it puts the ids in order that were asked for";
const TAKEN: &str = "it puts in order what a page takes of each list";
const BEGUN: &str = "an account's sign-ins of two minutes";

/// The route that reads no rows.
const ASKS_FOR_NOTHING: &str = "keystore GET /jwks";

/// A service and a statement of it.
type Statement = (String, String);

/// The statements that ran, each with a route, or the work in the background, that it ran for.
static SEEN: LazyLock<Mutex<BTreeMap<Statement, String>>> = LazyLock::new(Mutex::default);

/// The routes that were asked for.
static ASKED: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says of every statement which route it runs for.
pub(crate) fn watched(routes: Router) -> Router {
    routes.layer(from_fn(async |request: Request, next: Next| {
        let path = request.uri().path().to_owned();
        let path = path.trim_start_matches('/').replacen("/v1", "", 1);
        let (service, path) = path.split_once('/').unwrap_or((&path, ""));
        let ids = path.split('/').map(|part| match part.len() {
            36 => "{id}",
            43 => "{key}",
            _ => part,
        });
        let path = ids.collect::<Vec<_>>().join("/");
        let route = format!("{service} {} /{path}", request.method());
        lock(&ASKED).insert(route.clone());
        let span = tracing::info_span!(target: "plans", "route", service, route);
        next.run(request).instrument(span).await
    }))
}

/// The service and the route that a span is of.
struct Place {
    service: String,
    route: String,
}

/// Notes the statements.
struct Notes;

/// The texts of a span or an event.
#[derive(Default)]
struct Texts(BTreeMap<&'static str, String>);

impl Visit for Texts {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

fn is_of_interest(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "sqlx::query"
        || metadata.target() == "plans"
        || (metadata.is_span() && metadata.name() == "work")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let thread = std::thread::current();
        if !thread.name().unwrap_or_default().starts_with("plans::") {
            return;
        }
        let mut texts = Texts::default();
        attributes.record(&mut texts);
        let mut text = |name: &str| texts.0.remove(name);
        if let (Some(service), Some(span)) = (text("service"), context.span(id)) {
            let route = text("route").unwrap_or_else(|| "work in the background".to_owned());
            let service = service.to_lowercase();
            span.extensions_mut().insert(Place { service, route });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(scope) = context.event_scope(event) else {
            return;
        };
        for span in scope {
            let extensions = span.extensions();
            let Some(place) = extensions.get::<Place>() else {
                continue;
            };
            let mut texts = Texts::default();
            event.record(&mut texts);
            let whole = texts.0.remove("db.statement").unwrap_or_default();
            let short = texts.0.remove("summary").unwrap_or_default();
            let sql = match whole.trim() {
                "" => short,
                whole => whole.to_owned(),
            };
            let key = (place.service.clone(), sql);
            lock(&SEEN).entry(key).or_insert(place.route.clone());
            return;
        }
    }
}

/// Begins to note statements, of the servers that this test starts: others run beside it.
fn note() {
    let notes = Notes.with_filter(filter_fn(is_of_interest));
    let subscriber = tracing_subscriber::registry().with(notes);
    tracing::subscriber::set_global_default(subscriber).unwrap();
}

/// Whether a statement asks for nothing, but begins, ends or sets something.
fn is_plain(sql: &str) -> bool {
    let begins = |word: &&str| sql.starts_with(*word);
    [
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "PRAGMA",
        "SET",
        "SHOW",
        "LISTEN",
        "UNLISTEN",
    ]
    .iter()
    .any(begins)
}

/// The lines of SQLite's plan that read a whole table or index, or sort.
async fn sqlite_faults(
    connection: &mut AnyConnection,
    sql: &str,
    tables: &[String],
) -> Vec<String> {
    let plan = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = sqlx::query(plan).fetch_all(connection).await.unwrap();
    let lines = rows.iter().map(|row| row.get::<String, _>("detail"));
    lines
        .filter(|line| {
            let scanned = line.strip_prefix("SCAN ").map(|rest| {
                let name = rest.split(' ').next().unwrap_or_default();
                tables.iter().any(|table| table == name) || matches!(name, "a" | "b" | "c")
            });
            scanned.unwrap_or_default()
                || line.contains("USE TEMP B-TREE")
                || line.contains("AUTOMATIC")
        })
        .collect()
}

/// The same of PostgreSQL, for a statement whose values are not known.
async fn postgres_faults(connection: &mut AnyConnection, sql: &str) -> Vec<String> {
    let values = (1_usize..)
        .take_while(|n| sql.contains(&format!("${n}")))
        .map(|_| "NULL")
        .collect::<Vec<_>>();
    let values = match values.is_empty() {
        true => String::new(),
        false => format!("({})", values.join(", ")),
    };
    let prepare = AssertSqlSafe(format!("PREPARE plan AS {sql}"));
    let prepared = sqlx::raw_sql(prepare).execute(&mut *connection).await;
    prepared.unwrap_or_else(|error| panic!("{error}: {sql}"));
    let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) EXECUTE plan{values}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut *connection).await;
    let lines: Vec<String> = rows.unwrap().iter().map(|row| row.get(0)).collect();
    let end = sqlx::raw_sql("DEALLOCATE plan").execute(connection).await;
    end.unwrap();
    let node = |line: &str| line.trim().trim_start_matches("->").trim().to_owned();
    let is_node = |line: &String| line.trim().starts_with("->");
    let mut faults = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let node = node(line);
        let rest = lines[at + 1..].iter().take_while(|line| !is_node(line));
        let is_found = rest.into_iter().any(|line| line.contains("Index Cond:"));
        let reads_index = node.starts_with("Index ") && node.contains(" using ");
        if node.starts_with("Seq Scan")
            || node.starts_with("Sort") && !node.starts_with("Sort Key")
            || node.starts_with("Incremental Sort")
            || (reads_index || node.starts_with("Bitmap Index Scan")) && !is_found
        {
            faults.push(node);
        }
    }
    faults
}

/// The databases of both services. SQLite plans without looking at rows.
async fn make(config: &mut Config) {
    let postgres = std::env::var("VOUCHSAFE_TEST_POSTGRES").ok();
    if let Some(postgres) = &postgres {
        config.vault_db = Some(make_database(postgres).await);
        config.keystore_db = Some(make_database(postgres).await);
    }
    Server::start(config.clone()).await.unwrap().stop().await;
}

/// Fills a database of PostgreSQL, and lets it look at the rows. Reading a whole table is made dear.
async fn fill(connection: &mut AnyConnection, rows: &'static str) {
    sqlx::raw_sql(rows).execute(&mut *connection).await.unwrap();
    for sql in [
        "VACUUM ANALYZE",
        "SET plan_cache_mode = force_generic_plan",
        "SET enable_seqscan = off",
        "SET random_page_cost = 1.1",
    ] {
        sqlx::raw_sql(sql).execute(&mut *connection).await.unwrap();
    }
}

/// Asks for files with the ticket of a link, which lists none.
async fn files_of_links() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let link = Made::make(&lab, &ada, None).await;
    let (_, shown) = link.read(&lab, &random(16)).await;
    let ticket = shown["ticket"].as_str().unwrap();
    let vault = lab.server.vault_url();
    let file = format!("{vault}/v1/links/{}/files/{}", link.id, v7());
    for url in [&file, &format!("{file}/digests")] {
        let got = octets(&lab.http, "GET", url, ticket, &[], None).await;
        assert_eq!(got.status, 404);
    }
}

/// Asks for many records at once: plans may differ with their number.
async fn many_at_once() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let ids = json!({ "ids": (0..200).map(|_| v7()).collect::<Vec<_>>() });
    let tags = json!({ "tags": (0..50).map(|_| random(16)).collect::<Vec<_>>() });
    for path in ["/shares/query", "/connections/query", "/links/query"] {
        let found = lab.vault(&ada.token, "POST", path, Some(ids.clone()));
        assert_eq!(found.await.0, 200, "{path}");
    }
    for (path, body) in [
        ("/spaces/query", &ids),
        ("/spaces/of-shares", &ids),
        ("/connections/query", &ids),
        ("/spaces/of-cards", &tags),
        ("/spaces/counts", &tags),
    ] {
        let found = lab.keystore(&ada.session, "POST", path, Some(body.clone()));
        assert_eq!(found.await.0, 200, "{path}");
    }
    let connection = v7();
    let shares = (0..200).map(|_| new_share(&connection, None));
    let shares = json!({ "shares": shares.collect::<Vec<_>>() });
    let made = lab.vault(&ada.token, "POST", "/shares", Some(shares));
    assert_eq!(made.await.0, 200);
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    note();
    repeat_everything(false).await;
    files_of_links().await;
    many_at_once().await;
    let lab = by_their_owners().await;
    let asked = lock(&ASKED).clone();
    for route in routes(&lab).await {
        let name = route.name.replace("{file}", "{id}");
        let is_asked = asked.contains(&name) || name == ASKS_FOR_NOTHING;
        assert!(is_asked, "nobody has asked for {name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    make(&mut config).await;
    let seen = lock(&SEEN).clone();
    let (mut faults, mut explained) = (Vec::new(), 0);
    for (service, url, rows) in [
        ("vault", &config.vault_db, include_str!("plans/vault.sql")),
        (
            "keystore",
            &config.keystore_db,
            include_str!("plans/keystore.sql"),
        ),
    ] {
        let file = folder.path().join(format!("{service}.db"));
        let sqlite = format!("sqlite://{}?mode=ro", file.display());
        let mut connection = AnyConnection::connect(url.as_ref().unwrap_or(&sqlite))
            .await
            .unwrap();
        let mut tables = Vec::new();
        if url.is_some() {
            fill(&mut connection, rows).await;
        } else {
            let names = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'");
            tables = names.fetch_all(&mut connection).await.unwrap();
        }
        for ((of, sql), route) in &seen {
            if of != service || is_plain(sql) {
                continue;
            }
            let found = match url {
                None => sqlite_faults(&mut connection, sql, &tables).await,
                Some(_) => postgres_faults(&mut connection, sql).await,
            };
            let is_allowed = |line: &String| {
                let mut allowed = ALLOWED.iter();
                allowed.any(|(part, what, _)| sql.contains(part) && line.contains(what))
            };
            let found: Vec<String> = found.into_iter().filter(|line| !is_allowed(line)).collect();
            if !found.is_empty() {
                faults.push(format!("{route}: {found:?}\n    {sql}"));
            }
            explained += 1;
        }
        connection.close().await.unwrap();
    }
    println!("{explained} statements");
    assert!(explained > 150, "{explained}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
