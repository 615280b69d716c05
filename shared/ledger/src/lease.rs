//! Keeping leases, and finding those that ran out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{JobKey, Leased};
use herald_db::{Bulk, Db, FromRow, Result, query};

/// What renewing told about one attempt.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Renewal {
    /// The job.
    pub id: Uuid,
    /// Someone asked for it to be cancelled.
    pub cancel_requested: bool,
}

/// Extends the leases of attempts in progress to `lease` from now. An attempt that is missing from the answer has lost
/// its lease: its worker should stop, since its outcome will change nothing.
#[boxed]
pub async fn renew(db: &Db, held: &[JobKey], lease: Duration) -> Result<Vec<Renewal>> {
    renew_as(db, None, held, lease).await
}

/// As [`renew`], and names the new holder, if another held the jobs so far.
#[boxed]
pub async fn renew_as(db: &Db, holder: Option<&str>, held: &[JobKey], lease: Duration) -> Result<Vec<Renewal>> {
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let until = db.now() + lease;
    let mut held = held.to_vec();
    // Every statement that locks many rows takes them in this order.
    held.sort_unstable_by_key(|key| key.id);
    let mut tx = db.begin().await?;
    // The state is compared in a way that no index helps with: PostgreSQL would else read every running job there is to
    // find these.
    let renewed = Bulk::new(
        "update jobs set lease_until = rows.until, worker = coalesce(rows.holder, jobs.worker) from {rows}
         where jobs.id = rows.id and jobs.attempt = rows.attempt and jobs.state || '' = 'running'
         returning jobs.id, jobs.cancel_requested",
    )
    .column("id", held.iter().map(|key| key.id).collect())
    .column("attempt", held.iter().map(|key| key.attempt).collect())
    .column("until", held.iter().map(|_| until).collect())
    .column("holder", held.iter().map(|_| holder.map(str::to_owned)).collect())
    .all(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(renewed)
}

/// A running job whose lease ran out.
#[derive(Clone, Debug, FromRow)]
pub struct LostJob {
    /// The job as it was leased.
    #[sqlx(flatten)]
    pub job: Leased,
    /// Who held it, for people to read; [`super::ON_THE_WIRE`] if no worker had said yet that it does.
    pub worker: Option<String>,
    /// Its unique key: of a schedule's job, whose tick it is.
    pub unique_key: Option<String>,
}

/// At most `limit` running jobs whose lease ran out before `before`, longest lost first.
#[boxed]
pub async fn lost_jobs(db: &Db, before: DateTime<Utc>, limit: usize) -> Result<Vec<LostJob>> {
    query(
        "select worker, unique_key, id, workspace_id, kind, queue, args, attempt, max_attempts, run_at, lease_until, \
         batch_id, traceparent,
                limit_key, expires_at, open_hours
         from jobs where state = 'running' and lease_until < $1 order by lease_until limit $2",
    )
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}
