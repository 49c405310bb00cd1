//! Whether a release can work with a database's schema, which may be that of a newer release.
//!
//! Releases run side by side while processes are exchanged one after the other: the first new process brings the schema up to
//! date, and the old ones go on with it. A migration that they could not go on with says so in the column `owner.needs`.

use sqlx::{AnyConnection, Error};

/// A database's schema as a release finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The number of the newest migration that the database has had; 0 if it had none.
    pub(crate) has: i64,
    /// The number of the newest migration that the release knows.
    pub(crate) knows: i64,
    /// The number of the newest migration that a release has to know to work with the database.
    pub(crate) needs: i64,
}

impl Schema {
    /// Reads it from a database that a service has used before, for the release that knows so many migrations.
    pub(crate) async fn read(connection: &mut AnyConnection, knows: i64) -> Result<Self, Error> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&mut *connection)
            .await?;
        let has = newest.unwrap_or_default();
        let mut schema = Self {
            has,
            knows,
            needs: 0,
        };
        if has <= knows {
            return Ok(schema);
        }
        // A release that knows this column is asked; a newer database has it.
        let sql = "SELECT CASE WHEN (SELECT COUNT(*) FROM _sqlx_migrations WHERE version <= $1) = $1 THEN needs END FROM owner";
        let needs: Option<i64> = sqlx::query_scalar(sql)
            .bind(knows)
            .fetch_one(connection)
            .await?;
        // Where one of the release's own is missing, the newer ones are not those that follow on it.
        schema.needs = needs.unwrap_or(has);
        Ok(schema)
    }

    /// Whether the release can work with it as it is.
    pub(crate) fn works(&self) -> bool {
        self.has >= self.knows && self.needs <= self.knows
    }

    /// Whether a newer release has changed it.
    pub(crate) fn is_newer(&self) -> bool {
        self.has > self.knows
    }
}
