//! Rule 4: leases are renewed in batches; a dead worker's jobs come back, and a crash counts as an attempt.

use std::{collections::HashSet, time::Duration};

use herald_invitations as domain;
use herald_ledger as ledger;
use herald_ledger::{JobKey, NewJob};
use herald_scheduler::rescue_all;
use herald_tests::{TestDatabase, on_both_engines};
use uuid::Uuid;

use crate::{
    ground::{self, LEASE, commit, done, enqueue, enqueue_one, lease, noop, retry},
    guest_list,
};

on_both_engines! {
    a_job_is_lost_when_its_lease_has_run_out_and_not_before,
    leases_are_renewed_by_the_thousand,
    a_renewal_tells_what_was_lost_and_what_shall_stop,
    a_dead_workers_jobs_come_back,
    a_job_that_kills_its_worker_dies_after_its_last_try,
    the_guest_of_a_job_that_killed_its_workers_is_told,
}

async fn a_job_is_lost_when_its_lease_has_run_out_and_not_before(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = enqueue_one(db, noop(workspace)).await;
    lease(db, 1).await;
    db.clock().advance(Duration::from_millis(1));
    let second = enqueue_one(db, noop(workspace)).await;
    let second_lease = lease(db, 1).await.remove(0);
    let lost =
        async || ledger::lost_jobs(db, db.now(), 10).await.unwrap().iter().map(|lost| lost.job.id).collect::<Vec<_>>();
    db.clock().advance(LEASE - Duration::from_millis(1));
    assert!(lost().await.is_empty());
    db.clock().advance(Duration::from_millis(1));
    assert_eq!(lost().await, [first]);
    db.clock().advance(Duration::from_millis(1));
    assert_eq!(lost().await, [first, second], "longest lost first");
    let limited = ledger::lost_jobs(db, db.now(), 1).await.unwrap();
    assert_eq!(limited.len(), 1);
    commit(db, vec![done(second_lease)]).await;
    assert_eq!(lost().await, [first], "a finished job has no lease to lose");
}

async fn leases_are_renewed_by_the_thousand(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 2_500]).await;
    let held: Vec<JobKey> = lease(db, 2_500).await.iter().map(|job| job.key()).collect();
    db.clock().advance(LEASE);
    let renewed: HashSet<Uuid> =
        ledger::renew(db, &held, LEASE).await.unwrap().iter().map(|renewal| renewal.id).collect();
    assert_eq!(renewed, held.iter().map(|key| key.id).collect());
    db.clock().advance(LEASE);
    assert!(ledger::lost_jobs(db, db.now(), 1).await.unwrap().is_empty());
    assert!(ledger::renew(db, &[], LEASE).await.unwrap().is_empty());
}

async fn a_renewal_tells_what_was_lost_and_what_shall_stop(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue(db, vec![noop(workspace); 4]).await;
    let jobs = lease(db, 4).await;
    let held: Vec<JobKey> = jobs.iter().map(|job| job.key()).collect();
    commit(db, vec![done(jobs[0].clone())]).await;
    commit(db, vec![retry(db, jobs[1].clone(), Duration::ZERO)]).await;
    assert_eq!(lease(db, 1).await.len(), 1, "somebody else has the second one now");
    ledger::cancel_job(db, workspace, jobs[2].id).await.unwrap();
    let mut renewals: Vec<_> = ledger::renew(db, &held, LEASE)
        .await
        .unwrap()
        .iter()
        .map(|renewal| (renewal.id, renewal.cancel_requested))
        .collect();
    renewals.sort();
    let mut expected = vec![(jobs[2].id, true), (jobs[3].id, false)];
    expected.sort();
    assert_eq!(renewals, expected);
}

async fn a_dead_workers_jobs_come_back(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let ids: HashSet<Uuid> = enqueue(db, vec![noop(workspace); 1_200]).await.into_iter().collect();
    assert_eq!(lease(db, 2_000).await.len(), 1_200);
    assert_eq!(rescue_all(db).await.unwrap(), 1_200);
    assert_eq!(rescue_all(db).await.unwrap(), 0);
    let back = lease(db, 2_000).await;
    assert_eq!(back.iter().map(|job| job.id).collect::<HashSet<_>>(), ids);
    assert!(back.iter().all(|job| job.attempt == 2), "the crash counts as an attempt");
    let errors = ledger::list_job_errors(db, workspace, back[0].id).await.unwrap();
    assert_eq!(errors[0].message, "the worker that ran attempt 1 ended without an outcome: a dispatcher");
}

async fn a_job_that_kills_its_worker_dies_after_its_last_try(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, ids) = ground::batch_of(db, workspace, None, vec![NewJob { max_attempts: 3, ..noop(workspace) }]).await;
    for attempt in 1..=3 {
        assert_eq!(lease(db, 1).await[0].attempt, attempt);
        assert_eq!(rescue_all(db).await.unwrap(), 1);
    }
    assert!(lease(db, 1).await.is_empty());
    assert_eq!(ground::job(db, workspace, ids[0]).await.state.as_str(), "dead");
    assert_eq!(ground::batch(db, workspace, batch).await.dead, 1);
    assert_eq!(ledger::list_job_errors(db, workspace, ids[0]).await.unwrap().len(), 3);
}

async fn the_guest_of_a_job_that_killed_its_workers_is_told(database: &TestDatabase) {
    let db = &database.db;
    let started = guest_list::imported(db, "a", 1).await;
    while !ground::lease_from(db, "cpu", 1).await.is_empty() {
        rescue_all(db).await.unwrap();
        // From the second time on it waits before it is tried again.
        db.clock().advance(Duration::from_secs(300));
    }
    let guest = domain::run_guests(db, started.workspace, started.run.id, None, None, 1).await.unwrap().remove(0);
    assert_eq!(guest.state.as_str(), "failed");
    assert_eq!(guest.reason.as_deref(), Some("the worker that ran attempt 8 ended without an outcome: a dispatcher"));
    assert_eq!(guest_list::run(db, started.workspace, started.run.id).await.state.as_str(), "complete");
}
