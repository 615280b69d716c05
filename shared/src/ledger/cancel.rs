//! Cancelling: what waits at once, what runs through its cancellation token.

use std::collections::HashMap;

use uuid::Uuid;

use super::{JobState, batch, enqueue, enqueue::EnqueueError};
use crate::{
    db::{Db, FromRow, Json, Tx, query},
    jobs,
};

/// What cancelling one job did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not started and never will.
    AtOnce,
    /// It runs; its worker has been asked to stop.
    Asked,
    /// It had already ended so.
    AlreadyEnded(JobState),
    /// The workspace has no such job.
    Unknown,
}

#[derive(FromRow)]
struct Found {
    id: Uuid,
    state: String,
    kind: String,
    args: Json<serde_json::Value>,
    batch_id: Option<Uuid>,
}

/// Cancels a job. For [`Cancelled::Asked`] the caller also rings the wire, so that a running job hears of it at once.
pub async fn cancel_job(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Cancelled, EnqueueError> {
    let mut tx = db.begin().await?;
    let cancelled: Option<Found> = query(
        "update jobs set
           state = case when state = 'ready' then 'cancelled' else state end,
           finished_at = case when state = 'ready' then $3 else finished_at end,
           cancel_requested = true
         where workspace_id = $1 and id = $2 and state in ('ready', 'running')
         returning id, state, kind, args, batch_id",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(db.now())
    .optional(&mut tx)
    .await?;
    let Some(found) = cancelled else {
        let ended: Option<(String,)> = query("select state from jobs where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(id)
            .optional(&mut tx)
            .await?;
        return Ok(ended.and_then(|(state,)| state.parse().ok()).map_or(Cancelled::Unknown, Cancelled::AlreadyEnded));
    };
    let at_once = found.state == JobState::Cancelled.as_str();
    if at_once {
        ended_by_cancel(&mut tx, &[found]).await?;
    }
    tx.commit().await?;
    Ok(if at_once { Cancelled::AtOnce } else { Cancelled::Asked })
}

/// Cancels a batch: its waiting jobs at once. Returns the ids of its running jobs, which have been asked to stop, or `None` if the
/// workspace has no such batch or it has ended.
pub async fn cancel_batch(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Vec<Uuid>>, EnqueueError> {
    let now = tx.db().now();
    let touched =
        query("update batches set state = 'cancelled' where workspace_id = $1 and id = $2 and state = 'running'")
            .bind(workspace_id)
            .bind(id)
            .execute(tx)
            .await?;
    if touched == 0 {
        return Ok(None);
    }
    // One statement for both: a job that starts, or waits again, at this moment is caught as what it has become.
    let touched: Vec<Found> = query(
        "update jobs set
           state = case when state = 'ready' then 'cancelled' else state end,
           finished_at = case when state = 'ready' then $2 else finished_at end,
           cancel_requested = true
         where batch_id = $1 and state in ('ready', 'running')
         returning id, state, kind, args, batch_id",
    )
    .bind(id)
    .bind(now)
    .all(&mut *tx)
    .await?;
    let (cancelled, running): (Vec<_>, Vec<_>) =
        touched.into_iter().partition(|found| found.state == JobState::Cancelled.as_str());
    ended_by_cancel(tx, &cancelled).await?;
    Ok(Some(running.into_iter().map(|found| found.id).collect()))
}

/// Counts cancelled jobs in their batches and tells the domain.
async fn ended_by_cancel(tx: &mut Tx, cancelled: &[Found]) -> Result<(), EnqueueError> {
    let mut counts: HashMap<Uuid, batch::Counts> = HashMap::new();
    for found in cancelled {
        if let Some(batch) = found.batch_id {
            counts.entry(batch).or_default().add(JobState::Cancelled);
        }
        tracing::debug!(job = %found.id, kind = %found.kind, "job cancelled before it started");
        for fact in jobs::facts_on_cancel(&found.kind, &found.args.0) {
            fact.apply(tx).await?;
        }
    }
    let now = tx.db().now();
    let on_complete = batch::count(tx, counts, now).await?;
    enqueue(tx, on_complete).await?;
    Ok(())
}
