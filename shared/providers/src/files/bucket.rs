//! A bucket of a workspace's own: outside the file store, under names that its owner sees.

use bytes::Bytes;

use super::{Account, Files, Result};

/// A file that is written and removed again.
const PROBE: &str = "herald-connection-test";

/// A workspace's own bucket. Two workspaces may share one, so that every key names what it is of by an id. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Bucket(Files);

impl Bucket {
    /// The bucket of a connection. Nothing is asked of it yet.
    pub fn open(account: &Account) -> Result<Self> {
        Files::bucket_of_account(account).map(Self)
    }

    /// Where it is, for a person.
    pub fn place(&self) -> String {
        self.0.place("")
    }

    /// Writes a file; one that is there is replaced.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.0.write(key, bytes).await
    }

    /// Writes, reads and removes a probe.
    pub async fn try_out(&self) -> Result<()> {
        self.0.write(PROBE, Bytes::from_static(b".")).await?;
        self.0.read(PROBE, 1).await?;
        self.0.remove(PROBE).await
    }
}
