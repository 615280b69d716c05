//! The file store: where lists, crops, drawings and invitations lie, by key.
//!
//! | prefix | what | key |
//! |---|---|---|
//! | `imports/` | lists as they came | hash of the content |
//! | `pictures/` | pictures uploaded with a list | hash of the content |
//! | `templates/` | templates' files | hash of the content |
//! | `portraits/` | face crops | hash of picture and parameters |
//! | `renderings/` | drawings | hash of template version and fields |
//! | `invitations/` | what links lead to | event and lucky number |
//! | `results/` | runs' `results.csv` | run |
//!
//! A file appears whole or not at all, and is on the disk when `put` returns. Keys made of hashes make every write repeatable.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart, local::LocalFileSystem, path::Path};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::telemetry::{Answer, Call};

/// How much of a streamed file is in memory at once.
const CHUNK: usize = 1 << 20;

/// The file store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    root: Option<PathBuf>,
}

/// Why the file store did not do it.
#[derive(Debug, Error)]
pub enum FilesError {
    /// There is no such file.
    #[error("file {0} is missing from the file store")]
    Missing(String),
    /// No space is left.
    #[error("the disk that holds the file store is full: free some space and run again")]
    DiskFull,
    /// The folder is not writable or readable for this user.
    #[error(
        "no permission on {0} in the file store: give the user that runs herald read and write access to the data folder"
    )]
    Denied(String),
    /// The file is larger than the caller takes.
    #[error("file {key} is {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// The file.
        key: String,
        /// Its size.
        bytes: u64,
        /// The most the caller takes.
        limit: u64,
    },
    /// Anything else.
    #[error("file store: {0}")]
    Other(#[source] object_store::Error),
}

/// The result of a call to the file store.
pub type Result<T> = std::result::Result<T, FilesError>;

impl Files {
    /// A folder on this machine, made if it is missing.
    pub fn local(root: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&root).map_err(|error| io_error(&root.display().to_string(), &error))?;
        // Synced: the ledger must not say "made" of a file a power cut took away.
        let store = LocalFileSystem::new_with_prefix(&root).map_err(|error| classify("", error))?.with_fsync(true);
        Ok(Self { store: Arc::new(store), root: Some(root) })
    }

    /// Writes a file; one that is there is replaced.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        counted(async {
            self.store.put(&path(key)?, PutPayload::from_bytes(bytes)).await.map_err(|error| classify(key, error))?;
            Ok(())
        })
        .await
    }

    /// Writes a file whose key names its content; one that is there is left as it is.
    pub async fn put_once(&self, key: &str, bytes: Bytes) -> Result<()> {
        if self.size(key).await?.is_some() { Ok(()) } else { self.put(key, bytes).await }
    }

    /// As [`Files::put_once`] for content that is not in memory; a few megabytes of it are at a time.
    pub async fn put_once_from(&self, key: &str, content: impl AsyncRead + Unpin) -> Result<()> {
        if self.size(key).await?.is_some() { Ok(()) } else { self.put_from(key, content).await }
    }

    /// As [`Files::put`] for content that is not in memory.
    pub async fn put_from(&self, key: &str, content: impl AsyncRead + Unpin) -> Result<()> {
        counted(self.put_in_parts(key, content)).await
    }

    async fn put_in_parts(&self, key: &str, mut content: impl AsyncRead + Unpin) -> Result<()> {
        let upload = self.store.put_multipart(&path(key)?).await.map_err(|error| classify(key, error))?;
        let mut writer = WriteMultipart::new(upload);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = content.read(&mut chunk).await.map_err(|error| io_error(key, &error))?;
            if read == 0 {
                break;
            }
            writer.wait_for_capacity(2).await.map_err(|error| classify(key, error))?;
            writer.write(&chunk[..read]);
        }
        writer.finish().await.map_err(|error| classify(key, error))?;
        Ok(())
    }

    /// Reads a file of at most `limit` bytes.
    pub async fn get(&self, key: &str, limit: u64) -> Result<Bytes> {
        counted(async {
            let found = self.store.get(&path(key)?).await.map_err(|error| classify(key, error))?;
            if found.meta.size > limit {
                return Err(FilesError::TooLarge { key: key.to_owned(), bytes: found.meta.size, limit });
            }
            found.bytes().await.map_err(|error| classify(key, error))
        })
        .await
    }

    /// A file's size in bytes and its content in chunks.
    pub async fn stream(&self, key: &str) -> Result<(u64, BoxStream<'static, std::io::Result<Bytes>>)> {
        let found = counted(async { self.store.get(&path(key)?).await.map_err(|error| classify(key, error)) }).await?;
        let size = found.meta.size;
        Ok((size, found.into_stream().map_err(std::io::Error::other).boxed()))
    }

    /// A file's size in bytes, if it is there.
    pub async fn size(&self, key: &str) -> Result<Option<u64>> {
        match counted(async { self.store.head(&path(key)?).await.map_err(|error| classify(key, error)) }).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(FilesError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Copies a file within the store; on a local disk both names share the bytes.
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        counted(async { self.store.copy(&path(from)?, &path(to)?).await.map_err(|error| classify(from, error)) }).await
    }

    /// As [`Files::copy`], but what was at `to` goes first: a copy onto another name of the same bytes would leave its draft behind
    /// (renaming one hard link onto another of the same file does nothing, POSIX `rename`).
    pub async fn replace(&self, from: &str, to: &str) -> Result<()> {
        if self.size(to).await?.is_some() {
            self.delete(to).await?;
        }
        self.copy(from, to).await
    }

    /// Removes a file; one that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match counted(async { self.store.delete(&path(key)?).await.map_err(|error| classify(key, error)) }).await {
            Ok(()) | Err(FilesError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every key that begins with the folder `prefix`.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<String>> {
        let prefix = Path::from(prefix);
        self.store
            .list(Some(&prefix))
            .map(|found| found.map(|meta| meta.location.to_string()).map_err(|error| classify("", error)))
            .boxed()
    }

    /// Where a file is on this machine, if the store is a local folder.
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join(key))
    }

    /// Removes what a process that was killed in the middle of a write left behind. Only for a local store no other process writes to.
    pub async fn remove_unfinished(&self) -> Result<usize> {
        let Some(root) = self.root.clone() else { return Ok(0) };
        tokio::task::spawn_blocking(move || remove_staged(&root)).await.unwrap_or(Ok(0))
    }
}

