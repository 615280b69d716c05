//! From the enqueueing of a job to its outcome.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_ledger::{Cancelled, NewJob};
use herald_tests::{TestDatabase, app::Work, on_both_engines, wait_until};
use herald_worker::runner::{Done, Failure, QueueShare};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::{does_nothing, handler, skip_waiting, working, working_on};
use crate::ground::{self, batch_of, counters, enqueue, enqueue_one, noop, number};

on_both_engines! {
    a_thousand_jobs_are_all_done_once,
    an_enqueued_job_starts_without_waiting_for_the_tick,
    a_delayed_job_starts_when_it_comes_due,
    a_chain_runs_to_its_end_and_its_batch_completes,
    no_more_is_taken_than_the_workers_can_do,
    a_resumed_queue_starts_at_once,
    a_running_job_is_cancelled_through_its_token,
    a_cancellation_that_the_wire_lost_arrives_with_the_next_renewal,
    a_job_that_takes_longer_than_its_lease_keeps_it,
    a_job_that_waits_on_the_wire_longer_than_its_lease_runs,
    queues_do_not_wait_for_each_other,
}

const IN_STATE: &str = "select count(*) from jobs where state = ";

async fn in_state(db: &Db, state: &str) -> i64 {
    number(db, &format!("{IN_STATE}'{state}'")).await
}

async fn a_thousand_jobs_are_all_done_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let runs: Arc<Mutex<HashMap<Uuid, usize>>> = Arc::default();
    let counting = {
        let runs = runs.clone();
        handler(move |attempt| {
            *runs.lock().unwrap().entry(attempt.job.id).or_default() += 1;
            async { Ok(Done { result: Some(json!({"ok": true})), ..Done::default() }) }
        })
    };
    let process = working(database, counting).await;
    let (batch, ids) = batch_of(db, workspace, None, vec![noop(workspace); 1_000]).await;
    wait_until("the batch is complete", async || {
        ground::batch(db, workspace, batch).await.state.as_str() == "complete"
    })
    .await;
    process.stop().await;
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (1_000, 1_000, 0, 0));
    let runs = runs.lock().unwrap().clone();
    assert_eq!(runs.len(), 1_000);
    assert!(ids.iter().all(|id| runs[id] == 1));
    assert_eq!(number(db, "select count(*) from jobs where state = 'succeeded' and attempt = 1").await, 1_000);
}

/// The tick is an hour and the clock stands still: only the nudge can have started it.
async fn an_enqueued_job_starts_without_waiting_for_the_tick(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let process = working(
        database,
        handler(move |attempt| {
            started.send(attempt.job.id).unwrap();
            async { Ok(Done::default()) }
        }),
    )
    .await;
    for _ in 0..20 {
        let id = enqueue_one(db, noop(workspace)).await;
        let start = tokio::time::timeout(Duration::from_secs(60), starts.recv()).await;
        assert_eq!(start.expect("the job starts"), Some(id));
    }
    process.stop().await;
    assert_eq!(in_state(db, "succeeded").await, 20);
}

async fn a_delayed_job_starts_when_it_comes_due(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let starts: Arc<Mutex<Vec<DateTime<Utc>>>> = Arc::default();
    let process = working(database, {
        let (starts, clock) = (starts.clone(), db.clock().clone());
        handler(move |_| {
            starts.lock().unwrap().push(clock.now());
            async { Ok(Done::default()) }
        })
    })
    .await;
    let due = db.now() + Duration::from_secs(100);
    let id = enqueue_one(db, NewJob { run_at: Some(due), ..noop(workspace) }).await;
    wait_until("the job has run", async || {
        skip_waiting(db).await;
        ground::job(db, workspace, id).await.state.as_str() == "succeeded"
    })
    .await;
    process.stop().await;
    let starts = starts.lock().unwrap().clone();
    assert_eq!(starts.len(), 1);
    assert!(starts[0] >= due, "{} is before {due}", starts[0]);
}

async fn a_chain_runs_to_its_end_and_its_batch_completes(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let process = working_on(
        database,
        vec![QueueShare::new("test", 2), QueueShare::new("end", 1)],
        handler(move |attempt| {
            let left = attempt.job.args.0["left"].as_i64().unwrap_or(0);
            let next = NewJob { args: json!({"left": left - 1}), ..noop(attempt.job.workspace_id) };
            async move { Ok(Done { then: if left > 0 { vec![next] } else { Vec::new() }, ..Done::default() }) }
        }),
    )
    .await;
    let first = NewJob { args: json!({"left": 4}), ..noop(workspace) };
    let end = NewJob { queue: "end".to_owned(), ..noop(workspace) };
    let (batch, _) = batch_of(db, workspace, Some(end), vec![first; 20]).await;
    wait_until("everything has run", async || in_state(db, "succeeded").await == 101).await;
    process.stop().await;
    let batch = ground::batch(db, workspace, batch).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (100, 100, 0, 0)));
}

async fn no_more_is_taken_than_the_workers_can_do(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let gate = Arc::new(Semaphore::new(0));
    let process = working(database, waits_for(&gate)).await;
    enqueue(db, vec![noop(workspace); 100]).await;
    // Two at work and at most eight at hand, of which half are used up before more are fetched.
    let bounded = async || {
        let (running, waiting) = (in_state(db, "running").await, process.wire.waiting().len());
        assert!(running <= 10 && waiting <= 8, "{running} leased, {waiting} on the wire");
        running >= 6
    };
    wait_until("the workers have enough to do", bounded).await;
    for ended in 1..=20 {
        gate.add_permits(1);
        wait_until("the next one is taken", async || in_state(db, "succeeded").await == ended && bounded().await).await;
    }
    gate.add_permits(1_000);
    wait_until("all are done", async || in_state(db, "succeeded").await == 100).await;
    process.stop().await;
}

