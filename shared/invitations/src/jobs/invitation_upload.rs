//! `invitation.upload`: puts a drawn invitation where its link leads.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{INVITATION, end_of_step, invitation_key};
use herald_accounts::Account;
use herald_accounts::CONNECTION;
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

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
    const POLICY: Policy = Policy::new("invitation.upload", "sync").priority(2).seconds(120);
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
