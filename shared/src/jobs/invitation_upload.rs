//! `invitation.upload`: puts a drawn invitation where its link leads.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `invitation.upload`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationUpload {
    /// The invitation.
    pub invitation_id: Uuid,
}

impl Payload for InvitationUpload {
    const KIND: JobKind = JobKind::InvitationUpload;

    fn unique_key(&self) -> Option<String> {
        Some(super::invitation_key(self.invitation_id))
    }
}
