//! A process that stops finishes what runs, hands back the rest, and waits no longer than it was told.

use std::{sync::Arc, time::Duration};

use herald_db::{Db, query};
use herald_tests::{TestDatabase, app::Work, on_both_engines, wait_until};
use herald_worker::runner::{Done, Failure};
use tokio::sync::Semaphore;

use super::{does_nothing, handler, working};
use crate::ground::{self, batch_of, counters, enqueue, noop, number};

on_both_engines! {
    a_stop_finishes_what_runs_and_hands_back_the_rest,
    a_stop_does_not_wait_for_ever,
    a_stop_of_an_idle_fleet_is_immediate,
    what_was_handed_back_is_done_by_the_next_process,
}

/// State, attempts and tries left of every job, counted.
async fn summary(db: &Db) -> Vec<(String, i64, i64, i64)> {
    query(
        "select state, attempt, max_attempts - attempt as left_over, count(*) from jobs
         group by state, attempt, max_attempts - attempt order by state, attempt",
    )
    .all(db)
    .await
    .unwrap()
}

fn row(state: &str, attempt: i64, tries_left: i64, jobs: i64) -> (String, i64, i64, i64) {
    (state.to_owned(), attempt, tries_left, jobs)
}

async fn a_stop_finishes_what_runs_and_hands_back_the_rest(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let gate = Arc::new(Semaphore::new(0));
    let process = working(database, {
        let gate = gate.clone();
        handler(move |_| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(Done::default())
            }
        })
    })
    .await;
    enqueue(db, vec![noop(workspace); 30]).await;
    let leased = async || number(db, "select count(*) from jobs where state = 'running'").await;
    wait_until("two run and six wait", async || process.wire.waiting().len() == 6 && leased().await == 8).await;
    process.stop.cancel();
    gate.add_permits(100);
    process.stop().await;
    database.leaves(&["test.noop"]);
    let expected = [row("ready", 0, 3, 22), row("ready", 1, 3, 6), row("succeeded", 1, 2, 2)];
    assert_eq!(summary(db).await, expected, "a handed back job has all its tries");
    assert_eq!(number(db, "select count(*) from job_errors").await, 0);
    let (late,): (i64,) =
        query("select count(*) from jobs where run_at > $1").bind(TestDatabase::start()).one(db).await.unwrap();
    assert_eq!(late, 0, "and is due as it was");
}

async fn a_stop_does_not_wait_for_ever(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let process = working(database, handler(|_| std::future::pending::<Result<Done, Failure>>())).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 5]).await;
    wait_until("two run", async || process.wire.waiting().len() == 3).await;
    let stopped_at = db.now();
    process.stop.cancel();
    wait_until("the runner has ended", async || {
        db.clock().advance(Duration::from_secs(1));
        process.has_ended()
    })
    .await;
    assert!(db.now() - stopped_at >= chrono::TimeDelta::from_std(Work::STOP_AFTER).unwrap());
    process.stop().await;
    database.leaves(&["test.noop"]);
    // Nobody cancelled them: they run again, elsewhere. The racing clock may run out a lease meanwhile, which costs a
    // try and no job.
    assert_eq!(number(db, "select count(*) from jobs where state = 'ready' and attempt < max_attempts").await, 5);
    let batch = ground::batch(db, workspace, batch).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("running", (5, 0, 0, 0)));
}

async fn a_stop_of_an_idle_fleet_is_immediate(database: &TestDatabase) {
    let process = working(database, does_nothing()).await;
    process.stop().await;
    assert_eq!(database.db.now(), TestDatabase::start());
}

async fn what_was_handed_back_is_done_by_the_next_process(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 300]).await;
    for _ in 0..4 {
        let done = number(db, "select count(*) from jobs where state = 'succeeded'").await;
        let process = working(database, does_nothing()).await;
        wait_until("some are done", async || {
            number(db, "select count(*) from jobs where state = 'succeeded'").await > done
                || ground::batch(db, workspace, batch).await.state.as_str() == "complete"
        })
        .await;
        process.stop().await;
        assert_eq!(number(db, "select count(*) from jobs where state = 'running'").await, 0);
    }
    let process = working(database, does_nothing()).await;
    wait_until("the batch is complete", async || {
        ground::batch(db, workspace, batch).await.state.as_str() == "complete"
    })
    .await;
    process.stop().await;
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (300, 300, 0, 0));
    assert_eq!(number(db, "select count(*) from job_errors").await, 0);
}
