//! The store of large objects beside a database: a folder, or a bucket of S3 or of what speaks like it.
//!
//! An object is written once, under a name that no other had, and never changed. It is durable when [`Objects::write`] returns.
//! What there is, is for the database to say: a row is written after its object, and erased before it.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, Error, ObjectStore, ObjectStoreExt, RetryConfig};

use super::files::{make_folder, own, sync_folder};
use crate::config::{Config, S3};
use crate::http::error::{ApiError, Result};
use crate::start_error::StartError;

/// The folder of the Vault's files beside its database.
pub(crate) const VAULT_FILES: &str = "vault.files";
/// The scheme of a bucket's address.
const BUCKET: &str = "s3://";
/// The time for one request to a bucket, its body included: less than clients wait for theirs.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for a request to a bucket and its repeats.
const BUCKET_PATIENCE: Duration = Duration::from_secs(15);
/// The repeats of a request to a bucket.
const BUCKET_RETRIES: usize = 3;

/// The place of a server's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    /// A bucket, and what the names of its objects begin with.
    Bucket(String, String),
}

impl Place {
    /// The place that is configured, or the folder beside the database.
    pub(crate) fn of(config: &Config) -> Self {
        match &config.vault_files {
            None => Self::Folder(config.file(VAULT_FILES)),
            Some(text) => match text.strip_prefix(BUCKET) {
                None => Self::Folder(text.into()),
                Some(bucket) => {
                    let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
                    Self::Bucket(bucket.to_owned(), prefix.trim_matches('/').to_owned())
                }
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(bucket, _) => write!(f, "{BUCKET}{bucket}"),
        }
    }
}

/// A store of objects. Their names have two parts, `group/object`, of letters, digits, `-` and `_`.
#[derive(Clone)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
}

impl Objects {
    /// Opens the store, and makes a folder that is not there.
    pub(crate) fn open(config: &Config) -> std::result::Result<Self, StartError> {
        match Place::of(config) {
            Place::Folder(folder) => Self::in_folder(folder),
            Place::Bucket(bucket, prefix) => Self::in_bucket(&config.s3, &bucket, prefix),
        }
    }

    fn in_folder(folder: PathBuf) -> std::result::Result<Self, StartError> {
        let failed = |error: &dyn fmt::Display| {
            StartError(format!(
                "Make {} a folder to write in ({error}).",
                folder.display()
            ))
        };
        make_folder(&folder).map_err(|error| failed(&error))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| failed(&error))?;
        Ok(Self {
            store: Arc::new(store),
            folder: Some(folder),
        })
    }

    fn in_bucket(s3: &S3, bucket: &str, prefix: String) -> std::result::Result<Self, StartError> {
        let retry = RetryConfig {
            max_retries: BUCKET_RETRIES,
            retry_timeout: BUCKET_PATIENCE,
            ..RetryConfig::default()
        };
        let client = ClientOptions::new().with_timeout(BUCKET_TIMEOUT);
        let mut builder = AmazonS3Builder::new()
            .with_client_options(client)
            .with_retry(retry)
            .with_bucket_name(bucket)
            .with_region(&s3.region);
        if let Some(endpoint) = &s3.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some((id, secret)) = s3.access_key.as_ref().zip(s3.secret_key.as_ref()) {
            builder = builder
                .with_access_key_id(id)
                .with_secret_access_key(secret);
        }
        let store = builder.build().map_err(|error| {
            StartError(format!(
                "Check the bucket of --vault-files and its --s3 options ({error})."
            ))
        })?;
        Ok(Self {
            store: match &*prefix {
                "" => Arc::new(store),
                _ => Arc::new(PrefixStore::new(store, prefix)),
            },
            folder: None,
        })
    }

    /// Writes a new object, and brings it to the disk.
    pub(crate) async fn write(&self, group: &str, object: &str, bytes: Bytes) -> Result<()> {
        let Some(folder) = self.folder.clone() else {
            let name = name(group, object);
            let written = self.store.put(&name, bytes.into()).await;
            return written.map(drop).map_err(failed);
        };
        let (group, object) = (group.to_owned(), object.to_owned());
        blocking(move || write_file(&folder, &group, &object, &bytes)).await
    }

    /// Reads a part of an object, which is all in memory then.
    pub(crate) async fn read(&self, group: &str, object: &str, range: Range<u64>) -> Result<Bytes> {
        let name = name(group, object);
        self.store.get_range(&name, range).await.map_err(failed)
    }

    /// Removes objects. Those that are gone already are no error.
    pub(crate) async fn remove(&self, names: Vec<(String, String)>) -> Result<()> {
        let names = stream::iter(names).map(|(group, object)| Ok(name(&group, &object)));
        self.remove_these(names.boxed()).await
    }

    /// Removes every object of a group.
    pub(crate) async fn remove_group(&self, group: &str) -> Result<()> {
        if let Some(folder) = &self.folder {
            let folder = folder.join(group);
            return blocking(move || unless_missing(fs::remove_dir_all(folder))).await;
        }
        let found = self.store.list(Some(&Name::from(group)));
        self.remove_these(
            found
                .map(|found| found.map(|object| object.location))
                .boxed(),
        )
        .await
    }

    async fn remove_these(
        &self,
        names: BoxStream<'static, object_store::Result<Name>>,
    ) -> Result<()> {
        let mut removed = self.store.delete_stream(names);
        while let Some(outcome) = removed.next().await {
            match outcome {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// Every object by its group and name, a group's one after another. What has another name is none of ours.
    pub(crate) fn list(&self) -> BoxStream<'static, Result<(String, String)>> {
        let found = self.store.list(None).filter_map(async |found| match found {
            Err(error) => Some(Err(failed(error))),
            Ok(object) => {
                let mut parts = object.location.parts();
                let (group, name) = (parts.next()?, parts.next()?);
                let names = (group.as_ref().to_owned(), name.as_ref().to_owned());
                parts.next().is_none().then_some(Ok(names))
            }
        });
        found.boxed()
    }
}

fn name(group: &str, object: &str) -> Name {
    Name::from_iter([group, object])
}

/// Writes a file of its owner alone. The crate's own way leaves the mode to chance, and after a crash a file that its list does
/// not show.
fn write_file(folder: &Path, group: &str, object: &str, bytes: &[u8]) -> io::Result<()> {
    let group = folder.join(group);
    let is_new = !group.is_dir();
    if is_new {
        make_folder(&group)?;
    }
    let path = group.join(object);
    let mut file = own().create_new(true).open(&path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Room for what is tried next, where there was none.
        let _ = fs::remove_file(&path);
        return written;
    }
    sync_folder(&group)?;
    match is_new {
        true => sync_folder(folder),
        false => Ok(()),
    }
}

fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Does what waits for a disk beside everything else.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| ApiError::internal("the store of files", error))?;
    done.map_err(|error| passing(&error))
}

