//! `invitation.upload`: puts a drawn invitation where its link leads.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};
use crate::connections::Account;

/// Arguments of `invitation.upload`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationUpload {
    /// The invitation.
    pub invitation_id: Uuid,
    /// The account outside that it goes to, besides the file store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl Payload for InvitationUpload {
    const KIND: JobKind = JobKind::InvitationUpload;

    fn unique_key(&self) -> Option<String> {
        Some(super::invitation_key(self.invitation_id))
    }

    fn queue(&self) -> Option<&'static str> {
        self.account.map(|account| account.provider.queue())
    }

    fn limit_key(&self) -> Option<String> {
        self.account.map(|account| account.limit_key())
    }
}
