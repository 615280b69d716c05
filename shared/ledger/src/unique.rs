//! Unique jobs: what happens to a job whose key is taken.
//!
//! | mode | the key is taken | a second job |
//! |---|---|---|
//! | until done | while the first is ready or running | is not made |
//! | until started | while the first is ready | is not made |
//! | throttle | for a time from when the first was made | is not made |
//! | debounce | while the first is ready | puts off the first and leaves its arguments |
//! | replace | while the first is ready | takes the first one's place, under its id |
//!
//! Most of it is one partial unique index over live jobs; a lease frees the keys of those that hold only until they
//! start. A throttle outlives its job and has a table.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{LedgerError, NewJob, Unique, enqueue::due};
use herald_db::{Bulk, Db, DbError, FromRow, Result, Tx, query};

/// The key as the job's row holds it. A throttle is kept elsewhere: its job may still run when the next one is allowed.
pub(super) fn stored_key(job: &NewJob) -> Option<String> {
    match job.unique {
        Unique::Throttle { .. } => None,
        _ => job.unique_key.clone(),
    }
}

/// Takes the throttled jobs that come too soon out of `wanted`, and gives them the id of the one that came first.
pub(super) async fn throttle(
    tx: &mut Tx,
    jobs: &[NewJob],
    ids: &mut [Uuid],
    wanted: &mut Vec<usize>,
) -> std::result::Result<(), LedgerError> {
    let mut kept = Vec::with_capacity(wanted.len());
    for at in wanted.drain(..) {
        let job = &jobs[at];
        if let (Unique::Throttle { period }, Some(key)) = (job.unique, &job.unique_key) {
            let holder = hold(tx, job.workspace_id, key, ids[at], period).await?;
            let came_first = holder == ids[at];
            ids[at] = holder;
            if !came_first {
                continue;
            }
        }
        kept.push(at);
    }
    *wanted = kept;
    Ok(())
}

/// Takes a key for a time, unless it is taken. Returns the job that has it.
async fn hold(tx: &mut Tx, workspace_id: Uuid, key: &str, job: Uuid, period: std::time::Duration) -> Result<Uuid> {
    let now = tx.db().now();
    loop {
        let taken: Option<(Uuid,)> = query(
            "insert into throttles (workspace_id, unique_key, job_id, until) values ($1, $2, $3, $4)
             on conflict (workspace_id, unique_key) do update set job_id = excluded.job_id, until = excluded.until
               where throttles.until <= $5
             returning job_id",
        )
        .bind(workspace_id)
        .bind(key)
        .bind(job)
        .bind(now + period)
        .bind(now)
        .optional(&mut *tx)
        .await?;
        let holder = match taken {
            Some(taken) => Some(taken),
            None => {
                query("select job_id from throttles where workspace_id = $1 and unique_key = $2")
                    .bind(workspace_id)
                    .bind(key)
                    .optional(&mut *tx)
                    .await?
            }
        };
        // None only if it was forgotten between the two statements.
        if let Some((holder,)) = holder {
            return Ok(holder);
        }
    }
}

#[derive(FromRow)]
struct Live {
    id: Uuid,
    created_at: DateTime<Utc>,
}

/// The live job that has the key of `job`, changed as the mode says; `None` if nobody has it any more.
pub(super) async fn taken_by(tx: &mut Tx, job: &NewJob) -> std::result::Result<Option<Uuid>, DbError> {
    let live: Option<Live> = query(
        "select id, created_at from jobs where workspace_id = $1 and unique_key = $2 and state in ('ready', 'running')",
    )
    .bind(job.workspace_id)
    .bind(job.unique_key.clone())
    .optional(&mut *tx)
    .await?;
    let Some(live) = live else { return Ok(None) };
    let now = tx.db().now();
    let run_at = match job.unique {
        Unique::UntilDone | Unique::UntilStarted | Unique::Throttle { .. } => return Ok(Some(live.id)),
        Unique::Debounce { longest, .. } => due(job, now).min(live.created_at + longest),
        Unique::Replace => due(job, now),
    };
    let changed = query(
        "update jobs set args = $2, run_at = $3, priority = $4
         where workspace_id = $5 and id = $1 and state = 'ready'",
    )
    .bind(live.id)
    .bind(job.args.clone())
    .bind(run_at)
    .bind(job.priority)
    .bind(job.workspace_id)
    .execute(tx)
    .await?;
    // Leased in the meantime, it holds the key no more.
    Ok((changed == 1).then_some(live.id))
}

/// The live job of a workspace that has a key.
#[boxed]
pub async fn job_with_key(tx: &mut Tx, workspace_id: Uuid, key: &str) -> Result<Option<Uuid>> {
    let live: Option<(Uuid,)> =
        query("select id from jobs where workspace_id = $1 and unique_key = $2 and state in ('ready', 'running')")
            .bind(workspace_id)
            .bind(key)
            .optional(tx)
            .await?;
    Ok(live.map(|(id,)| id))
}

/// Whether a job changes nothing of the live one that has its key.
pub(super) fn leaves_alone(job: &NewJob) -> bool {
    matches!(job.unique, Unique::UntilDone | Unique::UntilStarted)
}

/// The live jobs that have the keys of these, where that changes nothing of them: one statement for a thousand.
pub(super) async fn holders(
    tx: &mut Tx,
    jobs: &[&NewJob],
) -> std::result::Result<HashMap<(Uuid, String), Uuid>, DbError> {
    let keys: HashSet<(Uuid, String)> = jobs
        .iter()
        .filter(|job| leaves_alone(job))
        .filter_map(|job| Some((job.workspace_id, job.unique_key.clone()?)))
        .collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Uuid, String, Uuid)> = Bulk::new(
        "select j.workspace_id, j.unique_key, j.id from {rows}
         join jobs as j on j.workspace_id = rows.workspace_id and j.unique_key = rows.unique_key
         where j.workspace_id = rows.workspace_id and j.state in ('ready', 'running')",
    )
    .column("workspace_id", keys.iter().map(|(workspace_id, _)| *workspace_id).collect())
    .column("unique_key", keys.iter().map(|(_, key)| key.clone()).collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(workspace_id, key, id)| ((workspace_id, key), id)).collect())
}

/// Forgets throttles that are over. Returns how many.
#[boxed]
pub async fn forget_throttles(db: &Db) -> Result<u64> {
    let mut tx = db.begin().await?;
    let forgotten = query("delete from throttles where until <= $1").bind(db.now()).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(forgotten)
}
