//! One server at a time for a SQLite database.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::files;
use crate::start_error::StartError;

/// A server's hold on a database: a locked file beside it. The system lets it go when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Hold(File);

impl Hold {
    /// Takes hold of a database's file, which is there.
    pub(super) fn take(database: &Path, service: &str) -> Result<Self, StartError> {
        // The same file has the same lock, whatever links lead to it.
        let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let name = files::beside(&database, ".lock");
        let opened = files::own().create(true).truncate(false).open(&name);
        let file = opened
            .map_err(|error| StartError(format!("Make {} writable ({error}).", name.display())))?;
        match file.try_lock() {
            Ok(()) => {
                // Whoever comes second reads it; without it they are told less.
                let _ = fs::write(&name, service);
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => match fs::read_to_string(&name) {
                Ok(owner) if !owner.is_empty() && owner != service => {
                    Err(belongs_to(service, &owner))
                }
                _ => Err(StartError(format!(
                    "Stop the other server first, or give this one another --data: {} is in use.",
                    database.display()
                ))),
            },
            Err(TryLockError::Error(error)) => {
                tracing::warn!(service, %error, "this file system has no locks: see to it that one server uses the database");
                Ok(Self(file))
            }
        }
    }

    /// Lets go before the process ends.
    pub(super) fn release(&self) {
        // One that was never locked is fine.
        let _ = self.0.unlock();
    }
}

/// The error of a service that was given the database of another.
pub(super) fn belongs_to(service: &str, owner: &str) -> StartError {
    StartError(format!(
        "Give the {service} a database of its own: this one belongs to the {owner}."
    ))
}
