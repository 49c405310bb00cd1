//! `GET /demo/rows`: the rows of both services that concern an account.

mod cell;
mod tables;

use std::path::Path;

use axum::Json;
use axum::extract::{Query, State};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, Sqlite, Transaction};

use crate::answer::Result;
use crate::look::{Look, Whose};
use cell::Cell;
use tables::{KEYSTORE, TableSpec, VAULT};

/// Rows of a table that are shown at most, the newest first.
const MOST: usize = 50;

/// The rows that concern an account.
#[derive(Serialize)]
pub(crate) struct Rows {
    keystore: Vec<Table>,
    vault: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    table: &'static str,
    about: &'static str,
    rows: Vec<Row>,
    /// The count of rows that are not shown.
    more: i64,
}

#[derive(Serialize)]
struct Row {
    /// The ids of the records that the row belongs to.
    ids: Vec<String>,
    columns: Vec<Cell>,
}

/// Shows the rows of an account and of the people it has to do with.
pub(crate) async fn show(
    State(look): State<Look>,
    Query(whose): Query<Whose>,
) -> Result<Json<Rows>> {
    let account = whose.account()?;
    // One moment for all tables.
    let mut moment = look.pool.begin().await?;
    Ok(Json(Rows {
        keystore: read(&mut moment, KEYSTORE, account, &look.files).await?,
        vault: read(&mut moment, VAULT, account, &look.files).await?,
    }))
}

async fn read(
    moment: &mut Transaction<'_, Sqlite>,
    tables: &'static [TableSpec],
    account: &str,
    files: &Path,
) -> Result<Vec<Table>> {
    let mut read = Vec::with_capacity(tables.len());
    for spec in tables {
        let found = sqlx::query(AssertSqlSafe(spec.rows(MOST)))
            .bind(account)
            .fetch_all(&mut **moment)
            .await?;
        let rows = found
            .iter()
            .map(|row| from_row(spec, row, files))
            .collect::<std::result::Result<Vec<_>, sqlx::Error>>()?;
        let more = if rows.len() < MOST {
            0
        } else {
            let all: i64 = sqlx::query_scalar(AssertSqlSafe(spec.count()))
                .bind(account)
                .fetch_one(&mut **moment)
                .await?;
            all - i64::try_from(rows.len()).unwrap_or(all)
        };
        read.push(Table {
            table: spec.table,
            about: spec.about,
            rows,
            more,
        });
    }
    Ok(read)
}

fn from_row(
    spec: &TableSpec,
    row: &SqliteRow,
    files: &Path,
) -> std::result::Result<Row, sqlx::Error> {
    let mut at = 0;
    let mut columns = Vec::with_capacity(spec.columns.len());
    for (name, kind) in spec.columns {
        columns.push(Cell::read(name, *kind, row, &mut at)?);
    }
    let mut ids = Vec::with_capacity(spec.ids.len());
    for _ in spec.ids {
        ids.extend(row.try_get::<Option<String>, _>(at)?);
        at += 1;
    }
    ids.dedup();
    if spec.object.is_some() {
        let object: String = row.try_get(at)?;
        columns.push(Cell::of_object("octets", &files.join(object)));
    }
    Ok(Row { ids, columns })
}
