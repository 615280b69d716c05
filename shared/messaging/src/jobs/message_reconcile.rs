//! `message.reconcile`: looks at the provider for messages whose end nobody heard.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_ledger::{Payload, Policy};

/// Arguments of `message.reconcile`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageReconcile {
    /// The campaign.
    pub campaign_id: Uuid,
}

impl Payload for MessageReconcile {
    const POLICY: Policy = Policy::new("message.reconcile", "sync").attempts(20).seconds(600);

    fn unique_key(&self) -> Option<String> {
        Some(format!("message.reconcile:{}", self.campaign_id))
    }

    /// A provider that is away holds up this campaign, and no other.
    fn limit_key(&self) -> Option<String> {
        Some(self.campaign_id.to_string())
    }
}
