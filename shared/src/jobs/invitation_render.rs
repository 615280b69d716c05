//! `invitation.render`: draws an invitation.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `invitation.render`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationRender {
    /// The invitation.
    pub invitation_id: Uuid,
}

impl Payload for InvitationRender {
    const KIND: JobKind = JobKind::InvitationRender;

    fn unique_key(&self) -> Option<String> {
        Some(super::invitation_key(self.invitation_id))
    }
}
