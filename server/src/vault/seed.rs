//! The Vault's part of a made-up world.

use super::events::{Change, Kind};
use super::quotas::size_of;
use super::state::Vault;
use crate::clock::DAY;
use crate::http::error::Result;
use crate::seed::{Rows, World};

/// The letters of a card, and of a share.
const CARD_LETTERS: usize = 600;
const SHARE_LETTERS: usize = 400;
/// The newest so many shares have events.
const SHARES_WITH_EVENTS: usize = 20_000;
/// The events that are written together are those of so many shares.
const SHARES_PER_COMMIT: usize = 500;

impl Vault {
    /// Whether there are accounts.
    pub(crate) async fn has_rows(&self) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM accounts LIMIT 1");
        Ok(found.fetch_optional(&self.db.read).await?.is_some())
    }

    /// Makes accounts with their keys, connections, cards, shares and the newest events.
    pub(crate) async fn fill(&self, world: &World) -> Result<()> {
        self.fill_people(world).await?;
        self.fill_connections(world).await?;
        self.fill_cards(world).await?;
        self.fill_shares(world).await?;
        self.fill_events(world).await
    }

    async fn fill_people(&self, world: &World) -> Result<()> {
        let noise = world.noise();
        let mut rows = Rows::of(&self.db, "accounts", "id");
        for account in &world.people {
            rows.add([account.as_str().into()]).await?;
        }
        rows.end().await?;
        // One key for all connections of a person.
        let columns = "id, account, spki, xwing, signing_key, statement, created_at";
        let mut rows = Rows::of(&self.db, "public_keys", columns);
        for (at, account) in world.people.iter().enumerate() {
            let row = [
                noise.bytes("public key", at, 32).into(),
                account.as_str().into(),
                noise.letters("spki", at, 564).into(),
                noise.bytes("xwing", at, 1216).into(),
                noise.bytes("x", at, 32).into(),
                noise.jws("statement", at).into(),
                world.now.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await
    }

    async fn fill_connections(&self, world: &World) -> Result<()> {
        let noise = world.noise();
        let columns = "id, inviter, public_key_id, delivery, token_hash, state, answered_by, created_at, expires_at, over_at";
        let mut rows = Rows::of(&self.db, "invitations", columns);
        for at in 0..world.connections() {
            let connection = world.connection(at);
            let row = [
                connection.id.into(),
                world.people[connection.inviter].as_str().into(),
                noise.bytes("public key", connection.inviter, 32).into(),
                "link".into(),
                noise.bytes("token", at, 32).into(),
                "accepted".into(),
                world.people[connection.invitee].as_str().into(),
                connection.created_at.into(),
                (connection.created_at + 14 * DAY).into(),
                connection.created_at.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await?;
        let columns = "id, inviter, inviter_key, invitee, invitee_key, created_at";
        let mut rows = Rows::of(&self.db, "connections", columns);
        for at in 0..world.connections() {
            let connection = world.connection(at);
            let row = [
                connection.id.into(),
                world.people[connection.inviter].as_str().into(),
                noise.bytes("public key", connection.inviter, 32).into(),
                world.people[connection.invitee].as_str().into(),
                noise.bytes("public key", connection.invitee, 32).into(),
                connection.created_at.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await
    }

    async fn fill_cards(&self, world: &World) -> Result<()> {
        let columns = "account, id, card, version, size, created_at, updated_at";
        let mut rows = Rows::of(&self.db, "cards", columns);
        let (each, noise) = (world.cards_of_one(), world.noise());
        let count = each * world.people.len();
        for at in 0..count {
            let created_at = world.time(at, count, 60 * DAY, 30 * DAY);
            let card = noise.jwe("card", at, CARD_LETTERS);
            let size = size_of(&card);
            let row = [
                world.people[at / each].as_str().into(),
                noise.id("card", at, created_at).into(),
                card.into(),
                1.into(),
                size.into(),
                created_at.into(),
                created_at.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await
    }

    async fn fill_shares(&self, world: &World) -> Result<()> {
        let mut rows = Rows::of(&self.db, "spaces", "id, connection_id, created_at");
        for at in 0..world.shares {
            let share = world.share(at);
            let row = [
                share.space.into(),
                share.connection.id.into(),
                share.created_at.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await?;
        let mut rows = Rows::of(
            &self.db,
            "shares",
            "id, connection_id, space_id, sender, recipient, share, size, edition, created_at, updated_at, expires_at",
        );
        for at in 0..world.shares {
            let share = world.share(at);
            let content = world.noise().jwe("content", at, SHARE_LETTERS);
            let size = size_of(&content);
            let row = [
                share.id.into(),
                share.connection.id.into(),
                share.space.into(),
                world.people[share.connection.inviter].as_str().into(),
                world.people[share.connection.invitee].as_str().into(),
                content.into(),
                size.into(),
                1.into(),
                share.created_at.into(),
                share.created_at.into(),
                share.expires_at.into(),
            ];
            rows.add(row).await?;
        }
        rows.end().await
    }

    async fn fill_events(&self, world: &World) -> Result<()> {
        let newest: Vec<usize> =
            (world.shares.saturating_sub(SHARES_WITH_EVENTS)..world.shares).collect();
        for shares in newest.chunks(SHARES_PER_COMMIT) {
            let mut changes = Vec::new();
            for at in shares {
                let share = world.share(*at);
                for person in [share.connection.inviter, share.connection.invitee] {
                    let person = &world.people[person];
                    changes.push(Change::new(person, Kind::Share, &share.id));
                }
            }
            self.record(self.db.begin().await?, changes).await?;
        }
        Ok(())
    }
}
