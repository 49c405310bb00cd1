//! Whether a database can do what a service needs of it: it has a schema that this release can work with,
//! and takes writes.

use std::time::{Duration, Instant};

use sqlx::Error;

use super::db::Db;
use super::schema::Schema;

/// An answer is given again for so long: everybody may ask, and each question is a write.
const FRESH: Duration = Duration::from_secs(1);
/// The longest that the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// An answer, and when it was found.
#[derive(Debug)]
pub(super) struct Probe {
    at: Instant,
    answer: Result<(), String>,
}

impl Db {
    /// Nothing, or a sentence that says what is wrong.
    pub(crate) async fn is_ready(&self) -> Result<(), String> {
        if *self.peers.away().borrow() {
            return Err(format!("the {}'s database does not answer", self.service));
        }
        let mut last = self.probe.lock().await;
        if let Some(probe) = last.as_ref().filter(|probe| probe.at.elapsed() < FRESH) {
            return probe.answer.clone();
        }
        let answer = tokio::time::timeout(PATIENCE, self.look()).await;
        let answer = answer.unwrap_or(Err("does not answer"));
        let answer = answer.map_err(|what| format!("the {}'s database {what}", self.service));
        *last = Some(Probe {
            at: Instant::now(),
            answer: answer.clone(),
        });
        answer
    }

    async fn look(&self) -> Result<(), &'static str> {
        match self.schema().await {
            Ok(schema) if schema.works() => {}
            Ok(_) => return Err("is one of another release"),
            Err(error) => {
                tracing::error!(%error, service = self.service, "the database cannot be read");
                return Err("cannot be read");
            }
        }
        self.touch().await.map_err(|error| {
            tracing::error!(%error, service = self.service, "the database cannot be written");
            "cannot be written"
        })
    }

    async fn schema(&self) -> Result<Schema, Error> {
        let mut connection = self.read.acquire().await?;
        Schema::read(&mut connection, self.version).await
    }

    /// A write that changes nothing.
    async fn touch(&self) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE owner SET one = one")
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }
}