/// A handler that takes a permit and ends.
fn waits_for(gate: &Arc<Semaphore>) -> herald_worker::runner::Handler {
    let gate = gate.clone();
    handler(move |_| {
        let gate = gate.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(Done::default())
        }
    })
}

async fn a_resumed_queue_starts_at_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let pause = async |paused| {
        let mut tx = db.begin().await.unwrap();
        ledger::set_paused(&mut tx, ground::QUEUE, paused).await.unwrap();
        tx.commit().await.unwrap();
    };
    pause(true).await;
    enqueue(db, vec![noop(workspace); 5]).await;
    let process =
        working_on(database, vec![QueueShare::new("test", 1), QueueShare::new("end", 1)], does_nothing()).await;
    let other = enqueue_one(db, NewJob { queue: "end".to_owned(), ..noop(workspace) }).await;
    wait_until("another queue goes on", async || ground::job(db, workspace, other).await.state.as_str() == "succeeded")
        .await;
    assert_eq!(in_state(db, "ready").await, 5);
    pause(false).await;
    wait_until("the resumed queue is empty", async || in_state(db, "succeeded").await == 6).await;
    process.stop().await;
}

/// A handler that says that it runs, and never ends by itself.
fn never_ends(started: mpsc::UnboundedSender<Uuid>) -> herald_worker::runner::Handler {
    handler(move |attempt| {
        started.send(attempt.job.id).unwrap();
        std::future::pending::<Result<Done, Failure>>()
    })
}

async fn a_running_job_is_cancelled_through_its_token(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let process = working(database, never_ends(started)).await;
    let (batch, ids) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    assert_eq!(starts.recv().await, Some(ids[0]));
    assert_eq!(ledger::cancel_job(db, workspace, ids[0]).await.unwrap(), Cancelled::Asked);
    process.wire.cancel(ids[0]);
    wait_until("it is cancelled", async || ground::job(db, workspace, ids[0]).await.state.as_str() == "cancelled")
        .await;
    process.stop().await;
    let batch = ground::batch(db, workspace, batch).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (1, 0, 0, 1)));
}

async fn a_cancellation_that_the_wire_lost_arrives_with_the_next_renewal(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let process = working(database, never_ends(started)).await;
    let id = enqueue_one(db, noop(workspace)).await;
    assert_eq!(starts.recv().await, Some(id));
    ledger::cancel_job(db, workspace, id).await.unwrap();
    db.clock().advance(Work::LEASE / 3);
    wait_until("it is cancelled", async || ground::job(db, workspace, id).await.state.as_str() == "cancelled").await;
    process.stop().await;
}

/// A job that may take an hour.
fn long(workspace: Uuid) -> NewJob {
    NewJob { kind: "contacts.import".to_owned(), ..noop(workspace) }
}

/// Moves the clock by thirds of a lease, waiting each time until every running job's lease has been renewed.
async fn let_time_pass(db: &Db, thirds: u32) {
    for _ in 0..thirds {
        db.clock().advance(Work::LEASE / 3);
        let until = db.now() + Work::LEASE;
        wait_until("the leases are renewed", async || {
            let (old,): (i64,) = query("select count(*) from jobs where state = 'running' and lease_until < $1")
                .bind(until)
                .one(db)
                .await
                .unwrap();
            old == 0
        })
        .await;
    }
}

async fn a_job_that_takes_longer_than_its_lease_keeps_it(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let gate = Arc::new(Semaphore::new(0));
    let process = working(database, waits_for(&gate)).await;
    let id = enqueue_one(db, long(workspace)).await;
    // Its row says so before it is on the wire: what leases are renewed for is what this process holds.
    wait_until("it runs", async || process.in_flight.count() == 1).await;
    let_time_pass(db, 12).await;
    gate.add_permits(1);
    wait_until("it is done", async || in_state(db, "succeeded").await == 1).await;
    process.stop().await;
    assert_eq!(ground::job(db, workspace, id).await.attempt, 1);
}

async fn a_job_that_waits_on_the_wire_longer_than_its_lease_runs(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let gate = Arc::new(Semaphore::new(0));
    let share = QueueShare { queue: "test".to_owned(), concurrency: 1, prefetch: 8 };
    let process = working_on(database, vec![share], waits_for(&gate)).await;
    enqueue(db, vec![long(workspace); 6]).await;
    wait_until("one runs and five wait", async || process.wire.waiting().len() == 5).await;
    let_time_pass(db, 12).await;
    gate.add_permits(10);
    wait_until("all are done", async || in_state(db, "succeeded").await == 6).await;
    process.stop().await;
    assert_eq!(number(db, "select max(attempt) from jobs").await, 1);
    assert_eq!(number(db, "select count(*) from job_errors").await, 0);
}

async fn queues_do_not_wait_for_each_other(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let gate = Arc::new(Semaphore::new(0));
    let process = working_on(database, vec![QueueShare::new("test", 1), QueueShare::new("end", 1)], {
        let gate = gate.clone();
        handler(move |attempt| {
            let gate = gate.clone();
            async move {
                if attempt.job.queue == "test" {
                    gate.acquire().await.unwrap().forget();
                }
                Ok(Done::default())
            }
        })
    })
    .await;
    enqueue(db, vec![noop(workspace); 50]).await;
    enqueue(db, vec![NewJob { queue: "end".to_owned(), ..noop(workspace) }; 50]).await;
    wait_until("the free queue is done", async || in_state(db, "succeeded").await == 50).await;
    gate.add_permits(50);
    wait_until("the other one too", async || in_state(db, "succeeded").await == 100).await;
    process.stop().await;
}
