//! `import.run`: takes the rows of a list in, chunk by chunk.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{IMPORT, ImportState, import::end_of};
use herald_ledger::{Change, End, Payload, Policy, Thing};

/// Arguments of `import.run`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportRun {
    /// The import.
    pub import_id: Uuid,
}

impl Payload for ImportRun {
    const POLICY: Policy = Policy::new("import.run", "control").seconds(3_600);
    const NAMES: &'static [(&'static str, Thing)] = &[("import_id", IMPORT)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of(ImportState::Importing, args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("import.run:{}", self.import_id))
    }
}
