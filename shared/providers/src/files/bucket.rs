//! A workspace's own bucket: outside the file store, with names that its owner sees.

use bytes::Bytes;
use herald_base::boxed;

use super::{Account, Files, Result};

/// The name of a file that is written and removed as a test.
const PROBE: &str = "herald-connection-test";

/// A workspace's own bucket. Cheap to clone. Two workspaces may share a bucket, so every key contains the id of its
/// subject.
#[derive(Clone, Debug)]
pub struct Bucket(Files);

impl Bucket {
    /// Opens the bucket of a connection. This makes no request yet.
    pub fn open(account: &Account) -> Result<Self> {
        Files::bucket_of_account(account).map(Self)
    }

    /// Describes for a person where the bucket is.
    pub fn place(&self) -> String {
        self.0.place("")
    }

    /// Writes a file, and replaces an existing one.
    #[boxed]
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.0.write(key, bytes).await
    }

    /// Writes, reads and removes a test file.
    #[boxed]
    pub async fn try_out(&self) -> Result<()> {
        self.0.write(PROBE, Bytes::from_static(b".")).await?;
        self.0.read(PROBE, 1).await?;
        self.0.remove(PROBE).await
    }
}
