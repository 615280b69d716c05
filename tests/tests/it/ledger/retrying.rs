//! A person retries what is dead or cancelled.

use std::time::Duration;

use herald_invitations as domain;
use herald_invitations::InvitationState;
use herald_ledger as ledger;
use herald_ledger::{NewJob, retry_batch, retry_job};
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::{
    ground::{self, batch_of, commit, counters, dead, done, enqueue_one, lease, noop, retry},
    guest_list,
};

on_both_engines! {
    a_dead_job_can_be_retried_with_new_tries,
    only_dead_and_cancelled_jobs_of_the_workspace_can_be_retried,
    a_retried_job_reopens_its_batch,
    every_dead_job_of_a_batch_is_retried,
    a_job_whose_key_is_taken_is_not_retried,
    two_dead_jobs_with_one_key_become_one_live_job,
    the_invitation_of_a_retried_step_waits_again,
    the_run_of_a_retried_import_reads_on,
}

async fn a_dead_job_can_be_retried_with_new_tries(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, NewJob { max_attempts: 1, ..noop(workspace) }).await;
    let stale = lease(db, 1).await.remove(0);
    commit(db, vec![dead(stale.clone())]).await;
    db.clock().advance(Duration::from_secs(3_600));
    assert!(retry_job(db, workspace, id, 2).await.unwrap());
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.run_at, row.finished_at), ("ready", db.now(), None));
    let job = lease(db, 1).await.remove(0);
    assert_eq!(
        (job.attempt, job.max_attempts),
        (2, 3),
        "the number goes on, so that who still works on the first is fenced off"
    );
    assert_eq!(commit(db, vec![done(stale)]).await.stale, 1);
    commit(db, vec![retry(db, job, Duration::ZERO)]).await;
    assert!(lease(db, 1).await[0].is_last_attempt());
    assert_eq!(ledger::list_job_errors(db, workspace, id).await.unwrap().len(), 2, "its history stays");
}

async fn only_dead_and_cancelled_jobs_of_the_workspace_can_be_retried(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let id = enqueue_one(db, noop(workspace)).await;
    assert!(!retry_job(db, workspace, id, 1).await.unwrap(), "ready");
    let job = lease(db, 1).await.remove(0);
    assert!(!retry_job(db, workspace, id, 1).await.unwrap(), "running");
    commit(db, vec![done(job)]).await;
    assert!(!retry_job(db, workspace, id, 1).await.unwrap(), "succeeded");
    assert!(!retry_job(db, workspace, Uuid::nil(), 1).await.unwrap());
    let id = enqueue_one(db, noop(workspace)).await;
    ledger::cancel_job(db, workspace, id).await.unwrap();
    assert!(!retry_job(db, other, id, 1).await.unwrap());
    assert!(retry_job(db, workspace, id, 1).await.unwrap());
    let job = lease(db, 1).await.remove(0);
    // Nobody asks the retried job to stop any more.
    assert!(!ledger::renew(db, &[job.key()], ground::LEASE).await.unwrap()[0].cancel_requested);
}

async fn a_retried_job_reopens_its_batch(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let on_complete = NewJob { kind: "test.end".to_owned(), queue: "end".to_owned(), ..noop(workspace) };
    let (batch, ids) = batch_of(db, workspace, Some(on_complete), vec![noop(workspace); 2]).await;
    let jobs = lease(db, 2).await;
    commit(db, vec![dead(jobs[0].clone()), done(jobs[1].clone())]).await;
    assert_eq!(ground::batch(db, workspace, batch).await.state.as_str(), "complete");
    assert_eq!(ground::lease_from(db, "end", 10).await.len(), 1);
    assert!(ids.contains(&jobs[0].id));
    assert!(retry_job(db, workspace, jobs[0].id, 1).await.unwrap());
    let open = ground::batch(db, workspace, batch).await;
    assert_eq!((open.state.as_str(), counters(&open), open.finished_at), ("running", (2, 1, 0, 0), None));
    let again = lease(db, 1).await.remove(0);
    commit(db, vec![done(again)]).await;
    let closed = ground::batch(db, workspace, batch).await;
    assert_eq!(
        (closed.state.as_str(), counters(&closed), closed.finished_at),
        ("complete", (2, 2, 0, 0), Some(db.now()))
    );
    assert_eq!(ground::lease_from(db, "end", 10).await.len(), 1, "the end is told again, of the new state");
}

