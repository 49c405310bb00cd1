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

/// The origin of a column's value.
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

/// The outcome of writing a row: it is new, or it was written before from the same values.
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

    /// [`NewRow::write`] for answers that hold nothing of the stored row. Tells whether the row is new.
    pub(crate) async fn write_once(&self, connection: &mut AnyConnection) -> Result<bool> {
        Ok(matches!(
            self.write::<Nothing>(connection).await?,
            Written::New
        ))
    }

    /// Writes the row if its keys are free, and tells whether they were.
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

    /// The row as it stands, if it was written before from the same values; a conflict if it was written from others.
    pub(crate) async fn before<T: Columns>(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Option<T>> {
        let parts = [Part::Key, Part::Given];
        let same = self.find(connection, &parts).await?;
        if same.is_some() || self.is_free(connection).await? {
            return Ok(same);
        }
        // Outside of a transaction the same row may have been written between the two looks.
        let same = self.find(connection, &parts).await?;
        same.map(Some).ok_or(Code::Conflict.into())
    }

    /// Tells whether the row stands there with the same values.
    pub(crate) async fn is_there(&self, connection: &mut AnyConnection) -> Result<bool> {
        let found = self.find::<Nothing>(connection, &[Part::Key, Part::Given]);
        Ok(found.await?.is_some())
    }

    /// Tells whether there is no row of this key.
    pub(crate) async fn is_free(&self, connection: &mut AnyConnection) -> Result<bool> {
        let found = self.find::<Nothing>(connection, &[Part::Key]);
        Ok(found.await?.is_none())
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

#[cfg(test)]
mod tests {
    use sqlx::Connection;
    use sqlx::any::install_default_drivers;

    use super::*;
    use crate::store::columns::from_columns;

    from_columns! {
        struct Made {
            made_at: i64,
        }
    }

    fn row<'a>(id: &'a str, text: &'a str, number: Option<i64>, made_at: i64) -> NewRow<'a> {
        NewRow::of("rows")
            .key("id", id)
            .given("text", text)
            .given("number", number)
            .made("made_at", made_at)
    }

    async fn table() -> AnyConnection {
        install_default_drivers();
        let mut connection = AnyConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE rows (id TEXT PRIMARY KEY, text TEXT, number BIGINT, made_at BIGINT)",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        connection
    }

    #[tokio::test]
    async fn a_repeat_finds_the_row_that_it_wrote() {
        let mut rows = table().await;
        for number in [None, Some(7)] {
            let id = format!("{number:?}");
            let first = row(&id, "a", number, 1).write::<Made>(&mut rows).await;
            assert!(matches!(first.unwrap(), Written::New));
            let again = row(&id, "a", number, 2).write(&mut rows).await.unwrap();
            assert!(matches!(again, Written::Before(Made { made_at: 1 })));
        }
    }

    #[tokio::test]
    async fn another_row_under_the_same_key_is_a_conflict() {
        let mut rows = table().await;
        assert!(row("1", "a", None, 1).write_once(&mut rows).await.unwrap());
        for (text, number) in [("b", None), ("a", Some(7))] {
            let other = row("1", text, number, 1);
            let refused = other.write_once(&mut rows).await.unwrap_err();
            assert_eq!(refused.code(), Code::Conflict);
            let refused = other.before::<Made>(&mut rows).await.err().unwrap();
            assert_eq!(refused.code(), Code::Conflict);
            assert!(!other.is_there(&mut rows).await.unwrap());
        }
        let free = row("2", "b", None, 1);
        assert!(free.before::<Made>(&mut rows).await.unwrap().is_none());
    }
}
