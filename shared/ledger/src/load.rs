//! How much there is to do, for the metrics: read often, so at a cost that does not grow with the backlog.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;

use super::{queue::with_ready_jobs, queue_status::oldest_due};
use herald_db::{Db, Result, query};

/// Jobs are counted up to here: beyond it nobody acts on the difference.
pub const COUNTED: i64 = 100_000;

/// What is in a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The queue.
    pub name: String,
    /// Whether a person holds it up.
    pub paused: bool,
    /// Whether a provider asked for patience.
    pub blocked: bool,
    /// Jobs that wait, at most [`COUNTED`].
    pub ready: i64,
    /// Jobs leased to a worker; of all queues together at most [`COUNTED`] are counted.
    pub running: i64,
    /// Since when the job that has waited longest has been due.
    pub oldest_due: Option<DateTime<Utc>>,
}

/// What is in each queue that has jobs or was ever set up.
#[boxed]
pub async fn load(db: &Db) -> Result<Vec<Load>> {
    let mut loads: BTreeMap<String, Load> = BTreeMap::new();
    let now = db.now();
    let set_up: Vec<(String, bool, Option<DateTime<Utc>>)> =
        query("select name, paused, blocked_until from queues").all(db).await?;
    for (name, paused, blocked_until) in set_up {
        let load = loads.entry(name).or_default();
        (load.paused, load.blocked) = (paused, blocked_until.is_some_and(|until| until > now));
    }
    for name in with_ready_jobs(db).await? {
        let (ready,): (i64,) = query(
            "select count(*) from (select 1 as one from jobs where state = 'ready' and queue = $1 limit $2) as counted",
        )
        .bind(name.as_str())
        .bind(COUNTED)
        .one(db)
        .await?;
        loads.entry(name).or_default().ready = ready;
    }
    for (name, due) in oldest_due(db).await? {
        loads.entry(name).or_default().oldest_due = Some(due);
    }
    // As many as the workers and the wire hold.
    let running: Vec<(String, i64)> = query(
        "select queue, count(*) from (select queue from jobs where state = 'running' limit $1) as counted group by \
         queue",
    )
    .bind(COUNTED)
    .all(db)
    .await?;
    for (name, jobs) in running {
        loads.entry(name).or_default().running = jobs;
    }
    Ok(loads.into_iter().map(|(name, load)| Load { name, ..load }).collect())
}

/// How many batches are not complete yet. Batches are thousands where jobs are millions.
#[boxed]
pub async fn running_batches(db: &Db) -> Result<i64> {
    let (batches,): (i64,) = query("select count(*) from batches where state = 'running'").one(db).await?;
    Ok(batches)
}
