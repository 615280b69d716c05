//! Lanes: the rows in which a queue's ready jobs stand, one for each workspace, limit key, batch and priority, oldest
//! due first.
//!
//! Dispatch reads the head of each lane and no more, so a round costs the same whatever the backlog. Batches share a
//! bounded number of lanes: ten thousand small ones must not make each round ten thousand times as dear.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use herald_db::{Db, FromRow, Result, query};

/// Lanes that the batches of one limit key share.
const BATCH_LANES: u64 = 256;

/// The head of a lane.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Lane {
    pub(super) workspace_id: Uuid,
    pub(super) lane: i64,
    pub(super) priority: i64,
    /// When its first job is due.
    pub(super) run_at: DateTime<Utc>,
    /// What every job of the lane shares a limit with.
    pub(super) limit_key: Option<String>,
    /// What its first job takes from the queue's rate.
    pub(super) cost: i64,
}

/// The lane of a job. The same in every process and version: it is stored.
pub(super) fn lane_of(limit_key: Option<&str>, batch_id: Option<Uuid>) -> i64 {
    let key = limit_key.map_or(0, |key| fnv(key.as_bytes()));
    let batch = batch_id.map_or(0, |batch| 1 + fnv(batch.as_bytes()) % (BATCH_LANES - 1));
    // The sign bit stays free.
    i64::try_from((key >> 9 << 8) | batch).unwrap_or(0)
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The head of every lane of a queue, in one statement that jumps in the index from each lane to the next: its cost is
/// the number of lanes and not of jobs. Three jumps, since of `(a, b, c) > (x, y, z)` SQLite uses only `a` and then
/// reads a lane from end to end.
pub(super) async fn lanes(db: &Db, queue: &str) -> Result<Vec<Lane>> {
    query(
        "with recursive heads(id) as (
           select id from (select id from jobs where state = 'ready' and queue = $1
                           order by workspace_id, lane, priority, run_at limit 1) as first
           union all
           select coalesce(
             (select following.id from jobs as following
              where following.state = 'ready' and following.queue = $1 and following.workspace_id = jobs.workspace_id
                and following.lane = jobs.lane and following.priority > jobs.priority
              order by following.priority, following.run_at limit 1),
             (select following.id from jobs as following
              where following.state = 'ready' and following.queue = $1 and following.workspace_id = jobs.workspace_id
                and following.lane > jobs.lane
              order by following.lane, following.priority, following.run_at limit 1),
             (select following.id from jobs as following
              where following.state = 'ready' and following.queue = $1 and following.workspace_id > jobs.workspace_id
              order by following.workspace_id, following.lane, following.priority, following.run_at limit 1))
           from heads join jobs on jobs.id = heads.id
         )
         select workspace_id, lane, priority, run_at, limit_key, cost from heads join jobs on jobs.id = heads.id",
    )
    // Planned anew each time: a plan kept from when the table was small reads all of it when it has grown, until its
    // statistics are renewed.
    .once()
    .bind(queue)
    .all(db)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_stable_and_keys_do_not_mix() {
        assert_eq!(lane_of(None, None), 0);
        // Stored with the jobs: these must never change.
        assert_eq!(lane_of(Some("mautic.example"), None), 3_099_989_084_974_970_368);
        let batch = Uuid::from_u128(7);
        let lanes = [
            lane_of(None, None),
            lane_of(None, Some(batch)),
            lane_of(Some("a"), None),
            lane_of(Some("a"), Some(batch)),
            lane_of(Some("b"), Some(batch)),
        ];
        assert_eq!(lanes.iter().collect::<std::collections::HashSet<_>>().len(), lanes.len());
        assert!(lanes.iter().all(|lane| *lane >= 0));
    }

    #[test]
    fn batches_spread_over_their_lanes_and_no_more() {
        let ids = herald_base::ids::Ids::seeded(1);
        let lanes: std::collections::HashSet<i64> =
            (0..5_000).map(|_| lane_of(None, Some(ids.uuid(DateTime::UNIX_EPOCH)))).collect();
        assert!((250..256).contains(&lanes.len()), "{}", lanes.len());
    }
}
