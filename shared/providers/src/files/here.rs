//! Stored files as files of this machine, for readers that move about in them.

use std::io::{Seek, Write};

use futures::StreamExt;
use herald_base::boxed;
use object_store::ObjectStoreExt;

use super::{At, Files, FilesError, Result, Stored, error, path};

impl Files {
    /// Opens a file of at most `limit` bytes on this machine: the file itself, or an unnamed copy that disappears when
    /// it is closed.
    #[boxed]
    pub async fn open_here(&self, key: &Stored, limit: u64) -> Result<std::fs::File> {
        let key = key.as_str();
        let io = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => FilesError::Missing(key.to_owned()),
            _ => error::of_io(key, &error),
        };
        if let At::Folder(root) = &*self.at {
            let path = root.join(path(key)?.as_ref());
            let file = tokio::task::spawn_blocking(move || std::fs::File::open(path));
            return file.await.map_err(std::io::Error::other).and_then(|opened| opened).map_err(io);
        }
        let found = self.within(key, self.store.get(&path(key)?)).await?;
        if found.meta.size > limit {
            return Err(FilesError::TooLarge { key: key.to_owned(), bytes: found.meta.size, limit });
        }
        let mut copy = tempfile::tempfile().map_err(io)?;
        let mut content = found.into_stream();
        while let Some(chunk) = self.within_limit(key, content.next()).await? {
            let chunk = chunk.map_err(|error| self.told(key, error))?;
            copy = tokio::task::spawn_blocking(move || copy.write_all(&chunk).map(|()| copy))
                .await
                .map_err(std::io::Error::other)
                .and_then(|written| written)
                .map_err(io)?;
        }
        copy.rewind().map_err(io)?;
        Ok(copy)
    }
}
