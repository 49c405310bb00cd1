//! Much that is erased while others work: put into the Vault's database by SQL, since over HTTP it would take hours.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::Services;
use crate::call::{call, text};
use crate::people::Person;

/// Rows that are inserted together.
const AT_ONCE: usize = 20_000;
/// The letters of a share.
const LETTERS: usize = 800;
/// The time between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest that it may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is erased.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum Burden {
    /// An account that sent 100,000 shares, which its owner deletes.
    Deletion,
    /// 600,000 shares whose time is over.
    Expiry,
}

/// The erasing, which has begun.
pub(crate) struct Erasing {
    database: AnyConnection,
    /// The id of the row that goes last.
    last: String,
    rows: usize,
    begun: Instant,
    request: Option<JoinHandle<Result<()>>>,
}

impl Burden {
    fn rows(self) -> usize {
        match self {
            Self::Deletion => 100_000,
            Self::Expiry => 600_000,
        }
    }

    /// Makes the rows, shares of somebody who takes no part from then on, and has them erased.
    pub(crate) async fn begin(
        self,
        services: &Services,
        database: &str,
        people: &mut Vec<Person>,
    ) -> Result<Erasing> {
        let at = people
            .iter()
            .position(|person| !person.connections.is_empty());
        let person = people.remove(at.context("nobody is connected")?);
        let mut database = AnyConnection::connect(database).await?;
        let prefix = Uuid::new_v4().simple().to_string();
        self.insert(&mut database, &prefix, &person).await?;
        let id = |number: usize| format!("{prefix} {number:07}");
        let mut erasing = Erasing {
            database,
            last: id(self.rows()),
            rows: self.rows(),
            begun: Instant::now(),
            request: None,
        };
        match self {
            Self::Deletion => {
                erasing.request = Some(tokio::spawn(delete(
                    services.clone(),
                    person.session.clone(),
                )));
            }
            // The sweeper looks once in a minute.
            Self::Expiry => erasing.wait(&id(1)).await?,
        }
        erasing.begun = Instant::now();
        Ok(erasing)
    }

    async fn insert(
        self,
        database: &mut AnyConnection,
        prefix: &str,
        person: &Person,
    ) -> Result<()> {
        let (connection, peer) = person.connections.first().context("nobody is connected")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let now = i64::try_from(now)?;
        let expires_at = match self {
            Self::Deletion => "NULL".to_owned(),
            Self::Expiry => format!("{} + n", now - 10_000_000),
        };
        for first in (1..=self.rows()).step_by(AT_ONCE) {
            let last = (first + AT_ONCE - 1).min(self.rows());
            let numbers = format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
            );
            let sql = format!(
                "{numbers} INSERT INTO spaces (id, connection_id, created_at) SELECT '{prefix} ' || n, $1, {now} FROM numbers"
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(connection)
                .execute(&mut *database)
                .await?;
            let sql = format!(
                "{numbers} INSERT INTO shares (id, connection_id, space_id, sender, recipient, share, size, edition, created_at, \
                 updated_at, expires_at) SELECT '{prefix} ' || SUBSTR(CAST(10000000 + n AS TEXT), 2), $1, \
                 '{prefix} ' || n, $2, $3, $4, {LETTERS}, 1, {now}, {now}, {expires_at} FROM numbers"
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(connection)
                .bind(&person.account)
                .bind(peer)
                .bind("x".repeat(LETTERS))
                .execute(&mut *database)
                .await?;
        }
        Ok(())
    }
}

/// Deletes somebody's account at the Vault.
async fn delete(services: Services, session: String) -> Result<()> {
    let http = Client::new();
    let url = format!("{}/v1/tokens/proof", services.keystore);
    let body = json!({ "audience": services.vault });
    let proof = call(&http, Method::POST, &url, Some(&session), Some(&body)).await?;
    let proof: Value = proof.json()?;
    let url = format!("{}/v1/account", services.vault);
    let token = text(&proof, "token")?;
    let deleted = call(&http, Method::DELETE, &url, Some(token), None).await?;
    deleted.json().map(drop)
}

impl Erasing {
    async fn is_erased(&mut self, share: &str) -> Result<bool> {
        let size: i64 = sqlx::query_scalar("SELECT size FROM shares WHERE id = $1")
            .bind(share)
            .fetch_one(&mut self.database)
            .await?;
        Ok(size == 0)
    }

    async fn wait(&mut self, share: &str) -> Result<()> {
        let begun = Instant::now();
        while !self.is_erased(share).await? {
            if begun.elapsed() > PATIENCE {
                bail!("nothing was erased within {PATIENCE:?}");
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Waits for its end. Gives the rows, the seconds that it took, and whether it went on until now.
    pub(crate) async fn end(mut self) -> Result<Value> {
        let last = self.last.clone();
        let lasted = !self.is_erased(&last).await?;
        self.wait(&last).await?;
        let seconds = self.begun.elapsed().as_secs_f64();
        if let Some(request) = self.request.take() {
            request.await.context("the request broke")??;
        }
        Ok(json!({ "rows": self.rows, "seconds": seconds, "lasted": lasted }))
    }
}
