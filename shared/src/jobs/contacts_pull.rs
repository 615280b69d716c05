//! `contacts.pull`: reads a run's guests from an outside system into contacts and invitations, page by page.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `contacts.pull`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactsPull {
    /// The run whose source is read.
    pub run_id: Uuid,
    /// The account it is read with.
    pub connection_id: Uuid,
}

impl Payload for ContactsPull {
    const KIND: JobKind = JobKind::ContactsPull;

    fn unique_key(&self) -> Option<String> {
        Some(format!("import:{}", self.run_id))
    }

    fn limit_key(&self) -> Option<String> {
        Some(self.connection_id.to_string())
    }
}
