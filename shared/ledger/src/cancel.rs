//! Cancels jobs: waiting ones at once, running ones through their cancellation token.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{Change, End, JobState, LedgerError, batch, changes_on, effect, enqueue, job::expiry};
use herald_db::{Bulk, Db, EngineKind, FromRow, Json, Tx, query};

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
    workspace_id: Uuid,
    #[sqlx(try_from = "String")]
    state: JobState,
    kind: String,
    args: Json<serde_json::Value>,
    batch_id: Option<Uuid>,
}

/// Cancels a job. For [`Cancelled::Asked`] the caller also rings the wire, so that a running job hears of it at once.
#[boxed]
pub async fn cancel_job(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Cancelled, LedgerError> {
    let mut tx = db.begin().await?;
    let cancelled = cancel_job_in(&mut tx, workspace_id, id).await?;
    tx.commit().await?;
    Ok(cancelled)
}

/// As [`cancel_job`], in an open transaction.
#[boxed]
pub async fn cancel_job_in(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Cancelled, LedgerError> {
    let cancelled: Option<Found> = query(
        "update jobs set
           state = case when state = 'ready' then 'cancelled' else state end,
           finished_at = case when state = 'ready' then $3 else finished_at end,
           cancel_requested = true
         where workspace_id = $1 and id = $2 and state in ('ready', 'running')
         returning id, workspace_id, state, kind, args, batch_id",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(tx.db().now())
    .optional(&mut *tx)
    .await?;
    let Some(found) = cancelled else {
        let ended: Option<(String,)> = query("select state from jobs where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(id)
            .optional(&mut *tx)
            .await?;
        return Ok(ended.and_then(|(state,)| state.parse().ok()).map_or(Cancelled::Unknown, Cancelled::AlreadyEnded));
    };
    let at_once = found.state == JobState::Cancelled;
    if at_once {
        ended_by_cancel(tx, &[found]).await?;
    }
    Ok(if at_once { Cancelled::AtOnce } else { Cancelled::Asked })
}

/// Cancels those of these jobs that have not ended. Returns how many at once, and the running ones, which have been
/// asked to stop.
pub(super) async fn cancel_jobs(
    tx: &mut Tx,
    workspace_id: Uuid,
    ids: &[Uuid],
) -> Result<(usize, Vec<Uuid>), LedgerError> {
    let mut ids = ids.to_vec();
    // Every statement that locks many rows takes them in this order.
    ids.sort_unstable();
    let touched: Vec<Found> = Bulk::new(
        "update jobs set
           state = case when state = 'ready' then 'cancelled' else state end,
           finished_at = case when state = 'ready' then rows.at else finished_at end,
           cancel_requested = true
         from {rows} where jobs.id = rows.id and jobs.workspace_id = rows.workspace_id and jobs.state in ('ready', \
         'running')
         returning jobs.id, jobs.workspace_id, jobs.state, jobs.kind, jobs.args, jobs.batch_id",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("at", ids.iter().map(|_| tx.db().now()).collect())
    .all(&mut *tx)
    .await?;
    let (cancelled, running): (Vec<_>, Vec<_>) =
        touched.into_iter().partition(|found| found.state == JobState::Cancelled);
    ended_by_cancel(tx, &cancelled).await?;
    Ok((cancelled.len(), running.into_iter().map(|found| found.id).collect()))
}

/// Waiting jobs of a batch that are cancelled in one transaction.
const CHUNK: i64 = 1_000;

/// Cancels a batch. From the commit on, none of its waiting jobs starts any more, however many there are; the first
/// thousand are ended in this transaction, [`sweep_cancelled`] ends the others. Returns the ids of its running jobs
/// that have now been asked to stop, or `None` if the workspace has no such batch or it has ended.
#[boxed]
pub async fn cancel_batch(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Vec<Uuid>>, LedgerError> {
    let touched = query(
        "update batches set state = 'cancelled', sweeping = true where workspace_id = $1 and id = $2 \
         and state = 'running'",
    )
    .bind(workspace_id)
    .bind(id)
    .execute(tx)
    .await?;
    if touched == 0 {
        return Ok(None);
    }
    sweep(tx, workspace_id, id).await.map(|swept| Some(swept.asked))
}

/// Ends more waiting jobs of batches that were cancelled: at most a thousand of each. Returns how many, and how many
/// running ones it asked to stop.
#[boxed]
pub async fn sweep_cancelled(db: &Db) -> Result<usize, LedgerError> {
    let batches: Vec<(Uuid, Uuid)> = query("select workspace_id, id from batches where sweeping").all(db).await?;
    let mut ended = 0;
    for (workspace_id, id) in batches {
        let mut tx = db.begin().await?;
        let swept = sweep(&mut tx, workspace_id, id).await?;
        tx.commit().await?;
        ended += swept.ended + swept.asked.len();
    }
    Ok(ended)
}

struct Swept {
    ended: usize,
    /// Running jobs that were asked to stop just now.
    asked: Vec<Uuid>,
}

async fn sweep(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Swept, LedgerError> {
    // Locks the batch, so that two who sweep do not wait for each other's jobs crosswise.
    query("update batches set sweeping = sweeping where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .execute(tx)
        .await?;
    // One statement for both states: a job that starts, or waits again, at this moment is caught in its new state.
    let touched: Vec<Found> = query(
        "update jobs set
           state = case when state = 'ready' then 'cancelled' else state end,
           finished_at = case when state = 'ready' then $2 else finished_at end,
           cancel_requested = true
         where workspace_id = $4 and state in ('ready', 'running') and id in (
           select id from jobs where workspace_id = $4 and batch_id = $1 and state = 'ready'
           union all
           select id from jobs where workspace_id = $4 and batch_id = $1 and state = 'running' \
           and not cancel_requested limit $3)
         returning id, workspace_id, state, kind, args, batch_id",
    )
    .bind(id)
    .bind(tx.db().now())
    .bind(CHUNK)
    .bind(workspace_id)
    .all(&mut *tx)
    .await?;
    let (cancelled, asked): (Vec<_>, Vec<_>) =
        touched.into_iter().partition(|found| found.state == JobState::Cancelled);
    ended_by_cancel(tx, &cancelled).await?;
    query(
        "update batches set
           sweeping = exists (select 1 from jobs where jobs.workspace_id = $2 and batch_id = $1 \
           and jobs.state = 'ready')
             or exists (select 1 from jobs where jobs.workspace_id = $2 and batch_id = $1 and jobs.state = 'running'
                          and not cancel_requested)
         where workspace_id = $2 and id = $1",
    )
    .bind(id)
    .bind(workspace_id)
    .execute(tx)
    .await?;
    Ok(Swept { ended: cancelled.len(), asked: asked.into_iter().map(|found| found.id).collect() })
}

/// Counts cancelled jobs in their batches and tells the domain.
async fn ended_by_cancel(tx: &mut Tx, cancelled: &[Found]) -> Result<(), LedgerError> {
    let mut counts = batch::Ends::new();
    let mut changes: Vec<(Uuid, Change)> = Vec::new();
    for found in cancelled {
        if let Some(batch) = found.batch_id {
            counts.entry((found.workspace_id, batch)).or_default().add(JobState::Cancelled);
        }
        tracing::debug!(job = %found.id, kind = %found.kind, "job cancelled before it started");
        let cancelled = changes_on(&found.kind, &found.args.0, End::Cancelled);
        changes.extend(cancelled.into_iter().map(|change| (found.workspace_id, change)));
    }
    effect::write(tx, &changes).await?;
    let now = tx.db().now();
    let callbacks = batch::count(tx, counts, now).await?;
    enqueue(tx, callbacks).await?;
    Ok(())
}

#[derive(FromRow)]
struct Expired {
    id: Uuid,
    workspace_id: Uuid,
    attempt: i64,
    kind: String,
    args: Json<serde_json::Value>,
    batch_id: Option<Uuid>,
    expires_at: Option<DateTime<Utc>>,
}

/// Ends at most a thousand waiting jobs whose time is over: those that no dispatcher came to, because their queue is
/// paused or its backlog long. Returns how many.
#[boxed]
pub async fn drop_expired(db: &Db) -> Result<usize, LedgerError> {
    let mut tx = db.begin().await?;
    let now = db.now();
    let lock = match tx.engine() {
        EngineKind::Postgres => "for update skip locked",
        EngineKind::Sqlite => "",
    };
    let expired: Vec<Expired> = query(&format!(
        "update jobs set state = 'cancelled', finished_at = $1
         where id in (select id from jobs where state = 'ready' and expires_at <= $1 limit $2 {lock})
         returning id, workspace_id, attempt, kind, args, batch_id, expires_at"
    ))
    .bind(now)
    .bind(CHUNK)
    .all(&mut tx)
    .await?;
    if expired.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = expired.iter().map(|_| db.new_id()).collect();
    Bulk::new(
        "insert into job_errors (id, workspace_id, job_id, attempt, message, at)
         select id, workspace_id, job_id, attempt, message, at from {rows}",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", expired.iter().map(|job| job.workspace_id).collect())
    .column("job_id", expired.iter().map(|job| job.id).collect())
    .column("attempt", expired.iter().map(|job| job.attempt).collect())
    .column("message", expired.iter().map(|job| expiry(job.expires_at)).collect())
    .column("at", expired.iter().map(|_| now).collect())
    .execute(&mut tx)
    .await?;
    let dropped = expired.len();
    let found: Vec<Found> = expired
        .into_iter()
        .map(|job| Found {
            id: job.id,
            workspace_id: job.workspace_id,
            state: JobState::Cancelled,
            kind: job.kind,
            args: job.args,
            batch_id: job.batch_id,
        })
        .collect();
    ended_by_cancel(&mut tx, &found).await?;
    tx.commit().await?;
    Ok(dropped)
}
