//! `campaign.test`: sends one mail of a campaign to somebody who looks at it, and says what became of it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::thing::CAMPAIGN;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `campaign.test`. Its result has `findings`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CampaignTest {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The address of the person who looks at the mail.
    pub to: String,
    /// The contact whose mail it is; none: somebody who has a value in every field.
    #[serde(default)]
    pub contact_id: Option<Uuid>,
}

impl Payload for CampaignTest {
    const POLICY: Policy = Policy::new("campaign.test", "email").attempts(1).seconds(120);
    const NAMES: &'static [(&'static str, Thing)] = &[("campaign_id", CAMPAIGN)];
    const NOT_BY_HAND: Option<&'static str> = Some("a campaign.test job starts with a test of a campaign");

    fn unique_key(&self) -> Option<String> {
        let contact = self.contact_id.map(|id| id.to_string()).unwrap_or_default();
        Some(format!("campaign-test:{}:{}:{contact}", self.campaign_id, self.to))
    }
}
