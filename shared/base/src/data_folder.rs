//! The data folder: everything the embedded tier keeps, under one roof, used by one process at a time.
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
//! It is for the user alone who runs Herald: lists, pictures and keys are nobody else's on the machine.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{ids::Ids, private};

/// The file of the key that signs links.
const LINK_KEY: &str = "link.key";

/// An opened data folder. The lock is held until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct DataFolder {
    root: PathBuf,
    /// The lock lives as long as the file is open.
    _lock: File,
    unclean: bool,
    /// Nobody else uses it meanwhile.
    alone: bool,
}

/// Why the data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataFolderError {
    /// Another process uses it.
    #[error("data folder {folder} is in use by {holder}: stop that first, or use another folder with --data")]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Who uses it.
        holder: String,
    },
    /// It cannot be read or written.
    #[error(
        "data folder {folder} cannot be used: {source}; check its permissions and the free space, or use another \
         folder with --data"
    )]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file is damaged.
    #[error(
        "{0} does not contain a key (64 hexadecimal digits): restore it from a backup. Or delete it, and then make \
         every link again with --refresh (link.key), or enter the credentials of every connection again \
         (secrets.key)"
    )]
    BadKey(PathBuf),
}

impl DataFolder {
    /// Opens the folder, made if it is missing, and locks it for this process.
    pub fn open(root: &Path) -> Result<Self, DataFolderError> {
        let fail = |source| DataFolderError::Io { folder: root.to_owned(), source };
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

    /// Opens the folder, made if it is missing, together with others that share it: no process may have it for itself
    /// meanwhile.
    pub fn share(root: &Path) -> Result<Self, DataFolderError> {
        let fail = |source| DataFolderError::Io { folder: root.to_owned(), source };
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

    /// Whether the process that used it last was killed: there may be halves of files.
    pub fn was_killed(&self) -> bool {
        self.unclean
    }

    /// Whether no other process uses it meanwhile.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.root.join("herald.db")
    }

    /// The file store's folder.
    pub fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// Whether there is a key that signs links.
    pub fn has_link_key(&self) -> bool {
        self.root.join(LINK_KEY).exists()
    }

    /// The key that signs links, made on first use, readable by its owner only.
    pub fn link_key(&self, ids: &Ids) -> Result<[u8; 32], DataFolderError> {
        key(&self.root, LINK_KEY, ids).map(|(key, _)| key)
    }

    /// Says that the folder was left in order.
    pub fn close(self) {
        if !self.alone {
            return;
        }
        // If it fails the next start sweeps once more than it must.
        let _ = self._lock.set_len(0);
    }
}

/// Opens the file of the lock, made for this user alone if it is missing.
fn open_lock(root: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(root.join("herald.lock"))
}

/// Closes a folder that others on the machine may read, and says so.
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

/// The key that seals credentials, made on first use, readable by its owner only; and whether it was made now. Also for
/// a command that works beside the process that holds the folder.
pub fn secrets_key(folder: &Path, ids: &Ids) -> Result<([u8; 32], bool), DataFolderError> {
    key(folder, "secrets.key", ids)
}

fn key(root: &Path, name: &str, ids: &Ids) -> Result<([u8; 32], bool), DataFolderError> {
    let path = root.join(name);
    let fail = |source| DataFolderError::Io { folder: root.to_owned(), source };
    match fs::read_to_string(&path) {
        Ok(text) => {
            let mut key = [0; 32];
            hex::decode_to_slice(text.trim(), &mut key).map_err(|_| DataFolderError::BadKey(path))?;
            Ok((key, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = ids.bytes::<32>();
            // Whole or not at all: a half-written key would lock everybody out. Of processes that start together, one
            // makes it.
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
