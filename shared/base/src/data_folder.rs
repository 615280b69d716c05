//! The data folder: all data of the embedded tier in one folder, which one process uses at a time.
//!
//! ```text
//! herald-data/
//!   herald.db      the ledger and all data
//!   files/         lists, templates, crops, invitations (see `files`)
//!   outbox/        mails, where no mail server is set
//!   link.key       signs links; losing it makes every link out there invalid
//!   secrets.key    seals the credentials of connections, where no setting does
//!   herald.lock    held by the process that uses the folder
//!   herald.toml    settings, if you put them here
//! ```
//!
//! Only the user who runs Herald may use it: no other user of the machine may read lists, pictures and keys.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{ids::Ids, private};

/// The name of the file with the key that signs links.
const LINK_KEY: &str = "link.key";

/// An opened data folder. The lock is held until the value is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct DataFolder {
    root: PathBuf,
    /// The lock lives as long as the file is open.
    _lock: File,
    unclean: bool,
    /// Whether no other process uses the folder meanwhile.
    alone: bool,
}

/// Why the data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataFolderError {
    /// Another process uses the folder.
    #[error("data folder {folder} is in use by {holder}: stop that first, or use another folder with --data")]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process that uses the folder.
        holder: String,
    },
    /// The folder cannot be read or written.
    #[error(
        "data folder {folder} cannot be used: {source}; check its permissions and the free space, or use another \
         folder with --data"
    )]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The disk that holds the folder is full.
    #[error("the disk that holds data folder {0} is full: free some space and run again")]
    Full(PathBuf),
    /// The key file is damaged.
    #[error(
        "{0} does not contain a key (64 hexadecimal digits): restore it from a backup. Or delete it, and then make \
         every link again with --refresh (link.key), or enter the credentials of every connection again \
         (secrets.key)"
    )]
    BadKey(PathBuf),
}

impl DataFolderError {
    fn of(folder: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull => Self::Full(folder.to_owned()),
            _ => Self::Io { folder: folder.to_owned(), source },
        }
    }
}