/// An error that the same request may not meet later: the disk is full, the bucket away.
fn passing(error: &dyn fmt::Display) -> ApiError {
    ApiError::internal("the store of files failed", error)
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
}

fn failed(error: Error) -> ApiError {
    match error {
        Error::NotFound { .. } => ApiError::internal("the store of files lost an object", error),
        error => passing(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(folder: &Path) -> Objects {
        Objects::open(&Config::new(folder)).unwrap()
    }

    async fn listed(objects: &Objects) -> Vec<(String, String)> {
        let found: Vec<_> = objects.list().collect().await;
        let mut found: Vec<_> = found.into_iter().map(|found| found.unwrap()).collect();
        found.sort();
        found
    }

    #[tokio::test]
    async fn what_is_written_is_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects(folder.path());
        for (group, object) in [("a", "1"), ("a", "2"), ("b", "1")] {
            let bytes = Bytes::from(format!("{group}{object}"));
            objects.write(group, object, bytes).await.unwrap();
        }
        assert_eq!(objects.read("a", "2", 0..2).await.unwrap(), "a2");
        assert_eq!(objects.read("b", "1", 1..2).await.unwrap(), "1");
        let twice = objects.write("a", "1", Bytes::from("other")).await;
        assert!(twice.is_err(), "written once");
        assert_eq!(objects.read("a", "1", 0..2).await.unwrap(), "a1");
        let name = |group: &str, object: &str| (group.to_owned(), object.to_owned());
        let one = vec![name("a", "1"), name("c", "9")];
        objects.remove(one).await.unwrap();
        assert_eq!(listed(&objects).await, [name("a", "2"), name("b", "1")]);
        for group in ["a", "none"] {
            objects.remove_group(group).await.unwrap();
        }
        assert_eq!(listed(&objects).await, [name("b", "1")]);
        assert!(!folder.path().join("vault.files/a").exists());
    }

    #[tokio::test]
    async fn what_fails_leaves_nothing_and_heals() {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects(folder.path());
        let blocked = folder.path().join("vault.files/a");
        fs::write(&blocked, "in the way").unwrap();
        let failed = objects.write("a", "1", Bytes::from("a")).await;
        assert_eq!(failed.unwrap_err().code(), crate::Code::ServerError);
        fs::remove_file(&blocked).unwrap();
        objects.write("a", "1", Bytes::from("a")).await.unwrap();
        assert_eq!(listed(&objects).await.len(), 1);
    }

    #[test]
    fn places_are_folders_or_buckets() {
        let place = |files: Option<&str>| {
            let vault_files = files.map(str::to_owned);
            Place::of(&Config {
                vault_files,
                ..Config::new("data")
            })
        };
        let bucket = |prefix: &str| Place::Bucket("one".into(), prefix.into());
        assert_eq!(place(None), Place::Folder("data/vault.files".into()));
        assert_eq!(place(Some("/x/y")), Place::Folder("/x/y".into()));
        assert_eq!(place(Some("s3://one")), bucket(""));
        assert_eq!(place(Some("s3://one/a/b/")), bucket("a/b"));
    }
}
