//! `import.undo`: takes an import back, chunk by chunk.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{IMPORT, ImportState, import::end_of};
use herald_ledger::{Change, End, Payload, Policy, Thing};

/// Arguments of `import.undo`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportUndo {
    /// The import.
    pub import_id: Uuid,
}

impl Payload for ImportUndo {
    const POLICY: Policy = Policy::new("import.undo", "control").seconds(3_600);
    const NAMES: &'static [(&'static str, Thing)] = &[("import_id", IMPORT)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of(ImportState::Undoing, args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("import.undo:{}", self.import_id))
    }
}
