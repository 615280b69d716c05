//! Keeps Herald's files private: no other user of the machine may read them.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::sys::stat::{Mode, umask};

/// The permissions of everybody except the owner.
const OTHERS: u32 = 0o077;
/// The mark of a folder that everybody writes to, such as `/tmp`. Herald must not close such a folder.
const STICKY: u32 = 0o1000;
/// The parts of a data folder that must be readable by their owner only, even if others can reach the folder.
const INSIDE: &[&str] = &[
    "herald.db",
    "herald.db-wal",
    "herald.db-shm",
    "herald.lock",
    "herald.toml",
    "link.key",
    "secrets.key",
    "results.csv",
    "files",
    "outbox",
];

/// Makes all files and folders that this process creates from now on private to its user.
pub fn keep_private() {
    umask(Mode::from_bits_truncate(OTHERS));
}

/// Creates a folder for this user alone, together with missing folders above it. An existing folder stays as it is.
///
/// # Errors
/// When the folder cannot be created.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Lists the data folder and the parts of it that other users than the owner may use.
pub fn exposed(folder: &Path) -> Vec<PathBuf> {
    let inside = INSIDE.iter().map(|name| folder.join(name));
    std::iter::once(folder.to_owned())
        .chain(inside)
        .filter(|path| mode(path).is_some_and(|mode| mode & OTHERS != 0))
        .collect()
}

/// Removes the permissions of other users from the data folder and its parts. Returns the paths that had been open.
/// Paths that stay open are still in [`exposed`]: a folder of another user, or one that everybody writes to.
pub fn narrow(folder: &Path) -> Vec<PathBuf> {
    if mode(folder).is_none_or(|mode| mode & STICKY != 0) {
        return Vec::new();
    }
    let mut narrowed = Vec::new();
    for path in exposed(folder) {
        let Some(mode) = mode(&path) else { continue };
        if fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777 & !OTHERS)).is_ok() {
            narrowed.push(path);
        }
    }
    narrowed
}

/// Does not follow a symbolic link: only the owner of its target may close the target.
fn mode(path: &Path) -> Option<u32> {
    fs::symlink_metadata(path).ok().filter(|found| !found.is_symlink()).map(|found| found.mode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_folder_is_closed_with_what_lies_in_it_and_said() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("data");
        fs::create_dir(&folder).unwrap();
        let open = |name: &str, bits| fs::set_permissions(folder.join(name), Permissions::from_mode(bits)).unwrap();
        for name in ["link.key", "herald.db", "mine.txt"] {
            fs::write(folder.join(name), "x").unwrap();
            open(name, 0o644);
        }
        fs::create_dir(folder.join("files")).unwrap();
        open("files", 0o755);
        open("", 0o755);
        assert_eq!(exposed(&folder).len(), 4);
        assert_eq!(narrow(&folder).len(), 4);
        assert!(exposed(&folder).is_empty() && narrow(&folder).is_empty());
        assert_eq!(mode(&folder).unwrap() & 0o777, 0o700);
        assert_eq!(mode(&folder.join("link.key")).unwrap() & 0o777, 0o600);
        // This file holds no secret.
        assert_eq!(mode(&folder.join("mine.txt")).unwrap() & 0o777, 0o644);
    }

    #[test]
    fn a_folder_for_everybody_is_left_open_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(narrow(folder.path()).is_empty());
        assert_eq!(exposed(folder.path()), [folder.path()]);
    }

    #[test]
    fn a_new_folder_is_its_owners_alone() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("a/b");
        make_folder(&folder).unwrap();
        assert!(exposed(&folder).is_empty());
    }
}
