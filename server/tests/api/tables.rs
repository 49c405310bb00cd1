//! Everything that both databases hold of people, to see what a request changed.

use std::collections::BTreeSet;

use crate::common::*;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

/// Both databases, open for reading.
pub(crate) struct Tables {
    pools: [(&'static str, AnyPool); 2],
}

/// Every row as text, with the service and the table in front.
pub(crate) type Dump = BTreeSet<String>;

impl Tables {
    pub(crate) async fn open(lab: &Lab) -> Self {
        let pools = [
            ("keystore", database(&lab.keystore_db).await),
            ("vault", database(&lab.vault_db).await),
        ];
        Self { pools }
    }

    pub(crate) async fn dump(&self) -> Dump {
        let rows = self.rows().await;
        let shown = rows
            .iter()
            .map(|(place, row)| format!("{place}: {}", text(row)));
        shown.collect()
    }

    /// Every text that is stored, whatever it is the column of.
    pub(crate) async fn texts(&self) -> BTreeSet<String> {
        let rows = self.rows().await;
        rows.iter().flat_map(|(_, row)| texts(row)).collect()
    }

    /// Every row, with its service and table.
    async fn rows(&self) -> Vec<(String, AnyRow)> {
        let mut rows = Vec::new();
        for (service, pool) in &self.pools {
            let tables = if std::env::var("VOUCHSAFE_TEST_POSTGRES").is_ok() {
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' \
                 AND tablename NOT IN ('_sqlx_migrations', 'owner')"
            } else {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('_sqlx_migrations', 'owner')"
            };
            let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
            assert!(tables.len() > 5, "{tables:?}");
            for table in tables {
                let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
                for row in sqlx::query(sql).fetch_all(pool).await.unwrap() {
                    rows.push((format!("{service} {table}"), row));
                }
            }
        }
        rows
    }

    pub(crate) async fn close(self) {
        for (_, pool) in self.pools {
            pool.close().await;
        }
    }
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
