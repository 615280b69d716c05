//! `crm.event`: does what the agency's CRM told by webhook.

use serde::{Deserialize, Serialize};

use herald_ledger::{Payload, Policy};

/// Arguments of `crm.event`. Its result has `outcome`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrmEvent {
    /// The webhook's id: what it says lies in its row.
    pub event_id: String,
}

impl Payload for CrmEvent {
    const POLICY: Policy = Policy::new("crm.event", "sync");

    fn unique_key(&self) -> Option<String> {
        Some(format!("crm:{}", self.event_id))
    }
}
