//! `import.forget`: removes what only an undoing needs, once an import cannot be undone any more.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::IMPORT;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `import.forget`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportForget {
    /// The import.
    pub import_id: Uuid,
}

impl Payload for ImportForget {
    const POLICY: Policy = Policy::new("import.forget", "control").seconds(600);
    const NAMES: &'static [(&'static str, Thing)] = &[("import_id", IMPORT)];
}
