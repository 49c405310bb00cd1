//! False keys: the attacker's own in place of the other person's.

use axum::http::Method;
use serde_json::{Value, json};
use vouchsafe::crypto::records::Role;

use super::attacker::parse;
use super::{Answer, Asked, Attack, Attacks, records, text};
use crate::answer::Result;

impl Attacks {
    /// Swaps the keys in every record that shows another person's.
    pub(super) async fn swap_keys(&self, asked: &Asked, answer: &mut Answer) -> Result<()> {
        let later = asked.attack == Attack::SwapKeyLater;
        let opened = asked.path.starts_with("/invitations/") && asked.path.ends_with("/open");
        if !answer.status.is_success() {
            return Ok(());
        }
        if opened && asked.method == Method::POST && !later {
            let connection = text(&answer.body, "id").to_owned();
            if self.is_to_swap(asked, &connection, Role::Invitee).await? {
                let inviter = parse(text(&answer.body, "inviter"))?;
                let own = self.attacker().await?;
                let false_key = own.publication(inviter, parse(&connection)?, Role::Inviter)?;
                answer.body["publication"] = json!(false_key);
            }
        } else if asked.path.starts_with("/connections")
            // The answer to a client that has just seen the true key is too early for `later`.
            && !(later && asked.is(&Method::POST, "/connections"))
        {
            for connection in records(&mut answer.body) {
                self.swap_peer(asked, connection).await?;
            }
        }
        Ok(())
    }

    async fn swap_peer(&self, asked: &Asked, connection: &mut Value) -> Result<()> {
        let id = text(connection, "id").to_owned();
        let invited = connection["inviter"]["account"] == asked.account;
        let (own, theirs, side) = if invited {
            (Role::Inviter, Role::Invitee, "invitee")
        } else {
            (Role::Invitee, Role::Inviter, "inviter")
        };
        if connection.get(side).is_some() && self.is_to_swap(asked, &id, own).await? {
            let account = parse(text(&connection[side], "account"))?;
            let own = self.attacker().await?;
            let false_key = own.publication(account, parse(&id)?, theirs)?;
            connection[side]["publication"] = json!(false_key);
        }
        Ok(())
    }

    /// Whether the other person's key on a connection is to be swapped, seen from a role. The Keystore tells whether the
    /// client has pinned it: an inviter's private note has one version before that, an invitee's is written with it.
    async fn is_to_swap(&self, asked: &Asked, connection: &str, own: Role) -> Result<bool> {
        let version: Option<i64> = sqlx::query_scalar(
            "SELECT version FROM keystore.connection_keys WHERE account = $1 AND id = $2",
        )
        .bind(&asked.account)
        .bind(connection)
        .fetch_optional(&self.look.pool)
        .await?;
        let is_pinned = match own {
            Role::Inviter => version.is_some_and(|version| version > 1),
            Role::Invitee => version.is_some(),
        };
        if asked.attack == Attack::SwapKeyLater {
            return Ok(is_pinned);
        }
        let mut active = self.active();
        let Some(active) = active.get_mut(&asked.account) else {
            return Ok(false);
        };
        if !is_pinned {
            active.shown.insert(connection.to_owned());
        }
        Ok(active.shown.contains(connection))
    }
}
