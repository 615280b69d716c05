//! `campaign.winner`: chooses the subject that goes to the rest of a campaign's audience.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::thing::CAMPAIGN;
use herald_ledger::{Payload, Policy, Thing};

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
}