/// Counts and times a call to the store.
async fn counted<T>(run: impl Future<Output = Result<T>>) -> Result<T> {
    let call = Call::begin("files");
    let result = run.await;
    call.end_with(&result, |error| match error {
        // A definite answer.
        FilesError::Missing(_) | FilesError::TooLarge { .. } => Answer::Ok,
        FilesError::DiskFull => Answer::Full,
        FilesError::Denied(_) => Answer::Config,
        FilesError::Other(_) => Answer::Transient,
    });
    result
}

/// `object_store` writes a file as `name#1` and renames it when it is whole.
fn remove_staged(folder: &std::path::Path) -> Result<usize> {
    let fail = |error| io_error(&folder.display().to_string(), &error);
    let mut removed = 0;
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            removed += remove_staged(&entry.path())?;
        } else if is_staged(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path()).map_err(fail)?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn path(key: &str) -> Result<Path> {
    Path::parse(key).map_err(|error| FilesError::Other(error.into()))
}

fn classify(key: &str, error: object_store::Error) -> FilesError {
    match &error {
        object_store::Error::NotFound { .. } => return FilesError::Missing(key.to_owned()),
        object_store::Error::PermissionDenied { .. } => return FilesError::Denied(key.to_owned()),
        _ => {}
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && matches!(
                io.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::PermissionDenied
            )
        {
            return io_error(key, io);
        }
        cause = error.source();
    }
    FilesError::Other(error)
}

fn io_error(what: &str, error: &std::io::Error) -> FilesError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FilesError::DiskFull,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            FilesError::Denied(what.to_owned())
        }
        _ => FilesError::Other(object_store::Error::Generic { store: "local", source: error.to_string().into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        (folder, files)
    }

    #[tokio::test]
    async fn what_is_put_is_got_and_what_is_deleted_is_missing() {
        let (_folder, files) = store();
        files.put("a/b.txt", Bytes::from_static(b"one")).await.unwrap();
        files.put_once("a/b.txt", Bytes::from_static(b"two")).await.unwrap();
        assert_eq!(files.get("a/b.txt", 10).await.unwrap(), "one");
        files.copy("a/b.txt", "c/d.txt").await.unwrap();
        files.delete("a/b.txt").await.unwrap();
        files.delete("a/b.txt").await.unwrap();
        assert!(matches!(files.get("a/b.txt", 10).await, Err(FilesError::Missing(_))));
        assert_eq!(files.size("c/d.txt").await.unwrap(), Some(3));
        assert!(matches!(files.get("c/d.txt", 2).await, Err(FilesError::TooLarge { bytes: 3, limit: 2, .. })));
        let listed: Vec<String> = files.list("c").try_collect().await.unwrap();
        assert_eq!(listed, ["c/d.txt"]);
    }

    #[tokio::test]
    async fn a_streamed_file_is_whole_and_an_existing_one_is_left_alone() {
        let (_folder, files) = store();
        let content: Vec<u8> = (0..3 * CHUNK + 7).map(|at| (at % 251) as u8).collect();
        files.put_once_from("a/large", content.as_slice()).await.unwrap();
        files.put_once_from("a/large", b"other".as_slice()).await.unwrap();
        assert_eq!(files.get("a/large", u64::MAX).await.unwrap(), content);
        files.put_once_from("a/empty", b"".as_slice()).await.unwrap();
        assert_eq!(files.size("a/empty").await.unwrap(), Some(0));
    }

    #[tokio::test]
    async fn a_key_cannot_leave_the_store() {
        let (_folder, files) = store();
        for key in ["../outside", "a/../../outside", "a//b"] {
            assert!(files.put(key, Bytes::new()).await.is_err(), "{key}");
        }
    }

    #[tokio::test]
    async fn what_a_killed_write_left_is_removed() {
        let (folder, files) = store();
        files.put("a/whole.txt", Bytes::from_static(b"whole")).await.unwrap();
        std::fs::write(folder.path().join("files/a/half.txt#1"), "ha").unwrap();
        assert_eq!(files.remove_unfinished().await.unwrap(), 1);
        assert!(!folder.path().join("files/a/half.txt#1").exists());
        assert_eq!(files.size("a/whole.txt").await.unwrap(), Some(5));
    }
}
