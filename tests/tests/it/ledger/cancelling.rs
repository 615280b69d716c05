//! Rule 10: what waits is cancelled at once, what runs is asked to stop.

use std::{collections::HashSet, time::Duration};

use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_ledger::{Cancelled, Finished, JobState, NewJob, Outcome, cancel_job};
use herald_scheduler::rescue_all;
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};
use uuid::Uuid;

use crate::ground::{
    self, batch_of, commit, counters, dead, done, done_then, enqueue_one, lease, noop, retry, waiting_for_locks,
};

on_both_engines! {
    a_waiting_job_is_cancelled_at_once,
    a_running_job_is_asked_and_its_own_outcome_counts,
    a_running_job_that_was_asked_to_stop_is_not_tried_again,
    a_lost_job_that_was_asked_to_stop_does_not_come_back,
    what_is_not_there_or_has_ended_is_not_cancelled,
    a_cancelled_batch_starts_nothing_any_more,
    a_cancelled_batch_tells_its_end_when_its_last_job_has_stopped,
    a_batch_that_has_ended_is_not_cancelled,
    nothing_of_a_large_cancelled_batch_starts_and_the_rest_is_ended_step_by_step,
}

async fn cancel_batch(db: &Db, workspace: Uuid, batch: Uuid) -> Option<HashSet<Uuid>> {
    let mut tx = db.begin().await.unwrap();
    let running = ledger::cancel_batch(&mut tx, workspace, batch).await.unwrap();
    tx.commit().await.unwrap();
    running.map(|ids| ids.into_iter().collect())
}

async fn state(db: &Db, workspace: Uuid, id: Uuid) -> String {
    ground::job(db, workspace, id).await.state.to_string()
}

async fn a_waiting_job_is_cancelled_at_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let later = NewJob { run_at: Some(db.now() + Duration::from_secs(60)), ..noop(workspace) };
    let (batch, ids) = batch_of(db, workspace, None, vec![noop(workspace), later]).await;
    for id in ids {
        assert_eq!(cancel_job(db, workspace, id).await.unwrap(), Cancelled::AtOnce);
        let row = ground::job(db, workspace, id).await;
        assert_eq!((row.state.as_str(), row.finished_at), ("cancelled", Some(db.now())));
    }
    let batch = ground::batch(db, workspace, batch).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (2, 0, 0, 2)));
    db.clock().advance(Duration::from_secs(60));
    assert!(lease(db, 10).await.is_empty());
}

async fn a_running_job_is_asked_and_its_own_outcome_counts(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    type End = fn(ledger::Leased) -> Finished;
    let ends: [(End, &str); 3] =
        [(|job| Finished { job, outcome: Outcome::Cancelled }, "cancelled"), (done, "succeeded"), (dead, "dead")];
    for (end, expected) in ends {
        let id = enqueue_one(db, noop(workspace)).await;
        let job = lease(db, 1).await.remove(0);
        assert_eq!(cancel_job(db, workspace, id).await.unwrap(), Cancelled::Asked);
        assert_eq!(state(db, workspace, id).await, "running");
        assert_eq!(cancel_job(db, workspace, id).await.unwrap(), Cancelled::Asked, "again");
        commit(db, vec![end(job)]).await;
        assert_eq!(state(db, workspace, id).await, expected);
    }
}

async fn a_running_job_that_was_asked_to_stop_is_not_tried_again(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2]).await;
    let jobs = lease(db, 2).await;
    for job in &jobs {
        cancel_job(db, workspace, job.id).await.unwrap();
    }
    let snooze = Finished { job: jobs[1].clone(), outcome: Outcome::Snooze { run_at: db.now() } };
    commit(db, vec![retry(db, jobs[0].clone(), Duration::ZERO), snooze]).await;
    for job in &jobs {
        let row = ground::job(db, workspace, job.id).await;
        assert_eq!((row.state.as_str(), row.finished_at), ("cancelled", Some(db.now())));
    }
    let batch = ground::batch(db, workspace, batch).await;
    assert_eq!((batch.state.as_str(), counters(&batch)), ("complete", (2, 0, 0, 2)));
}

async fn a_lost_job_that_was_asked_to_stop_does_not_come_back(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, noop(workspace)).await;
    lease(db, 1).await;
    cancel_job(db, workspace, id).await.unwrap();
    rescue_all(db).await.unwrap();
    assert_eq!(state(db, workspace, id).await, "cancelled");
}

async fn what_is_not_there_or_has_ended_is_not_cancelled(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    assert_eq!(cancel_job(db, workspace, Uuid::nil()).await.unwrap(), Cancelled::Unknown);
    let id = enqueue_one(db, noop(workspace)).await;
    assert_eq!(cancel_job(db, other, id).await.unwrap(), Cancelled::Unknown);
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    assert_eq!(cancel_job(db, workspace, id).await.unwrap(), Cancelled::AlreadyEnded(JobState::Succeeded));
    assert_eq!(cancel_batch(db, workspace, Uuid::nil()).await, None);
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    assert_eq!(cancel_batch(db, other, batch).await, None);
    assert_eq!(ground::batch(db, workspace, batch).await.state.as_str(), "running");
}

