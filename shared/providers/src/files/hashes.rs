//! Proves that a file has the bytes that a row of the database names.
//!
//! A file is hashed once. As long as the store reports the same file, it is not read again for that.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use herald_base::boxed;
use object_store::{ObjectMeta, ObjectStoreExt};
use sha2::{Digest, Sha256};

use super::{Files, FilesError, Result, Stored, path};

/// The number of remembered files, some 250 bytes each. A full memory is cleared.
const REMEMBERED: usize = 20_000;
/// How often a file is examined again if it is rewritten meanwhile.
const LOOKS: usize = 3;

/// The known hashes of files.
#[derive(Debug, Default)]
pub(super) struct Hashes(Mutex<HashMap<String, (Mark, String)>>);

/// The properties by which the store distinguishes one file from another with the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    e_tag: Option<String>,
    size: u64,
    modified: DateTime<Utc>,
}

impl Mark {
    fn of(meta: &ObjectMeta) -> Self {
        Self { e_tag: meta.e_tag.clone(), size: meta.size, modified: meta.last_modified }
    }
}

impl Hashes {
    fn known(&self, key: &str, mark: &Mark) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(seen, _)| seen == mark).map(|(_, hash)| hash.clone())
    }

    fn note(&self, key: &str, mark: Mark, hash: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key.to_owned(), (mark, hash.to_owned()));
    }
}

impl Files {
    /// Like [`Files::stream`], if the file's bytes have this SHA-256, in hex. Returns `None` if they have another.
    #[boxed]
    pub async fn stream_if(
        &self,
        key: &Stored,
        sha256: &str,
    ) -> Result<Option<(u64, BoxStream<'static, std::io::Result<Bytes>>)>> {
        let key = key.as_str();
        for _ in 0..LOOKS {
            let found = self.within(key, self.store.get(&path(key)?)).await?;
            let mark = Mark::of(&found.meta);
            if let Some(known) = self.hashes.known(key, &mark) {
                let size = mark.size;
                let is_it = known == sha256;
                return Ok(is_it.then(|| (size, found.into_stream().map_err(std::io::Error::other).boxed())));
            }
            let hash = self.hash(key, found).await?;
            self.hashes.note(key, mark, &hash);
        }
        Ok(None)
    }

    /// Returns the SHA-256 of a file's bytes in hex, if the file exists.
    #[boxed]
    pub async fn sha256(&self, key: &Stored) -> Result<Option<String>> {
        let key = key.as_str();
        match self.within(key, self.store.get(&path(key)?)).await {
            Ok(found) => self.hash(key, found).await.map(Some),
            Err(FilesError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn hash(&self, key: &str, found: object_store::GetResult) -> Result<String> {
        let mut hash = Sha256::new();
        let mut content = found.into_stream();
        while let Some(chunk) = self.within_limit(key, content.next()).await? {
            hash.update(&chunk.map_err(|error| self.told(key, error))?);
        }
        Ok(hex::encode(hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Key;

    #[tokio::test]
    async fn only_the_bytes_that_are_meant_are_given_out() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        let key = Key::list(uuid::Uuid::from_u128(1), "a");
        let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        for (content, other) in [(b"one", b"two"), (b"two", b"one"), (b"one", b"two")] {
            files.put(&key, Bytes::from_static(content)).await.unwrap();
            for _ in 0..2 {
                let (size, found) = files.stream_if(&key, &hash(content)).await.unwrap().expect("its bytes are meant");
                let chunks: Vec<Bytes> = found.try_collect().await.unwrap();
                assert_eq!((size, chunks.concat().as_slice()), (3, content.as_slice()));
                assert!(files.stream_if(&key, &hash(other)).await.unwrap().is_none());
            }
            assert_eq!(files.sha256(&key).await.unwrap(), Some(hash(content)));
        }
        files.delete(&key).await.unwrap();
        assert_eq!(files.sha256(&key).await.unwrap(), None);
        assert!(matches!(files.stream_if(&key, "").await, Err(FilesError::Missing(_))));
    }
}
