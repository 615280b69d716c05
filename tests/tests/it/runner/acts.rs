//! `jobs.act` as a worker runs it: to its end, from where another attempt left it, until somebody stops it.

use std::time::Duration;

use herald_app::jobs::JobsAct;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{
    Act, Acting, Cancelled, JobFilter, JobState, Payload,
    audit::{self, AuditFilter},
};
use herald_tests::{App, TestDatabase, app::Work, on_both_engines, wait_until};
use herald_worker::runner::{Done, Failure, QueueShare};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::handler;
use crate::ground::{self, QUEUE, commit, dead, enqueue, enqueue_one, lease, lease_from, noop, number, person};

on_both_engines! {
    an_act_goes_through_every_job_and_tells_what_it_did,
    an_act_goes_on_where_the_attempt_before_left_it,
    a_cancelled_act_goes_no_further,
    an_attempt_that_has_lost_its_job_changes_nothing,
    running_jobs_that_an_act_cancels_hear_of_it_with_their_next_renewal,
}

/// More than one transaction's worth.
const JOBS: i64 = 1_200;
const FIRST: i64 = ledger::CHUNK as i64;
/// What the acts make ready again, and nobody does.
const RETRIED: &[&str] = &["test.noop"];
const DEAD: &str = "select count(*) from jobs where state = 'dead'";

/// What acts run in, and nothing else does.
fn control() -> Vec<QueueShare> {
    vec![QueueShare::new(JobsAct::POLICY.queue, 1)]
}

async fn many_dead(db: &Db, workspace: Uuid) {
    enqueue(db, vec![noop(workspace); JOBS as usize]).await;
    let jobs = lease(db, 2 * JOBS as usize).await;
    commit(db, jobs.into_iter().map(dead).collect()).await;
    assert_eq!(number(db, DEAD).await, JOBS);
}

fn act_on(db: &Db, workspace: Uuid, act: Act, filter: JobFilter) -> JobsAct {
    JobsAct { act, filter, by: person(workspace), asked_at: db.now() }
}

fn retry_the_dead(db: &Db, workspace: Uuid) -> JobsAct {
    act_on(db, workspace, Act::Retry, JobFilter { state: Some(JobState::Dead), ..JobFilter::default() })
}

/// How many jobs each row of the log tells of, oldest first.
async fn told(db: &Db, workspace: Uuid) -> Vec<i64> {
    let rows = audit::log(db, workspace, &AuditFilter::default(), 100).await.unwrap();
    rows.iter().rev().map(|row| row.affected.unwrap()).collect()
}

async fn ends_as(db: &Db, workspace: Uuid, id: Uuid, state: &str) {
    wait_until("it has ended", async || ground::job(db, workspace, id).await.state.as_str() == state).await;
}

/// Lets the wait between two attempts pass.
async fn starts_again(db: &Db, workspace: Uuid, id: Uuid, attempt: i64) {
    wait_until("another attempt has begun", async || {
        db.clock().advance(Duration::from_millis(100));
        ground::job(db, workspace, id).await.attempt == attempt
    })
    .await;
}

