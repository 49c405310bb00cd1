//! The options of the command that fills new databases for measurements.

use clap::Args;
use vouchsafe_server::Seed;

/// How much there shall be.
#[derive(Args)]
pub(super) struct SeedOptions {
    /// People, each with connections to five others.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    people: usize,

    /// Shares of all of them together, each with its encryption space; a fifth as many cards.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    shares: usize,

    /// The people who get a session, which is printed: one line of JSON each, with `account`, `email` and `session`.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    sessions: usize,
}

impl SeedOptions {
    pub(super) fn into_seed(self) -> Seed {
        Seed {
            people: self.people,
            shares: self.shares,
            sessions: self.sessions,
        }
    }
}
