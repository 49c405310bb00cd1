//! Everything that both databases hold of people, to see what a request changed.

use std::collections::BTreeSet;

use crate::common::*;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tokio::sync::Mutex;

/// Both databases, open for reading.
pub(crate) struct Tables {
    services: [Mutex<Service>; 2],
}

/// A service's database, and what was seen in it last.
struct Service {
    name: &'static str,
    connection: AnyConnection,
    seen: Option<(i64, Dump)>,
}

/// Every row as text, with the service and the table in front.
pub(crate) type Dump = BTreeSet<String>;

impl Tables {
    pub(crate) async fn open(lab: &Lab) -> Self {
        let keystore = Service::open("keystore", &lab.keystore_db).await;
        let vault = Service::open("vault", &lab.vault_db).await;
        Self {
            services: [keystore, vault].map(Mutex::new),
        }
    }

    pub(crate) async fn dump(&self) -> Dump {
        let mut dump = Dump::new();
        for service in &self.services {
            dump.extend(service.lock().await.dump().await);
        }
        dump
    }

    /// Every text that is stored, whatever it is the column of.
    pub(crate) async fn texts(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for service in &self.services {
            let rows = service.lock().await.rows().await;
            found.extend(rows.iter().flat_map(|(_, row)| texts(row)));
        }
        found
    }

    pub(crate) async fn close(self) {
        for service in self.services {
            service.into_inner().connection.close().await.unwrap();
        }
    }
}

impl Service {
    async fn open(name: &'static str, url: &str) -> Self {
        sqlx::any::install_default_drivers();
        Self {
            name,
            connection: AnyConnection::connect(url).await.unwrap(),
            seen: None,
        }
    }

    /// Reads only what may have changed: for most requests the answer is that nothing has.
    async fn dump(&mut self) -> Dump {
        let version = self.version().await;
        match (&self.seen, version) {
            (Some((seen, dump)), Some(version)) if *seen == version => return dump.clone(),
            _ => {}
        }
        let name = self.name;
        let rows = self.rows().await;
        let shown = rows
            .iter()
            .map(|(table, row)| format!("{name} {table}: {}", text(row)));
        let dump: Dump = shown.collect();
        self.seen = version.map(|version| (version, dump.clone()));
        dump
    }

    /// A number that SQLite changes whenever another connection has written. PostgreSQL has none.
    async fn version(&mut self) -> Option<i64> {
        if is_postgres() {
            return None;
        }
        let version = sqlx::query_scalar("PRAGMA data_version");
        Some(version.fetch_one(&mut self.connection).await.unwrap())
    }

    /// Every row, with its table.
    async fn rows(&mut self) -> Vec<(String, AnyRow)> {
        let tables = if is_postgres() {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' \
             AND tablename NOT IN ('_sqlx_migrations', 'owner')"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('_sqlx_migrations', 'owner')"
        };
        let connection = &mut self.connection;
        let tables = sqlx::query_scalar(tables).fetch_all(&mut *connection);
        let tables: Vec<String> = tables.await.unwrap();
        assert!(tables.len() > 5, "{tables:?}");
        let mut rows = Vec::new();
        for table in tables {
            let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
            for row in sqlx::query(sql).fetch_all(&mut *connection).await.unwrap() {
                rows.push((table.clone(), row));
            }
        }
        rows
    }
}

fn is_postgres() -> bool {
    std::env::var_os("VOUCHSAFE_TEST_POSTGRES").is_some()
}

fn text(row: &AnyRow) -> String {
    let column = |index: usize| match row.try_get::<Option<i64>, _>(index) {
        Ok(number) => number.map_or("null".to_owned(), |number| number.to_string()),
        Err(_) => format!("{:?}", row.get::<Option<String>, _>(index)),
    };
    (0..row.len()).map(column).collect::<Vec<_>>().join(" | ")
}

fn texts(row: &AnyRow) -> impl Iterator<Item = String> {
    (0..row.len()).filter_map(|index| row.try_get::<Option<String>, _>(index).ok()?)
}

/// The rows that went and those that came.
pub(crate) fn changes(before: &Dump, after: &Dump) -> Vec<String> {
    let gone = before.difference(after).map(|row| format!("- {row}"));
    gone.chain(after.difference(before).map(|row| format!("+ {row}")))
        .collect()
}

#[tokio::test]
async fn what_is_written_is_seen() {
    let lab = Lab::new().await;
    let tables = Tables::open(&lab).await;
    let empty = tables.dump().await;
    assert_eq!(changes(&empty, &tables.dump().await), [""; 0]);
    lab.sign_up("ada").await;
    assert_ne!(changes(&empty, &tables.dump().await), [""; 0]);
    tables.close().await;
}
