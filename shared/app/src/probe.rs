//! Probes: batches of jobs that only show that the fleet works.

use std::{ops::Range, time::Duration};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::jobs::ProbeRun;
use herald_db::{Db, Result, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{LedgerError, NewJob, Payload};

/// The parameters of a probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// The workspace of the probe.
    pub workspace_id: Uuid,
    /// The name of the probe, unique in the workspace.
    pub name: &'a str,
    /// The number of attempts of each job, including crashes; `None` means the number in the kind's policy.
    pub tries: Option<i64>,
}

/// Starts a probe with these jobs, and returns its batch and whether it is new. An existing probe of that name is
/// found, not created again. The batch's id is derived from the name, so only one of two simultaneous requests can
/// create it.
///
/// # Errors
/// When the database fails.
pub async fn start_probe(
    db: &Db,
    probe: Probe<'_>,
    numbers: Range<i64>,
) -> std::result::Result<(Uuid, bool), LedgerError> {
    let id = batch_id(&probe);
    let mut tx = db.begin().await?;
    let now = tx.db().now();
    let made = query(
        "insert into batches (id, workspace_id, name, state, total, succeeded, dead, cancelled, created_at)
         values ($1, $2, $3, 'running', 0, 0, 0, 0, $4) on conflict (id) do nothing",
    )
    .bind(id)
    .bind(probe.workspace_id)
    .bind(format!("probe:{}", probe.name))
    .bind(now)
    .execute(&mut tx)
    .await?;
    if made == 1 {
        enqueue(&mut tx, probe, numbers).await?;
    }
    tx.commit().await?;
    Ok((id, made == 1))
}

/// Adds jobs to a probe that [`start_probe`] created.
///
/// # Errors
/// When the database fails.
pub async fn add_to_probe(db: &Db, probe: Probe<'_>, numbers: Range<i64>) -> std::result::Result<(), LedgerError> {
    let mut tx = db.begin().await?;
    enqueue(&mut tx, probe, numbers).await?;
    tx.commit().await?;
    Ok(())
}

async fn enqueue(tx: &mut Tx, probe: Probe<'_>, numbers: Range<i64>) -> std::result::Result<(), LedgerError> {
    let batch_id = Some(batch_id(&probe));
    let jobs = numbers.map(|number| {
        let job = ProbeRun { probe: probe.name.to_owned(), number }.job(probe.workspace_id);
        NewJob { batch_id, max_attempts: probe.tries.unwrap_or(job.max_attempts), ..job }
    });
    ledger::enqueue(tx, jobs.collect()).await?;
    Ok(())
}

/// How long the jobs of a probe took.
#[derive(Clone, Copy, Debug)]
pub struct ProbeTimes {
    /// Half of the jobs took no longer than this, from due to finished.
    pub half: Duration,
    /// 99 of a hundred jobs took no longer than this.
    pub most: Duration,
    /// The time from the first due job to the last finished job.
    pub all: Duration,
}

/// Returns how long the successful jobs of a probe took; `None` if no job succeeded.
///
/// # Errors
/// When the database fails.
#[boxed]
pub async fn probe_times(db: &Db, workspace_id: Uuid, batch_id: Uuid) -> Result<Option<ProbeTimes>> {
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> = query(
        "select run_at, finished_at from jobs
         where workspace_id = $2 and batch_id = $1 and state = 'succeeded' and finished_at is not null",
    )
    .bind(batch_id)
    .bind(workspace_id)
    .all(db)
    .await?;
    let (Some(first), Some(last)) = (rows.iter().map(|row| row.0).min(), rows.iter().map(|row| row.1).max()) else {
        return Ok(None);
    };
    // The clocks of two machines may differ.
    let mut waits: Vec<Duration> = rows.iter().map(|(due, end)| (*end - *due).to_std().unwrap_or_default()).collect();
    waits.sort_unstable();
    let share = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    Ok(Some(ProbeTimes { half: share(50), most: share(99), all: (last - first).to_std().unwrap_or_default() }))
}

fn batch_id(probe: &Probe<'_>) -> Uuid {
    let digest =
        Sha256::new().chain_update(b"probe").chain_update(probe.workspace_id).chain_update(probe.name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
