//! Writes outcomes in groups. The outcomes that arrive while one group is written form the next group. So a single
//! outcome is written at once, and many outcomes share one transaction for up to a thousand.

use std::time::Duration;

use herald_base::telemetry::catalog::STALE_OUTCOMES;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Finished, LedgerError, Outcome};
use tokio::sync::mpsc;

use super::in_flight::InFlight;

const GROUP: usize = 1_000;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Runs until every sender is gone and all outcomes are written.
pub(super) async fn run(db: Db, mut finished: mpsc::Receiver<Finished>, in_flight: InFlight) {
    let mut group = Vec::with_capacity(GROUP);
    while finished.recv_many(&mut group, GROUP).await > 0 {
        write(&db, &mut group).await;
        for finished in group.drain(..) {
            in_flight.remove(finished.job.key());
        }
    }
}

async fn write(db: &Db, group: &mut [Finished]) {
    match write_patiently(db, group).await {
        Ok(()) => {}
        Err(error) if group.len() > 1 => {
            tracing::warn!(%error, outcomes = group.len(), "a group of outcomes was refused: writing them one by one");
            for one in group.chunks_mut(1) {
                Box::pin(write(db, one)).await;
            }
        }
        Err(error) => refuse(db, &mut group[0], &error).await,
    }
}

/// Writes a group, and retries while the database is unreachable. Meanwhile the leases of its jobs are renewed.
async fn write_patiently(db: &Db, group: &[Finished]) -> Result<(), LedgerError> {
    let mut wait = FIRST_WAIT;
    loop {
        match ledger::commit(db, group).await {
            Ok(committed) => {
                if committed.stale > 0 {
                    STALE_OUTCOMES.add([], committed.stale as u64);
                    tracing::warn!(
                        outcomes = committed.stale,
                        "outcomes came after their leases ran out and changed nothing"
                    );
                }
                return Ok(());
            }
            Err(LedgerError::Db(error)) if error.is_transient() => {
                tracing::warn!(%error, outcomes = group.len(), "outcomes not written yet, will try again");
                db.clock().sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Turns an outcome that the database refuses into a failed attempt with that reason. For example, a follow-up job is
/// too large, or a change breaks a rule.
async fn refuse(db: &Db, finished: &mut Finished, error: &LedgerError) {
    tracing::error!(%error, job = %finished.job.id, kind = %finished.job.kind, "an outcome was refused");
    finished.outcome = super::outcome::outcome_of(
        db,
        &finished.job,
        Err(super::Failure::Retry { error: format!("its outcome could not be written: {error}"), after: None }),
    );
    if matches!(finished.outcome, Outcome::Done { .. }) {
        return;
    }
    if let Err(error) = write_patiently(db, std::slice::from_ref(finished)).await {
        tracing::error!(%error, job = %finished.job.id, "its failure could not be written either: \
            it returns when its lease runs out");
    }
}
