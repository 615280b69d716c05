//! `invitation.publish`: writes an invitation's link and number back to the contact.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};
use crate::connections::Account;

/// Arguments of `invitation.publish`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationPublish {
    /// The invitation.
    pub invitation_id: Uuid,
    /// The account outside that gets link and number, besides our own contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl Payload for InvitationPublish {
    const KIND: JobKind = JobKind::InvitationPublish;

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
