//! `contacts.import`: reads a run's list of guests into contacts and invitations, chunk by chunk.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `contacts.import`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactsImport {
    /// The run whose source is read.
    pub run_id: Uuid,
}

impl Payload for ContactsImport {
    const KIND: JobKind = JobKind::ContactsImport;

    fn unique_key(&self) -> Option<String> {
        Some(format!("import:{}", self.run_id))
    }
}
