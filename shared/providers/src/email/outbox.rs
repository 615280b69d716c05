//! The outbox: e-mails as files, for an installation without a mail server.
//!
//! An e-mail appears completely or not at all. The name of its file holds the time of writing and the id of the
//! message, so that files sort by time. The name does not reveal the recipient. Any mail program opens the files.

use std::{fs, io, path::Path, sync::Arc};

use chrono::{DateTime, Utc};

use super::message::Letter;
use crate::{Class, ProviderError, Result};

/// The folder of e-mails that are not sent.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: Arc<Path>,
}

impl Outbox {
    /// Creates the outbox of a data folder. The first e-mail creates the folder.
    pub(super) fn in_folder(data_folder: &Path) -> Self {
        Self { folder: data_folder.join("outbox").into() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes an e-mail, and returns the name of its file.
    pub(super) async fn write(&self, letter: Letter, now: DateTime<Utc>) -> Result<String> {
        let name = format!("{}-{}.eml", now.format("%Y%m%dT%H%M%S%.6fZ"), letter.id);
        let (folder, file) = (self.folder.clone(), name.clone());
        let written = tokio::task::spawn_blocking(move || write(&folder, &file, &letter.bytes)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map(|()| name).map_err(|error| self.refused(&error))
    }

    /// Checks that the outbox can be written to.
    pub(super) async fn check(&self) -> Result<()> {
        let folder = self.folder.clone();
        let tried = tokio::task::spawn_blocking(move || {
            make(&folder)?;
            tempfile::tempfile_in(&folder).map(drop)
        })
        .await;
        tried.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &io::Error) -> ProviderError {
        let class = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => Class::Config,
            _ => Class::Transient,
        };
        ProviderError::new(class, format!("the outbox {} cannot be written: {error}", self.folder.display()))
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    make(folder)?;
    // The name of a draft does not end in .eml. Only its owner can read it, because it contains codes. It is deleted if
    // this fails.
    let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(folder.join(name)).map_err(|error| error.error)?;
    // The rename is durable only after the folder is synced, too.
    fs::File::open(folder)?.sync_all()
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
