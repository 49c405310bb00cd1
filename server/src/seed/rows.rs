//! Rows on their way into a table, many in one statement and many statements in one transaction.

use sqlx::any::AnyArguments;
use sqlx::{Arguments, AssertSqlSafe, Error};

use crate::http::error::Result;
use crate::store::db::{Db, Tx, placeholders};

/// The rows of one statement.
const ROWS_PER_STATEMENT: usize = 100;
/// The rows of one transaction.
const ROWS_PER_COMMIT: usize = 20_000;

/// A value of a row.
pub(crate) enum Cell {
    Text(String),
    Number(i64),
    Null,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }
}

/// The rows of one table.
pub(crate) struct Rows<'a> {
    db: &'a Db,
    table: &'static str,
    columns: &'static str,
    tx: Option<Tx>,
    values: AnyArguments,
    /// The rows that wait for their statement, those of the transaction, and the values of each.
    waiting: usize,
    uncommitted: usize,
    width: usize,
}

impl<'a> Rows<'a> {
    /// Rows with these columns, which are divided by commas.
    pub(crate) fn of(db: &'a Db, table: &'static str, columns: &'static str) -> Self {
        Self {
            db,
            table,
            columns,
            tx: None,
            values: AnyArguments::default(),
            waiting: 0,
            uncommitted: 0,
            width: columns.split(',').count(),
        }
    }

    /// Adds a row. It is there for others once all are in.
    pub(crate) async fn add(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<()> {
        for cell in cells {
            let added = match cell {
                Cell::Text(text) => self.values.add(text),
                Cell::Number(number) => self.values.add(number),
                Cell::Null => self.values.add(None::<i64>),
            };
            added.map_err(Error::Encode)?;
        }
        self.waiting += 1;
        if self.waiting == ROWS_PER_STATEMENT {
            self.insert().await?;
        }
        if self.uncommitted >= ROWS_PER_COMMIT {
            self.commit().await?;
        }
        Ok(())
    }

    async fn insert(&mut self) -> Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        let rows: Vec<String> = (0..self.waiting)
            .map(|row| format!("({})", placeholders(row * self.width + 1, self.width)))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table,
            self.columns,
            rows.join(", ")
        );
        let mut tx = match self.tx.take() {
            Some(tx) => tx,
            None => self.db.begin().await?,
        };
        let values = std::mem::take(&mut self.values);
        sqlx::query_with(AssertSqlSafe(sql), values)
            .execute(&mut *tx)
            .await?;
        self.tx = Some(tx);
        self.uncommitted += self.waiting;
        self.waiting = 0;
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        self.uncommitted = 0;
        match self.tx.take() {
            Some(tx) => Ok(tx.commit().await?),
            None => Ok(()),
        }
    }

    /// Writes what waits.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.insert().await?;
        self.commit().await
    }
}
