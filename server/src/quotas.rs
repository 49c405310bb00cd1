//! What one account may have: the server's quotas, and those that the operator gave the account itself.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::http::codes::Quota;

/// What one account may have, of each at most so many.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Bytes of its cards and of the shares that it sent, as they are stored; so many also at the Keystore, of what it keeps
    /// of those shares.
    pub bytes: i64,
    /// Cards.
    pub cards: i64,
    /// Shares in force that it sent.
    pub shares: i64,
    /// Those of one connection.
    pub shares_per_connection: i64,
    /// Pending invitations.
    pub invitations: i64,
    /// Active connections. Invitations that were pending may still be accepted.
    pub connections: i64,
    /// Public keys at the Vault, and connection keys at the Keystore, those of ended connections too.
    pub connection_keys: i64,
    /// Encryption spaces in force that it made.
    pub spaces: i64,
    /// Bytes of its files, unfinished ones too, as they are stored.
    pub file_bytes: i64,
    /// Files.
    pub files: i64,
    /// Files that are not finished.
    pub uploads: i64,
    /// Requests in a minute, to each service. More are `rate_limited`, unless rates are not limited at all.
    pub requests_per_minute: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            cards: 10_000,
            shares: 20_000,
            shares_per_connection: 5_000,
            invitations: 500,
            connections: 2_000,
            connection_keys: 20_000,
            // Who shares makes the space first, and may fail in between.
            spaces: 25_000,
            // Two of the largest.
            file_bytes: 11 * (1 << 30),
            files: 10_000,
            uploads: 100,
            requests_per_minute: 6_000,
        }
    }
}

/// The quotas that the operator gave one account in place of the server's: a JSON object in a column, of counts by names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OwnQuotas(BTreeMap<String, i64>);

impl OwnQuotas {
    /// What the column says. Where it says nothing that is understood, the server's quotas count.
    pub(crate) fn read(column: Option<&str>) -> Self {
        let read = column.and_then(|text| serde_json::from_str(text).ok());
        Self(read.unwrap_or_default())
    }

    /// What the column is to say.
    pub(crate) fn column(&self) -> Option<String> {
        match self.0.is_empty() {
            true => None,
            false => serde_json::to_string(&self.0).ok(),
        }
    }

    /// Gives the account its own count of something, or the server's again.
    fn set(&mut self, quota: Quota, most: Option<i64>) {
        let name = name_of(quota);
        match most {
            Some(most) => drop(self.0.insert(name, most)),
            None => drop(self.0.remove(&name)),
        }
    }

    /// Makes these changes, and gives whether there are any.
    pub(crate) fn change(&mut self, changes: &[(Quota, Option<i64>)]) -> bool {
        for (quota, most) in changes {
            self.set(*quota, *most);
        }
        !changes.is_empty()
    }

    /// The counts, by the names of what is counted.
    pub fn counts(&self) -> &BTreeMap<String, i64> {
        &self.0
    }
}

/// The name by which errors, the column and an operator's commands know it.
fn name_of(quota: Quota) -> String {
    let name = serde_json::to_value(quota).ok();
    name.and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

impl Quotas {
    /// The quotas of an account whose column says this.
    pub(crate) fn of(self, column: Option<&str>) -> Self {
        match column {
            None => self,
            Some(_) => self.with(&OwnQuotas::read(column)),
        }
    }

    /// The quotas of an account that has these of its own.
    pub(crate) fn with(mut self, own: &OwnQuotas) -> Self {
        for (quota, most) in [
            (Quota::Bytes, &mut self.bytes),
            (Quota::Cards, &mut self.cards),
            (Quota::Shares, &mut self.shares),
            (Quota::SharesPerConnection, &mut self.shares_per_connection),
            (Quota::Invitations, &mut self.invitations),
            (Quota::Connections, &mut self.connections),
            (Quota::ConnectionKeys, &mut self.connection_keys),
            (Quota::Spaces, &mut self.spaces),
            (Quota::FileBytes, &mut self.file_bytes),
            (Quota::Files, &mut self.files),
            (Quota::Uploads, &mut self.uploads),
        ] {
            if let Some(own) = own.0.get(&name_of(quota)) {
                *most = *own;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_quotas_stand_before_those_of_the_server() {
        let mut own = OwnQuotas::read(None);
        assert_eq!(own.column(), None);
        own.set(Quota::SharesPerConnection, Some(7));
        own.set(Quota::Bytes, Some(0));
        let column = own.column();
        let own = OwnQuotas::read(column.as_deref());
        let quotas = Quotas::default().with(&own);
        assert_eq!((quotas.shares_per_connection, quotas.bytes), (7, 0));
        assert_eq!(quotas.shares, Quotas::default().shares);
    }

    #[test]
    fn what_a_later_release_wrote_is_left_alone() {
        let mut own = OwnQuotas::read(Some(r#"{"cards":3,"dreams":4}"#));
        assert_eq!(Quotas::default().with(&own).cards, 3);
        own.set(Quota::Cards, None);
        assert_eq!(own.column().as_deref(), Some(r#"{"dreams":4}"#));
        assert_eq!(OwnQuotas::read(Some("no JSON")), OwnQuotas::default());
    }
}
