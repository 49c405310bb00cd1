//! One server at a time for a SQLite database, and how the last one left it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::files;
use crate::start_error::StartError;

/// A name of the time since the machine started, where the system has one.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// Stands for it on other systems.
const UNKNOWN: &str = "unknown";

/// A server's hold on a database: a locked file beside it. The system lets it go when the process ends, however it ends.
///
/// The file names the service, and behind it, while the database is open, the boot of the machine.
#[derive(Debug)]
pub(super) struct Hold {
    file: File,
    service: &'static str,
    /// The boot in which a server that was killed had the database open; empty if the last one closed it.
    left: String,
    is_open: AtomicBool,
}

impl Hold {
    /// Takes hold of a database's file, which is there.
    pub(super) fn take(database: &Path, service: &'static str) -> Result<Self, StartError> {
        Self::take_if_free(database, service)?.ok_or_else(|| {
            let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
            StartError(format!(
                "Stop the other server first, or give this one another --data: {} is in use.",
                database.display()
            ))
        })
    }

    /// Takes hold of a database's file, which is there, unless a server of this service has it.
    pub(super) fn take_if_free(
        database: &Path,
        service: &'static str,
    ) -> Result<Option<Self>, StartError> {
        // The same file has the same lock, whatever links lead to it.
        let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let name = files::beside(&database, ".lock");
        let mut options = files::own();
        let opened = options.read(true).create(true).truncate(false).open(&name);
        let mut file = opened
            .map_err(|error| StartError(format!("Make {} writable ({error}).", name.display())))?;
        let mut text = String::new();
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let text = fs::read_to_string(&name).unwrap_or_default();
                return match text.lines().next() {
                    Some(owner) if owner != service => Err(belongs_to(service, owner)),
                    _ => Ok(None),
                };
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(service, %error, "this file system has no locks: see to it that one server uses the database");
            }
            // What cannot be read says nothing.
            Ok(()) => drop(file.read_to_string(&mut text)),
        }
        let hold = Self {
            file,
            service,
            left: text.lines().nth(1).unwrap_or_default().to_owned(),
            is_open: AtomicBool::new(false),
        };
        // Whoever comes second reads it. A start that fails leaves what it says of the last server.
        hold.note(&hold.left);
        Ok(Some(hold))
    }

    /// Whether the last server was killed, or the machine stopped, while it had the database open.
    pub(super) fn was_left_open(&self) -> bool {
        !self.left.is_empty()
    }

    /// Whether that was since the machine started: what it wrote, to the disk or not, is what the files hold.
    pub(super) fn was_left_in_this_boot(&self) -> bool {
        self.left == boot() && self.left != UNKNOWN
    }

    /// Notes that the database is open.
    pub(super) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
        self.note(&boot());
    }

    /// Notes that it is closed, and lets go before the process ends.
    pub(super) fn release(&self) {
        self.close();
        // One that was never locked is fine.
        let _ = self.file.unlock();
    }

    fn close(&self) {
        if self.is_open.swap(false, Ordering::SeqCst) {
            self.note("");
        }
    }

    /// Writes the file. Without it whoever comes next is told less.
    fn note(&self, boot: &str) {
        let write = || -> io::Result<()> {
            let mut file = &self.file;
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}\n{boot}", self.service)
        };
        let _ = write();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Closing the file is not enough while another thread starts a process, which has it until it runs its program.
        self.release();
    }
}

fn boot() -> String {
    let boot = fs::read_to_string(BOOT).unwrap_or_default();
    match boot.trim() {
        "" => UNKNOWN.to_owned(),
        boot => boot.to_owned(),
    }
}

/// The error of a service that was given the database of another.
pub(super) fn belongs_to(service: &str, owner: &str) -> StartError {
    StartError(format!(
        "Give the {service} a database of its own: this one belongs to the {owner}."
    ))
}
