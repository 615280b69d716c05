//! `jobs.act`: retries, cancels or deletes the jobs a filter finds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ACTS, Payload, Policy};
use crate::{Act, JobFilter, audit::Actor};

/// Arguments of `jobs.act`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobsAct {
    /// What to do.
    pub act: Act,
    /// To which jobs.
    pub filter: JobFilter,
    /// Who asked for it.
    pub by: Actor,
    /// When. Jobs enqueued later are left alone.
    pub asked_at: DateTime<Utc>,
}

impl Payload for JobsAct {
    const POLICY: Policy = Policy::new(ACTS, "control").seconds(3_600);
    const NOT_BY_HAND: Option<&'static str> =
        Some("a jobs.act job starts with POST /jobs/act, which records the caller");
}
