//! What a failure of a database means: whether the same request may succeed later, and what an operator does about it.

use sqlx::Error;
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;

/// The classes of SQLSTATE (PostgreSQL 15, appendix A) of failures that pass: connection, rollback, resources, a lock, the
/// operator's intervention, the system.
const PASSING_CLASSES: [&str; 6] = ["08", "40", "53", "55", "57", "58"];
/// SQLSTATE `read_only_sql_transaction`: the server is a standby, or was made one.
const READ_ONLY: &str = "25006";
/// SQLite's primary result codes of failures that pass: busy, locked, no memory, read-only, I/O, full, cannot be opened,
/// locking protocol.
const PASSING_CODES: [u32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

/// Whether the same request may succeed later, without anybody sending another one.
pub(crate) fn passes(error: &Error) -> bool {
    match error {
        Error::Io(_)
        | Error::Tls(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed
        // PostgreSQL answers so while it ends or begins, to whoever asks for TLS; and whatever else the driver does not
        // understand, its connection is given up.
        | Error::Protocol(_) => true,
        Error::Database(error) => match sqlite_code(&**error) {
            Some(code) => PASSING_CODES.contains(&code),
            None => error.code().is_some_and(|code| {
                code == READ_ONLY || PASSING_CLASSES.iter().any(|class| code.starts_with(class))
            }),
        },
        _ => false,
    }
}

/// The sentence for an operator whose database does not open, without the error itself.
pub(super) fn cure(service: &str, error: &Error) -> String {
    let Error::Database(error) = error else {
        return format!("Check the {service}'s database: it does not open");
    };
    let code = error.code().unwrap_or_default();
    match (sqlite_code(&**error), &*code) {
        (Some(11 | 26), _) => {
            return format!("Restore the {service}'s database from a backup: it is damaged");
        }
        // Of the index beside the log, too, which could not be made as large as it must be.
        (Some(13), _) | (Some(10), "4874") => {
            return format!("Free some space for the {service}'s database: the disk is full");
        }
        _ => {}
    }
    match &*code {
        // Of a prepared statement that is there already, and of one that is not.
        "42P05" | "26000" => format!(
            "Let PgBouncer keep prepared statements for the {service} (max_prepared_statements, from 1.21 on), or whole \
             sessions (pool_mode = session)"
        ),
        "08P01" if error.message().contains("startup parameter") => format!(
            "Add ignore_startup_parameters = extra_float_digits to PgBouncer's settings for the {service}"
        ),
        READ_ONLY => format!(
            "Give the {service} a database to write in: this one is read-only, such as a standby"
        ),
        _ => format!("Check the {service}'s database: it does not open"),
    }
}

/// SQLite's primary result code.
fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    let error = error.try_downcast_ref::<SqliteError>()?;
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]

    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use sqlx::{Connection as _, PgConnection};

    use super::*;

    /// PostgreSQL that cannot start a process for a connection sends an error where a byte is expected (PostgreSQL 15, section
    /// 55.2.10).
    #[tokio::test]
    async fn postgresql_that_is_just_starting_is_an_outage() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "postgres://somebody@{}/vault",
            listener.local_addr().unwrap()
        );
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.read_exact(&mut [0; 8]).unwrap();
            client
                .write_all(b"Ecould not fork new process for connection\n\0")
                .unwrap();
        });
        let error = PgConnection::connect(&url).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
        assert!(passes(&error), "{error:?}");
        server.join().unwrap();
    }
}