/// What an attempt does that is killed after its first transaction.
async fn begin_and_die(db: &Db, id: Uuid) {
    let job = lease_from(db, JobsAct::POLICY.queue, 1).await.remove(0);
    assert_eq!(job.id, id);
    let JobsAct { act, filter, by, asked_at } = serde_json::from_value(job.args.0.clone()).unwrap();
    let acting = Acting::begin(db, by.workspace_id, act, &filter, asked_at).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let acted = ledger::act_on_next(&mut tx, &by, act, &filter, &acting).await.unwrap();
    let progress = serde_json::to_value(&acted.acting).unwrap();
    assert!(ledger::keep_progress(&mut tx, job.workspace_id, job.key(), progress).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(number(db, DEAD).await, JOBS - FIRST);
    db.clock().advance(ground::LEASE * 2);
}

async fn an_act_goes_through_every_job_and_tells_what_it_did(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    many_dead(db, workspace).await;
    let app = App::on(database).start().await;
    app.leaves(RETRIED);
    let process = app.work(Work::on(control(), app.handlers()));
    let id = enqueue_one(db, retry_the_dead(db, workspace).job(workspace)).await;
    ends_as(db, workspace, id, "succeeded").await;
    process.stop().await;
    assert_eq!(number(db, DEAD).await, 0);
    assert_eq!(number(db, "select count(*) from jobs where state = 'ready'").await, JOBS);
    let job = ground::job(db, workspace, id).await;
    let told_at_the_end = json!({ "seen": JOBS, "changed": JOBS, "asked_to_stop": 0, "skipped": 0 });
    assert_eq!(job.result.unwrap().0, told_at_the_end);
    let progress: Acting = serde_json::from_value(job.progress.unwrap().0).unwrap();
    assert_eq!((progress.of, progress.seen, progress.finished), (JOBS, JOBS, true));
    assert_eq!(told(db, workspace).await, [FIRST, JOBS - FIRST]);
}

async fn an_act_goes_on_where_the_attempt_before_left_it(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    many_dead(db, workspace).await;
    let id = enqueue_one(db, retry_the_dead(db, workspace).job(workspace)).await;
    begin_and_die(db, id).await;
    let app = App::on(database).start().await;
    app.leaves(RETRIED);
    let process = app.work(Work::on(control(), app.handlers()));
    starts_again(db, workspace, id, 2).await;
    ends_as(db, workspace, id, "succeeded").await;
    process.stop().await;
    assert_eq!(number(db, DEAD).await, 0);
    let job = ground::job(db, workspace, id).await;
    let result = job.result.unwrap().0;
    assert_eq!((&result["seen"], &result["changed"]), (&json!(JOBS), &json!(JOBS)));
    assert_eq!(told(db, workspace).await, [FIRST, JOBS - FIRST], "the first ones are not gone through again");
}

async fn a_cancelled_act_goes_no_further(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    many_dead(db, workspace).await;
    let id = enqueue_one(db, retry_the_dead(db, workspace).job(workspace)).await;
    begin_and_die(db, id).await;
    let app = App::on(database).start().await;
    app.leaves(RETRIED);
    let real = app.handlers();
    let (started, mut starts) = mpsc::unbounded_channel();
    let process = app.work(Work::on(
        control(),
        handler(move |attempt| {
            started.send(attempt.job.id).unwrap();
            let real = real.clone();
            async move {
                attempt.cancelled.cancelled().await;
                real(attempt).await
            }
        }),
    ));
    starts_again(db, workspace, id, 2).await;
    assert_eq!(starts.recv().await, Some(id));
    assert_eq!(ledger::cancel_job(db, workspace, id).await.unwrap(), Cancelled::Asked);
    process.wire.cancel(id);
    ends_as(db, workspace, id, "cancelled").await;
    process.stop().await;
    assert_eq!(number(db, DEAD).await, JOBS - FIRST, "what it had not come to is as it was");
    assert_eq!(told(db, workspace).await, [FIRST]);
}

/// The first attempt is slow: by the time it acts, its job is another attempt's.
async fn an_attempt_that_has_lost_its_job_changes_nothing(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    many_dead(db, workspace).await;
    let app = App::on(database).start().await;
    app.leaves(RETRIED);
    let real = app.handlers();
    let (ended, mut ends) = mpsc::unbounded_channel();
    let process = app.work(Work::on(control(), {
        let db = db.clone();
        handler(move |attempt| {
            let (db, real, ended) = (db.clone(), real.clone(), ended.clone());
            async move {
                if attempt.job.attempt > 1 {
                    return real(attempt).await;
                }
                ground::run_sql(&db, "update jobs set attempt = 2 where kind = 'jobs.act'").await;
                let answer = real(attempt).await;
                ended.send(matches!(answer, Err(Failure::Cancelled))).unwrap();
                answer
            }
        })
    }));
    let id = enqueue_one(db, retry_the_dead(db, workspace).job(workspace)).await;
    assert_eq!(ends.recv().await, Some(true), "it gives up");
    assert_eq!(number(db, DEAD).await, JOBS);
    assert!(told(db, workspace).await.is_empty());
    // Nobody renews the lease, and after an hour the scheduler looks.
    db.clock().advance(Duration::from_secs(3_600));
    starts_again(db, workspace, id, 3).await;
    ends_as(db, workspace, id, "succeeded").await;
    process.stop().await;
    assert_eq!(number(db, DEAD).await, 0);
    assert_eq!(told(db, workspace).await, [FIRST, JOBS - FIRST]);
}

async fn running_jobs_that_an_act_cancels_hear_of_it_with_their_next_renewal(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let app = App::on(database).start().await;
    let real = app.handlers();
    let (started, mut starts) = mpsc::unbounded_channel();
    let queues = [control(), vec![QueueShare::new(QUEUE, 1)]].concat();
    let process = app.work(Work::on(
        queues,
        handler(move |attempt| {
            let real = real.clone();
            let plain = attempt.job.queue == QUEUE;
            if plain {
                started.send(attempt.job.id).unwrap();
            }
            async move {
                // It runs until it is cancelled.
                if plain { std::future::pending::<Result<Done, Failure>>().await } else { real(attempt).await }
            }
        }),
    ));
    let running = enqueue_one(db, noop(workspace)).await;
    assert_eq!(starts.recv().await, Some(running));
    let filter = JobFilter { queue: Some(QUEUE.to_owned()), ..JobFilter::default() };
    let act = enqueue_one(db, act_on(db, workspace, Act::Cancel, filter).job(workspace)).await;
    ends_as(db, workspace, act, "succeeded").await;
    let result = ground::job(db, workspace, act).await.result.unwrap().0;
    assert_eq!((&result["changed"], &result["asked_to_stop"]), (&json!(0), &json!(1)));
    assert_eq!(ground::job(db, workspace, running).await.state.as_str(), "running", "it has only been asked");
    db.clock().advance(Work::LEASE / 3);
    ends_as(db, workspace, running, "cancelled").await;
    process.stop().await;
}
