//! `contact.erase`: removes the files of a person who was erased.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ERASURE;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `contact.erase`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactErase {
    /// The erasure.
    pub erasure_id: Uuid,
}

impl Payload for ContactErase {
    const POLICY: Policy = Policy::new("contact.erase", "control").seconds(600);
    const NAMES: &'static [(&'static str, Thing)] = &[("erasure_id", ERASURE)];
}
