//! Queues: how much waits in each, and holding one up.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::db::{Db, FromRow, Result, Tx, query};

/// A queue and what is in it.
#[derive(Clone, Debug, Serialize, FromRow)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// Whether dispatch holds it up.
    pub paused: bool,
    /// Jobs waiting: due, delayed, or to be tried again.
    pub ready: i64,
    /// Jobs leased to a worker.
    pub running: i64,
}

/// Every queue that was ever set up or has jobs.
pub async fn queues(db: &Db) -> Result<Vec<QueueStatus>> {
    let mut queues: Vec<QueueStatus> = query(
        "select name, max(paused) = 1 as paused, cast(sum(ready) as bigint) as ready, cast(sum(running) as bigint) as running from (
           select name, case when paused then 1 else 0 end as paused, 0 as ready, 0 as running from queues
           union all select queue, 0, count(*), 0 from jobs where state = 'ready' group by queue
           union all select queue, 0, 0, count(*) from jobs where state = 'running' group by queue
         ) as parts group by name",
    )
    .all(db)
    .await?;
    // Sorted here: PostgreSQL would sort by the rules of its locale.
    queues.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(queues)
}

/// Stops or resumes dispatch from a queue, for the whole fleet at once. Jobs that run go on.
pub async fn set_paused(tx: &mut Tx, name: &str, paused: bool) -> Result<()> {
    query(
        "insert into queues (name, paused, updated_at) values ($1, $2, $3)
         on conflict (name) do update set paused = excluded.paused, updated_at = excluded.updated_at",
    )
    .bind(name)
    .bind(paused)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    tx.nudge_on_commit();
    Ok(())
}

#[derive(FromRow)]
struct OldestDue {
    queue: String,
    run_at: DateTime<Utc>,
}

/// The due time of each queue's job that has been due longest.
pub async fn oldest_due(db: &Db) -> Result<Vec<(String, DateTime<Utc>)>> {
    let rows: Vec<OldestDue> =
        query("select queue, min(run_at) as run_at from jobs where state = 'ready' and run_at <= $1 group by queue")
            .bind(db.now())
            .all(db)
            .await?;
    Ok(rows.into_iter().map(|row| (row.queue, row.run_at)).collect())
}
