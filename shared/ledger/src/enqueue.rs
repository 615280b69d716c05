//! Putting jobs in the ledger.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{LedgerError, NewJob, Unique, lanes::lane_of, unique};
use herald_base::{boxed, telemetry::traceparent};
use herald_db::{Bulk, Column, Db, DbError, Tx, query};

/// The largest arguments a job may carry, in bytes of JSON.
pub const MAX_ARGS_BYTES: usize = 64 * 1024;

/// What became of a job that was to be enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It is in the ledger under this id.
    New(Uuid),
    /// Its key is taken: the job of this id does the same.
    Taken(Uuid),
    /// Its batch was cancelled. This id names no row.
    Dropped(Uuid),
}

impl Entered {
    /// The id of the job that does the work.
    pub fn id(self) -> Uuid {
        let (Self::New(id) | Self::Taken(id) | Self::Dropped(id)) = self;
        id
    }
}

/// When a job was put in the ledger, to the second: its id holds the time.
pub fn enqueued_at(id: Uuid) -> DateTime<Utc> {
    let seconds = id.get_timestamp().map_or(0, |at| at.to_unix().0);
    i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default()
}

/// Enqueues jobs in the open transaction, 1,000 rows a statement, and returns their ids in order.
///
/// Where a job's unique key is taken, [`NewJob::unique`] says what happens, and the id of the job that lives is
/// returned. A job for a batch that is not running any more (cancelled) is dropped; its id then names no row. Jobs
/// without a trace belong to the one that is open here.
#[boxed]
pub async fn enqueue(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<Vec<Uuid>, LedgerError> {
    Ok(enter(tx, jobs).await?.into_iter().map(Entered::id).collect())
}

/// As [`enqueue`], and says of each job what became of it.
#[boxed]
pub async fn enter(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<Vec<Entered>, LedgerError> {
    for job in &jobs {
        check(job)?;
    }
    let mut ids: Vec<Uuid> = jobs.iter().map(|_| tx.db().new_id()).collect();
    let mut entered: Vec<Entered> = ids.iter().copied().map(Entered::Dropped).collect();
    let open_batches = open_batches(tx, &jobs).await?;
    let mut wanted: Vec<usize> = (0..jobs.len())
        .filter(|at| jobs[*at].batch_id.is_none_or(|batch| open_batches.contains(&(batch, jobs[*at].workspace_id))))
        .collect();
    let of_open_batches = wanted.clone();
    // A transaction waits for a key that another one is just enqueueing. All take the keys in one order, so that two
    // lists of keys never wait for each other.
    wanted.sort_by(|a, b| key_of(&jobs[*a]).cmp(&key_of(&jobs[*b])));
    unique::throttle(tx, &jobs, &mut ids, &mut wanted).await?;
    for at in of_open_batches {
        // Those that are made are told below.
        entered[at] = Entered::Taken(ids[at]);
    }
    if wanted.is_empty() {
        return Ok(entered);
    }
    let mut inserted = insert(tx, wanted.iter().map(|at| (ids[*at], jobs[*at].clone())).collect()).await?;
    let waiting: Vec<&NewJob> =
        wanted.iter().filter(|at| !inserted.contains(&ids[**at])).map(|at| &jobs[*at]).collect();
    let holders = unique::holders(tx, &waiting).await?;
    let mut made = Vec::with_capacity(inserted.len());
    for at in wanted {
        let job = &jobs[at];
        let new = ids[at];
        while !inserted.contains(&ids[at]) {
            let key = (job.workspace_id, job.unique_key.clone().unwrap_or_default());
            let live = match holders.get(&key).filter(|_| unique::leaves_alone(job)) {
                Some(live) => Some(*live),
                None => unique::taken_by(tx, job).await?,
            };
            match live {
                Some(live) => {
                    ids[at] = live;
                    break;
                }
                // The job that had its key ended, or started, between the two statements.
                None => inserted.extend(insert(tx, vec![(new, job.clone())]).await?),
            }
        }
        if ids[at] == new {
            made.push(job);
        }
        entered[at] = if ids[at] == new { Entered::New(new) } else { Entered::Taken(ids[at]) };
    }
    count_in_batches(tx, made.into_iter()).await?;
    tx.nudge_on_commit();
    Ok(entered)
}

/// Enqueues a job in a transaction of its own, as [`enqueue`] does. Most take one round trip to the database instead of
/// four.
#[boxed]
pub async fn enqueue_alone(db: &Db, job: NewJob) -> Result<Uuid, LedgerError> {
    check(&job)?;
    let takes_more = job.batch_id.is_some() || matches!(job.unique, Unique::Throttle { .. });
    if !takes_more {
        let id = db.new_id();
        match insertion(db, vec![(id, job.clone())]).repeatable::<(Uuid,)>(db).await {
            // Its key is taken.
            Ok(inserted) if inserted.is_empty() => {}
            Ok(_) => {
                db.nudge();
                return Ok(id);
            }
            // It was done twice, because the connection broke before it could tell.
            Err(error) if error.is_unique_violation() => {
                db.nudge();
                return Ok(id);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut tx = db.begin().await?;
    let ids = enqueue(&mut tx, vec![job]).await?;
    tx.commit().await?;
    Ok(ids[0])
}

fn check(job: &NewJob) -> Result<(), LedgerError> {
    if !job.args.is_object() {
        return Err(LedgerError::NotAnObject { kind: job.kind.clone() });
    }
    let bytes = job.args.to_string().len();
    if bytes > MAX_ARGS_BYTES {
        return Err(LedgerError::TooLarge { kind: job.kind.clone(), bytes });
    }
    Ok(())
}

fn key_of(job: &NewJob) -> (Uuid, Option<&String>) {
    (job.workspace_id, job.unique_key.as_ref())
}

async fn insert(tx: &mut Tx, jobs: Vec<(Uuid, NewJob)>) -> Result<HashSet<Uuid>, DbError> {
    let inserted: Vec<(Uuid,)> = insertion(tx.db(), jobs).all(tx).await?;
    Ok(inserted.into_iter().map(|(id,)| id).collect())
}

/// The statement that inserts the jobs whose keys are free, and returns their ids.
fn insertion(db: &Db, jobs: Vec<(Uuid, NewJob)>) -> Bulk {
    let now = db.now();
    let trace = traceparent();
    let (ids, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    let texts = |of: fn(&NewJob) -> &str| jobs.iter().map(|job| of(job).to_owned()).collect::<Column>();
    let columns = [
        ("id", ids.into_iter().collect()),
        ("workspace_id", jobs.iter().map(|job| job.workspace_id).collect()),
        ("kind", texts(|job| &job.kind)),
        ("queue", texts(|job| &job.queue)),
        ("priority", jobs.iter().map(|job| job.priority).collect()),
        ("max_attempts", jobs.iter().map(|job| job.max_attempts).collect()),
        ("run_at", jobs.iter().map(|job| due(job, now)).collect()),
        ("unique_key", jobs.iter().map(unique::stored_key).collect()),
        ("key_until_start", jobs.iter().map(|job| job.unique.until_start()).collect()),
        ("batch_id", jobs.iter().map(|job| job.batch_id).collect()),
        ("traceparent", jobs.iter().map(|job| job.traceparent.clone().or_else(|| trace.clone())).collect()),
        ("limit_key", jobs.iter().map(|job| job.limit_key.clone()).collect()),
        ("lane", jobs.iter().map(|job| lane_of(job.limit_key.as_deref(), job.batch_id)).collect()),
        ("cost", jobs.iter().map(|job| job.cost.max(1)).collect()),
        ("expires_at", jobs.iter().map(|job| job.expires_at).collect()),
        (
            "open_hours",
            Column::Json(
                jobs.iter()
                    .map(|job| {
                        job.open_hours.as_ref().map(|hours| serde_json::to_value(hours).expect("hours are plain data"))
                    })
                    .collect(),
            ),
        ),
        ("created_at", jobs.iter().map(|_| now).collect()),
    ];
    let args = jobs.into_iter().map(|job| Some(job.args)).collect();
    let statement = Bulk::new(
        "insert into jobs (id, workspace_id, kind, queue, args, state, priority, attempt, max_attempts, run_at, \
         unique_key, key_until_start,
                           batch_id, traceparent, limit_key, lane, cost, expires_at, open_hours, cancel_requested, \
                           created_at)
         select id, workspace_id, kind, queue, args, 'ready', priority, 0, max_attempts, run_at, unique_key, \
         key_until_start,
                batch_id, traceparent, limit_key, lane, cost, expires_at, open_hours, false, created_at
         from {rows} where true
         on conflict (workspace_id, unique_key) where unique_key is not null and state in ('ready', \
         'running') do nothing
         returning id",
    )
    .column("args", Column::Json(args));
    columns.into_iter().fold(statement, |statement, (name, column)| statement.column(name, column))
}

/// When a new job is due: a debounced one after its wait, one with open hours when they begin.
pub(super) fn due(job: &NewJob, now: DateTime<Utc>) -> DateTime<Utc> {
    let due = match job.unique {
        Unique::Debounce { delay, .. } if job.unique_key.is_some() => now + delay,
        _ => job.run_at.unwrap_or(now),
    };
    job.open_hours.as_ref().map_or(due, |hours| hours.open_from(due))
}

/// Locks the batches the jobs want to join and tells which of them still take jobs.
async fn open_batches(tx: &mut Tx, jobs: &[NewJob]) -> Result<HashSet<(Uuid, Uuid)>, DbError> {
    let mut open = HashSet::new();
    let wanted: HashSet<(Uuid, Uuid)> = jobs.iter().filter_map(|job| Some((job.batch_id?, job.workspace_id))).collect();
    for (batch, workspace_id) in sorted(wanted) {
        // A batch of another workspace takes none.
        let touched =
            query("update batches set total = total where workspace_id = $1 and id = $2 and state <> 'cancelled'")
                .bind(workspace_id)
                .bind(batch)
                .execute(tx)
                .await?;
        if touched == 1 {
            open.insert((batch, workspace_id));
        }
    }
    Ok(open)
}

async fn count_in_batches(tx: &mut Tx, jobs: impl Iterator<Item = &NewJob>) -> Result<(), DbError> {
    let mut counts: HashMap<(Uuid, Uuid), i64> = HashMap::new();
    for batch in jobs.filter_map(|job| Some((job.batch_id?, job.workspace_id))) {
        *counts.entry(batch).or_default() += 1;
    }
    for batch in sorted(counts.keys().copied()) {
        let (id, workspace_id) = batch;
        query(
            "update batches set total = total + $2, state = 'running', finished_at = null
             where workspace_id = $3 and id = $1",
        )
        .bind(id)
        .bind(counts[&batch])
        .bind(workspace_id)
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// One order for every transaction that locks several rows, so that two of them never wait for each other.
fn sorted(ids: impl IntoIterator<Item = (Uuid, Uuid)>) -> Vec<(Uuid, Uuid)> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}
