//! Pruning: finished rows go after a while, their counts stay.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::JobState;
use herald_db::{Bulk, Db, FromRow, Result, Tx, query};

/// What one pruning transaction removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Finished jobs removed, their error history with them.
    pub jobs: usize,
}

/// A finished job whose row is gone.
#[derive(FromRow)]
pub(super) struct Gone {
    pub(super) id: Uuid,
    workspace_id: Uuid,
    kind: String,
    #[sqlx(try_from = "String")]
    state: JobState,
    finished_at: DateTime<Utc>,
}

/// Removes at most `limit` jobs that ended before `before`, and adds them to the daily counts in the same transaction.
/// Dead jobs stay: they wait for a person.
#[boxed]
pub async fn prune(db: &Db, before: DateTime<Utc>, limit: usize) -> Result<Pruned> {
    let mut tx = db.begin().await?;
    let gone: Vec<Gone> = query(
        "delete from jobs where id in (select id from jobs where finished_at < $1 and state in ('succeeded', \
         'cancelled') limit $2)
         returning id, workspace_id, kind, state, finished_at",
    )
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(&mut tx)
    .await?;
    remember(&mut tx, &gone).await?;
    tx.commit().await?;
    Ok(Pruned { jobs: gone.len() })
}

/// Adds jobs that are gone to the daily counts, and removes their errors.
pub(super) async fn remember(tx: &mut Tx, gone: &[Gone]) -> Result<()> {
    let mut counts = std::collections::BTreeMap::<(Uuid, String, String, JobState), i64>::new();
    for job in gone {
        let day = job.finished_at.format("%Y-%m-%d").to_string();
        *counts.entry((job.workspace_id, day, job.kind.clone(), job.state)).or_default() += 1;
    }
    for ((workspace_id, day, kind, state), jobs) in counts {
        query(
            "insert into job_counts (workspace_id, day, kind, state, jobs) values ($1, $2, $3, $4, $5)
             on conflict (workspace_id, day, kind, state) do update set jobs = job_counts.jobs + excluded.jobs",
        )
        .bind(workspace_id)
        .bind(day)
        .bind(kind)
        .bind(state.as_str())
        .bind(jobs)
        .execute(tx)
        .await?;
    }
    if !gone.is_empty() {
        Bulk::new("delete from job_errors where (workspace_id, job_id) in (select workspace_id, id from {rows})")
            .column("workspace_id", gone.iter().map(|job| job.workspace_id).collect())
            .column("id", gone.iter().map(|job| job.id).collect())
            .execute(tx)
            .await?;
    }
    Ok(())
}
