//! The bare handler: axum, a pool, one indexed statement for each request, its rows as JSON. It asks nobody who they are, and
//! checks nothing.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Row as _};

/// The connections of each pool, as the services have them.
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

const CARD: &str =
    "SELECT id, card, version, created_at, updated_at FROM cards WHERE account = $1 AND id = $2";
const SHARE: &str = "SELECT id, connection_id, space_id, sender, recipient, edition, created_at, updated_at, share FROM shares WHERE id = $1";
const SPACE: &str =
    "SELECT id, connection_id, sender, peer, claim, created_at FROM spaces WHERE id = $1";
const CARDS: &str = "SELECT id, card, version, created_at, updated_at FROM cards WHERE account = $1 AND deleted_at IS NULL \
    ORDER BY created_at DESC, id DESC LIMIT 50";
const INCOMING: &str = "SELECT id, connection_id, space_id, sender, recipient, edition, created_at, updated_at FROM shares \
    WHERE recipient = $1 AND deleted_at IS NULL AND size > 0 ORDER BY created_at DESC, id DESC LIMIT 50";

#[derive(Clone)]
struct Databases {
    vault: AnyPool,
    keystore: AnyPool,
}

/// Serves until it is ended.
pub(crate) async fn serve(vault: &str, keystore: &str, listen: &str) -> anyhow::Result<()> {
    let databases = Databases {
        vault: pool(vault).await?,
        keystore: pool(keystore).await?,
    };
    let routes = Router::new()
        .route("/nothing", get(async || Json(json!({ "status": "ok" }))))
        .route("/card/{account}/{id}", get(card))
        .route("/share/{id}", get(share))
        .route("/space/{id}", get(space))
        .route("/cards/{account}", get(cards))
        .route("/incoming/{account}", get(incoming))
        .with_state(databases);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    Ok(axum::serve(listener, routes).await?)
}

async fn pool(url: &str) -> Result<AnyPool, sqlx::Error> {
    let connections = if url.starts_with("sqlite:") {
        SQLITE_CONNECTIONS
    } else {
        POSTGRES_CONNECTIONS
    };
    AnyPoolOptions::new()
        .max_connections(connections)
        .connect(url)
        .await
}

type Found = Result<Json<Value>, StatusCode>;

async fn card(
    State(databases): State<Databases>,
    Path((account, id)): Path<(String, String)>,
) -> Found {
    one(sqlx::query(CARD)
        .bind(account)
        .bind(id)
        .fetch_optional(&databases.vault)
        .await)
}

async fn share(State(databases): State<Databases>, Path(id): Path<String>) -> Found {
    one(sqlx::query(SHARE)
        .bind(id)
        .fetch_optional(&databases.vault)
        .await)
}

async fn space(State(databases): State<Databases>, Path(id): Path<String>) -> Found {
    one(sqlx::query(SPACE)
        .bind(id)
        .fetch_optional(&databases.keystore)
        .await)
}

async fn cards(State(databases): State<Databases>, Path(account): Path<String>) -> Found {
    many(
        sqlx::query(CARDS)
            .bind(account)
            .fetch_all(&databases.vault)
            .await,
    )
}

async fn incoming(State(databases): State<Databases>, Path(account): Path<String>) -> Found {
    many(
        sqlx::query(INCOMING)
            .bind(account)
            .fetch_all(&databases.vault)
            .await,
    )
}

fn one(found: Result<Option<AnyRow>, sqlx::Error>) -> Found {
    let row = found.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(object(&row.ok_or(StatusCode::NOT_FOUND)?)))
}

fn many(found: Result<Vec<AnyRow>, sqlx::Error>) -> Found {
    let rows = found.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(
        json!({ "items": rows.iter().map(object).collect::<Vec<_>>() }),
    ))
}

/// A row, each column by its name: text or a number.
fn object(row: &AnyRow) -> Value {
    use sqlx::Column as _;
    let member = |(place, column): (usize, &<sqlx::Any as sqlx::Database>::Column)| {
        let number = || {
            row.try_get::<Option<i64>, _>(place)
                .ok()
                .flatten()
                .map(Value::from)
        };
        let text = || {
            row.try_get::<Option<String>, _>(place)
                .ok()
                .flatten()
                .map(Value::from)
        };
        (
            column.name().to_owned(),
            text().or_else(number).unwrap_or_default(),
        )
    };
    row.columns()
        .iter()
        .enumerate()
        .map(member)
        .collect::<Map<_, _>>()
        .into()
}
