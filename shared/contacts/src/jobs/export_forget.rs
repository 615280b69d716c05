//! `export.forget`: removes the file of an export that has expired.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::EXPORT;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `export.forget`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportForget {
    /// The export.
    pub export_id: Uuid,
}

impl Payload for ExportForget {
    const POLICY: Policy = Policy::new("export.forget", "control").seconds(600);
    const NAMES: &'static [(&'static str, Thing)] = &[("export_id", EXPORT)];
}
