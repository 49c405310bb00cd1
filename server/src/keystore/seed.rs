//! The Keystore's part of a made-up world.

use super::sessions::{Scope, make_session};
use super::state::Keystore;
use crate::http::error::Result;
use crate::seed::{Cell, Rows, SeededSession, World};

/// The letters of a wrapped key, and of what a sender keeps of a share.
const KEY_LETTERS: usize = 160;
const SENT_LETTERS: usize = 320;

impl Keystore {
    /// Whether there are accounts.
    pub(crate) async fn has_rows(&self) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM accounts LIMIT 1");
        Ok(found.fetch_optional(&self.db.read).await?.is_some())
    }

    /// Makes accounts, their connection keys and their encryption spaces, and signs the first so many in.
    pub(crate) async fn fill(&self, world: &World, sessions: usize) -> Result<Vec<SeededSession>> {
        self.fill_accounts(world).await?;
        self.fill_connections(world).await?;
        self.fill_spaces(world).await?;
        let mut made = Vec::new();
        for (at, account) in world.people.iter().enumerate().take(sessions) {
            let mut tx = self.db.begin().await?;
            let session = make_session(&mut tx, account, Scope::Full, world.now).await?;
            tx.commit().await?;
            made.push(SeededSession {
                account: account.clone(),
                email: world.email(at),
                session: session.session.to_text(),
            });
        }
        Ok(made)
    }

    async fn fill_accounts(&self, world: &World) -> Result<()> {
        let noise = world.noise();
        let mut rows = Rows::of(
            &self.db,
            "accounts",
            "id, login, email, opaque_record, credential_id, suite, setup, kek_passphrase, kek_recovery, vault_key, \
             signing_key, recovery_verifier, created_at",
        );
        for (at, account) in world.people.iter().enumerate() {
            let key = |kind| Cell::from(noise.jwe(kind, at, KEY_LETTERS));
            let row = [
                account.as_str().into(),
                world.email(at).into(),
                world.email(at).into(),
                noise.bytes("record", at, 192).into(),
                noise.bytes("credential", at, 32).into(),
                1.into(),
                self.setup.id.as_str().into(),
                key("passphrase"),
                key("recovery"),
                key("vault key"),
                key("signing key"),
                noise.bytes("verifier", at, 32).into(),
                world.now.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await
    }

    async fn fill_connections(&self, world: &World) -> Result<()> {
        let noise = world.noise();
        let columns = "account, id, key, note, version, created_at";
        let mut rows = Rows::of(&self.db, "connection_keys", columns);
        for at in 0..world.connections() {
            let connection = world.connection(at);
            for person in [connection.inviter, connection.invitee] {
                let row = [
                    world.people[person].as_str().into(),
                    connection.id.as_str().into(),
                    noise.jwe("key", at, KEY_LETTERS).into(),
                    noise.jwe("note", at, KEY_LETTERS).into(),
                    1.into(),
                    connection.created_at.into(),
                ];
                rows.add(row).await?;
            }
        }
        rows.end().await
    }

    async fn fill_spaces(&self, world: &World) -> Result<()> {
        let noise = world.noise();
        let mut rows = Rows::of(
            &self.db,
            "spaces",
            "id, connection_id, sender, recipient, own, peer, share, sent, sent_size, sent_version, tag, live, created_at, \
             expires_at",
        );
        for at in 0..world.shares {
            let share = world.share(at);
            let sent = noise.jwe("sent", at, SENT_LETTERS);
            let row = [
                share.space.into(),
                share.connection.id.into(),
                world.people[share.connection.inviter].as_str().into(),
                world.people[share.connection.invitee].as_str().into(),
                noise.jwe("own", at, KEY_LETTERS).into(),
                noise.jwe("peer", at, KEY_LETTERS).into(),
                share.id.into(),
                Cell::from(super::quotas::size_of(&sent)),
                1.into(),
                share.tag.into(),
                i64::from(share.live).into(),
                share.created_at.into(),
                share.expires_at.into(),
            ];
            let mut row: Vec<Cell> = row.into();
            row.insert(7, sent.into());
            rows.add(row).await?;
        }
        rows.end().await
    }
}
