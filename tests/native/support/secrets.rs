//! What people's keys are, found with their recovery key in what their clients sent; and somebody who stands between.

use serde_json::{Value, json};
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey};
use vouchsafe::crypto::records::{
    CardContent, Edition, Note, Role, ShareIds, Wrap, make_publication, open_connection_key,
    open_kek, open_note, open_own_dek, open_signing_key, open_vault_key,
};
use vouchsafe::crypto::recovery_key::RecoveryKey;
use vouchsafe::flows::Share;
use vouchsafe::ids::Id;

use crate::support::Person;

/// The bodies that a person sent to addresses that end so, oldest first.
pub fn bodies(person: &Person, end: &str) -> Vec<Value> {
    let sent = person.http.sent.borrow();
    sent.iter()
        .filter(|request| request.url.ends_with(end))
        .filter_map(|request| serde_json::from_str(request.body.as_ref()?).ok())
        .collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// All keys of an account.
pub struct Secrets {
    pub account: Id,
    pub wrapping: SymmetricKey,
    pub kek: SymmetricKey,
    pub vault: SymmetricKey,
    pub signing: SigningKey,
}

impl Secrets {
    pub fn of(person: &Person) -> Self {
        let body = bodies(person, "/sign-up/finish").remove(0);
        let account = person.session.account();
        let wrapping = RecoveryKey::from_written(&person.recovery_key)
            .unwrap()
            .wrapping_key()
            .unwrap();
        let sealed = |name: &str| text(&body[name]).to_owned();
        let kek = open_kek(account, Wrap::Recovery, &wrapping, &sealed("kekRecovery")).unwrap();
        Self {
            account,
            vault: open_vault_key(account, &kek, &sealed("vaultKey")).unwrap(),
            signing: open_signing_key(account, &kek, &sealed("signingKey")).unwrap(),
            wrapping,
            kek,
        }
    }

    pub fn note(&self, person: &Person, connection: Id) -> Note {
        let body = bodies(person, &format!("/connections/{connection}")).remove(0);
        open_note(self.account, connection, &self.vault, text(&body["note"])).unwrap()
    }

    pub fn connection_key(&self, person: &Person, connection: Id) -> ConnectionKey {
        let body = bodies(person, &format!("/connections/{connection}")).remove(0);
        let own = &self.note(person, connection).own_key;
        open_connection_key(self.account, &self.kek, own, text(&body["key"])).unwrap()
    }

    /// The DEK of a share that this person sent.
    pub fn dek(&self, person: &Person, share: &Share) -> SymmetricKey {
        let space = sent_space(person, share.space);
        open_own_dek(&self.kek, &place(share), text(&space["own"])).unwrap()
    }
}

pub fn place(share: &Share) -> ShareIds {
    ShareIds {
        from: share.from,
        to: share.to,
        connection: share.connection,
        space: share.space,
        share: share.id,
    }
}

/// A space as its sender sent it to the Keystore.
pub fn sent_space(person: &Person, id: Id) -> Value {
    find(bodies(person, "/v1/spaces"), "spaces", id)
}

/// A share as its sender sent it to the Vault.
pub fn sent_share(person: &Person, id: Id) -> Value {
    find(bodies(person, "/v1/shares"), "shares", id)
}

/// The claims that a person has sent to the Keystore, oldest first.
pub fn claims(person: &Person) -> Vec<Value> {
    let bodies = bodies(person, "/spaces/claims").into_iter();
    let all = bodies.flat_map(|body| body["claims"].as_array().unwrap().clone());
    all.collect()
}

/// The newest claim of a space.
pub fn claim_of(person: &Person, space: Id) -> Option<Value> {
    let mut claims = claims(person).into_iter();
    claims.rfind(|claim| claim["id"] == json!(space))
}

/// What a share of no card is called.
pub const REF: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// The first edition of a share, made at this time.
pub fn first_edition(card: &CardContent, made_at: i64) -> Edition<&CardContent> {
    Edition {
        number: 1,
        reference: REF.into(),
        card,
        made_at,
        expires_at: None,
    }
}

fn find(bodies: Vec<Value>, list: &str, id: Id) -> Value {
    bodies
        .iter()
        .flat_map(|body| body[list].as_array().unwrap())
        .find(|item| item["id"] == json!(id))
        .unwrap()
        .clone()
}

/// Somebody with keys of their own, in whose hands a service is.
pub struct Mallory {
    pub signing: SigningKey,
    pub pair: ConnectionKey,
}

impl Mallory {
    pub async fn new() -> Self {
        Self {
            signing: SigningKey::make(&RustEngine).unwrap(),
            pair: ConnectionKey::make(&RustEngine).await.unwrap(),
        }
    }

    /// A complete publication in somebody's name, validly signed with Mallory's own key.
    pub fn publication(&self, account: Id, invitation: Id, role: Role) -> Value {
        let made = make_publication(account, invitation, role, &self.signing, self.pair.public());
        serde_json::to_value(made.unwrap()).unwrap()
    }
}
