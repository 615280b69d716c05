//! Putting jobs in the ledger.

use std::collections::{HashMap, HashSet};

use thiserror::Error;
use uuid::Uuid;

use super::NewJob;
use crate::db::{Bulk, Column, DbError, Tx, query};

/// The largest arguments a job may carry, in bytes of JSON.
pub const MAX_ARGS_BYTES: usize = 64 * 1024;

/// Why jobs were not enqueued. Nothing was written.
#[derive(Debug, Error)]
pub enum EnqueueError {
    /// The arguments are too large.
    #[error(
        "the arguments of a {kind} job are {bytes} bytes of JSON, over the limit of {MAX_ARGS_BYTES}: pass ids, not data"
    )]
    TooLarge {
        /// The job's kind.
        kind: String,
        /// Their size.
        bytes: usize,
    },
    /// The arguments are not a JSON object.
    #[error("the arguments of a {kind} job are not a JSON object")]
    NotAnObject {
        /// The job's kind.
        kind: String,
    },
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Enqueues jobs in the open transaction, 1,000 rows a statement, and returns their ids in order.
///
/// Where a live job of the workspace has the same unique key, no job is made and that job's id is returned. A job for a batch that is
/// not running any more (cancelled) is dropped; its id then names no row.
pub async fn enqueue(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<Vec<Uuid>, EnqueueError> {
    for job in &jobs {
        if !job.args.is_object() {
            return Err(EnqueueError::NotAnObject { kind: job.kind.clone() });
        }
        let bytes = job.args.to_string().len();
        if bytes > MAX_ARGS_BYTES {
            return Err(EnqueueError::TooLarge { kind: job.kind.clone(), bytes });
        }
    }
    let mut ids: Vec<Uuid> = jobs.iter().map(|_| tx.db().new_id()).collect();
    let open_batches = open_batches(tx, &jobs).await?;
    let wanted: Vec<(Uuid, NewJob)> = ids
        .iter()
        .copied()
        .zip(jobs.iter().cloned())
        .filter(|(_, job)| job.batch_id.is_none_or(|batch| open_batches.contains(&batch)))
        .collect();
    if wanted.is_empty() {
        return Ok(ids);
    }
    let names: HashSet<Uuid> = wanted.iter().map(|(id, _)| *id).collect();
    let mut inserted = insert(tx, wanted).await?;
    let mut made = Vec::with_capacity(inserted.len());
    for (id, job) in ids.iter_mut().zip(&jobs).filter(|(id, _)| names.contains(id)) {
        let new = *id;
        while !inserted.contains(id) {
            match live_with_key(tx, job).await? {
                Some(live) => {
                    *id = live;
                    break;
                }
                // The job that had its key ended between the two statements.
                None => inserted.extend(insert(tx, vec![(new, job.clone())]).await?),
            }
        }
        if *id == new {
            made.push(job);
        }
    }
    count_in_batches(tx, made.into_iter()).await?;
    tx.nudge_on_commit();
    Ok(ids)
}

async fn insert(tx: &mut Tx, mut jobs: Vec<(Uuid, NewJob)>) -> Result<HashSet<Uuid>, DbError> {
    let now = tx.db().now();
    // A key waits for whoever else is just enqueueing it: in one order, so that two lists of keys never wait for each other.
    jobs.sort_by(|(_, a), (_, b)| (a.workspace_id, &a.unique_key).cmp(&(b.workspace_id, &b.unique_key)));
    let (ids, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    let texts = |of: fn(&NewJob) -> &str| jobs.iter().map(|job| of(job).to_owned()).collect::<Column>();
    let columns = [
        ("id", ids.into_iter().collect()),
        ("workspace_id", jobs.iter().map(|job| job.workspace_id).collect()),
        ("kind", texts(|job| &job.kind)),
        ("queue", texts(|job| &job.queue)),
        ("priority", jobs.iter().map(|job| job.priority).collect()),
        ("max_attempts", jobs.iter().map(|job| job.max_attempts).collect()),
        ("run_at", jobs.iter().map(|job| job.run_at.unwrap_or(now)).collect()),
        ("unique_key", jobs.iter().map(|job| job.unique_key.clone()).collect()),
        ("batch_id", jobs.iter().map(|job| job.batch_id).collect()),
        ("traceparent", jobs.iter().map(|job| job.traceparent.clone()).collect()),
        ("created_at", jobs.iter().map(|_| now).collect()),
    ];
    let args = jobs.into_iter().map(|job| Some(job.args)).collect();
    let mut statement = Bulk::new(
        "insert into jobs (id, workspace_id, kind, queue, args, state, priority, attempt, max_attempts, run_at, unique_key, batch_id,
                           traceparent, cancel_requested, created_at)
         select id, workspace_id, kind, queue, args, 'ready', priority, 0, max_attempts, run_at, unique_key, batch_id,
                traceparent, false, created_at
         from {rows} where true
         on conflict (workspace_id, unique_key) where unique_key is not null and state in ('ready', 'running') do nothing
         returning id",
    )
    .column("args", Column::Json(args));
    for (name, column) in columns {
        statement = statement.column(name, column);
    }
    let inserted: Vec<(Uuid,)> = statement.all(tx).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// Locks the batches the jobs want to join and tells which of them still take jobs.
async fn open_batches(tx: &mut Tx, jobs: &[NewJob]) -> Result<HashSet<Uuid>, DbError> {
    let mut open = HashSet::new();
    let wanted: HashSet<Uuid> = jobs.iter().filter_map(|job| job.batch_id).collect();
    for batch in sorted(wanted) {
        let touched = query("update batches set total = total where id = $1 and state <> 'cancelled'")
            .bind(batch)
            .execute(tx)
            .await?;
        if touched == 1 {
            open.insert(batch);
        }
    }
    Ok(open)
}

async fn count_in_batches(tx: &mut Tx, jobs: impl Iterator<Item = &NewJob>) -> Result<(), DbError> {
    let mut counts: HashMap<Uuid, i64> = HashMap::new();
    for batch in jobs.filter_map(|job| job.batch_id) {
        *counts.entry(batch).or_default() += 1;
    }
    for batch in sorted(counts.keys().copied()) {
        query("update batches set total = total + $2, state = 'running', finished_at = null where id = $1")
            .bind(batch)
            .bind(counts[&batch])
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// One order for every transaction that locks several rows, so that two of them never wait for each other.
fn sorted(ids: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}

async fn live_with_key(tx: &mut Tx, job: &NewJob) -> Result<Option<Uuid>, DbError> {
    let row: Option<(Uuid,)> =
        query("select id from jobs where workspace_id = $1 and unique_key = $2 and state in ('ready', 'running')")
            .bind(job.workspace_id)
            .bind(job.unique_key.clone())
            .optional(tx)
            .await?;
    Ok(row.map(|(id,)| id))
}
