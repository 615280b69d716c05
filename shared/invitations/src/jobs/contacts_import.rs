//! `contacts.import`: reads a run's list of guests into contacts and invitations, chunk by chunk.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{RUN, end_of_import};
use herald_accounts::Account;
use herald_accounts::CONNECTION;
use herald_ledger::{Change, End, Payload, Policy, Thing};
use serde_json::Value;

/// Arguments of `contacts.import`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactsImport {
    /// The run whose source is read.
    pub run_id: Uuid,
    /// The account outside that reserves places for the invitations, if they go there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl Payload for ContactsImport {
    const POLICY: Policy = Policy::new("contacts.import", "control").seconds(3_600);
    const NAMES: &'static [(&'static str, Thing)] = &[("run_id", RUN), ("account.connection_id", CONNECTION)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of_import(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("import:{}", self.run_id))
    }

    /// It waits in the queue of its kind, which the account's troubles must not hold up for others.
    fn limit_key(&self) -> Option<String> {
        self.account.map(|account| account.limit_key())
    }
}