async fn every_dead_job_of_a_batch_is_retried(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let other = ground::workspace_named(db, "other").await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 5]).await;
    let group: Vec<_> =
        lease(db, 4).await.into_iter().enumerate().map(|(n, job)| if n < 3 { dead(job) } else { done(job) }).collect();
    commit(db, group).await;
    let again = async |workspace, batch| {
        let mut tx = db.begin().await.unwrap();
        let revived = retry_batch(&mut tx, workspace, batch, 3).await.unwrap();
        tx.commit().await.unwrap();
        revived
    };
    assert_eq!(again(other, batch).await, 0);
    assert_eq!(again(workspace, batch).await, 3);
    assert_eq!(again(workspace, batch).await, 0);
    let open = ground::batch(db, workspace, batch).await;
    assert_eq!((open.state.as_str(), counters(&open)), ("running", (5, 1, 0, 0)));
    assert_eq!(lease(db, 10).await.len(), 4);
}

async fn a_job_whose_key_is_taken_is_not_retried(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let keyed = NewJob { unique_key: Some("key".to_owned()), ..noop(workspace) };
    let old = enqueue_one(db, keyed.clone()).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![dead(job)]).await;
    let new = enqueue_one(db, keyed).await;
    assert_ne!(old, new);
    assert!(!retry_job(db, workspace, old, 1).await.unwrap());
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![done(job)]).await;
    assert!(retry_job(db, workspace, old, 1).await.unwrap());
}

async fn two_dead_jobs_with_one_key_become_one_live_job(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, Vec::new()).await;
    let keyed = NewJob { unique_key: Some("key".to_owned()), batch_id: Some(batch), ..noop(workspace) };
    for _ in 0..2 {
        enqueue_one(db, keyed.clone()).await;
        let job = lease(db, 1).await.remove(0);
        commit(db, vec![dead(job)]).await;
    }
    let mut tx = db.begin().await.unwrap();
    assert_eq!(retry_batch(&mut tx, workspace, batch, 1).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (2, 0, 1, 0));
    assert_eq!(lease(db, 10).await.len(), 1);
}

/// A step works only on invitations that wait, so retrying it must make its invitation wait again.
async fn the_invitation_of_a_retried_step_waits_again(database: &TestDatabase) {
    let db = &database.db;
    let started = guest_list::imported(db, "a", 2).await;
    let mut ended = Vec::new();
    for job in ground::lease_from(db, "cpu", 2).await {
        ended.push(job.id);
        let outcome = ledger::Outcome::Dead { error: "no luck".to_owned() };
        commit(db, vec![ledger::Finished { job, outcome }]).await;
    }
    let run = async || guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run().await.state.as_str(), run().await.failed), ("complete", 2));
    assert!(retry_job(db, started.workspace, ended[0], 1).await.unwrap());
    assert_eq!((run().await.state.as_str(), run().await.failed, run().await.finished_at), ("running", 1, None));
    let mut tx = db.begin().await.unwrap();
    assert_eq!(retry_batch(&mut tx, started.workspace, started.run.batch_id, 1).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(run().await.failed, 0);
    let waiting = domain::run_guests(db, started.workspace, started.run.id, Some(InvitationState::Pending), None, 10)
        .await
        .unwrap();
    assert_eq!(waiting.len(), 2);
    assert!(waiting.iter().all(|guest| guest.reason.is_none()));
}

async fn the_run_of_a_retried_import_reads_on(database: &TestDatabase) {
    let db = &database.db;
    let started = guest_list::start(db, "a", guest_list::options()).await;
    let job = ground::lease_from(db, "control", 1).await.remove(0);
    let id = job.id;
    let outcome = ledger::Outcome::Dead { error: "the file store is away".to_owned() };
    commit(db, vec![ledger::Finished { job, outcome }]).await;
    assert_eq!(guest_list::run(db, started.workspace, started.run.id).await.state.as_str(), "failed");
    assert!(retry_job(db, started.workspace, id, 1).await.unwrap());
    let run = guest_list::run(db, started.workspace, started.run.id).await;
    assert_eq!((run.state.as_str(), run.reason, run.finished_at), ("importing", None, None));
}
