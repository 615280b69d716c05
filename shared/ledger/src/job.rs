//! What a job is, on its way in, on the wire, and on its way out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, OpenHours};
use herald_db::{FromRow, Json};

herald_base::text_enum! {
    /// The state of a job. The state machine is drawn in [`crate`].
    pub enum JobState, "unknown job state {:?}" {
        /// Waiting for `run_at`: new, delayed, or to be retried.
        Ready "ready",
        /// Leased to a worker.
        Running "running",
        /// Finished.
        Succeeded "succeeded",
        /// Failed for good, or out of attempts. A person can retry the job.
        Dead "dead",
        /// Cancelled by a person before the job finished.
        Cancelled "cancelled",
    }
}

impl JobState {
    /// Whether nothing more happens to the job by itself.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Ready | Self::Running)
    }
}

/// A job to be put in the ledger. [`Payload::job`](super::Payload::job) makes one with its kind's policy.
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
    /// What makes another job of the workspace the same job.
    pub unique_key: Option<String>,
    /// What happens to a second job with the same key.
    #[serde(default)]
    pub unique: Unique,
    /// The batch it counts in.
    pub batch_id: Option<Uuid>,
    /// The trace that caused it (W3C `traceparent`).
    pub traceparent: Option<String>,
    /// What it shares a limit with inside its queue, such as one host or one account.
    #[serde(default)]
    pub limit_key: Option<String>,
    /// How much of its queue's rate it takes; 1 is normal.
    #[serde(default = "one")]
    pub cost: i64,
    /// Not after this time: it is dropped instead, and says so.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Only in these hours of its recipient's day; it waits for them.
    #[serde(default)]
    pub open_hours: Option<OpenHours>,
}

fn one() -> i64 {
    1
}

/// What happens when a job is enqueued whose key is taken. Whichever it is, the id of the job that lives is returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unique {
    /// The key is taken until the job has ended. A second one is not made.
    #[default]
    UntilDone,
    /// The key is taken until the job is leased: a second one made while the first runs will run after it.
    UntilStarted,
    /// The key is taken for so long after a job was made, whatever became of that job.
    Throttle {
        /// For how long.
        period: Duration,
    },
    /// While the job has not started, each further one moves its start to `delay` from now and leaves its own arguments
    /// behind.
    Debounce {
        /// How long it must be quiet before the job starts.
        delay: Duration,
        /// The longest the first one's start can be put off.
        longest: Duration,
    },
    /// While the job has not started, a further one takes its place: arguments, priority and due time.
    Replace,
}

impl Unique {
    /// Whether the key is free again as soon as its job is leased.
    pub(super) fn until_start(self) -> bool {
        matches!(self, Self::UntilStarted | Self::Debounce { .. } | Self::Replace)
    }
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
    /// What it shares a limit with inside its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_key: Option<String>,
    /// How much of its queue's rate it took. Of interest to dispatch alone.
    #[serde(skip, default = "one")]
    #[sqlx(default)]
    pub cost: i64,
    /// Not after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Only in these hours of its recipient's day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_hours: Option<Json<OpenHours>>,
    /// Its queue, or its key in it, lets only so many run at once: its end makes room for another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[sqlx(default)]
    pub makes_room: bool,
}

/// Whether a job may run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timely {
    /// It may.
    Now,
    /// Its recipient's hours are closed until then.
    NotBefore(DateTime<Utc>),
    /// Its time is over.
    Expired,
}

impl Leased {
    /// Which attempt of which job this is.
    pub fn key(&self) -> JobKey {
        JobKey { id: self.id, attempt: self.attempt }
    }

    /// Whether it may run at `now`.
    pub fn timely(&self, now: DateTime<Utc>) -> Timely {
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Timely::Expired;
        }
        match self.open_hours.as_ref().map(|hours| hours.0.open_from(now)) {
            Some(open) if open > now => Timely::NotBefore(open),
            _ => Timely::Now,
        }
    }

    /// The outcome of an attempt that is not run because [`Leased::timely`] said so.
    pub fn untimely(&self, now: DateTime<Utc>) -> Option<Outcome> {
        match self.timely(now) {
            Timely::Now => None,
            // If the hours would open only after the job's end, it need not wait for them.
            Timely::NotBefore(open) if self.expires_at.is_none_or(|end| end > open) => {
                Some(Outcome::Snooze { run_at: open })
            }
            Timely::NotBefore(_) | Timely::Expired => Some(Outcome::Expired),
        }
    }

    /// What the history of an expired job says.
    pub(super) fn expiry(&self) -> String {
        expiry(self.expires_at)
    }

    /// Whether no try is left after this one.
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }
}

/// What the history of an expired job says.
pub(super) fn expiry(expires_at: Option<DateTime<Utc>>) -> String {
    match expires_at {
        Some(end) => {
            format!("the job could not run before its deadline {}: dropped", end.format("%Y-%m-%d %H:%M:%S UTC"))
        }
        None => "the job could not run before its deadline: dropped".to_owned(),
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
        changes: Vec<Change>,
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
    /// It failed for good. What that changes in the domain, its kind says.
    Dead {
        /// What went wrong.
        error: String,
    },
    /// The provider asked for patience, which holds for everything of the job's queue, or of its limit key if it has
    /// one. The job is run again at `until` or later, and this attempt does not count.
    Limited {
        /// What the provider said.
        error: String,
        /// Nothing is dispatched before.
        until: DateTime<Utc>,
    },
    /// It was cancelled while it ran.
    Cancelled,
    /// Its time was over before it ran. It ends as cancelled, and its history says why.
    Expired,
}

/// A finished attempt on its way into the ledger.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The job as it was leased.
    pub job: Leased,
    /// How it ended.
    pub outcome: Outcome,
}
