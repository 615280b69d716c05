//! Looking at jobs.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::JobState;
use crate::db::{Db, FromRow, Json, Result, query};

/// A job as people see it.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct JobRow {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// Its arguments.
    pub args: Json<serde_json::Value>,
    /// Where it stands: a [`JobState`].
    pub state: String,
    /// Lower runs sooner.
    pub priority: i64,
    /// Attempts so far.
    pub attempt: i64,
    /// Attempts at most.
    pub max_attempts: i64,
    /// When it was or is due.
    pub run_at: DateTime<Utc>,
    /// Who leased it last.
    pub worker: Option<String>,
    /// The batch it counts in.
    pub batch_id: Option<Uuid>,
    /// How far it is.
    pub progress: Option<Json<serde_json::Value>>,
    /// What it left.
    pub result: Option<Json<serde_json::Value>>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When its last attempt was leased.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One failed attempt.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct JobError {
    /// Which attempt.
    pub attempt: i64,
    /// What went wrong.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Which jobs to list. `None` means any.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// By kind.
    pub kind: Option<String>,
    /// By state.
    pub state: Option<JobState>,
    /// By queue.
    pub queue: Option<String>,
    /// By batch.
    pub batch_id: Option<Uuid>,
    /// Only jobs older than this one: the last id of the page before.
    pub before: Option<Uuid>,
}

/// A job of a workspace.
pub async fn job(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<JobRow>> {
    query(
        "select id, kind, queue, args, state, priority, attempt, max_attempts, run_at, worker, batch_id, progress, result,
                created_at, started_at, finished_at
         from jobs where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// The failed attempts of a job, first one first.
pub async fn job_errors(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Vec<JobError>> {
    query(
        "select attempt, message, at from job_errors where workspace_id = $1 and job_id = $2 order by attempt, at, id",
    )
    .bind(workspace_id)
    .bind(id)
    .all(db)
    .await
}

/// A workspace's jobs, newest first, at most `limit`.
pub async fn jobs(db: &Db, workspace_id: Uuid, filter: &JobFilter, limit: usize) -> Result<Vec<JobRow>> {
    query(
        "select id, kind, queue, args, state, priority, attempt, max_attempts, run_at, worker, batch_id, progress, result,
                created_at, started_at, finished_at
         from jobs
         where workspace_id = $1 and ($2 is null or kind = $2) and ($3 is null or state = $3) and ($4 is null or queue = $4)
           and ($5 is null or batch_id = $5) and ($6 is null or id < $6)
         order by id desc limit $7",
    )
    .bind(workspace_id)
    .bind(filter.kind.clone())
    .bind(filter.state.map(JobState::as_str))
    .bind(filter.queue.clone())
    .bind(filter.batch_id)
    .bind(filter.before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}
