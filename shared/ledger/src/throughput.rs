//! How many jobs end, by queue.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use herald_db::{Db, Result, query};

/// The jobs that a look reads at most: its cost does not grow with what the fleet does.
const LOOKED_AT: i64 = 10_000;

/// How many jobs of each queue ended in the last minute.
///
/// Where more than [`LOOKED_AT`] ended in it, those that ended last stand for the whole minute.
pub(super) async fn ended_per_minute(db: &Db) -> Result<BTreeMap<String, i64>> {
    let now = db.now();
    let ended: Vec<(String, i64, DateTime<Utc>)> = query(
        "select queue, count(*), min(finished_at) from
           (select queue, finished_at from jobs where finished_at > $1 order by finished_at desc limit $2) as ended
         group by queue",
    )
    .bind(now - TimeDelta::minutes(1))
    .bind(LOOKED_AT)
    .all(db)
    .await?;
    let all: i64 = ended.iter().map(|(_, jobs, _)| jobs).sum();
    let first = ended.iter().map(|(_, _, first)| *first).min().filter(|_| all >= LOOKED_AT);
    let over = first.map_or(60_000, |first| (now - first).num_milliseconds().max(1));
    Ok(ended.into_iter().map(|(queue, jobs, _)| (queue, jobs * 60_000 / over)).collect())
}
