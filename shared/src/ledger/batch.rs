//! Batches: many jobs that have one progress, one end, and one job to run at the end.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{JobState, NewJob};
use crate::db::{Db, DbError, FromRow, Json, Result, Tx, query};

/// A batch to be made. Its first jobs are enqueued in the same transaction.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// The workspace it works for.
    pub workspace_id: Uuid,
    /// For people to read.
    pub name: String,
    /// Enqueued when every job of the batch has ended. It does not count in the batch.
    pub on_complete: Option<NewJob>,
}

/// A batch and how far it is. Jobs are counted; a chain's next step adds itself when its predecessor ends.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct Batch {
    /// Its id.
    pub id: Uuid,
    /// The workspace it works for.
    pub workspace_id: Uuid,
    /// For people to read.
    pub name: String,
    /// `running`, `complete` or `cancelled`.
    pub state: String,
    /// Jobs it has had so far.
    pub total: i64,
    /// Jobs that succeeded.
    pub succeeded: i64,
    /// Jobs that failed for good.
    pub dead: i64,
    /// Jobs that were cancelled.
    pub cancelled: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its last job ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Makes an empty batch.
pub async fn create_batch(tx: &mut Tx, new: NewBatch) -> Result<Uuid> {
    let id = tx.db().new_id();
    let on_complete = new.on_complete.map(|job| serde_json::to_value(job).expect("a job is plain data"));
    query(
        "insert into batches (id, workspace_id, name, state, total, succeeded, dead, cancelled, on_complete, created_at)
         values ($1, $2, $3, 'running', 0, 0, 0, 0, $4, $5)",
    )
    .bind(id)
    .bind(new.workspace_id)
    .bind(new.name)
    .bind(on_complete)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    Ok(id)
}

/// A batch of a workspace.
pub async fn batch(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Batch>> {
    query(
        "select id, workspace_id, name, state, total, succeeded, dead, cancelled, created_at, finished_at
         from batches where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// Ends to be added to a batch's counters. Negative where a person retries what had ended.
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
    state: String,
    on_complete: Option<Json<serde_json::Value>>,
}

/// Adds to the counters of batches and returns the jobs to enqueue for those that are complete now.
pub(super) async fn count(
    tx: &mut Tx,
    counts: HashMap<Uuid, Counts>,
    now: DateTime<Utc>,
) -> std::result::Result<Vec<NewJob>, DbError> {
    let mut on_complete = Vec::new();
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(id, _)| *id);
    for (id, counts) in counts {
        let counted: Option<Counted> = query(
            "update batches set succeeded = succeeded + $2, dead = dead + $3, cancelled = cancelled + $4 where id = $1
             returning total - succeeded - dead - cancelled as unfinished, state, on_complete",
        )
        .bind(id)
        .bind(counts.succeeded)
        .bind(counts.dead)
        .bind(counts.cancelled)
        .optional(&mut *tx)
        .await?;
        let Some(counted) = counted else { continue };
        if counted.unfinished > 0 {
            if counted.state == "complete" {
                query("update batches set state = 'running', finished_at = null where id = $1")
                    .bind(id)
                    .execute(tx)
                    .await?;
            }
            continue;
        }
        query("update batches set state = case when state = 'running' then 'complete' else state end, finished_at = $2 where id = $1")
            .bind(id)
            .bind(now)
            .execute(tx)
            .await?;
        if let Some(Json(job)) = counted.on_complete
            && let Ok(job) = serde_json::from_value::<NewJob>(job)
        {
            on_complete.push(job);
        }
    }
    Ok(on_complete)
}
