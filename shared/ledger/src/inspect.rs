//! Looking at jobs.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::JobState;
use herald_db::{Db, FromRow, Json, Result, lookup};

/// A job.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct JobRow {
    /// The id of the job.
    pub id: Uuid,
    /// The kind of the job.
    pub kind: String,
    /// The queue of the job.
    pub queue: String,
    /// The arguments of the job.
    #[schema(value_type = Object)]
    pub args: Json<serde_json::Value>,
    /// The state of the job.
    #[sqlx(try_from = "String")]
    pub state: JobState,
    /// The priority: jobs with a lower number run sooner.
    pub priority: i64,
    /// The number of attempts so far.
    pub attempt: i64,
    /// The largest number of attempts.
    pub max_attempts: i64,
    /// When the job was or will be due.
    pub run_at: DateTime<Utc>,
    /// The worker that last leased the job.
    pub worker: Option<String>,
    /// The batch of the job.
    pub batch_id: Option<Uuid>,
    /// The progress of the job.
    #[schema(value_type = Option<serde_json::Value>)]
    pub progress: Option<Json<serde_json::Value>>,
    /// The result of the job.
    #[schema(value_type = Option<serde_json::Value>)]
    pub result: Option<Json<serde_json::Value>>,
    /// When the job was enqueued.
    pub created_at: DateTime<Utc>,
    /// When the last attempt was leased.
    pub started_at: Option<DateTime<Utc>>,
    /// When the job ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The fingerprint of the last failed attempt's cause.
    pub fingerprint: Option<String>,
    /// The trace that caused the job, as OpenTelemetry writes it: 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// The columns of a [`JobRow`]. A `traceparent` is `00-`, the trace, and the rest.
macro_rules! job_row {
    () => {
        "id, kind, queue, args, state, priority, attempt, max_attempts, run_at, worker, batch_id, progress, result, \
         created_at, started_at, finished_at, fingerprint, substr(traceparent, 4, 32) as trace_id"
    };
}
pub(super) use job_row;

/// A failed attempt.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct JobError {
    /// The number of the attempt.
    pub attempt: i64,
    /// The error message.
    pub message: String,
    /// When the attempt failed.
    pub at: DateTime<Utc>,
    /// The fingerprint of the cause, which is the same for messages that differ only in ids, numbers and names.
    pub fingerprint: Option<String>,
}

/// A job of a workspace.
#[boxed]
pub async fn find_job(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<JobRow>> {
    lookup(concat!(
        "select rows.nth, ",
        job_row!(),
        " from {rows} join jobs on id = rows.job and workspace_id = rows.workspace"
    ))
    .by("workspace", workspace_id)
    .by("job", id)
    .optional(db)
    .await
}

/// The failed attempts of a job, first one first.
#[boxed]
pub async fn list_job_errors(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Vec<JobError>> {
    lookup(
        "select rows.nth, attempt, message, at, fingerprint
         from {rows} join job_errors on job_id = rows.job and workspace_id = rows.workspace order by attempt, at, id",
    )
    .by("workspace", workspace_id)
    .by("job", id)
    .all(db)
    .await
}
