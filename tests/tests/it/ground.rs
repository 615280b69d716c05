//! What most tests stand on: a workspace, plain jobs, and short ways to enqueue, lease and finish them.

use std::time::Duration;

use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_ledger::{
    Batch, Callbacks, Committed, Demand, Finished, JobRow, Leased, NewBatch, NewJob, Outcome, Unique,
    audit::Actor,
    schedules::{Missed, NewSchedule, Overlap},
};
use herald_people::ensure_default_workspace;
use serde_json::json;
use uuid::Uuid;

/// The queue of [`noop`] jobs.
pub(crate) const QUEUE: &str = "test";
/// How long the leases of [`lease`] last.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

pub(crate) async fn workspace(db: &Db) -> Uuid {
    ensure_default_workspace(db).await.unwrap()
}

pub(crate) async fn workspace_named(db: &Db, slug: &str) -> Uuid {
    let id = db.new_id();
    let mut tx = db.begin().await.unwrap();
    query("insert into workspaces (id, slug, name, created_at) values ($1, $2, $2, $3)")
        .bind(id)
        .bind(slug)
        .bind(db.now())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

/// Somebody who does something, for the audit log.
pub(crate) fn person(workspace_id: Uuid) -> Actor {
    Actor::cli(workspace_id, "test")
}

/// A job of a kind that has no policy, with three tries.
pub(crate) fn noop(workspace_id: Uuid) -> NewJob {
    NewJob {
        workspace_id,
        kind: "test.noop".to_owned(),
        queue: QUEUE.to_owned(),
        args: json!({}),
        priority: 0,
        max_attempts: 3,
        run_at: None,
        unique_key: None,
        unique: Unique::UntilDone,
        batch_id: None,
        traceparent: None,
        limit_key: None,
        cost: 1,
        expires_at: None,
        open_hours: None,
    }
}

/// A schedule that fires each minute, with a job that may run beside itself and names nothing of the workspace.
pub(crate) fn schedule(workspace_id: Uuid) -> NewSchedule {
    NewSchedule {
        workspace_id,
        name: "every minute".to_owned(),
        cron: "* * * * *".to_owned(),
        time_zone: "UTC".to_owned(),
        kind: "probe.run".to_owned(),
        args: json!({ "probe": "canary", "number": 0 }),
        missed: Missed::Once,
        overlap: Overlap::Allow,
        paused: false,
    }
}

pub(crate) async fn enqueue(db: &Db, jobs: Vec<NewJob>) -> Vec<Uuid> {
    let mut tx = db.begin().await.unwrap();
    let ids = ledger::enqueue(&mut tx, jobs).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

pub(crate) async fn enqueue_one(db: &Db, job: NewJob) -> Uuid {
    ledger::enqueue_alone(db, job).await.unwrap()
}

/// A batch with the given jobs in it.
pub(crate) async fn batch_of(
    db: &Db,
    workspace_id: Uuid,
    on_complete: Option<NewJob>,
    jobs: Vec<NewJob>,
) -> (Uuid, Vec<Uuid>) {
    let mut tx = db.begin().await.unwrap();
    let callbacks = Callbacks { on_complete, ..Callbacks::default() };
    let new = NewBatch { workspace_id, name: "a batch".to_owned(), callbacks };
    let batch = ledger::create_batch(&mut tx, new).await.unwrap();
    let jobs = jobs.into_iter().map(|job| NewJob { batch_id: Some(batch), ..job }).collect();
    let ids = ledger::enqueue(&mut tx, jobs).await.unwrap();
    tx.commit().await.unwrap();
    (batch, ids)
}

/// Leases at most `limit` jobs of [`QUEUE`].
pub(crate) async fn lease(db: &Db, limit: usize) -> Vec<Leased> {
    lease_from(db, QUEUE, limit).await
}

pub(crate) async fn lease_from(db: &Db, queue: &str, limit: usize) -> Vec<Leased> {
    let demand = [Demand { queue: queue.to_owned(), limit, waiting: 0 }];
    ledger::dispatch(db, &demand, "a dispatcher", LEASE).await.unwrap().jobs
}

pub(crate) fn done(job: Leased) -> Finished {
    done_then(job, Vec::new())
}

pub(crate) fn done_then(job: Leased, then: Vec<NewJob>) -> Finished {
    Finished { job, outcome: Outcome::Done { result: None, changes: Vec::new(), then } }
}

pub(crate) fn dead(job: Leased) -> Finished {
    Finished { job, outcome: Outcome::Dead { error: "it cannot be done".to_owned() } }
}

pub(crate) fn retry(db: &Db, job: Leased, after: Duration) -> Finished {
    Finished { job, outcome: Outcome::Retry { error: "not this time".to_owned(), run_at: db.now() + after } }
}

pub(crate) async fn commit(db: &Db, finished: Vec<Finished>) -> Committed {
    ledger::commit(db, &finished).await.unwrap()
}

pub(crate) async fn job(db: &Db, workspace_id: Uuid, id: Uuid) -> JobRow {
    ledger::find_job(db, workspace_id, id).await.unwrap().expect("the job is in the ledger")
}

pub(crate) async fn batch(db: &Db, workspace_id: Uuid, id: Uuid) -> Batch {
    ledger::find_batch(db, workspace_id, id).await.unwrap().expect("the batch is in the ledger")
}

/// A batch's total, succeeded, dead and cancelled.
pub(crate) fn counters(batch: &Batch) -> (i64, i64, i64, i64) {
    (batch.total, batch.succeeded, batch.dead, batch.cancelled)
}

/// The only number a statement returns.
pub(crate) async fn number(db: &Db, sql: &str) -> i64 {
    let (number,): (i64,) = query(sql).one(db).await.unwrap();
    number
}

/// Runs statements that have no place in Herald itself.
pub(crate) async fn run_sql(db: &Db, sql: &str) {
    let mut tx = db.begin().await.unwrap();
    query(sql).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many of this database's connections wait for a lock another one holds. PostgreSQL only.
pub(crate) async fn waiting_for_locks(db: &Db) -> i64 {
    number(db, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
        .await
}
