//! `invitation.publish`: writes an invitation's link and number back to the contact.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `invitation.publish`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationPublish {
    /// The invitation.
    pub invitation_id: Uuid,
}

impl Payload for InvitationPublish {
    const KIND: JobKind = JobKind::InvitationPublish;

    fn unique_key(&self) -> Option<String> {
        Some(super::invitation_key(self.invitation_id))
    }
}
