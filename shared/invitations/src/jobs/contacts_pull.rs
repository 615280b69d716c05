//! `contacts.pull`: reads a run's guests from an outside system into contacts and invitations, page by page.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{RUN, end_of_import};
use herald_accounts::CONNECTION;
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

/// Arguments of `contacts.pull`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactsPull {
    /// The run whose source is read.
    pub run_id: Uuid,
    /// The account it is read with.
    pub connection_id: Uuid,
}

impl Payload for ContactsPull {
    const POLICY: Policy = Policy::new("contacts.pull", "mautic").seconds(3_600);
    const NAMES: &'static [(&'static str, Thing)] = &[("run_id", RUN), ("connection_id", CONNECTION)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of_import(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("import:{}", self.run_id))
    }

    fn limit_key(&self) -> Option<String> {
        Some(self.connection_id.to_string())
    }
}
