//! `picture.fetch`: brings a guest's picture from the web or from Mautic into the file store, for `face.crop` to cut.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::PictureSource;
use crate::{INVITATION, end_of_step, invitation_key};
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

/// Arguments of `picture.fetch`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PictureFetch {
    /// The guest's invitation.
    pub invitation_id: Uuid,
    /// What it shares a limit with: the host, or the account. Kept on the job's row, not among its arguments.
    #[serde(skip)]
    pub limit_key: Option<String>,
}

impl PictureFetch {
    /// Fetches an invitation's picture from where it is.
    pub fn new(invitation_id: Uuid, source: &PictureSource) -> Self {
        Self { invitation_id, limit_key: Some(source.limit_key()) }
    }
}

impl Payload for PictureFetch {
    const POLICY: Policy = Policy::new("picture.fetch", "fetch").priority(2).attempts(8).seconds(120);
    const NAMES: &'static [(&'static str, Thing)] = &[("invitation_id", INVITATION)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of_step(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(invitation_key(self.invitation_id))
    }

    fn limit_key(&self) -> Option<String> {
        self.limit_key.clone()
    }
}
