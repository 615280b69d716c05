//! The file store: it holds lists, crops, drawings and invitations under keys.
//!
//! Every file lies under its workspace. Only a [`Key`] can be written, and a key always has a workspace
//! (`files/key.rs`). Older files in other places are moved (`shared/invitations/src/move_files.rs`). The probes of the
//! store lie beside the workspaces (`files/probe.rs`).
//!
//! A file appears completely or not at all, and is durable when `put` returns. Keys that are made of hashes make every
//! write repeatable.
//!
//! The store is a folder (`files/local.rs`) or an S3 bucket (`files/s3.rs`). An upload to a bucket that a killed
//! process did not finish is neither listed nor read. A lifecycle rule of the bucket removes it (`docs/operations.md`).

mod account;
mod bucket;
mod error;
mod hashes;
mod here;
mod key;
mod local;
mod old;
mod probe;
mod s3;
mod settings;
mod upload;

use std::{
    path::{Path as LocalPath, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use tokio::io::AsyncRead;

pub use self::old::FOLDERS as OLD_FOLDERS;
pub use self::settings::FilesSettings;
pub use self::{
    account::Account,
    bucket::Bucket,
    error::{BucketProblem, FilesError},
    key::{Area, Key, Stored, folder},
};
use herald_base::{boxed, telemetry::Call};

/// The number of attempts of a removal, because `object_store` gives up when the first answer is lost.
const REMOVALS: usize = 3;

/// The file store. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    at: Arc<At>,
    hashes: Arc<hashes::Hashes>,
}

/// The location of the files.
#[derive(Debug)]
enum At {
    Folder(PathBuf),
    Bucket {
        /// The address from the settings, without a slash at the end.
        place: String,
        /// The longest duration of one call.
        longest: Duration,
        /// The people of a workspace entered the bucket, so nothing from its server's answers is passed on.
        foreign: bool,
    },
}

/// The result of a call to the file store.
pub type Result<T> = std::result::Result<T, FilesError>;

impl Files {
    /// Opens the store of the settings: a bucket, or else `folder`.
    pub fn open(settings: &FilesSettings, folder: PathBuf) -> Result<Self> {
        if settings.url.is_empty() { Self::local(folder) } else { Self::bucket(settings) }
    }

    /// Opens a folder on this machine, and creates it if it is missing.
    pub fn local(root: PathBuf) -> Result<Self> {
        Ok(Self { store: local::open(&root)?, at: Arc::new(At::Folder(root)), hashes: Arc::default() })
    }

    /// Opens the bucket of the settings. This makes no request yet.
    pub fn bucket(settings: &FilesSettings) -> Result<Self> {
        let place = settings.url.trim_end_matches('/').to_owned();
        let longest = s3::longest(settings.retry_seconds, settings.timeout_seconds);
        let at = Arc::new(At::Bucket { place, longest, foreign: false });
        Ok(Self { store: s3::open(settings)?, at, hashes: Arc::default() })
    }

    /// Opens the bucket of a connection. This makes no request yet.
    fn bucket_of_account(account: &Account) -> Result<Self> {
        let at = Arc::new(At::Bucket { place: account.place(), longest: account.longest(), foreign: true });
        Ok(Self { store: account.open()?, at, hashes: Arc::default() })
    }

    /// Whether the files are in a folder. The lock of the data folder reserves it for one process or one fleet.
    pub fn is_local(&self) -> bool {
        matches!(*self.at, At::Folder(_))
    }

    /// Describes for a person where a file is: a path on this machine or `s3://bucket/key`.
    pub fn place(&self, key: &str) -> String {
        match &*self.at {
            At::Folder(root) => root.join(key).display().to_string(),
            At::Bucket { place, .. } => format!("{place}/{key}"),
        }
    }

    /// Writes a file, and replaces an existing one.
    #[boxed]
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<()> {
        self.write(key.as_str(), bytes).await
    }

    /// Writes a file whose key identifies its content. An existing file stays as it is.
    #[boxed]
    pub async fn put_once(&self, key: &Key, bytes: Bytes) -> Result<()> {
        if self.size(key).await?.is_some() { Ok(()) } else { self.put(key, bytes).await }
    }

    /// Like [`Files::put_once`], for content that is not in memory. It holds a few megabytes at a time.
    pub async fn put_once_from(&self, key: &Key, content: impl AsyncRead + Unpin) -> Result<()> {
        if self.size(key).await?.is_some() { Ok(()) } else { self.put_from(key, content).await }
    }

    /// Like [`Files::put`], for content that is not in memory.
    pub async fn put_from(&self, key: &Key, content: impl AsyncRead + Unpin) -> Result<()> {
        upload::put_from(self, key.as_str(), content).await
    }

    /// Reads a file of at most `limit` bytes.
    #[boxed]
    pub async fn get(&self, key: &Stored, limit: u64) -> Result<Bytes> {
        self.read(key.as_str(), limit).await
    }

    /// Returns a file's size in bytes and its content in chunks.
    #[boxed]
    pub async fn stream(&self, key: &Stored) -> Result<(u64, BoxStream<'static, std::io::Result<Bytes>>)> {
        let key = key.as_str();
        let found = self.within(key, self.store.get(&path(key)?)).await?;
        let size = found.meta.size;
        Ok((size, found.into_stream().map_err(std::io::Error::other).boxed()))
    }

    /// Returns a file's size in bytes, if the file exists.
    #[boxed]
    pub async fn size(&self, key: &Stored) -> Result<Option<u64>> {
        self.look(key.as_str()).await
    }

    /// Copies a file within the store; on a local disk both names share the bytes.
    #[boxed]
    pub async fn copy(&self, from: &Stored, to: &Key) -> Result<()> {
        self.duplicate(from.as_str(), to.as_str()).await
    }

    /// Like [`Files::copy`], but replaces any file at `to`. In a folder, the old file is removed first, because a copy
    /// onto another name of the same bytes would leave its draft behind. Renaming one hard link onto another of the
    /// same file does nothing (POSIX `rename`).
    #[boxed]
    pub async fn replace(&self, from: &Stored, to: &Key) -> Result<()> {
        if self.is_local() && self.size(to).await?.is_some() {
            self.delete(to).await?;
        }
        self.copy(from, to).await
    }

    /// Removes a file. A missing file is not an error.
    #[boxed]
    pub async fn delete(&self, key: &Key) -> Result<()> {
        self.remove(key.as_str()).await
    }

    /// Lists every file of every workspace.
    pub fn list_all(&self) -> BoxStream<'static, Result<Key>> {
        let found = self.list(key::everybody());
        found.try_filter_map(|text| std::future::ready(Ok(Key::of_any(&text)))).boxed()
    }

    /// Lists every key in the folder `prefix`.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<String>> {
        let files = self.clone();
        self.store
            .list(Some(&Path::from(prefix)))
            .map(move |found| found.map(|meta| meta.location.to_string()).map_err(|error| files.told("", error)))
            .boxed()
    }

    /// Removes the drafts that a killed process left in a folder. Without `before`, use it only for a folder that no
    /// other process writes to. With `before`, it removes only drafts that were last written before that time, even
    /// while others write. A bucket does not show its unfinished files.
    #[boxed]
    pub async fn remove_unfinished(&self, before: Option<DateTime<Utc>>) -> Result<usize> {
        let At::Folder(root) = &*self.at else { return Ok(0) };
        let root = root.clone();
        let removed = tokio::task::spawn_blocking(move || local::remove_drafts(LocalPath::new(&root), before));
        removed.await.unwrap_or(Ok(0))
    }

    async fn write(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.within(key, self.store.put(&path(key)?, PutPayload::from_bytes(bytes))).await.map(drop)
    }

    async fn read(&self, key: &str, limit: u64) -> Result<Bytes> {
        let found = self.within(key, self.store.get(&path(key)?)).await?;
        if found.meta.size > limit {
            return Err(FilesError::TooLarge { key: key.to_owned(), bytes: found.meta.size, limit });
        }
        self.within(key, found.bytes()).await
    }

    async fn look(&self, key: &str) -> Result<Option<u64>> {
        match self.within(key, self.store.head(&path(key)?)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(FilesError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn duplicate(&self, from: &str, to: &str) -> Result<()> {
        self.within(from, self.store.copy(&path(from)?, &path(to)?)).await
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let path = path(key)?;
        let mut tries = 1;
        loop {
            match self.within(key, self.store.delete(&path)).await {
                Ok(()) | Err(FilesError::Missing(_)) => return Ok(()),
                Err(FilesError::Bucket { problem: BucketProblem::Unreachable(_), .. }) if tries < REMOVALS => {
                    tries += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the mark that distinguishes a file's content from other content, if the file exists.
    async fn mark(&self, key: &str) -> Result<Option<String>> {
        match self.within(key, self.store.head(&path(key)?)).await {
            Ok(meta) => Ok(meta.e_tag),
            Err(FilesError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes one call within its time limit, and converts its error.
    async fn within<T>(&self, key: &str, call: impl Future<Output = object_store::Result<T>>) -> Result<T> {
        let counted = Call::begin("files");
        let result = match self.within_limit(key, call).await {
            Ok(answer) => answer.map_err(|error| self.told(key, error)),
            Err(error) => Err(error),
        };
        counted.end_with(&result, FilesError::answer);
        result
    }

    /// A bucket's server that sends one byte now and then would hold a job for ever; a disk does not.
    async fn within_limit<T>(&self, key: &str, call: impl Future<Output = T>) -> Result<T> {
        match &*self.at {
            At::Folder(_) => Ok(call.await),
            At::Bucket { place, longest, .. } => tokio::time::timeout(*longest, call).await.map_err(|_| {
                let problem = BucketProblem::Unreachable(format!("{key}: no end after {} s", longest.as_secs()));
                FilesError::Bucket { place: place.clone(), problem }
            }),
        }
    }

    fn told(&self, key: &str, error: object_store::Error) -> FilesError {
        match &*self.at {
            At::Folder(_) => error::of_folder(key, error),
            At::Bucket { place, foreign: false, .. } => error::of_bucket(place, key, error),
            At::Bucket { place, foreign: true, .. } => error::of_account(place, key, error),
        }
    }
}

impl std::fmt::Debug for Files {
    /// Omits the store, which holds the keys to the bucket.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("at", &self.at).finish_non_exhaustive()
    }
}

fn path(key: &str) -> Result<Path> {
    Path::parse(key).map_err(|error| FilesError::Other(error.into()))
}

#[cfg(test)]
mod tests {
    use super::{upload::PART, *};

    fn key(name: &str) -> Key {
        Key::new(uuid::Uuid::from_u128(1), Area::Lists, name)
    }

    fn store() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        (folder, files)
    }

    #[tokio::test]
    async fn what_is_put_is_got_and_what_is_deleted_is_missing() {
        let (_folder, files) = store();
        files.put(&key("a/b.txt"), Bytes::from_static(b"one")).await.unwrap();
        files.put_once(&key("a/b.txt"), Bytes::from_static(b"two")).await.unwrap();
        assert_eq!(files.get(&key("a/b.txt"), 10).await.unwrap(), "one");
        files.copy(&key("a/b.txt"), &key("c/d.txt")).await.unwrap();
        files.delete(&key("a/b.txt")).await.unwrap();
        files.delete(&key("a/b.txt")).await.unwrap();
        assert!(matches!(files.get(&key("a/b.txt"), 10).await, Err(FilesError::Missing(_))));
        assert_eq!(files.size(&key("c/d.txt")).await.unwrap(), Some(3));
        assert!(matches!(files.get(&key("c/d.txt"), 2).await, Err(FilesError::TooLarge { bytes: 3, limit: 2, .. })));
        let listed: Vec<String> =
            files.list(&format!("{}/c", folder(uuid::Uuid::from_u128(1), Area::Lists))).try_collect().await.unwrap();
        assert_eq!(listed, [key("c/d.txt").as_str()]);
    }

    #[tokio::test]
    async fn a_streamed_file_is_whole_and_an_existing_one_is_left_alone() {
        let (_folder, files) = store();
        let content: Vec<u8> = (0..2 * PART + 7).map(|at| (at % 251) as u8).collect();
        files.put_once_from(&key("a/large"), content.as_slice()).await.unwrap();
        files.put_once_from(&key("a/large"), b"other".as_slice()).await.unwrap();
        assert_eq!(files.get(&key("a/large"), u64::MAX).await.unwrap(), content);
        files.put_once_from(&key("a/empty"), b"".as_slice()).await.unwrap();
        assert_eq!(files.size(&key("a/empty")).await.unwrap(), Some(0));
    }

    #[tokio::test]
    async fn a_key_cannot_leave_the_store() {
        let (_folder, files) = store();
        for name in ["../outside", "a/../../outside", "a//b"] {
            assert!(files.put(&key(name), Bytes::new()).await.is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn what_a_killed_write_left_is_removed() {
        let (folder, files) = store();
        files.put(&key("a/whole.txt"), Bytes::from_static(b"whole")).await.unwrap();
        let half = folder.path().join("files").join(format!("{}#1", key("a/half.txt")));
        std::fs::write(&half, "ha").unwrap();
        assert_eq!(files.remove_unfinished(None).await.unwrap(), 1);
        assert!(!half.exists());
        assert_eq!(files.size(&key("a/whole.txt")).await.unwrap(), Some(5));
    }

    #[tokio::test]
    async fn where_others_write_only_drafts_that_have_grown_old_are_removed() {
        let (folder, files) = store();
        let now = herald_base::clock::Clock::system().now();
        let day = chrono::TimeDelta::days(1);
        for (name, age) in [("old.txt#1", day * 2), ("young.txt#1", day / 2), ("old.txt", day * 2), ("old#x", day * 2)]
        {
            let path = folder.path().join("files").join(name);
            std::fs::write(&path, "ha").unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_modified((now - age).into()).unwrap();
        }
        assert_eq!(files.remove_unfinished(Some(now - day)).await.unwrap(), 1);
        for (name, there) in [("old.txt#1", false), ("young.txt#1", true), ("old.txt", true), ("old#x", true)] {
            assert_eq!(folder.path().join("files").join(name).exists(), there, "{name}");
        }
    }
}
