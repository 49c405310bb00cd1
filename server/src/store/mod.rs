//! The storage under both services: the database, its rows, its sweeping and its backup.

pub(crate) mod backup;
mod backup_files;
pub(crate) mod beside;
pub(crate) mod columns;
pub(crate) mod db;
pub(crate) mod files;
pub(crate) mod gauges;
mod hold;
pub(crate) mod migrate;
pub(crate) mod new_row;
pub(crate) mod objects;
mod open;
pub(crate) mod outage;
pub(crate) mod passage;
pub(crate) mod peers;
mod queue;
mod readiness;
pub(crate) mod schema;
pub(crate) mod setup_file;
pub(crate) mod sweep;
mod wal;
