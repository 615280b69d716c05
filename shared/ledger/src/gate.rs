//! A queue's limits, as one dispatch round finds them.
//!
//! The limits hold for the whole fleet because they are kept where rows are leased. A dispatcher of a limited queue
//! holds the queue's row until the lease is written, so two schedulers never count the same room twice.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{
    lanes::Lane,
    pace::Rate,
    queue::{KeyRow, QueueRow, key_rows},
};
use herald_db::{Db, FromRow, Result, Tx, query};

/// What a round may still lease from a queue.
pub(super) struct Gate {
    row: QueueRow,
    keys: HashMap<String, KeyRow>,
    /// Jobs of each limit key that run now. Counted only if keys have limits.
    running: HashMap<String, i64>,
    /// Jobs of each workspace that run now. Counted only if workspaces have a limit.
    running_of: HashMap<Uuid, i64>,
    /// Jobs left by concurrency.
    jobs: usize,
    /// Units of cost left by the rate.
    units: Option<i64>,
    rate: Option<Rate>,
    spent: i64,
    now: DateTime<Utc>,
}

#[derive(FromRow)]
struct Running {
    limit_key: String,
    jobs: i64,
}

impl Gate {
    /// Locks the queue's row and reads what is left. `waiting` is how many of its jobs already wait on the wire.
    pub(super) async fn open(tx: &mut Tx, queue: &str, waiting: usize, now: DateTime<Utc>) -> Result<Option<Self>> {
        let Some(row) = QueueRow::lock(tx, queue).await? else { return Ok(None) };
        let keys: HashMap<String, KeyRow> =
            key_rows(&mut *tx, queue).await?.into_iter().map(|key| (key.limit_key.clone(), key)).collect();
        let mut jobs = usize::MAX;
        if let Some(concurrency) = row.concurrency {
            let (running,): (i64,) = query("select count(*) from jobs where state = 'running' and queue = $1")
                .bind(queue)
                .one(&mut *tx)
                .await?;
            jobs = usize::try_from(concurrency - running).unwrap_or(0);
        }
        let mut running = HashMap::new();
        if row.key_concurrency.is_some() || keys.values().any(|key| key.concurrency.is_some()) {
            let counted: Vec<Running> = query(
                "select limit_key, count(*) as jobs from jobs
                 where state = 'running' and queue = $1 and limit_key is not null group by limit_key",
            )
            .bind(queue)
            .all(&mut *tx)
            .await?;
            running = counted.into_iter().map(|counted| (counted.limit_key, counted.jobs)).collect();
        }
        let mut running_of = HashMap::new();
        if row.workspace_concurrency.is_some() {
            let counted: Vec<(Uuid, i64)> = query(
                "select workspace_id, count(*) from jobs where state = 'running' and queue = $1 group by workspace_id",
            )
            .bind(queue)
            .all(&mut *tx)
            .await?;
            running_of = counted.into_iter().collect();
        }
        let rate = row.rate();
        let units = rate.map(|rate| {
            // No more than about a second's worth waits on the wire, so that a change of the rate is felt at once.
            let second = (rate.units / rate.seconds).max(rate.burst);
            let room = second - i64::try_from(waiting).unwrap_or(second);
            rate.available(row.paced_until, now).min(room.max(0))
        });
        Ok(Some(Self { row, keys, running, running_of, jobs, units, rate, spent: 0, now }))
    }

    /// Whether nothing of the queue may be leased at all, whatever lane it is in.
    pub(super) fn is_shut(&self) -> bool {
        self.row.paused || self.is_blocked() || self.jobs == 0 || self.units.is_some_and(|units| units <= 0)
    }

    /// How many jobs of a lane may be leased.
    pub(super) fn room(&self, lane: &Lane) -> usize {
        let by_units = self.units.map_or(usize::MAX, |units| {
            if units <= 0 { 0 } else { usize::try_from(units / lane.cost.max(1)).unwrap_or(usize::MAX).max(1) }
        });
        self.jobs
            .min(by_units)
            .min(self.room_of_key(lane.limit_key.as_deref()))
            .min(self.room_of_workspace(lane.workspace_id))
    }

    fn room_of_workspace(&self, workspace_id: Uuid) -> usize {
        let Some(most) = self.row.workspace_concurrency else { return usize::MAX };
        usize::try_from(most - self.running_of.get(&workspace_id).copied().unwrap_or(0)).unwrap_or(0)
    }

    fn room_of_key(&self, key: Option<&str>) -> usize {
        let Some(key) = key else { return usize::MAX };
        let row = self.keys.get(key);
        if row.and_then(|row| row.blocked_until).is_some_and(|until| until > self.now) {
            return 0;
        }
        match row.and_then(|row| row.concurrency).or(self.row.key_concurrency) {
            Some(most) => usize::try_from(most - self.running.get(key).copied().unwrap_or(0)).unwrap_or(0),
            None => usize::MAX,
        }
    }

    /// Notes what was leased from a lane.
    pub(super) fn take(&mut self, lane: &Lane, jobs: usize, cost: i64) {
        self.jobs = self.jobs.saturating_sub(jobs);
        self.units = self.units.map(|units| units - cost);
        self.spent += cost;
        let jobs = i64::try_from(jobs).unwrap_or(i64::MAX);
        *self.running_of.entry(lane.workspace_id).or_default() += jobs;
        if let Some(key) = &lane.limit_key {
            *self.running.entry(key.clone()).or_default() += jobs;
        }
    }

    /// Whether the end of a job makes room for another.
    pub(super) fn makes_room(&self) -> bool {
        self.row.counts_running() || self.keys.values().any(|key| key.concurrency.is_some())
    }

    /// When it is worth looking at the queue again, if only time can open it. Concurrency opens when a job ends, which
    /// is told.
    pub(super) fn opens_at(&self) -> Option<DateTime<Utc>> {
        if self.row.paused {
            return None;
        }
        if self.is_blocked() {
            return self.row.blocked_until;
        }
        let paced = self.rate.filter(|_| self.units.is_some_and(|units| units <= 0)).map(|rate| {
            let spent = if self.spent > 0 {
                Some(rate.after(self.row.paced_until, self.now, self.spent))
            } else {
                self.row.paced_until
            };
            rate.worth_waiting_for(spent, self.now)
        });
        let keys = self.keys.values().filter_map(|key| key.blocked_until).filter(|until| *until > self.now);
        paced.into_iter().chain(keys).min()
    }

    fn is_blocked(&self) -> bool {
        self.row.blocked_until.is_some_and(|until| until > self.now)
    }

    /// Writes what the round took from the rate.
    pub(super) async fn close(self, tx: &mut Tx) -> Result<()> {
        let (Some(rate), true) = (self.rate, self.spent > 0) else { return Ok(()) };
        query("update queues set paced_until = $2 where name = $1")
            .bind(self.row.name)
            .bind(rate.after(self.row.paced_until, self.now, self.spent))
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Takes `units` from a queue's rate for a caller who needs them now, whatever is waiting, and returns when they may be
/// used. The rate holds for both: jobs wait for the units that are taken here.
#[boxed]
pub async fn charge(db: &Db, queue: &str, units: i64) -> Result<DateTime<Utc>> {
    let mut tx = db.begin().await?;
    let now = db.now();
    let row = QueueRow::lock(&mut tx, queue).await?;
    let Some((rate, row)) = row.and_then(|row| row.rate().map(|rate| (rate, row))) else { return Ok(now) };
    let used_up_to = rate.after(row.paced_until, now, units);
    query("update queues set paced_until = $2 where name = $1").bind(queue).bind(used_up_to).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(used_up_to.max(now))
}
