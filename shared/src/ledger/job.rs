//! What a job is, on its way in, on the wire, and on its way out.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    db::{FromRow, Json},
    domain::Fact,
};

/// Where a job stands. The state machine is drawn in [`crate::ledger`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting for `run_at`: new, delayed, or to be tried again.
    Ready,
    /// Leased to a worker.
    Running,
    /// Finished.
    Succeeded,
    /// Failed for good, or out of tries. A person can retry it.
    Dead,
    /// Stopped by a person before it finished.
    Cancelled,
}

impl JobState {
    /// Every state, in the order a job passes through them.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Running, Self::Succeeded, Self::Dead, Self::Cancelled];

    /// The name used in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| format!("unknown job state {name:?}: use ready, running, succeeded, dead or cancelled"))
    }
}

/// A job to be put in the ledger. [`crate::jobs::Payload::job`] makes one with its kind's policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewJob {
    /// The workspace it works for.
    pub workspace_id: Uuid,
    /// What to do, as `area.verb`.
    pub kind: String,
    /// Which queue it waits in.
    pub queue: String,
    /// Its arguments: a JSON object of ids rather than data, at most 64 KiB.
    pub args: serde_json::Value,
    /// Lower runs sooner. 0 is normal.
    pub priority: i64,
    /// How many times it is tried, crashes included.
    pub max_attempts: i64,
    /// Not before this time; now if `None`.
    pub run_at: Option<DateTime<Utc>>,
    /// At most one live job of a workspace has this key.
    pub unique_key: Option<String>,
    /// The batch it counts in.
    pub batch_id: Option<Uuid>,
    /// The trace that caused it (W3C `traceparent`).
    pub traceparent: Option<String>,
}

/// Names one attempt of one job: what an outcome must match to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobKey {
    /// The job.
    pub id: Uuid,
    /// The attempt, counted from 1.
    pub attempt: i64,
}

/// A job leased to be run: what the wire carries.
#[derive(Clone, Debug, FromRow, Serialize, Deserialize)]
pub struct Leased {
    /// The job.
    pub id: Uuid,
    /// The workspace it works for.
    pub workspace_id: Uuid,
    /// What to do.
    pub kind: String,
    /// The queue it waited in.
    pub queue: String,
    /// Its arguments.
    pub args: Json<serde_json::Value>,
    /// Which attempt this is, counted from 1.
    pub attempt: i64,
    /// How many there may be.
    pub max_attempts: i64,
    /// When it was due.
    pub run_at: DateTime<Utc>,
    /// Whose it is until then.
    pub lease_until: DateTime<Utc>,
    /// The batch it counts in.
    pub batch_id: Option<Uuid>,
    /// The trace that caused it.
    pub traceparent: Option<String>,
}

impl Leased {
    /// Which attempt of which job this is.
    pub fn key(&self) -> JobKey {
        JobKey { id: self.id, attempt: self.attempt }
    }

    /// Whether no try is left after this one.
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }
}

/// How an attempt ended, as it is written.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It did what it was for.
    Done {
        /// Kept on the row; an object or array.
        result: Option<serde_json::Value>,
        /// What it changed in the domain, written with the outcome.
        facts: Vec<Fact>,
        /// The jobs that come next, enqueued with the outcome.
        then: Vec<NewJob>,
    },
    /// It failed and is tried again at `run_at`.
    Retry {
        /// What went wrong.
        error: String,
        /// When the next try is due.
        run_at: DateTime<Utc>,
    },
    /// It was too early; it is run again at `run_at`, and this attempt does not count.
    Snooze {
        /// When it is due again.
        run_at: DateTime<Utc>,
    },
    /// It failed for good.
    Dead {
        /// What went wrong.
        error: String,
        /// What its death changes in the domain.
        facts: Vec<Fact>,
    },
    /// It was cancelled while it ran.
    Cancelled,
}

/// A finished attempt on its way into the ledger.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The job as it was leased.
    pub job: Leased,
    /// How it ended.
    pub outcome: Outcome,
}
