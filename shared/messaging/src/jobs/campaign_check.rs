//! `campaign.check`: makes the message of everybody in the audience of a campaign, before somebody approves it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{campaign::CheckEnded, thing::CAMPAIGN};
use herald_ledger::{Change, End, Payload, Policy, Thing};

/// Arguments of `campaign.check`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CampaignCheck {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The hash of what is looked through. Of something else, the job looks at nobody.
    pub hash: String,
}

impl Payload for CampaignCheck {
    const POLICY: Policy = Policy::new("campaign.check", "control").seconds(1_800).attempts(10);
    const NAMES: &'static [(&'static str, Thing)] = &[("campaign_id", CAMPAIGN)];
    const NOT_BY_HAND: Option<&'static str> = Some("a campaign.check job starts when a campaign is submitted");

    fn unique_key(&self) -> Option<String> {
        Some(format!("campaign.check:{}:{}", self.campaign_id, self.hash))
    }

    /// The campaign cannot be approved until it was looked through.
    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        let Ok(args) = serde_json::from_value::<Self>(args.clone()) else { return Vec::new() };
        let reason = match end {
            End::Dead(reason) => reason.to_owned(),
            End::Cancelled => "a person cancelled it".to_owned(),
            End::Retried => return Vec::new(),
        };
        vec![CheckEnded { campaign_id: args.campaign_id, hash: args.hash, reason }.into()]
    }
}
