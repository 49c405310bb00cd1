//! Databases of a PostgreSQL server: made, and looked at.

use std::fs;

use anyhow::Result;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use uuid::Uuid;

/// Makes two databases, and prints their URLs and the server's process, if it runs on this machine.
pub(crate) async fn make(postgres: &str) -> Result<()> {
    let mut connection = AnyConnection::connect(&format!("{postgres}/postgres")).await?;
    let mut urls = Vec::new();
    for service in ["vault", "keystore"] {
        let name = format!("vouchsafe_load_{service}_{}", Uuid::new_v4().simple());
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await?;
        urls.push(format!("{postgres}/{name}"));
    }
    let row = sqlx::query("SELECT pg_backend_pid() AS process")
        .fetch_one(&mut connection)
        .await?;
    let process: i32 = row.try_get("process")?;
    // The process that serves this connection is a child of the server's.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok();
    let parent = stat.and_then(|stat| {
        stat.rsplit_once(") ")?
            .1
            .split(' ')
            .nth(1)?
            .parse::<u32>()
            .ok()
    });
    println!(
        "{}",
        json!({ "vault": urls[0], "keystore": urls[1], "process": parent })
    );
    Ok(())
}

/// Prints what each table has and takes.
pub(crate) async fn sizes(database: &str) -> Result<()> {
    let mut connection = AnyConnection::connect(database).await?;
    sqlx::query("VACUUM ANALYZE")
        .execute(&mut connection)
        .await?;
    let tables = sqlx::query(
        "SELECT CAST(relname AS TEXT) AS name, pg_table_size(oid) AS own, pg_indexes_size(oid) AS indexes FROM pg_class \
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    let mut found = serde_json::Map::new();
    for table in tables.fetch_all(&mut connection).await? {
        let name: String = table.try_get("name")?;
        let count = sqlx::query(AssertSqlSafe(format!(
            "SELECT count(*) AS count FROM {name}"
        )));
        let rows: i64 = count.fetch_one(&mut connection).await?.try_get("count")?;
        let (own, indexes): (i64, i64) = (table.try_get("own")?, table.try_get("indexes")?);
        found.insert(
            name,
            json!({ "rows": rows, "own": own, "indexes": indexes }),
        );
    }
    println!("{}", serde_json::Value::from(found));
    Ok(())
}

/// Bytes that the PostgreSQL server of this database has written to its log.
pub(crate) async fn log(database: Option<&str>) -> Result<Option<i64>> {
    let Some(database) = database else {
        return Ok(None);
    };
    let mut connection = AnyConnection::connect(database).await?;
    let row = sqlx::query(
        "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS BIGINT) AS bytes",
    );
    Ok(Some(
        row.fetch_one(&mut connection).await?.try_get("bytes")?,
    ))
}