impl DataFolder {
    /// Opens the folder, creates it if it is missing, and locks it for this process.
    pub fn open(root: &Path) -> Result<Self, DataFolderError> {
        let fail = |source| DataFolderError::of(root, source);
        private::make_folder(root).map_err(fail)?;
        narrow(root);
        let mut lock = open_lock(root).map_err(fail)?;
        let mut holder = String::new();
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                lock.read_to_string(&mut holder).map_err(fail)?;
                let holder =
                    if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
                return Err(DataFolderError::InUse { folder: root.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        lock.read_to_string(&mut holder).map_err(fail)?;
        let unclean = !holder.trim().is_empty();
        lock.set_len(0).map_err(fail)?;
        lock.seek(SeekFrom::Start(0)).map_err(fail)?;
        writeln!(lock, "herald, process {}", std::process::id()).map_err(fail)?;
        Ok(Self { root: root.to_owned(), _lock: lock, unclean, alone: true })
    }

    /// Opens the folder, and creates it if it is missing. Other processes can share it; no process may hold it
    /// exclusively meanwhile.
    pub fn share(root: &Path) -> Result<Self, DataFolderError> {
        let fail = |source| DataFolderError::of(root, source);
        private::make_folder(root).map_err(fail)?;
        narrow(root);
        let mut lock = open_lock(root).map_err(fail)?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock, unclean: false, alone: false }),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                lock.read_to_string(&mut holder).map_err(fail)?;
                Err(DataFolderError::InUse { folder: root.to_owned(), holder: holder.trim().to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(fail(source)),
        }
    }

    /// Whether the last process that used the folder was killed, so that incomplete files may exist.
    pub fn was_killed(&self) -> bool {
        self.unclean
    }

    /// Whether no other process uses the folder meanwhile.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// The path of the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of the database file.
    pub fn database(&self) -> PathBuf {
        self.root.join("herald.db")
    }

    /// The path of the file store's folder.
    pub fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// Whether the folder has a key that signs links.
    pub fn has_link_key(&self) -> bool {
        self.root.join(LINK_KEY).exists()
    }

    /// Returns the key that signs links. The first call creates it, readable by its owner only.
    pub fn link_key(&self, ids: &Ids) -> Result<[u8; 32], DataFolderError> {
        key(&self.root, LINK_KEY, ids).map(|(key, _)| key)
    }

    /// Records that the folder was closed properly.
    pub fn close(self) {
        if !self.alone {
            return;
        }
        // If this fails, the next start does one unnecessary clean-up.
        let _ = self._lock.set_len(0);
    }
}

/// Opens the lock file, and creates it for this user alone if it is missing.
fn open_lock(root: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(root.join("herald.lock"))
}

/// Closes a folder that other users of the machine may read, and logs that.
fn narrow(root: &Path) {
    let narrowed = private::narrow(root);
    if !narrowed.is_empty() {
        let what: Vec<String> = narrowed.iter().map(|path| path.display().to_string()).collect();
        tracing::warn!("other users of this machine could read {}: now only its owner can", what.join(", "));
    }
    if private::exposed(root).iter().any(|path| path == root) {
        tracing::warn!(
            "other users of this machine can read data folder {}, and Herald cannot close it: use a folder of your \
             own with --data",
            root.display()
        );
    }
}

/// Returns the key that signs links, if the folder has one. It also works for a command that runs beside the process
/// that holds the folder.
pub fn kept_link_key(folder: &Path, ids: &Ids) -> Result<Option<[u8; 32]>, DataFolderError> {
    if !folder.join(LINK_KEY).exists() {
        return Ok(None);
    }
    key(folder, LINK_KEY, ids).map(|(key, _)| Some(key))
}

/// Returns the key that seals credentials, and whether this call created it. The first call creates the key, readable
/// by its owner only. It also works for a command that runs beside the process that holds the folder.
pub fn secrets_key(folder: &Path, ids: &Ids) -> Result<([u8; 32], bool), DataFolderError> {
    key(folder, "secrets.key", ids)
}

fn key(root: &Path, name: &str, ids: &Ids) -> Result<([u8; 32], bool), DataFolderError> {
    let path = root.join(name);
    let fail = |source| DataFolderError::of(root, source);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let mut key = [0; 32];
            hex::decode_to_slice(text.trim(), &mut key).map_err(|_| DataFolderError::BadKey(path))?;
            Ok((key, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = ids.bytes::<32>();
            // The key file appears completely or not at all, because nobody could use a half-written key. If several
            // processes start together, one of them creates it.
            let draft = root.join(format!("{name}.{}", std::process::id()));
            write_private(&draft, &hex::encode(made)).map_err(fail)?;
            let linked = fs::hard_link(&draft, &path);
            fs::remove_file(&draft).map_err(fail)?;
            match linked {
                Ok(()) => Ok((made, true)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => key(root, name, ids),
                Err(source) => Err(fail(source)),
            }
        }
        Err(source) => Err(fail(source)),
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_cannot_use_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let open = DataFolder::open(folder.path()).unwrap();
        let refused = DataFolder::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("in use by herald, process"), "{refused}");
        open.close();
        assert!(!DataFolder::open(folder.path()).unwrap().was_killed());
    }

    #[test]
    fn a_folder_left_without_closing_is_known_to_have_been_killed() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataFolder::open(folder.path()).unwrap());
        assert!(DataFolder::open(folder.path()).unwrap().was_killed());
    }

    #[test]
    fn the_link_key_is_made_once_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let open = DataFolder::open(folder.path()).unwrap();
        let key = open.link_key(&Ids::seeded(1)).unwrap();
        assert_eq!(open.link_key(&Ids::seeded(2)).unwrap(), key);
        fs::write(folder.path().join("link.key"), "short").unwrap();
        assert!(matches!(open.link_key(&Ids::seeded(1)), Err(DataFolderError::BadKey(_))));
    }

    #[cfg(unix)]
    #[test]
    fn the_link_key_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        DataFolder::open(folder.path()).unwrap().link_key(&Ids::seeded(1)).unwrap();
        let mode = fs::metadata(folder.path().join("link.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
