//! Writing new rows: each value stands beside the name of its column, since the drivers bind by position alone, and a
//! row that a client sends again is told from another under the same id.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments, AssertSqlSafe};

use super::columns::Columns;
use super::db::placeholders;
use crate::http::error::{Code, Result};

/// A value on its way into a column.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(Option<&'a str>),
    Number(Option<i64>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

/// Why a column has its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The row is found by it.
    Key,
    /// The client chose it: who repeats the write brings it again.
    Given,
    /// The service adds it.
    Made,
}

type Column<'a> = (Part, &'static str, Value<'a>);

/// A row to write.
pub(crate) struct NewRow<'a> {
    table: &'static str,
    columns: Vec<Column<'a>>,
}

/// Whether a row was written now, or before from the same values.
pub(crate) enum Written<T> {
    New,
    Before(T),
}

/// Columns that nobody asks for.
struct Nothing;

impl<'r> sqlx::FromRow<'r, AnyRow> for Nothing {
    fn from_row(_: &'r AnyRow) -> std::result::Result<Self, sqlx::Error> {
        Ok(Self)
    }
}

impl Columns for Nothing {
    const COLUMNS: &'static str = "1";
}

impl<'a> NewRow<'a> {
    pub(crate) fn of(table: &'static str) -> Self {
        Self {
            table,
            columns: Vec::new(),
        }
    }

    /// A column that the row is found by.
    pub(crate) fn key(self, column: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.with(Part::Key, column, value.into())
    }

    /// A column that the client chose: another value in it is a conflict.
    pub(crate) fn given(self, column: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.with(Part::Given, column, value.into())
    }

    /// A column that the service adds.
    pub(crate) fn made(self, column: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.with(Part::Made, column, value.into())
    }

    fn with(mut self, part: Part, column: &'static str, value: Value<'a>) -> Self {
        self.columns.push((part, column, value));
        self
    }

    /// Writes the row, once: the same values again give the stored row, and others are a conflict.
    pub(crate) async fn write<T: Columns>(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Written<T>> {
        if self.insert(connection).await? {
            return Ok(Written::New);
        }
        let stored = self.before(connection).await?;
        Ok(Written::Before(stored.ok_or(Code::Conflict)?))
    }

    /// [`NewRow::write`] for rows of which the answer tells nothing. Whether the row is new.
    pub(crate) async fn write_once(&self, connection: &mut AnyConnection) -> Result<bool> {
        Ok(matches!(
            self.write::<Nothing>(connection).await?,
            Written::New
        ))
    }

    /// Writes the row if its keys are free. Whether they were.
    pub(crate) async fn insert(&self, connection: &mut AnyConnection) -> Result<bool> {
        self.execute(connection, " ON CONFLICT DO NOTHING").await
    }

    /// Writes the row, whose keys nobody else can have taken.
    pub(crate) async fn add(&self, connection: &mut AnyConnection) -> Result<()> {
        self.execute(connection, "").await.map(drop)
    }

    async fn execute(&self, connection: &mut AnyConnection, end: &str) -> Result<bool> {
        let names: Vec<&str> = self.columns.iter().map(|(_, name, _)| *name).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}){end}",
            self.table,
            names.join(", "),
            placeholders(1, names.len())
        );
        let values = arguments(self.columns.iter())?;
        let done = sqlx::query_with(AssertSqlSafe(sql), values)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The row as it stands, when it was written before from the same values. An error when it was written from others.
    pub(crate) async fn before<T: Columns>(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Option<T>> {
        let same = self.find(connection, &[Part::Key, Part::Given]).await?;
        if same.is_none()
            && self
                .find::<Nothing>(connection, &[Part::Key])
                .await?
                .is_some()
        {
            return Err(Code::Conflict.into());
        }
        Ok(same)
    }

    /// Whether the row stands there with the same values.
    pub(crate) async fn is_there(&self, connection: &mut AnyConnection) -> Result<bool> {
        let found = self.find::<Nothing>(connection, &[Part::Key, Part::Given]);
        Ok(found.await?.is_some())
    }

    async fn find<T: Columns>(
        &self,
        connection: &mut AnyConnection,
        parts: &[Part],
    ) -> Result<Option<T>> {
        let columns = self
            .columns
            .iter()
            .filter(|(part, ..)| parts.contains(part));
        let conditions: Vec<String> = (1..)
            .zip(columns.clone())
            .map(|(n, (part, name, _))| match part {
                Part::Key => format!("{name} = ${n}"),
                _ => format!("{name} IS NOT DISTINCT FROM ${n}"),
            })
            .collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE {}",
            T::COLUMNS,
            self.table,
            conditions.join(" AND ")
        );
        let query = sqlx::query_as_with(AssertSqlSafe(sql), arguments(columns)?);
        Ok(query.fetch_optional(connection).await?)
    }
}

/// The values of columns, in their order.
fn arguments<'c, 'a: 'c>(
    columns: impl Iterator<Item = &'c Column<'a>>,
) -> std::result::Result<AnyArguments, sqlx::Error> {
    let mut arguments = AnyArguments::default();
    for (_, _, value) in columns {
        match *value {
            Value::Text(text) => arguments.add(text),
            Value::Number(number) => arguments.add(number),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
