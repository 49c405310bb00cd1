//! Made-up people with what they share, for measurements: both databases are filled with rows of the forms that the routes accept.
//! What the rows hold is noise, which nobody can decrypt, and nobody can sign in; some accounts get sessions instead.

mod noise;
mod rows;

use std::net::SocketAddr;

use serde::Serialize;
use tokio::sync::watch;

pub(crate) use self::noise::Noise;
pub(crate) use self::rows::{Cell, Rows};
use crate::clock::{Clock, DAY};
use crate::config::Config;
use crate::keystore::Keystore;
use crate::start_error::StartError;
use crate::store::files;
use crate::urls::Urls;
use crate::vault::{TrustedKeys, Vault};

/// The most people whom one person invited.
const MAX_INVITED: usize = 5;
/// So many shares of one card there are, over all its connections.
const SHARES_OF_CARD: usize = 5;

/// What there shall be.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// People, each with a few connections.
    pub people: usize,
    /// Shares of all of them together, each with its encryption space.
    pub shares: usize,
    /// The first so many people are signed in.
    pub sessions: usize,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededSession {
    /// The account's id.
    pub account: String,
    /// Its address.
    pub email: String,
    /// The session's token, by which the Keystore gives tokens for the Vault.
    pub session: String,
}

/// The made-up world, of which both services know the same.
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) people: Vec<String>,
    pub(crate) shares: usize,
    /// The people whom each one invited.
    pub(crate) invited: usize,
    noise: Noise,
}

/// One of the connections: the people on its sides by their places in the list.
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) inviter: usize,
    pub(crate) invitee: usize,
    pub(crate) created_at: i64,
}

/// One of the shares.
pub(crate) struct Share {
    pub(crate) id: String,
    pub(crate) space: String,
    pub(crate) connection: Connection,
    pub(crate) tag: String,
    pub(crate) live: bool,
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
}

impl World {
    fn new(seed: Seed, clock: &Clock) -> Self {
        let noise = Noise::new();
        // In order, so that what is made together lies together in indexes.
        let mut people: Vec<String> = (0..seed.people).map(|at| noise.account(at)).collect();
        people.sort();
        Self {
            now: clock.now(),
            invited: MAX_INVITED.min(seed.people.saturating_sub(1)),
            shares: match seed.people {
                0 | 1 => 0,
                _ => seed.shares,
            },
            people,
            noise,
        }
    }

    /// What rows are filled with.
    pub(crate) fn noise(&self) -> &Noise {
        &self.noise
    }

    /// The address of a person.
    pub(crate) fn email(&self, person: usize) -> String {
        format!("person-{person}@seed.example")
    }

    /// The number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.people.len() * self.invited
    }

    /// A connection: everybody invited those who come next.
    pub(crate) fn connection(&self, at: usize) -> Connection {
        let (inviter, next) = (at / self.invited, at % self.invited + 1);
        let created_at = self.time(at, self.connections(), 60 * DAY, 30 * DAY);
        Connection {
            id: self.noise.id("connection", at, created_at),
            inviter,
            invitee: (inviter + next) % self.people.len(),
            created_at,
        }
    }

    /// The shares of one person.
    fn shares_of_one(&self) -> usize {
        self.shares.div_ceil(self.people.len()).max(1)
    }

    /// A share: those of one person come one after another, each over the next of the connections.
    pub(crate) fn share(&self, at: usize) -> Share {
        let each = self.shares_of_one();
        let (sender, nth) = (at / each, at % each);
        let cards = self.cards_of_one();
        let card = nth / self.invited % cards;
        let created_at = self.time(at, self.shares, 30 * DAY, 0);
        Share {
            id: self.noise.id("share", at, created_at),
            space: self.noise.id("space", at, created_at),
            connection: self.connection(sender * self.invited + nth % self.invited),
            tag: self.noise.bytes("tag", sender * cards + card, 16),
            // A card is followed by one share over each connection.
            live: nth < self.invited * cards,
            created_at,
            // Every fourth one ends.
            expires_at: at
                .is_multiple_of(4)
                .then(|| self.now + DAY + self.now % DAY),
        }
    }

    /// The cards of one person.
    pub(crate) fn cards_of_one(&self) -> usize {
        (self.shares_of_one() / SHARES_OF_CARD).max(1)
    }

    /// The time of the nth of so many things, which were made one after another between two times before now.
    pub(crate) fn time(&self, at: usize, of: usize, first: i64, last: i64) -> i64 {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let passed = (first - last).saturating_mul(number(at)) / number(of.max(1));
        self.now - first + passed
    }
}

/// Fills both databases, which must be empty, and gives the sessions.
pub async fn seed(config: &Config, seed: Seed) -> Result<Vec<SeededSession>, StartError> {
    let folder = |error| StartError(format!("Make the data folder one to write in ({error})."));
    files::make_folder(&config.data).map_err(folder)?;
    // No row holds an address of a server.
    let urls = Urls::new(config, SocketAddr::from(([127, 0, 0, 1], 8787)))?;
    let (_stop, stopping) = watch::channel(false);
    let keystore = Keystore::open(config, &urls).await?;
    let keys = TrustedKeys::fixed(&keystore.token_key().public());
    let vault = Vault::open(config, &urls, keys, stopping).await?;
    let world = World::new(seed, &config.clock);
    let filled = async {
        if keystore.has_rows().await? || vault.has_rows().await? {
            return Ok(None);
        }
        keystore.db.hurry().await?;
        vault.db.hurry().await?;
        let both = tokio::try_join!(keystore.fill(&world, seed.sessions), vault.fill(&world));
        Ok(Some(both?.0))
    };
    let filled: crate::http::error::Result<_> = filled.await;
    keystore.db.close().await;
    vault.db.close().await;
    match filled {
        Ok(Some(sessions)) => Ok(sessions),
        Ok(None) => Err(StartError(
            "Give `seed` new databases: there are accounts in these.".into(),
        )),
        Err(error) => Err(StartError(format!(
            "Begin again with new databases: these could not be filled ({:?}).",
            error.code()
        ))),
    }
}
