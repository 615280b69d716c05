//! `crm.sync`: reads the list of the agency's CRM, whole or what changed, and brings its people here to it.

use serde::{Deserialize, Serialize};

use crate::SyncScope;
use herald_ledger::{Described, Payload, Policy, installation};

/// Arguments of `crm.sync`. Its result is what was seen and changed.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CrmSync {
    /// Which part of the list is read.
    pub scope: SyncScope,
    /// The number of people who may be missing from the list, after a person has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_missing: Option<u32>,
}

impl Payload for CrmSync {
    const POLICY: Policy = Policy::new("crm.sync", "sync").priority(1).seconds(3_600).by(installation("crm"));

    fn described() -> Option<Described> {
        Some(Described::by::<Self>())
    }

    /// One list is read at a time: two would hold each other up at every person.
    fn unique_key(&self) -> Option<String> {
        Some("crm.sync".to_owned())
    }
}
