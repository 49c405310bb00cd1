//! How busy a database is, for who watches.

use sqlx::AnyPool;

use super::db::Db;

/// The state of a service's database at one moment.
pub(crate) struct DbGauges {
    pub(crate) service: &'static str,
    pub(crate) pools: Vec<PoolGauges>,
    /// How many writers wait for their turn, in the line of accounts and in the one at the door.
    pub(crate) writers_waiting: [(&'static str, usize); 2],
}

/// The connections of one pool.
pub(crate) struct PoolGauges {
    pub(crate) name: &'static str,
    pub(crate) size: u32,
    pub(crate) idle: usize,
    pub(crate) most: u32,
}

impl PoolGauges {
    fn of(name: &'static str, pool: &AnyPool) -> Self {
        Self {
            name,
            size: pool.size(),
            idle: pool.num_idle(),
            most: pool.options().get_max_connections(),
        }
    }
}

impl Db {
    /// How busy it is now.
    pub(crate) fn gauges(&self) -> DbGauges {
        let pools = match self.sqlite {
            true => vec![
                PoolGauges::of("read", &self.read),
                PoolGauges::of("write", &self.write),
            ],
            // Both are the same one.
            false => vec![PoolGauges::of("all", &self.read)],
        };
        let (accounts, door) = self.queue.waiting();
        DbGauges {
            service: self.service,
            pools,
            writers_waiting: [("accounts", accounts), ("door", door)],
        }
    }
}
