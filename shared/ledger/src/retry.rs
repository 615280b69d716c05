//! Trying again: by policy after a failure, by a person after death.

use std::{collections::HashMap, time::Duration};

use uuid::Uuid;

use super::{Change, End, JobState, LedgerError, batch, changes_on, effect, policy};
use herald_base::{boxed, ids::Ids};
use herald_db::{Bulk, Db, FromRow, Json, Tx, query};

/// Exponential backoff with full jitter: a random wait between zero and `base × 2^(attempt - 1)`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub base: Duration,
    /// The longest wait after any failure.
    pub cap: Duration,
}

impl Backoff {
    /// How long to wait after `attempt` (from 1) failed.
    ///
    /// Full jitter spreads a burst of failures evenly, so that they do not come back as a burst (AWS Architecture Blog,
    /// "Exponential Backoff And Jitter").
    pub fn after(&self, attempt: i64, ids: &Ids) -> Duration {
        self.ceiling(attempt).mul_f64(ids.fraction())
    }

    fn ceiling(&self, attempt: i64) -> Duration {
        let doublings = u32::try_from((attempt - 1).max(0)).unwrap_or(u32::MAX).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

#[derive(FromRow)]
struct Revived {
    id: Uuid,
    kind: String,
    args: Json<serde_json::Value>,
    #[sqlx(try_from = "String")]
    was: JobState,
    batch_id: Option<Uuid>,
}

/// Makes a dead or cancelled job ready again, with `tries` more tries. False if the workspace has no such job in one of
/// these states, or a live one has taken its unique key.
#[boxed]
pub async fn retry_job(db: &Db, workspace_id: Uuid, id: Uuid, tries: i64) -> Result<bool, LedgerError> {
    let mut tx = db.begin().await?;
    let retried = retry_job_in(&mut tx, workspace_id, id, tries).await?;
    tx.commit().await?;
    Ok(retried)
}

/// As [`retry_job`], in an open transaction.
#[boxed]
pub async fn retry_job_in(tx: &mut Tx, workspace_id: Uuid, id: Uuid, tries: i64) -> Result<bool, LedgerError> {
    let found: Vec<Revived> = query(
        "select id, kind, args, state as was, batch_id from jobs
         where workspace_id = $1 and id = $2 and state in ('dead', 'cancelled')",
    )
    .bind(workspace_id)
    .bind(id)
    .all(&mut *tx)
    .await?;
    Ok(revive(tx, workspace_id, &found, |_| tries).await? > 0)
}

/// Makes those of these jobs ready again that are dead or cancelled, each with its kind's tries, in the given order.
/// Returns how many.
pub(super) async fn retry_jobs(tx: &mut Tx, workspace_id: Uuid, ids: &[Uuid]) -> Result<usize, LedgerError> {
    let mut found: Vec<Revived> = Bulk::new(
        "select jobs.id, kind, args, state as was, batch_id from {rows} join jobs on jobs.id = rows.id
         where jobs.workspace_id = rows.workspace_id and state in ('dead', 'cancelled')",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .all(&mut *tx)
    .await?;
    let place: HashMap<Uuid, usize> = ids.iter().copied().zip(0..).collect();
    found.sort_by_key(|job| place.get(&job.id).copied());
    revive(tx, workspace_id, &found, tries_of).await
}

/// Tries a person's retry gives to a job of a kind that is not known any more.
const TRIES: i64 = 3;

/// Tries a person's retry gives to a job of this kind.
pub fn tries_of(kind: &str) -> i64 {
    policy(kind).map_or(TRIES, |policy| policy.max_attempts)
}

/// Makes every dead job of a batch ready again, with `tries` more tries. Returns how many.
#[boxed]
pub async fn retry_batch(tx: &mut Tx, workspace_id: Uuid, batch_id: Uuid, tries: i64) -> Result<usize, LedgerError> {
    let found: Vec<Revived> = query(
        "select id, kind, args, state as was, batch_id from jobs
         where workspace_id = $1 and batch_id = $2 and state = 'dead' order by id desc",
    )
    .bind(workspace_id)
    .bind(batch_id)
    .all(&mut *tx)
    .await?;
    revive(tx, workspace_id, &found, |_| tries).await
}

async fn revive(
    tx: &mut Tx,
    workspace_id: Uuid,
    found: &[Revived],
    tries: impl Fn(&str) -> i64,
) -> Result<usize, LedgerError> {
    let now = tx.db().now();
    let mut revived = 0;
    let mut counts = batch::Ends::new();
    let mut changes: Vec<(Uuid, Change)> = Vec::new();
    for job in found {
        // A person who retries a job that was too late wants it done all the same. The attempt number goes on rising,
        // which fences off a worker of an older attempt. Of several jobs with one key, one lives.
        let touched = query(
            "update jobs set state = 'ready', run_at = $2, max_attempts = attempt + $3, finished_at = null, \
             cancel_requested = false,
               expires_at = case when expires_at <= $2 then null else expires_at end
             where workspace_id = $5 and id = $1 and state = $4
               and not exists (select 1 from jobs as live where live.workspace_id = jobs.workspace_id
                               and live.unique_key = jobs.unique_key and live.state in ('ready', 'running'))",
        )
        .bind(job.id)
        .bind(now)
        .bind(tries(&job.kind))
        .bind(job.was.as_str())
        .bind(workspace_id)
        .execute(tx)
        .await?;
        if touched == 1 {
            revived += 1;
            let retried = changes_on(&job.kind, &job.args.0, End::Retried);
            changes.extend(retried.into_iter().map(|change| (workspace_id, change)));
            if let Some(batch) = job.batch_id {
                counts.entry((workspace_id, batch)).or_default().add_many(job.was, -1);
            }
        }
    }
    effect::write(tx, &changes).await?;
    for (_, id) in counts.keys() {
        query(
            "update batches set state = 'running', sweeping = false, finished_at = null where workspace_id = $1 \
            and id = $2",
        )
        .bind(workspace_id)
        .bind(*id)
        .execute(tx)
        .await?;
    }
    batch::count(tx, counts, now).await?;
    if revived > 0 {
        tx.nudge_on_commit();
    }
    Ok(revived)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(60) };

    #[test]
    fn the_wait_doubles_up_to_its_cap() {
        let ceilings: Vec<u64> = (1..=8).map(|attempt| BACKOFF.ceiling(attempt).as_secs()).collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(BACKOFF.ceiling(i64::MAX).as_secs(), 60);
    }

    #[test]
    fn the_wait_is_spread_over_the_whole_range() {
        let ids = Ids::seeded(1);
        let waits: Vec<f64> = (0..1_000).map(|_| BACKOFF.after(3, &ids).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (0.0..8.0).contains(wait)));
        for eighth in 0..8 {
            let share = waits.iter().filter(|wait| wait.floor() as i32 == eighth).count();
            assert!((80..170).contains(&share), "{share} of 1000 waits in second {eighth}");
        }
    }
}
