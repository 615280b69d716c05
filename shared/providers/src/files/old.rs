//! Files from before every file lay under its workspace. They are read until they are moved
//! (`shared/invitations/src/move_files.rs`), and are never written.

use futures::{TryStreamExt, stream::BoxStream};
use herald_base::boxed;

use super::{Files, Result, key::Stored};

/// The folders that all workspaces shared.
pub const FOLDERS: &[&str] =
    &["imports", "pictures", "templates", "portraits", "renderings", "invitations", "previews", "results"];

/// Whether a key comes from the time before files lay under workspaces.
pub(super) fn is_old(key: &str) -> bool {
    FOLDERS.iter().any(|folder| key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}

impl Files {
    /// Whether the store has no file of any workspace, in the old folders or in the new ones.
    #[boxed]
    pub async fn is_empty(&self) -> Result<bool> {
        for folder in FOLDERS {
            if self.list_old(folder).try_next().await?.is_some() {
                return Ok(false);
            }
        }
        Ok(self.list_all().try_next().await?.is_none())
    }

    /// Lists the keys in one of the old [`FOLDERS`].
    pub fn list_old(&self, folder: &'static str) -> BoxStream<'static, Result<String>> {
        self.list(folder)
    }

    /// Removes an old file. No row may name it any more.
    #[boxed]
    pub async fn delete_old(&self, key: &str) -> Result<()> {
        debug_assert!(is_old(key), "{key} is a workspace's");
        self.remove(key).await
    }

    /// Returns an old file under its old name.
    pub fn old(key: &str) -> Option<Stored> {
        is_old(key).then(|| Stored::old(key))
    }
}
