//! Leasing due jobs, fairly.
//!
//! A queue's ready jobs stand in lanes, one for each workspace and priority. A dispatch round reads the head of each lane, divides what
//! the fleet can take among the workspaces that have something due, and leases from each workspace's most urgent lane first. So one
//! workspace's million-row campaign takes its share and no more, and a round costs the same whatever the backlog.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Leased;
use crate::db::{Db, EngineKind, FromRow, Result, Tx, query};

/// How many jobs of a queue the wire can take now.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The queue.
    pub queue: String,
    /// Jobs wanted at most.
    pub limit: usize,
}

/// What a round leased.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// The jobs, to be put on the wire.
    pub jobs: Vec<Leased>,
    /// When the next job of the demanded queues comes due, if any waits for its time.
    pub next_due: Option<DateTime<Utc>>,
}

/// The head of a lane.
#[derive(Debug, FromRow)]
struct Lane {
    workspace_id: Uuid,
    priority: i64,
    run_at: DateTime<Utc>,
}

/// Leases due jobs for each queue in `demand` until `lease` from now, in one transaction. Any number of dispatchers may run at once.
/// `holder` names who leased, for people to read.
pub async fn dispatch(db: &Db, demand: &[Demand], holder: &str, lease: Duration) -> Result<Dispatched> {
    let now = db.now();
    let mut dispatched = Dispatched::default();
    let mut due = Vec::new();
    let paused: Vec<(String,)> = query("select name from queues where paused = $1").bind(true).all(db).await?;
    for wanted in demand.iter().filter(|wanted| wanted.limit > 0 && !paused.iter().any(|(name,)| *name == wanted.queue))
    {
        let mut lanes = lanes(db, &wanted.queue).await?;
        let waiting = lanes.iter().map(|lane| lane.run_at).filter(|run_at| *run_at > now).min();
        dispatched.next_due = [dispatched.next_due, waiting].into_iter().flatten().min();
        lanes.retain(|lane| lane.run_at <= now);
        if !lanes.is_empty() {
            due.push((wanted, lanes));
        }
    }
    if due.is_empty() {
        return Ok(dispatched);
    }
    let lease_until = now + lease;
    let mut tx = db.begin().await?;
    for (wanted, lanes) in due {
        let jobs = lease_fairly(&mut tx, wanted, lanes, Grant { holder, now, lease_until }).await?;
        dispatched.jobs.extend(jobs);
    }
    tx.commit().await?;
    Ok(dispatched)
}

/// The terms of a lease.
#[derive(Clone, Copy)]
struct Grant<'a> {
    holder: &'a str,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
}

async fn lease_fairly(tx: &mut Tx, wanted: &Demand, lanes: Vec<Lane>, grant: Grant<'_>) -> Result<Vec<Leased>> {
    let mut workspaces: Vec<Vec<Lane>> = Vec::new();
    for lane in lanes {
        match workspaces.last_mut() {
            Some(last) if last[0].workspace_id == lane.workspace_id => last.push(lane),
            _ => workspaces.push(vec![lane]),
        }
    }
    // In an order drawn anew each round, so that a demand smaller than the number of workspaces reaches each of them: whoever has waited
    // longest would otherwise go first until their whole backlog is done.
    for at in (1..workspaces.len()).rev() {
        workspaces.swap(at, tx.db().ids().below(at + 1));
    }
    let share = (wanted.limit / workspaces.len()).max(1);
    let mut jobs = Vec::new();
    // The second round hands what some workspaces did not need to those that have more.
    for round_share in [share, wanted.limit] {
        for lanes in &workspaces {
            let mut left = round_share;
            for lane in lanes {
                let limit = left.min(wanted.limit - jobs.len());
                if limit == 0 {
                    break;
                }
                let leased = lease_lane(tx, &wanted.queue, lane, limit, grant).await?;
                left -= leased.len();
                jobs.extend(leased);
            }
        }
        if workspaces.len() == 1 || jobs.len() == wanted.limit {
            break;
        }
    }
    Ok(jobs)
}

/// The head of every lane of a queue, by workspace and priority: each step jumps in the index to the next lane, so the cost is the number
/// of lanes and not of jobs.
async fn lanes(db: &Db, queue: &str) -> Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    let mut head: Option<Lane> = query(
        "select workspace_id, priority, run_at from jobs where state = 'ready' and queue = $1
         order by workspace_id, priority, run_at limit 1",
    )
    .bind(queue)
    .optional(db)
    .await?;
    while let Some(lane) = head {
        head = query(
            "select workspace_id, priority, run_at from jobs
             where state = 'ready' and queue = $1 and (workspace_id, priority) > ($2, $3)
             order by workspace_id, priority, run_at limit 1",
        )
        .bind(queue)
        .bind(lane.workspace_id)
        .bind(lane.priority)
        .optional(db)
        .await?;
        lanes.push(lane);
    }
    Ok(lanes)
}

async fn lease_lane(tx: &mut Tx, queue: &str, lane: &Lane, limit: usize, grant: Grant<'_>) -> Result<Vec<Leased>> {
    // SQLite has one writer, so nothing can lock the rows before us; PostgreSQL's dispatchers step over each other's.
    let due = match tx.engine() {
        EngineKind::Postgres => {
            "with due as materialized (select id from jobs
               where state = 'ready' and queue = $1 and workspace_id = $2 and priority = $3 and run_at <= $4
               order by run_at limit $5 for update skip locked)"
        }
        EngineKind::Sqlite => {
            "with due as materialized (select id from jobs
               where state = 'ready' and queue = $1 and workspace_id = $2 and priority = $3 and run_at <= $4
               order by run_at limit $5)"
        }
    };
    let lease = "update jobs set state = 'running', attempt = attempt + 1, lease_until = $6, worker = $7, started_at = $4
         where id in (select id from due)
         returning id, workspace_id, kind, queue, args, attempt, max_attempts, run_at, lease_until, batch_id, traceparent";
    let mut jobs: Vec<Leased> = query(&format!("{due} {lease}"))
        .bind(queue)
        .bind(lane.workspace_id)
        .bind(lane.priority)
        .bind(grant.now)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(grant.lease_until)
        .bind(grant.holder)
        .all(tx)
        .await?;
    // RETURNING gives no order.
    jobs.sort_by_key(|job| (job.run_at, job.id));
    Ok(jobs)
}
