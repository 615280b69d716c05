//! `probe.run`: shows that the fleet works, by doing nothing but one call.

use serde::{Deserialize, Serialize};

use herald_ledger::{Described, Payload, Policy, installation};
use std::time::Duration;

/// Arguments of `probe.run`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProbeRun {
    /// The name of the probe.
    pub probe: String,
    /// The place of the job in the probe, from 0.
    pub number: i64,
}

impl Payload for ProbeRun {
    const POLICY: Policy = Policy::new("probe.run", "sync")
        .priority(1)
        .attempts(12)
        .backoff(Duration::from_millis(200), Duration::from_secs(10))
        .seconds(20)
        .by(installation("probes"));

    fn described() -> Option<Described> {
        Some(Described::by::<Self>())
    }
}
