//! Leasing due jobs, fairly and within their queues' limits.
//!
//! A round reads the head of each of a queue's lanes, divides what the fleet can take among the workspaces and batches
//! that have something due, and leases from one lane after the other. So one workspace's million-row campaign takes its
//! share and no more, and a round costs the same whatever the backlog.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::{try_join, try_join_all};
use herald_base::boxed;
use uuid::Uuid;

use super::{
    Finished, Leased, LedgerError, commit,
    gate::Gate,
    lanes::{Lane, lanes},
    queue::{QueueRow, queues_with_keys},
    share,
};
use herald_db::{Db, EngineKind, Query, Result, Tx, query};

/// Lanes that one round leases from, for each queue; the others have their turn in the next rounds.
const LANES_A_ROUND: usize = 64;

/// How many jobs of a queue the wire can take now.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// The queue.
    pub queue: String,
    /// Jobs wanted at most.
    pub limit: usize,
    /// Jobs that wait on the wire already.
    pub waiting: usize,
}

/// What a round leased.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// The jobs, to be put on the wire.
    pub jobs: Vec<Leased>,
    /// Jobs that were due and were not given out, because their time was over or their recipient's hours are closed.
    pub untimely: usize,
    /// When it is worth looking at the demanded queues again, if only time can bring more.
    pub next_due: Option<DateTime<Utc>>,
}

/// Leases due jobs for each queue in `demand` until `lease` from now, in one transaction. Any number of dispatchers may
/// run at once. `holder` names who leased, for people to read.
#[boxed]
pub async fn dispatch(
    db: &Db,
    demand: &[Demand],
    holder: &str,
    lease: Duration,
) -> std::result::Result<Dispatched, LedgerError> {
    let now = db.now();
    let mut dispatched = Dispatched::default();
    let mut due = Vec::new();
    let (rules, cancelled) = try_join(Rules::read(db), cancelled_batches(db)).await?;
    let open = demand.iter().filter(|wanted| wanted.limit > 0 && !rules.is_paused(&wanted.queue));
    let (open, blocked): (Vec<&Demand>, Vec<&Demand>) =
        open.partition(|wanted| rules.blocked_until(&wanted.queue, now).is_none());
    dispatched.look_again(blocked.iter().filter_map(|wanted| rules.blocked_until(&wanted.queue, now)).min());
    // All queues are asked side by side: a round with little to do costs mainly the way there and back.
    let heads = try_join_all(open.iter().map(|wanted| lanes(db, &wanted.queue))).await?;
    for (wanted, mut lanes) in open.into_iter().zip(heads) {
        dispatched.look_again(lanes.iter().map(|lane| lane.run_at).filter(|run_at| *run_at > now).min());
        lanes.retain(|lane| lane.run_at <= now);
        if !lanes.is_empty() {
            due.push((wanted, lanes));
        }
    }
    if due.is_empty() {
        return Ok(dispatched);
    }
    let grant = Grant { holder, now, lease_until: now + lease, cancelled };
    if let [(wanted, lanes)] = &due[..]
        && let [lane] = &lanes[..]
        && !rules.is_limited(&wanted.queue)
    {
        // Nothing to divide and nothing to count.
        dispatched.jobs = in_order(lease_lane(db.kind(), &wanted.queue, lane, wanted.limit, &grant).alone(db).await?);
        dispatched.hold_back_untimely(db, now).await?;
        return Ok(dispatched);
    }
    let mut tx = db.begin().await?;
    for (wanted, lanes) in due {
        let gate = match rules.is_limited(&wanted.queue) {
            true => Gate::open(&mut tx, &wanted.queue, wanted.waiting, now).await?,
            false => None,
        };
        let opens_at = lease_fairly(&mut tx, wanted, lanes, gate, &grant, &mut dispatched.jobs).await?;
        dispatched.look_again(opens_at);
    }
    tx.commit().await?;
    dispatched.hold_back_untimely(db, now).await?;
    Ok(dispatched)
}

impl Dispatched {
    fn look_again(&mut self, at: Option<DateTime<Utc>>) {
        self.next_due = [self.next_due, at].into_iter().flatten().min();
    }

    /// Ends jobs that are too late, and puts off jobs that are too early.
    async fn hold_back_untimely(&mut self, db: &Db, now: DateTime<Utc>) -> std::result::Result<(), LedgerError> {
        let finished: Vec<Finished> = self
            .jobs
            .extract_if(.., |job| job.untimely(now).is_some())
            .filter_map(|job| Some(Finished { outcome: job.untimely(now)?, job }))
            .collect();
        self.untimely = finished.len();
        commit(db, &finished).await.map(drop)
    }
}

/// What the queues' rows say, read before anything is locked.
struct Rules {
    rows: HashMap<String, QueueRow>,
    with_keys: Vec<(String,)>,
}

impl Rules {
    async fn read(db: &Db) -> Result<Self> {
        let (rows, with_keys) = try_join(QueueRow::list(db), queues_with_keys(db)).await?;
        Ok(Self { rows: rows.into_iter().map(|row| (row.name.clone(), row)).collect(), with_keys })
    }

    fn is_paused(&self, queue: &str) -> bool {
        self.rows.get(queue).is_some_and(|row| row.paused)
    }

