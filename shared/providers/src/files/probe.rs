//! Tests of the store, with files of its own beside the workspaces.

use bytes::Bytes;
use futures::TryStreamExt;
use herald_base::boxed;

use super::{Files, FilesError, Result};

/// The key of the file that is written when the store is opened, and when a check asks whether it accepts files.
const PROBE: &str = "health/probe";
/// The folder where `herald doctor` briefly puts its test files.
const TRIED: &str = "doctor";

/// An operation that the store failed to do.
#[derive(Debug, thiserror::Error)]
#[error("a file cannot be {what}: {why}")]
pub struct Untrustworthy {
    what: &'static str,
    why: String,
}

impl Files {
    /// Writes a file of `content` that belongs to no workspace, to test whether the store accepts files.
    #[boxed]
    pub async fn probe(&self, content: &'static [u8]) -> Result<()> {
        self.write(PROBE, Bytes::from_static(content)).await
    }

    /// Writes, reads, copies, lists and removes a file called `name`.
    ///
    /// # Errors
    /// The first of these operations that fails.
    #[boxed]
    pub async fn try_out(&self, name: &str) -> std::result::Result<(), Untrustworthy> {
        let (probe, copy) = (format!("{TRIED}/{name}"), format!("{TRIED}/{name}-copy"));
        let content = Bytes::from(name.to_owned());
        let at = |what: &'static str| move |error: FilesError| Untrustworthy { what, why: error.to_string() };
        self.write(&probe, content.clone()).await.map_err(at("written"))?;
        let read = self.read(&probe, 1_024).await.map_err(at("read"))?;
        if read != content {
            let why = "its content changed on the way: look for a proxy or a cache in front of the bucket".to_owned();
            return Err(Untrustworthy { what: "read", why });
        }
        self.duplicate(&probe, &copy).await.map_err(at("copied"))?;
        let listed: Vec<String> = self.list(TRIED).try_collect().await.map_err(at("listed"))?;
        if !listed.contains(&copy) {
            let why = "a file just written is not in the list".to_owned();
            return Err(Untrustworthy { what: "listed", why });
        }
        for key in [&probe, &copy] {
            self.remove(key).await.map_err(at("removed"))?;
        }
        Ok(())
    }
}
