//! `message.email`: sends a part of a campaign's messages by mail.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::message::forget_claims_of;
use herald_ledger::{Change, End, Payload, Policy};

/// Arguments of `message.email`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageEmail {
    /// The campaign.
    pub campaign_id: Uuid,
    /// The number of its start or resumption. In another one the job sends nothing.
    pub round: i64,
    /// The first message.
    pub from: Uuid,
    /// The last message.
    pub to: Uuid,
}

impl Payload for MessageEmail {
    const POLICY: Policy = Policy::new("message.email", "bulk").seconds(900).attempts(50);

    fn unique_key(&self) -> Option<String> {
        Some(format!("message.email:{}:{}:{}", self.campaign_id, self.round, self.from))
    }

    /// A mail server that is away holds up this campaign, and no other.
    fn limit_key(&self) -> Option<String> {
        Some(self.campaign_id.to_string())
    }

    /// What the job had in its hands is unknown.
    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        match (end, serde_json::from_value::<Self>(args.clone())) {
            (End::Dead(_) | End::Cancelled, Ok(args)) => {
                vec![forget_claims_of(args.campaign_id, (args.from, args.to)).into()]
            }
            _ => Vec::new(),
        }
    }
}
