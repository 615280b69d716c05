//! `invitation.publish`: writes an invitation's link and number back to the contact.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{INVITATION, end_of_step, invitation_key};
use herald_accounts::Account;
use herald_accounts::CONNECTION;
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

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
    const POLICY: Policy = Policy::new("invitation.publish", "sync").priority(1);
    const NAMES: &'static [(&'static str, Thing)] =
        &[("invitation_id", INVITATION), ("account.connection_id", CONNECTION)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of_step(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(invitation_key(self.invitation_id))
    }

    fn queue(&self) -> Option<&'static str> {
        self.account.map(|account| account.provider.queue())
    }

    fn limit_key(&self) -> Option<String> {
        self.account.map(|account| account.limit_key())
    }
}
