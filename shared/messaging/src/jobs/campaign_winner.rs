//! `campaign.winner`: chooses the subject that goes to the rest of a campaign's audience.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{message::CampaignJobEnded, thing::CAMPAIGN};
use herald_ledger::{Change, End, Payload, Policy, Thing};

/// Arguments of `campaign.winner`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CampaignWinner {
    /// The campaign.
    pub campaign_id: Uuid,
}

impl Payload for CampaignWinner {
    const POLICY: Policy = Policy::new("campaign.winner", "control").attempts(50);
    const NAMES: &'static [(&'static str, Thing)] = &[("campaign_id", CAMPAIGN)];
    const NOT_BY_HAND: Option<&'static str> = Some("a campaign.winner job comes with a campaign that tries subjects");

    fn unique_key(&self) -> Option<String> {
        Some(format!("campaign.winner:{}", self.campaign_id))
    }

    /// Without a winner the rest of the audience would wait for ever, and nobody would know.
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
