//! What an operator does with accounts and mails, at the databases themselves: beside running servers, or without one.

use std::fmt;

use serde::Serialize;

pub use crate::keystore::admin::{Account, KeystoreUse};
pub use crate::vault::admin::{StuckMail, VaultUse};

use crate::clock::Clock;
use crate::config::Config;
use crate::http::codes::Quota;
use crate::keystore::admin::KeystoreAdmin;
use crate::quotas::OwnQuotas;
use crate::start_error::StartError;
use crate::vault::admin::VaultAdmin;

/// The reason why something is not done: one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminError(String);

impl AdminError {
    /// An error with this sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AdminError {}

impl From<StartError> for AdminError {
    fn from(error: StartError) -> Self {
        Self(error.0)
    }
}

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        Self(format!("Check the database, then try again ({error})."))
    }
}

type Result<T> = std::result::Result<T, AdminError>;

/// A page of accounts.
#[derive(Debug, Serialize)]
pub struct Accounts {
    /// The accounts, in the order of their ids.
    pub items: Vec<Account>,
    /// The id behind which the next page begins, if there may be one.
    pub next: Option<String>,
}

/// An account with what it has at the services whose databases are open.
#[derive(Debug, Serialize)]
pub struct Details {
    /// The id.
    pub id: String,
    /// The account as the Keystore knows it.
    pub account: Option<Account>,
    /// What it has at the Keystore.
    pub keystore: Option<KeystoreUse>,
    /// What it has at the Vault.
    pub vault: Option<VaultUse>,
}

/// The quotas that an account has of its own, at the services whose databases are open.
#[derive(Debug, Serialize)]
pub struct AccountQuotas {
    /// The id.
    pub id: String,
    /// Those at the Keystore. What is not there has the server's.
    pub keystore: Option<OwnQuotas>,
    /// Those at the Vault, likewise.
    pub vault: Option<OwnQuotas>,
}

/// What was done to an account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The id.
    pub id: String,
    /// Sessions that ended.
    pub ended_sessions: Option<u64>,
    /// The services at which it was done.
    pub services: Vec<&'static str>,
}

/// The state of both services.
#[derive(Debug, Serialize)]
pub struct Stats {
    /// The Keystore's.
    pub keystore: Option<KeystoreStats>,
    /// The Vault's.
    pub vault: Option<VaultStats>,
}

/// The state of the Keystore.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeystoreStats {
    /// Accounts.
    pub accounts: i64,
    /// Those that are disabled.
    pub disabled_accounts: i64,
    /// What they have.
    #[serde(flatten)]
    pub used: KeystoreUse,
    /// Bytes of the database.
    pub database_bytes: i64,
}

/// The state of the Vault.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultStats {
    /// What all accounts have.
    #[serde(flatten)]
    pub used: VaultUse,
    /// Mails that were tried and did not go.
    pub stuck_mails: i64,
    /// Bytes of the database, without files.
    pub database_bytes: i64,
}

/// The databases of the services that this operator has.
#[derive(Debug)]
pub struct Admin {
    keystore: Option<KeystoreAdmin>,
    vault: Option<VaultAdmin>,
    clock: Clock,
}

impl Admin {
    /// Opens the databases that the configuration names, and those that lie in the data folder. Their schema has to be one
    /// that this release can work with.
    pub async fn open(config: &Config) -> Result<Self> {
        let is_there =
            |url: &Option<String>, name: &str| url.is_some() || config.file(name).is_file();
        let mut admin = Self {
            keystore: None,
            vault: None,
            clock: config.clock.clone(),
        };
        if is_there(&config.keystore_db, "keystore.db") {
            admin.keystore = Some(KeystoreAdmin::open(config).await?);
        }
        if is_there(&config.vault_db, "vault.db") {
            admin.vault = Some(VaultAdmin::open(config).await?);
        }
        match (&admin.keystore, &admin.vault) {
            (None, None) => Err(AdminError(format!(
                "Give --data the folder of a server, or the URLs of its databases: {} holds no database.",
                config.data.display()
            ))),
            _ => Ok(admin),
        }
    }

    /// Lets the databases go.
    pub async fn close(self) {
        let keystore = self.keystore.map(|keystore| keystore.db);
        let vault = self.vault.map(|vault| vault.db);
        for db in [keystore, vault].into_iter().flatten() {
            db.close().await;
        }
    }

    fn keystore(&self) -> Result<&KeystoreAdmin> {
        self.keystore.as_ref().ok_or_else(|| {
            AdminError("Give --keystore-db, or --data with a keystore.db: accounts and sessions are the Keystore's.".into())
        })
    }

    fn vault(&self) -> Result<&VaultAdmin> {
        self.vault.as_ref().ok_or_else(|| {
            AdminError("Give --vault-db, or --data with a vault.db: mails are the Vault's.".into())
        })
    }

    /// A page of accounts, from behind an id on.
    pub async fn accounts(&self, after: Option<&str>, limit: u16) -> Result<Accounts> {
        let after = after.unwrap_or_default();
        let items = self.keystore()?.accounts(after, limit.into()).await?;
        let is_full = items.len() >= usize::from(limit);
        let next = items.last().filter(|_| is_full);
        Ok(Accounts {
            next: next.map(|account| account.id.clone()),
            items,
        })
    }

    /// The id of the account that has this id, address or identity. A Vault alone knows ids, and not whose they are.
    async fn id(&self, name: &str) -> Result<(String, Option<Account>)> {
        match &self.keystore {
            Some(keystore) => match keystore.find(name).await? {
                Some(account) => Ok((account.id.clone(), Some(account))),
                None => Err(AdminError(
                    "Check the name: there is no such account.".into(),
                )),
            },
            None => match uuid::Uuid::try_parse(name) {
                Ok(id) => Ok((id.to_string(), None)),
                Err(_) => Err(AdminError(
                    "Give the account's id: the Vault knows no addresses.".into(),
                )),
            },
        }
    }

