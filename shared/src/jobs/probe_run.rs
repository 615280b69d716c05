//! `probe.run`: shows that the fleet works, by doing nothing but one call.

use serde::{Deserialize, Serialize};

use super::{JobKind, Payload};

/// Arguments of `probe.run`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProbeRun {
    /// The name of the probe.
    pub probe: String,
    /// Its place in the probe, from 0.
    pub number: i64,
}

impl Payload for ProbeRun {
    const KIND: JobKind = JobKind::ProbeRun;
}
