//! What was recorded, piece by piece, and what may lie where.

use std::path::Path;

use sqlx::{Column, Row};

use crate::secrecy::secrets::Kind;

/// One of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Keystore,
    Vault,
}

pub const SERVICES: [Service; 2] = [Service::Keystore, Service::Vault];

impl Service {
    pub fn name(self) -> &'static str {
        match self {
            Self::Keystore => "keystore",
            Self::Vault => "vault",
        }
    }
}

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// What callers sent to a service.
    Requests(Service),
    /// What a service answered.
    Answers(Service),
    /// The bytes of a database's files: the database, its write-ahead log and that log's index.
    Files(Service),
    /// What a database's tables hold, value by value.
    Rows(Service),
    /// What a process wrote.
    Log(Service),
    /// The captured mails.
    Outbox,
    /// The setup file of a service.
    Setup,
}

/// Whether secrets of this kind belong there. No other one does.
pub fn may_hold(place: Place, kind: Kind) -> bool {
    use Service::{Keystore, Vault};
    match kind {
        Kind::Session => matches!(place, Place::Requests(Keystore) | Place::Answers(Keystore)),
        Kind::VaultToken => matches!(place, Place::Answers(Keystore) | Place::Requests(Vault)),
        Kind::RecoveryAuth => place == Place::Requests(Keystore),
        Kind::LinkToken => place == Place::Requests(Vault),
        Kind::MailToken => matches!(place, Place::Requests(Vault) | Place::Outbox),
        Kind::Setup => place == Place::Setup,
        _ => false,
    }
}

/// Some bytes from one place.
#[derive(Clone, Debug)]
pub struct Piece {
    pub place: Place,
    /// The file, or which connection.
    pub name: String,
    /// When it was taken.
    pub when: String,
    pub bytes: Vec<u8>,
}

/// All pieces.
#[derive(Debug, Default)]
pub struct Recording {
    pub pieces: Vec<Piece>,
}

impl Recording {
    pub fn add(&mut self, place: Place, name: &str, when: &str, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            let (name, when) = (name.to_owned(), when.to_owned());
            self.pieces.push(Piece {
                place,
                name,
                when,
                bytes,
            });
        }
    }

    /// Copies the files of a service's data folder as they are at this moment.
    pub fn copy_data(&mut self, service: Service, folder: &Path, when: &str) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name == "outbox" {
                for mail in std::fs::read_dir(entry.path()).unwrap() {
                    let mail = mail.unwrap();
                    // A mail that is being written is renamed when it is whole.
                    if let Ok(bytes) = std::fs::read(mail.path()) {
                        self.add(Place::Outbox, "mail", when, bytes);
                    }
                }
                continue;
            }
            if name == "vault.files" {
                self.copy_objects(service, &entry.path(), when);
                continue;
            }
            let place = match name.as_str() {
                "keystore.setup" | "vault.setup" => Place::Setup,
                _ if name.starts_with(&format!("{}.db", service.name())) => Place::Files(service),
                _ => panic!("nobody looks into {name}"),
            };
            self.add(place, &name, when, std::fs::read(entry.path()).unwrap());
        }
    }

    /// Copies the parts of people's files.
    fn copy_objects(&mut self, service: Service, folder: &Path, when: &str) {
        for file in std::fs::read_dir(folder).unwrap() {
            for part in std::fs::read_dir(file.unwrap().path()).unwrap() {
                let bytes = std::fs::read(part.unwrap().path()).unwrap();
                self.add(Place::Files(service), "part", when, bytes);
            }
        }
    }

    /// Reads every value of every table.
    pub async fn copy_rows(&mut self, service: Service, folder: &Path, when: &str) {
        sqlx::any::install_default_drivers();
        let file = folder.join(format!("{}.db", service.name()));
        let pool = sqlx::AnyPool::connect(&format!("sqlite://{}?mode=ro", file.display()))
            .await
            .unwrap();
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
                .fetch_all(&pool)
                .await
                .unwrap();
        for table in tables {
            // The list of migrations has a time and hashes, which this driver does not read as they are.
            let columns: Vec<String> = sqlx::query_scalar(
                "SELECT CASE WHEN type IN ('TEXT', 'BIGINT') THEN name ELSE 'quote(' || name || ') AS ' || name END \
                 FROM pragma_table_info($1)",
            )
            .bind(&table)
            .fetch_all(&pool)
            .await
            .unwrap();
            let select = format!("SELECT {} FROM {table}", columns.join(", "));
            let rows = sqlx::query(sqlx::AssertSqlSafe(select))
                .fetch_all(&pool)
                .await
                .unwrap();
            let mut dump = String::new();
            for row in rows {
                for column in row.columns() {
                    let index = column.ordinal();
                    let text = row.try_get::<Option<String>, _>(index);
                    let value = text.unwrap_or_else(|_| {
                        let number: Option<i64> = row.try_get(index).unwrap();
                        number.map(|number| number.to_string())
                    });
                    dump += &format!("{}={}\n", column.name(), value.unwrap_or_default());
                }
            }
            self.add(Place::Rows(service), &table, when, dump.into_bytes());
        }
        pool.close().await;
    }

    /// The kinds of places, with their files.
    pub fn places(&self) -> Vec<(Place, String)> {
        let mut places: Vec<(Place, String)> = self
            .pieces
            .iter()
            .map(|piece| (piece.place, piece.name.clone()))
            .collect();
        places.sort();
        places.dedup();
        places
    }

    pub fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes.len()).sum()
    }
}
