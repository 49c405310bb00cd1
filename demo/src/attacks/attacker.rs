//! Somebody who controls the services: an account and keys of its own, and everything that the services know.

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::SigningKey;
use vouchsafe::crypto::records::{Publication, Role, make_publication};
use vouchsafe::ids::Id;

use crate::answer::{Refusal, Result};

/// The attacker's keys and account. The keys are real, and so are the records made with them: only the person is wrong.
pub(crate) struct Attacker {
    pub(super) account: Id,
    pub(super) signing: SigningKey,
    pair: ConnectionKey,
}

impl Attacker {
    /// Makes the keys, which takes a second or more.
    pub(super) async fn make() -> Result<Self> {
        let runtime = Handle::current();
        let keys = spawn_blocking(move || {
            let pair = runtime.block_on(ConnectionKey::make(&RustEngine))?;
            Ok::<_, vouchsafe::Error>((SigningKey::make(&RustEngine)?, pair))
        });
        let (signing, pair) = keys.await.map_err(|_| Refusal::server_error())??;
        Ok(Self {
            account: id(Uuid::new_v4())?,
            signing,
            pair,
        })
    }

    /// A publication in somebody's name, validly signed with the attacker's own key. The same each time.
    pub(super) fn publication(
        &self,
        account: Id,
        connection: Id,
        role: Role,
    ) -> Result<Publication> {
        let key = self.pair.public();
        Ok(make_publication(
            account,
            connection,
            role,
            &self.signing,
            key,
        )?)
    }
}

/// Makes a record's id of a UUID.
pub(super) fn id(uuid: Uuid) -> Result<Id> {
    parse(&uuid.to_string())
}

/// Parses an id that a service stored.
pub(super) fn parse(text: &str) -> Result<Id> {
    Ok(Id::parse(text)?)
}
