//! `face.crop`: reads a guest's picture and crops it around the face.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{INVITATION, end_of_step, invitation_key};
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

/// Arguments of `face.crop`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaceCrop {
    /// The guest's invitation.
    pub invitation_id: Uuid,
}

impl Payload for FaceCrop {
    const POLICY: Policy = Policy::new("face.crop", "cpu").priority(2).attempts(8).seconds(120);
    const NAMES: &'static [(&'static str, Thing)] = &[("invitation_id", INVITATION)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of_step(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(invitation_key(self.invitation_id))
    }
}
