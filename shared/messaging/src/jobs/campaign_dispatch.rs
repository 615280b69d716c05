//! `campaign.dispatch`: begins a campaign at its time, and plans its messages.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_ledger::{Payload, Policy};

/// Arguments of `campaign.dispatch`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CampaignDispatch {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The number of its start or resumption.
    pub round: i64,
}

impl Payload for CampaignDispatch {
    const POLICY: Policy = Policy::new("campaign.dispatch", "control").seconds(600).attempts(20);

    fn unique_key(&self) -> Option<String> {
        Some(format!("campaign:{}:{}", self.campaign_id, self.round))
    }
}
