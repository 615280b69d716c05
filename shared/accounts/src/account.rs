//! Which account a job calls: it says in which queue the job waits, and whose limit it shares there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ProviderKind;

/// The account a job calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The connection.
    pub connection_id: Uuid,
    /// Whose it is.
    pub provider: ProviderKind,
}

impl Account {
    /// What its jobs share a limit with inside their queue.
    pub fn limit_key(&self) -> String {
        self.connection_id.to_string()
    }
}
