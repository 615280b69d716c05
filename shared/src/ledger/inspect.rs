//! Looking at jobs.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::db::{Db, FromRow, Json, Result, lookup};

/// A job as people see it.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct JobRow {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// Its arguments.
    #[schema(value_type = Object)]
    pub args: Json<serde_json::Value>,
    /// Where it stands.
    #[schema(value_type = super::JobState)]
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
    #[schema(value_type = Option<serde_json::Value>)]
    pub progress: Option<Json<serde_json::Value>>,
    /// What it left.
    #[schema(value_type = Option<serde_json::Value>)]
    pub result: Option<Json<serde_json::Value>>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When its last attempt was leased.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The cause of its last failed attempt.
    pub fingerprint: Option<String>,
}

/// One failed attempt.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct JobError {
    /// Which attempt.
    pub attempt: i64,
    /// What went wrong.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Its cause: messages that differ only in ids, numbers, names and the like have the same.
    pub fingerprint: Option<String>,
}

/// A job of a workspace.
pub async fn job(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<JobRow>> {
    lookup(
        "select rows.nth, id, kind, queue, args, state, priority, attempt, max_attempts, run_at, worker, batch_id, progress, result,
                created_at, started_at, finished_at, fingerprint
         from {rows} join jobs on id = rows.job and workspace_id = rows.workspace",
    )
    .by("workspace", workspace_id)
    .by("job", id)
    .optional(db)
    .await
}

/// The failed attempts of a job, first one first.
pub async fn job_errors(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Vec<JobError>> {
    lookup(
        "select rows.nth, attempt, message, at, fingerprint
         from {rows} join job_errors on job_id = rows.job and workspace_id = rows.workspace order by attempt, at, id",
    )
    .by("workspace", workspace_id)
    .by("job", id)
    .all(db)
    .await
}
