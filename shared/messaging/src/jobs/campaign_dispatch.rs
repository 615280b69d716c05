//! `campaign.dispatch`: begins a campaign at its time, and plans its messages.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::message::CampaignJobEnded;
use herald_ledger::{Change, End, Payload, Policy};

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

    /// What is not planned is left, and the campaign pauses.
    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        let Ok(args) = serde_json::from_value::<Self>(args.clone()) else { return Vec::new() };
        let reason = match end {
            End::Dead(reason) => reason.to_owned(),
            End::Cancelled => "a person cancelled it".to_owned(),
            End::Retried => return Vec::new(),
        };
        vec![CampaignJobEnded { campaign_id: args.campaign_id, messages: None, reason }.into()]
    }
}
