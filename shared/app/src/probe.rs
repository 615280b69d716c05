//! Probes: batches of jobs that only show that the fleet works.

use std::{ops::Range, time::Duration};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::jobs::ProbeRun;
use herald_db::{Db, Result, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{LedgerError, NewJob, Payload};

/// What a probe is to be.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// The workspace it works for.
    pub workspace_id: Uuid,
    /// Its name, unique in the workspace.
    pub name: &'a str,
    /// Tries of each job, crashes included; what the kind's policy says if `None`.
    pub tries: Option<i64>,
}

/// Starts a probe with these jobs, and returns its batch and whether it is new. A probe of that name is found, not made
/// again: the batch's id is made of the name, so that of two requests at once only one can make it.
///
/// # Errors
/// When the database refuses.
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

/// Adds jobs to a probe that [`start_probe`] made.
///
/// # Errors
/// When the database refuses.
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
    /// Half of them took no longer, from due to finished.
    pub half: Duration,
    /// 99 of a hundred took no longer.
    pub most: Duration,
    /// From the first one due to the last one finished.
    pub all: Duration,
}

/// How long the jobs of a probe that succeeded took; `None` if none did.
///
/// # Errors
/// When the database refuses.
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
    // Two machines' clocks may differ.
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
