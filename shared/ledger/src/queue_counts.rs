//! How many jobs wait and run in each queue, for people to read.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::load::COUNTED;
use herald_db::{Db, FromRow, Result, query};

/// From this number of jobs on, counting is dear enough for its result to stand a while.
const MANY: i64 = 10_000;
/// How long it stands.
const STANDS: TimeDelta = TimeDelta::seconds(1);

/// The counts of all queues. Those of many jobs stand for a second, so that however many people look, and however
/// often, the jobs are counted once a second. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct QueueCounts(Arc<Mutex<Option<Last>>>);

/// What was counted last, and when.
#[derive(Debug)]
struct Last {
    at: DateTime<Utc>,
    counts: Counts,
}

/// By the names of the queues.
type Counts = BTreeMap<String, QueueCount>;

/// The jobs of one queue, at most [`COUNTED`] of each sort.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueCount {
    pub(super) ready: i64,
    pub(super) running: i64,
}

impl QueueCounts {
    /// The counts by the names of the queues.
    pub(super) async fn look(&self, db: &Db) -> Result<Counts> {
        // The lock is held during the count, so that concurrent requests share one count.
        let mut last = self.0.lock().await;
        let now = db.now();
        if let Some(last) = &*last
            && (last.at..last.at + STANDS).contains(&now)
        {
            return Ok(last.counts.clone());
        }
        let counts = count(db).await?;
        let jobs: i64 = counts.values().map(|count| count.ready + count.running).sum();
        *last = (jobs >= MANY).then(|| Last { at: now, counts: counts.clone() });
        Ok(counts)
    }
}

async fn count(db: &Db) -> Result<Counts> {
    #[derive(FromRow)]
    struct Row {
        name: String,
        ready: i64,
        running: i64,
    }
    let rows: Vec<Row> = query(&format!(
        "with recursive waiting(name) as (
           select min(queue) from jobs where state = 'ready'
           union all
           select (select min(queue) from jobs where state = 'ready' and queue > waiting.name) from waiting \
           where waiting.name is not null
         ), names as (
           select name from waiting where name is not null
           union select queue from jobs where state = 'running'
         )
         select names.name, {} from names",
        counted(),
    ))
    .bind(COUNTED)
    .all(db)
    .await?;
    Ok(rows.into_iter().map(|Row { name, ready, running }| (name, QueueCount { ready, running })).collect())
}

/// The columns `ready` and `running` of a row of `names`; `$1` is [`COUNTED`].
pub(super) fn counted() -> String {
    let count = |state: &str| {
        format!(
            "(select count(*) from (select 1 as one from jobs where state = '{state}' and queue = names.name limit $1) \
             as counted) as {state}"
        )
    };
    format!("{}, {}", count("ready"), count("running"))
}
