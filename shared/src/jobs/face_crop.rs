//! `face.crop`: reads a guest's picture and crops it around the face.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `face.crop`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaceCrop {
    /// The guest's invitation.
    pub invitation_id: Uuid,
}

impl Payload for FaceCrop {
    const KIND: JobKind = JobKind::FaceCrop;

    fn unique_key(&self) -> Option<String> {
        Some(super::invitation_key(self.invitation_id))
    }
}