async fn a_cancelled_batch_starts_nothing_any_more(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, ids) = batch_of(db, workspace, None, vec![noop(workspace); 5]).await;
    let running = lease(db, 2).await;
    let asked = cancel_batch(db, workspace, batch).await.unwrap();
    assert_eq!(asked, running.iter().map(|job| job.id).collect());
    for id in &ids {
        let expected = if asked.contains(id) { "running" } else { "cancelled" };
        assert_eq!(state(db, workspace, *id).await, expected);
    }
    assert!(lease(db, 10).await.is_empty());
    // Neither a follow-up nor anybody else puts a job in any more.
    commit(db, vec![done_then(running[0].clone(), vec![noop(workspace)])]).await;
    let dropped = enqueue_one(db, NewJob { batch_id: Some(batch), ..noop(workspace) }).await;
    assert!(ledger::find_job(db, workspace, dropped).await.unwrap().is_none());
    let open = ground::batch(db, workspace, batch).await;
    assert_eq!((open.state.as_str(), counters(&open), open.finished_at), ("cancelled", (5, 1, 0, 3), None));
    // Other batches and jobs without one are not touched.
    assert!(ledger::find_job(db, workspace, enqueue_one(db, noop(workspace)).await).await.unwrap().is_some());
    let renewal = ledger::renew(db, &[running[1].key()], ground::LEASE).await.unwrap();
    assert!(renewal[0].cancel_requested);
}

async fn a_cancelled_batch_tells_its_end_when_its_last_job_has_stopped(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let end = NewJob { queue: "end".to_owned(), ..noop(workspace) };
    let (batch, _) = batch_of(db, workspace, Some(end), vec![noop(workspace); 3]).await;
    let running = lease(db, 1).await.remove(0);
    cancel_batch(db, workspace, batch).await.unwrap();
    assert!(ground::lease_from(db, "end", 10).await.is_empty());
    commit(db, vec![Finished { job: running, outcome: Outcome::Cancelled }]).await;
    let closed = ground::batch(db, workspace, batch).await;
    assert_eq!((closed.state.as_str(), counters(&closed)), ("cancelled", (3, 0, 0, 3)));
    assert_eq!(closed.finished_at, Some(db.now()));
    assert_eq!(ground::lease_from(db, "end", 10).await.len(), 1);
}

async fn nothing_of_a_large_cancelled_batch_starts_and_the_rest_is_ended_step_by_step(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let end = NewJob { queue: "end".to_owned(), ..noop(workspace) };
    let (batch, _) = batch_of(db, workspace, Some(end), vec![noop(workspace); 2_500]).await;
    let other = enqueue_one(db, noop(workspace)).await;
    assert_eq!(cancel_batch(db, workspace, batch).await.unwrap(), HashSet::new());
    let cancelled = "select count(*) from jobs where state = 'cancelled'";
    assert_eq!(ground::number(db, cancelled).await, 1_000);
    let leased: Vec<Uuid> = lease(db, 100).await.iter().map(|job| job.id).collect();
    assert_eq!(leased, [other], "what still waits to be ended does not start");
    assert_eq!(ledger::sweep_cancelled(db).await.unwrap(), 1_000);
    assert!(ground::lease_from(db, "end", 10).await.is_empty());
    assert_eq!(ledger::sweep_cancelled(db).await.unwrap(), 500);
    assert_eq!(ledger::sweep_cancelled(db).await.unwrap(), 0);
    let closed = ground::batch(db, workspace, batch).await;
    assert_eq!((closed.state.as_str(), counters(&closed)), ("cancelled", (2_500, 0, 0, 2_500)));
    assert_eq!(ground::lease_from(db, "end", 10).await.len(), 1);
}

async fn a_batch_that_has_ended_is_not_cancelled(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    assert_eq!(cancel_batch(db, workspace, batch).await, None);
    assert_eq!(ground::batch(db, workspace, batch).await.state.as_str(), "complete");
}

/// Cancels the batch while another transaction that moved `from` one state `to` another is not committed yet.
async fn cancel_during(job_is: &str, becomes: &str) -> (String, bool) {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, ids) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    if job_is == "running" {
        assert_eq!(lease(db, 1).await.len(), 1);
    }
    let mut moving = db.begin().await.unwrap();
    query("update jobs set state = $2 where id = $1").bind(ids[0]).bind(becomes).execute(&mut moving).await.unwrap();
    let cancelling = tokio::spawn({
        let db = db.clone();
        async move { cancel_batch(&db, workspace, batch).await }
    });
    wait_until("the cancelling waits for the other", async || waiting_for_locks(db).await == 1).await;
    moving.commit().await.unwrap();
    let asked = cancelling.await.unwrap().unwrap();
    (state(db, workspace, ids[0]).await, asked.contains(&ids[0]))
}

#[tokio::test]
async fn a_job_that_starts_while_its_batch_is_cancelled_is_asked_to_stop() {
    assert_eq!(cancel_during("ready", "running").await, ("running".to_owned(), true));
}

#[tokio::test]
async fn a_job_that_waits_again_while_its_batch_is_cancelled_is_cancelled() {
    assert_eq!(cancel_during("running", "ready").await, ("cancelled".to_owned(), false));
}
