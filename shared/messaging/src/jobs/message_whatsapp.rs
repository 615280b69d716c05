//! `message.whatsapp`: sends a part of a campaign's messages over WhatsApp.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::message::CampaignJobEnded;
use herald_ledger::{Change, End, Payload, Policy};

/// Arguments of `message.whatsapp`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageWhatsapp {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The number of its start or resumption. In another one the job sends nothing.
    pub round: i64,
    /// The first message.
    pub from: Uuid,
    /// The last message.
    pub to: Uuid,
}

impl Payload for MessageWhatsapp {
    const POLICY: Policy = Policy::new("message.whatsapp", "bulk").seconds(900).attempts(50);

    fn unique_key(&self) -> Option<String> {
        Some(format!("message.whatsapp:{}:{}:{}", self.campaign_id, self.round, self.from))
    }

    /// A provider that is away holds up this campaign, and no other.
    fn limit_key(&self) -> Option<String> {
        Some(self.campaign_id.to_string())
    }

    /// What the job had in its hands is unknown, and the campaign pauses.
    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        let Ok(args) = serde_json::from_value::<Self>(args.clone()) else { return Vec::new() };
        let reason = match end {
            End::Dead(reason) => reason.to_owned(),
            End::Cancelled => "a person cancelled it".to_owned(),
            End::Retried => return Vec::new(),
        };
        let messages = Some((args.from, args.to));
        vec![CampaignJobEnded { campaign_id: args.campaign_id, messages, reason }.into()]
    }
}