    /// An account and what it has.
    pub async fn account(&self, name: &str) -> Result<Details> {
        let (id, account) = self.id(name).await?;
        let keystore = match &self.keystore {
            Some(keystore) => Some(keystore.use_of(&id, self.clock.now()).await?),
            None => None,
        };
        let vault = match &self.vault {
            Some(vault) => Some(vault.use_of(&id).await?),
            None => None,
        };
        Ok(Details {
            id,
            account,
            keystore,
            vault,
        })
    }

    /// Disables an account: it gets no session and no token, those that it has end, and what it has stays.
    pub async fn disable(&self, name: &str) -> Result<Done> {
        let (mut done, now) = (self.begin(name).await?, self.clock.now());
        // First where tokens are made, so that none comes after.
        if let Some(keystore) = &self.keystore {
            done.ended_sessions = Some(keystore.disable(&done.id, now).await?);
        }
        if let Some(vault) = &self.vault {
            vault.disable(&done.id, now).await?;
        }
        Ok(done)
    }

    /// Gives a disabled account back to its owner, who has to sign in again.
    pub async fn enable(&self, name: &str) -> Result<Done> {
        let done = self.begin(name).await?;
        if let Some(vault) = &self.vault {
            vault.enable(&done.id).await?;
        }
        if let Some(keystore) = &self.keystore {
            keystore.enable(&done.id).await?;
        }
        Ok(done)
    }

    /// Changes the quotas that an account has of its own, each to a count, or back to the server's. Those that were there
    /// before stay, so that without changes they are only shown.
    pub async fn quotas(
        &self,
        name: &str,
        changes: &[(Quota, Option<i64>)],
    ) -> Result<AccountQuotas> {
        let (id, _) = self.id(name).await?;
        // Each has its own: with two operators they differ.
        let (mut at_keystore, mut at_vault) = (None, None);
        if let Some(keystore) = &self.keystore {
            let mut quotas = keystore.quotas(&id).await?;
            if quotas.change(changes) {
                keystore.set_quotas(&id, &quotas).await?;
            }
            at_keystore = Some(quotas);
        }
        if let Some(vault) = &self.vault {
            let mut quotas = vault.quotas(&id).await?;
            if quotas.change(changes) {
                vault.set_quotas(&id, &quotas).await?;
            }
            at_vault = Some(quotas);
        }
        Ok(AccountQuotas {
            id,
            keystore: at_keystore,
            vault: at_vault,
        })
    }

    /// Deletes an account at once. What it has is erased by the services' next sweeps.
    pub async fn delete(&self, name: &str) -> Result<Done> {
        let (done, now) = (self.begin(name).await?, self.clock.now());
        if let Some(keystore) = &self.keystore {
            keystore.delete(&done.id, now).await?;
        }
        if let Some(vault) = &self.vault {
            vault.delete(&done.id, now).await?;
        }
        Ok(done)
    }

    /// Ends all sessions of an account.
    pub async fn end_sessions(&self, name: &str) -> Result<Done> {
        let keystore = self.keystore()?;
        let mut done = self.begin(name).await?;
        done.ended_sessions = Some(keystore.end_sessions(&done.id).await?);
        done.services = vec!["keystore"];
        Ok(done)
    }

    async fn begin(&self, name: &str) -> Result<Done> {
        let (id, _) = self.id(name).await?;
        let keystore = self.keystore.as_ref().map(|_| "keystore");
        let vault = self.vault.as_ref().map(|_| "vault");
        Ok(Done {
            id,
            ended_sessions: None,
            services: [keystore, vault].into_iter().flatten().collect(),
        })
    }

    /// Mails that were tried and did not go.
    pub async fn stuck_mails(&self, limit: u16) -> Result<Vec<StuckMail>> {
        Ok(self.vault()?.stuck(limit.into()).await?)
    }

    /// Has the mail of this id, or all that are stuck, tried at once. Gives how many.
    pub async fn retry_mails(&self, id: Option<&str>) -> Result<u64> {
        let retried = self.vault()?.retry(id, self.clock.now()).await?;
        some(id, retried)
    }

    /// Has the mail of this id, or all that are stuck, given up. Gives how many.
    pub async fn drop_mails(&self, id: Option<&str>) -> Result<u64> {
        some(id, self.vault()?.give_up(id).await?)
    }

    /// What there is. It counts every row, which takes its time where there are many.
    pub async fn stats(&self) -> Result<Stats> {
        let mut stats = Stats {
            keystore: None,
            vault: None,
        };
        if let Some(keystore) = &self.keystore {
            let (accounts, disabled_accounts) = keystore.count().await?;
            stats.keystore = Some(KeystoreStats {
                accounts,
                disabled_accounts,
                used: keystore.use_of_all(self.clock.now()).await?,
                database_bytes: keystore.db.bytes().await?,
            });
        }
        if let Some(vault) = &self.vault {
            stats.vault = Some(VaultStats {
                used: vault.use_of_all().await?,
                stuck_mails: vault.count_stuck().await?,
                database_bytes: vault.db.bytes().await?,
            });
        }
        Ok(stats)
    }
}

/// Refuses that a mail was named and none found.
fn some(id: Option<&str>, found: u64) -> Result<u64> {
    match id {
        Some(_) if found == 0 => Err(AdminError(
            "Check the id: no mail that is stuck has it.".into(),
        )),
        _ => Ok(found),
    }
}
