//! `check.forget`: removes a check that has expired, with its files.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CHECK;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `check.forget`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckForget {
    /// The check.
    pub check_id: Uuid,
}

impl Payload for CheckForget {
    const POLICY: Policy = Policy::new("check.forget", "control").seconds(600);
    const NAMES: &'static [(&'static str, Thing)] = &[("check_id", CHECK)];
}
