//! A folder on this machine, or on a share that a fleet's machines see.

use std::{fs, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use object_store::{ObjectStore, local::LocalFileSystem};

use super::{Result, error};
use herald_base::private;

/// Opens a folder, and creates it if it is missing.
pub(super) fn open(root: &Path) -> Result<Arc<dyn ObjectStore>> {
    private::make_folder(root).map_err(|error| error::of_io(&root.display().to_string(), &error))?;
    // Files are synced: the ledger must not say "made" about a file that a power failure removed.
    let store = LocalFileSystem::new_with_prefix(root).map_err(|error| error::of_folder("", error))?.with_fsync(true);
    Ok(Arc::new(store))
}

/// Removes drafts: `object_store` writes a file as `name#1` and renames it when it is complete. With `before`, it
/// removes only drafts that were last written before that time.
pub(super) fn remove_drafts(folder: &Path, before: Option<DateTime<Utc>>) -> Result<usize> {
    let fail = |error| error::of_io(&folder.display().to_string(), &error);
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            removed += remove_drafts(&entry.path(), before)?;
        } else if is_draft(&entry.file_name().to_string_lossy()) {
            match remove(&entry, before) {
                Ok(gone) => removed += usize::from(gone),
                // The writer has finished the draft, or another process was quicker.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(fail(error)),
            }
        }
    }
    Ok(removed)
}

fn remove(entry: &fs::DirEntry, before: Option<DateTime<Utc>>) -> std::io::Result<bool> {
    if let Some(before) = before
        && DateTime::<Utc>::from(entry.metadata()?.modified()?) >= before
    {
        return Ok(false);
    }
    fs::remove_file(entry.path()).map(|()| true)
}

fn is_draft(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
