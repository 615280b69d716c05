//! The filter for jobs: the parameters of a list.

use herald_ledger::{ArgFilter, ChosenJobs, JobFilter, JobState};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::front::{input::time, problem::Problem};

/// The largest number of jobs to look through.
const MOST_WITHIN: usize = 1_000_000_000;

/// The filters of the list of jobs. Every field is text, so that a refusal can name its field.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Only these jobs: at most 500 ids, with commas between them.
    #[param(example = "0199c0de-0000-7000-8000-000000000000")]
    ids: Option<String>,
    /// Only jobs of this kind; `invitation.*` means every kind that begins with `invitation.`.
    kind: Option<String>,
    /// Only jobs in this state.
    #[param(value_type = Option<JobState>)]
    state: Option<String>,
    /// Only jobs of this queue.
    queue: Option<String>,
    /// Only jobs of this batch.
    #[param(value_type = Option<Uuid>)]
    batch: Option<String>,
    /// Only jobs with this argument, written as `name:value`.
    #[param(example = "run_id:0199c0de-0000-7000-8000-000000000000")]
    arg: Option<String>,
    /// Only jobs whose last failure has this fingerprint.
    fingerprint: Option<String>,
    /// Only jobs enqueued at or after this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_after: Option<String>,
    /// Only jobs enqueued before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_before: Option<String>,
    /// Only jobs that ended at or after this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    finished_after: Option<String>,
    /// Only jobs that ended before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    finished_before: Option<String>,
    /// The `next_cursor` of the previous page.
    pub(super) cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(super) limit: Option<usize>,
    /// Only for the list of jobs: how many jobs it looks through at most for a filter that no index serves, such as one
    /// by kind or by argument. The page may then have fewer rows than `limit`, even none, and a `next_cursor` that goes
    /// on.
    #[param(minimum = 1, maximum = 1_000_000_000)]
    pub(super) within: Option<usize>,
}

impl Asked {
    pub(super) fn filter(self) -> Result<JobFilter, Problem> {
        if let Some(within) = self.within.filter(|within| !(1..=MOST_WITHIN).contains(within)) {
            return Err(Problem::field("within", format!("within is {within}: use 1 to {MOST_WITHIN}")));
        }
        Ok(JobFilter {
            ids: self
                .ids
                .map(|ids| ids.parse::<ChosenJobs>())
                .transpose()
                .map_err(|wrong| Problem::field("ids", wrong))?,
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
                .map_err(|_| Problem::field("batch", "batch is not a valid id: use the id in a run's `batch`"))?,
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
