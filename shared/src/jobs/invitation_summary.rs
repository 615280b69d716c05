//! `invitation.summary`: writes a run's `results.csv` when its batch has ended.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `invitation.summary`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationSummary {
    /// The run.
    pub run_id: Uuid,
}

impl Payload for InvitationSummary {
    const KIND: JobKind = JobKind::InvitationSummary;

    fn unique_key(&self) -> Option<String> {
        Some(format!("summary:{}", self.run_id))
    }
}
