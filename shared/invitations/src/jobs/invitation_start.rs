//! `invitation.start`: starts a run as planned, such as every night or when a form was filled in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PlannedRun;
use crate::TEMPLATE;
use herald_accounts::CONNECTION;
use herald_ledger::{Described, Payload, Policy, Thing, staff};

/// Arguments of `invitation.start`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationStart {
    /// The run.
    #[serde(flatten)]
    pub run: PlannedRun,
}

impl Payload for InvitationStart {
    const POLICY: Policy = Policy::new("invitation.start", "control").by(staff("invitation-runs"));
    const NAMES: &'static [(&'static str, Thing)] =
        &[("template", TEMPLATE), ("source.connection", CONNECTION), ("destination.connection", CONNECTION)];

    /// A run for a segment tells who belongs to it.
    fn reads(args: &Value) -> &'static [&'static str] {
        match args.pointer("/source/kind").and_then(Value::as_str) {
            Some("segment") => &["segments", "contacts"],
            _ => &[],
        }
    }

    fn described() -> Option<Described> {
        Some(Described::by::<PlannedRun>())
    }
}