    fn blocked_until(&self, queue: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.rows.get(queue).and_then(|row| row.blocked_until).filter(|until| *until > now)
    }

    fn is_limited(&self, queue: &str) -> bool {
        self.rows.get(queue).is_some_and(QueueRow::is_limited) || self.with_keys.iter().any(|(name,)| name == queue)
    }
}

/// Cancelled batches whose waiting jobs have not all been told yet: nothing of them may start.
async fn cancelled_batches(db: &Db) -> Result<Vec<Uuid>> {
    let batches: Vec<(Uuid,)> = query("select id from batches where sweeping").all(db).await?;
    Ok(batches.into_iter().map(|(id,)| id).collect())
}

/// The terms of a lease.
struct Grant<'a> {
    holder: &'a str,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    /// Batches that get nothing.
    cancelled: Vec<Uuid>,
}

/// Leases from a queue's lanes into `jobs`. Returns when it is worth looking again, if a limit is what ended it.
async fn lease_fairly(
    tx: &mut Tx,
    wanted: &Demand,
    lanes: Vec<Lane>,
    mut gate: Option<Gate>,
    grant: &Grant<'_>,
    jobs: &mut Vec<Leased>,
) -> Result<Option<DateTime<Utc>>> {
    if let Some(gate) = gate.as_ref().filter(|gate| gate.is_shut()) {
        return Ok(gate.opens_at());
    }
    let mut left = wanted.limit;
    let turns = share::turns(&lanes, wanted.limit, grant.now, tx.db().ids());
    let mut exhausted = vec![false; lanes.len()];
    let mut asked = 0;
    // The second time round, capacity that some lanes did not need goes to those with more jobs.
    for again in [false, true] {
        for (share, turns) in &turns {
            let mut of_share = if again { left } else { *share };
            for turn in turns {
                let lane = &lanes[turn.lane];
                let most = if again { of_share } else { turn.most.min(of_share) };
                let limit = most.min(left).min(gate.as_ref().map_or(usize::MAX, |gate| gate.room(lane)));
                if limit == 0 || exhausted[turn.lane] || asked == LANES_A_ROUND {
                    continue;
                }
                asked += usize::from(lanes.len() > 1);
                let lease = lease_lane(tx.engine(), &wanted.queue, lane, limit, grant);
                let mut leased = in_order(lease.all(&mut *tx).await?);
                exhausted[turn.lane] = leased.len() < limit;
                left -= leased.len();
                of_share -= leased.len();
                if let Some(gate) = &mut gate {
                    let cost = leased.iter().filter(|job| job.untimely(grant.now).is_none()).map(|job| job.cost).sum();
                    gate.take(lane, leased.len(), cost);
                    leased.iter_mut().for_each(|job| job.makes_room = gate.makes_room());
                }
                jobs.extend(leased);
            }
        }
        if left == 0 || lanes.len() == 1 {
            break;
        }
    }
    let Some(gate) = gate else { return Ok(None) };
    let opens_at = gate.opens_at();
    gate.close(tx).await?;
    Ok(opens_at)
}

/// The statement that leases from one lane.
fn lease_lane(engine: EngineKind, queue: &str, lane: &Lane, limit: usize, grant: &Grant<'_>) -> Query {
    // SQLite has one writer, so nothing can lock the rows before us; PostgreSQL's dispatchers step over each other's.
    // There a row is also found again by its place, which saves a search for each.
    let (place, lock, leased) = match engine {
        EngineKind::Postgres => ("ctid", "for update skip locked", "ctid = any (array(select ctid from due))"),
        EngineKind::Sqlite => ("id", "", "id in (select id from due)"),
    };
    let skipped: Vec<String> = (0..grant.cancelled.len()).map(|at| format!("${}", at + 9)).collect();
    let skipped = match skipped.is_empty() {
        true => String::new(),
        false => format!("and (batch_id is null or batch_id not in ({}))", skipped.join(", ")),
    };
    let mut lease = query(&format!(
        "with due as materialized (select {place} from jobs
           where state = 'ready' and queue = $1 and workspace_id = $2 and lane = $3 and priority = $4 \
           and run_at <= $5 {skipped}
           order by run_at limit $6 {lock})
         update jobs set state = 'running', attempt = attempt + 1, lease_until = $7, worker = $8, started_at = $5,
           unique_key = case when key_until_start then null else unique_key end
         where {leased}
         returning id, workspace_id, kind, queue, args, attempt, max_attempts, run_at, lease_until, batch_id, \
         traceparent,
                   limit_key, cost, expires_at, open_hours"
    ))
    // As in `lanes`: the plan must fit the backlog of now.
    .once()
    .bind(queue)
    .bind(lane.workspace_id)
    .bind(lane.lane)
    .bind(lane.priority)
    .bind(grant.now)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(grant.lease_until)
    .bind(grant.holder);
    for batch in &grant.cancelled {
        lease = lease.bind(*batch);
    }
    lease
}

/// Sorts leased jobs: `returning` gives them in no order.
fn in_order(mut jobs: Vec<Leased>) -> Vec<Leased> {
    jobs.sort_by_key(|job| (job.run_at, job.id));
    jobs
}
