//! The storage under both services: the database, its rows, its sweeping and its backup.

pub(crate) mod backup;
pub(crate) mod columns;
pub(crate) mod db;
pub(crate) mod files;
pub(crate) mod migrate;
pub(crate) mod new_row;
mod queue;
pub(crate) mod setup_file;
pub(crate) mod sweep;
