//! Batches: many jobs that have one progress, one end, and one job to run at the end.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{JobState, NewJob};
use herald_base::{boxed, telemetry::traceparent};
use herald_db::{Db, DbError, FromRow, Json, Result, Tx, query};

/// A batch to be made. Its first jobs are enqueued in the same transaction.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// The workspace of the batch.
    pub workspace_id: Uuid,
    /// The name of the batch, for people to read.
    pub name: String,
    /// The jobs that are enqueued when something happens to the batch. They do not count in it.
    pub callbacks: Callbacks,
}

/// Jobs that a batch enqueues.
#[derive(Clone, Debug, Default)]
pub struct Callbacks {
    /// When every job has ended, however it ended.
    pub on_complete: Option<NewJob>,
    /// When every job has succeeded.
    pub on_success: Option<NewJob>,
    /// When the first job dies; once, however many follow.
    pub on_first_death: Option<NewJob>,
}

herald_base::text_enum! {
    /// The state of a batch.
    pub enum BatchState, "unknown state of a batch {:?}" {
        /// Some of its jobs have not ended.
        Running "running",
        /// All of its jobs have ended.
        Complete "complete",
        /// A person stopped it.
        Cancelled "cancelled",
    }
}

/// A batch of jobs and its progress. In a chain of jobs, each step joins the batch when the previous step ends.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Batch {
    /// The id of the batch.
    pub id: Uuid,
    /// The workspace of the batch.
    pub workspace_id: Uuid,
    /// The name of the batch, for people to read.
    pub name: String,
    /// `running`, `complete` or `cancelled`.
    #[schema(value_type = String, pattern = "^(running|complete|cancelled)$")]
    #[sqlx(try_from = "String")]
    pub state: BatchState,
    /// The number of jobs so far.
    pub total: i64,
    /// The number of jobs that succeeded.
    pub succeeded: i64,
    /// The number of jobs that failed for good.
    pub dead: i64,
    /// The number of cancelled jobs.
    pub cancelled: i64,
    /// When the batch was created.
    pub created_at: DateTime<Utc>,
    /// When the last job ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Makes an empty batch.
#[boxed]
pub async fn create_batch(tx: &mut Tx, new: NewBatch) -> Result<Uuid> {
    let id = tx.db().new_id();
    let stored = |job: Option<NewJob>| {
        job.map(|mut job| {
            // When it is enqueued, another trace is open.
            job.traceparent = job.traceparent.or_else(traceparent);
            serde_json::to_value(job).expect("a job is plain data")
        })
    };
    query(
        "insert into batches (id, workspace_id, name, state, total, succeeded, dead, cancelled, on_complete, \
         on_success, on_first_death,
                              created_at)
         values ($1, $2, $3, 'running', 0, 0, 0, 0, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(new.workspace_id)
    .bind(new.name)
    .bind(stored(new.callbacks.on_complete))
    .bind(stored(new.callbacks.on_success))
    .bind(stored(new.callbacks.on_first_death))
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    Ok(id)
}

/// A batch of a workspace.
#[boxed]
pub async fn find_batch(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Batch>> {
    query(
        "select id, workspace_id, name, state, total, succeeded, dead, cancelled, created_at, finished_at
         from batches where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// Ends to be added to the counters of batches, each under its workspace and its id.
pub(super) type Ends = HashMap<(Uuid, Uuid), Counts>;

/// Numbers of ended jobs, to be added to a batch's counters. They are negative where a person retries ended jobs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    succeeded: i64,
    dead: i64,
    cancelled: i64,
}

impl Counts {
    pub(super) fn add(&mut self, state: JobState) {
        self.add_many(state, 1);
    }

    pub(super) fn add_many(&mut self, state: JobState, jobs: i64) {
        match state {
            JobState::Succeeded => self.succeeded += jobs,
            JobState::Dead => self.dead += jobs,
            JobState::Cancelled => self.cancelled += jobs,
            JobState::Ready | JobState::Running => {}
        }
    }
}

#[derive(FromRow)]
struct Counted {
    unfinished: i64,
    /// Jobs that did not succeed.
    unsuccessful: i64,
    dead: i64,
    death_told: bool,
    #[sqlx(try_from = "String")]
    state: BatchState,
    on_complete: Option<Json<serde_json::Value>>,
    on_success: Option<Json<serde_json::Value>>,
    on_first_death: Option<Json<serde_json::Value>>,
}

/// Adds to the counters of batches and returns the jobs to enqueue for those to which something happened: the first
/// death, the end.
pub(super) async fn count(tx: &mut Tx, counts: Ends, now: DateTime<Utc>) -> std::result::Result<Vec<NewJob>, DbError> {
    let mut callbacks = Vec::new();
    let mut counts: Vec<_> = counts.into_iter().collect();
    // The order in which new jobs lock their batches.
    counts.sort_unstable_by_key(|((_, id), _)| *id);
    for ((workspace_id, id), counts) in counts {
        let counted: Option<Counted> = query(
            "update batches set succeeded = succeeded + $2, dead = dead + $3, cancelled = cancelled + $4
             where workspace_id = $5 and id = $1
             returning total - succeeded - dead - cancelled as unfinished, dead + cancelled as unsuccessful, dead, \
             death_told, state,
                       on_complete, on_success, on_first_death",
        )
        .bind(id)
        .bind(counts.succeeded)
        .bind(counts.dead)
        .bind(counts.cancelled)
        .bind(workspace_id)
        .optional(&mut *tx)
        .await?;
        let Some(counted) = counted else { continue };
        if counted.dead > 0 && !counted.death_told {
            query("update batches set death_told = true where workspace_id = $1 and id = $2")
                .bind(workspace_id)
                .bind(id)
                .execute(tx)
                .await?;
            callbacks.extend(stored(counted.on_first_death));
        }
        if counted.unfinished > 0 {
            if counted.state == BatchState::Complete {
                query("update batches set state = 'running', finished_at = null where workspace_id = $1 and id = $2")
                    .bind(workspace_id)
                    .bind(id)
                    .execute(tx)
                    .await?;
            }
            continue;
        }
        query(
            "update batches set state = case when state = 'running' then 'complete' else state end, finished_at = $2
             where workspace_id = $3 and id = $1",
        )
        .bind(id)
        .bind(now)
        .bind(workspace_id)
        .execute(tx)
        .await?;
        if counted.unsuccessful == 0 {
            callbacks.extend(stored(counted.on_success));
        }
        callbacks.extend(stored(counted.on_complete));
    }
    Ok(callbacks)
}

/// A job as a batch's row holds it; one that another version wrote and this one cannot read is left out.
fn stored(job: Option<Json<serde_json::Value>>) -> Option<NewJob> {
    serde_json::from_value(job?.0)
        .inspect_err(|error| tracing::error!(%error, "a batch's callback is not readable: it is not run"))
        .ok()
}
