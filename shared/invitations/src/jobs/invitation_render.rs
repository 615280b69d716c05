//! `invitation.render`: draws an invitation.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{INVITATION, end_of_step, invitation_key};
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

/// Arguments of `invitation.render`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationRender {
    /// The invitation.
    pub invitation_id: Uuid,
}

impl Payload for InvitationRender {
    const POLICY: Policy = Policy::new("invitation.render", "cpu").priority(1).attempts(8).seconds(120);
    const NAMES: &'static [(&'static str, Thing)] = &[("invitation_id", INVITATION)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of_step(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(invitation_key(self.invitation_id))
    }
}
