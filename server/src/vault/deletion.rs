//! Deleting what an account made: its content is erased, and its id stays taken.

use axum::http::StatusCode;
use sqlx::AssertSqlSafe;

use super::events::{Change, Kind};
use super::listings::Lists;
use super::state::Vault;
use crate::http::error::{Code, Result};
use crate::http::values::Id;

impl Vault {
    /// Deletes a record that nobody else has, and tells the account's other sessions. `erased` says what is left in its columns.
    /// One that was deleted before is no error.
    pub(super) async fn delete(
        &self,
        (table, erased): (&str, &str),
        (kind, lists): (Kind, Lists),
        account: &str,
        id: &Id,
    ) -> Result<StatusCode> {
        let sql = format!(
            "UPDATE {table} SET {erased}, deleted_at = $1 WHERE account = $2 AND id = $3 AND deleted_at IS NULL"
        );
        let mut tx = self.db.begin_as(account).await?;
        let deleted = sqlx::query(AssertSqlSafe(sql))
            .bind(self.clock.now())
            .bind(account)
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
        if deleted.rows_affected() == 1 {
            let record = lists.record(account, id.as_str());
            self.end_lists(&mut tx, lists, &[record]).await?;
            let change = Change::new(account, kind, id.as_str());
            self.record(tx, vec![change]).await?;
        } else {
            drop(tx);
            self.had((table, "account"), account, id).await?;
        }
        Ok(StatusCode::NO_CONTENT)
    }

    /// `not_found`, unless the account has made such a record. It may be deleted.
    pub(super) async fn had(
        &self,
        (table, owner): (&str, &str),
        account: &str,
        id: &Id,
    ) -> Result<()> {
        let sql = format!("SELECT id FROM {table} WHERE {owner} = $1 AND id = $2");
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(account)
            .bind(id.as_str())
            .fetch_optional(&self.db.read)
            .await?;
        found.map(drop).ok_or(Code::NotFound.into())
    }
}
