//! Which jobs: the parameters of a list, and the fields of a bulk act.

use chrono::{DateTime, Utc};
use herald_shared::ledger::{ArgFilter, JobFilter, JobState};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::problem::Problem;

/// What may be asked of a list of jobs. Everything is text, so that a refusal can name its field.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// By kind; `invitation.*` means every kind that begins so.
    kind: Option<String>,
    /// By state.
    #[param(value_type = Option<JobState>)]
    state: Option<String>,
    /// By queue.
    queue: Option<String>,
    /// By batch.
    #[param(value_type = Option<Uuid>)]
    batch: Option<String>,
    /// By one of their arguments.
    #[param(example = "run_id:0199c0de-0000-7000-8000-000000000000")]
    arg: Option<String>,
    /// By the cause of their last failure.
    fingerprint: Option<String>,
    /// Enqueued at or after.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_after: Option<String>,
    /// Enqueued before.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_before: Option<String>,
    /// Ended at or after.
    #[param(value_type = Option<DateTime<Utc>>)]
    finished_after: Option<String>,
    /// Ended before.
    #[param(value_type = Option<DateTime<Utc>>)]
    finished_before: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    pub(super) cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(super) limit: Option<usize>,
}

impl Asked {
    pub(super) fn filter(self) -> Result<JobFilter, Problem> {
        Ok(JobFilter {
            kind: self.kind,
            state: self
                .state
                .map(|state| state.parse::<JobState>())
                .transpose()
                .map_err(|unknown| Problem::field("state", unknown))?,
            queue: self.queue,
            batch_id: self
                .batch
                .map(|batch| batch.parse::<Uuid>())
                .transpose()
                .map_err(|_| Problem::field("batch", "batch is no id: take it from a run's `batch`"))?,
            arg: self
                .arg
                .map(|arg| arg.parse::<ArgFilter>())
                .transpose()
                .map_err(|wrong| Problem::field("arg", wrong))?,
            fingerprint: self.fingerprint,
            created_after: time("created_after", self.created_after)?,
            created_before: time("created_before", self.created_before)?,
            finished_after: time("finished_after", self.finished_after)?,
            finished_before: time("finished_before", self.finished_before)?,
            before: None,
        })
    }
}

fn time(field: &str, text: Option<String>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    text.parse::<DateTime<Utc>>()
        .map(Some)
        .map_err(|_| Problem::field(field, format!("{text:?} is no time: write it as 2026-03-01T09:00:00Z")))
}
