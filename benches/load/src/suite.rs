//! One action as what `rlt` repeats: each of its workers is somebody with connections of their own.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use reqwest::Client;
use rlt::{BenchSuite, IterInfo, IterReport, Status};
use tokio::time::Instant;

use crate::Services;
use crate::actions::{Action, Doing, Target};
use crate::people::Person;

/// One action, done by many.
#[derive(Clone)]
pub(crate) struct Suite {
    target: Target,
    action: Action,
    people: Arc<Vec<Person>>,
}

impl Suite {
    pub(crate) fn new(
        services: Services,
        bare: String,
        action: Action,
        people: Arc<Vec<Person>>,
    ) -> Self {
        Self {
            target: Target { services, bare },
            action,
            people,
        }
    }
}

#[async_trait]
impl BenchSuite for Suite {
    type WorkerState = Client;

    async fn state(&self, _: u32) -> Result<Client> {
        Ok(Client::new())
    }

    async fn bench(&mut self, http: &mut Client, _: &IterInfo) -> Result<IterReport> {
        let doing = Doing {
            http,
            target: &self.target,
            people: &self.people,
        };
        let begun = Instant::now();
        let (answer, items) = doing.act(self.action).await?;
        let code = i64::from(answer.status.as_u16());
        Ok(IterReport {
            duration: begun.elapsed(),
            status: if answer.is_good() {
                Status::success(code)
            } else {
                Status::error(code)
            },
            bytes: u64::try_from(answer.body.len())?,
            items,
        })
    }
}
