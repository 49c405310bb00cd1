//! What keeps both services' data: the database, its sweeping and its backup.

pub(crate) mod backup;
pub(crate) mod db;
pub(crate) mod sweep;
