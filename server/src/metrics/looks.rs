//! What is not counted as it happens, but looked up when somebody asks: the databases' connections, who waits to write, and
//! the mails that wait.

use std::borrow::Cow;

use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;

use super::Gauges;
use crate::store::gauges::DbGauges;

/// What is found at one look.
#[derive(Default)]
pub(crate) struct Look {
    pool_size: Gauges<2>,
    pool_idle: Gauges<2>,
    pool_most: Gauges<2>,
    writers_waiting: Gauges<2>,
    mails_waiting: Gauges<0>,
    connections_most: Gauges<0>,
}

impl Look {
    /// Notes the state of a service's database.
    pub(crate) fn note_database(&self, gauges: &DbGauges) {
        let service = || ("service", Cow::from(gauges.service.to_lowercase()));
        for pool in &gauges.pools {
            let labels = [service(), ("pool", Cow::from(pool.name))];
            self.pool_size.get_or_create(&labels).set(pool.size.into());
            let idle = i64::try_from(pool.idle).unwrap_or(i64::MAX);
            self.pool_idle.get_or_create(&labels).set(idle);
            self.pool_most.get_or_create(&labels).set(pool.most.into());
        }
        for (line, waiting) in gauges.writers_waiting {
            let labels = [service(), ("line", Cow::from(line))];
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            self.writers_waiting.get_or_create(&labels).set(waiting);
        }
    }

    /// Notes how many mails wait.
    pub(crate) fn note_mails(&self, waiting: i64) {
        self.mails_waiting.get_or_create(&[]).set(waiting);
    }

    /// Notes how many connections there may be.
    pub(crate) fn note_most_connections(&self, most: u32) {
        self.connections_most.get_or_create(&[]).set(most.into());
    }

    /// All of it, as text. What was not noted is left out.
    pub(crate) fn text(self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("vouchsafe");
        registry.register(
            "database_connections",
            "Connections of a pool, idle ones included",
            self.pool_size,
        );
        registry.register(
            "database_connections_idle",
            "Connections of a pool that nobody uses",
            self.pool_idle,
        );
        registry.register(
            "database_connections_most",
            "The most connections that a pool may have",
            self.pool_most,
        );
        registry.register(
            "writers_waiting",
            "Writers that wait for their turn",
            self.writers_waiting,
        );
        registry.register(
            "mails_waiting",
            "Mails that wait, those that are tried again included, at most 10000",
            self.mails_waiting,
        );
        registry.register(
            "connections_most",
            "The most connections that clients may have",
            self.connections_most,
        );
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}
