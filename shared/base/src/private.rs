//! Who else on the machine may read what Herald writes: nobody.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::sys::stat::{Mode, umask};

/// Everything but the owner's.
const OTHERS: u32 = 0o077;
/// A folder that everybody writes to, such as `/tmp`: it is not Herald's to close.
const STICKY: u32 = 0o1000;
/// What lies in a data folder and must be its owner's alone, whoever reaches the folder.
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

/// From now on, files and folders that this process makes are for its user alone.
pub fn keep_private() {
    umask(Mode::from_bits_truncate(OTHERS));
}

/// Makes a folder for this user alone, and those above it that are missing. One that is there is left as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The data folder and what lies in it, as far as others than its owner may use it.
pub fn exposed(folder: &Path) -> Vec<PathBuf> {
    let inside = INSIDE.iter().map(|name| folder.join(name));
    std::iter::once(folder.to_owned())
        .chain(inside)
        .filter(|path| mode(path).is_some_and(|mode| mode & OTHERS != 0))
        .collect()
}

/// Takes the data folder and what lies in it from everybody but its owner. Returns what had been open; what stays open
/// is in [`exposed`] still: a folder of another user, or one that everybody writes to.
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

/// A link is not followed: what it leads to is its owner's to close.
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
        // It is nobody's secret.
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
