//! `export.run`: writes the rows of a list into a file.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{EXPORT, export_effect::end_of};
use herald_ledger::{Change, End, Payload, Policy, Thing};

/// Arguments of `export.run`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportRun {
    /// The export.
    pub export_id: Uuid,
}

impl Payload for ExportRun {
    const POLICY: Policy = Policy::new("export.run", "control").seconds(3_600);
    const NAMES: &'static [(&'static str, Thing)] = &[("export_id", EXPORT)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of(args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("export.run:{}", self.export_id))
    }
}
