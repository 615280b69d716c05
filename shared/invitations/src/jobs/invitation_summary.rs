//! `invitation.summary`: writes a run's `results.csv` when its batch has ended.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::RUN;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `invitation.summary`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationSummary {
    /// The run.
    pub run_id: Uuid,
}

impl Payload for InvitationSummary {
    const POLICY: Policy = Policy::new("invitation.summary", "control").seconds(600);
    const NAMES: &'static [(&'static str, Thing)] = &[("run_id", RUN)];

    fn unique_key(&self) -> Option<String> {
        Some(format!("summary:{}", self.run_id))
    }
}
