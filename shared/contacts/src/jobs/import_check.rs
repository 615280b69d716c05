//! `import.check`: reads a list in full, and says what its import would do.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{IMPORT, ImportState, import::end_of};
use herald_ledger::{Change, End, Payload, Policy, Thing};

/// Arguments of `import.check`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportCheck {
    /// The import.
    pub import_id: Uuid,
}

impl Payload for ImportCheck {
    const POLICY: Policy = Policy::new("import.check", "control").seconds(3_600);
    const NAMES: &'static [(&'static str, Thing)] = &[("import_id", IMPORT)];

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        end_of(ImportState::Checking, args, end)
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("import.check:{}", self.import_id))
    }
}
