//! Rule 3: a stale worker's outcome changes nothing and is counted.

use std::time::Duration;

use herald_invitations as domain;
use herald_invitations::Published;
use herald_ledger as ledger;
use herald_ledger::{Committed, Finished, JobFilter, Leased, NewJob, Outcome, list_jobs};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use crate::{
    ground::{self, batch_of, commit, counters, dead, done, done_then, enqueue_one, lease, noop, retry},
    guest_list,
};

on_both_engines! {
    a_stale_outcome_changes_nothing_and_is_counted,
    a_stale_and_a_valid_outcome_of_one_job_in_one_group_are_told_apart,
    an_outcome_given_twice_counts_once,
    an_outcome_is_written_once_however_often_it_is_tried,
    an_outcome_of_a_job_that_is_gone_changes_nothing,
}

/// Loses the lease of the job and leases it again.
async fn taken_over(db: &herald_db::Db, job: &Leased) -> Leased {
    commit(db, vec![retry(db, job.clone(), Duration::ZERO)]).await;
    let again = lease(db, 1).await.remove(0);
    assert_eq!((again.id, again.attempt), (job.id, job.attempt + 1));
    again
}

async fn a_stale_outcome_changes_nothing_and_is_counted(database: &TestDatabase) {
    let db = &database.db;
    let started = guest_list::imported(db, "a", 1).await;
    let stale = ground::lease_from(db, "cpu", 1).await.remove(0);
    let invitation_id = stale.args.0["invitation_id"].as_str().unwrap().parse().unwrap();
    commit(db, vec![retry(db, stale.clone(), Duration::ZERO)]).await;
    let valid = ground::lease_from(db, "cpu", 1).await.remove(0);
    let before = ground::batch(db, started.workspace, started.run.batch_id).await;
    let follow_up = noop(started.workspace);
    let outcomes = [
        Outcome::Done {
            result: Some(json!({})),
            changes: vec![Published { invitation_id }.into()],
            then: vec![follow_up],
        },
        Outcome::Dead { error: "late".to_owned() },
        Outcome::Retry { error: "late".to_owned(), run_at: db.now() },
        Outcome::Snooze { run_at: db.now() },
        Outcome::Cancelled,
    ];
    for outcome in outcomes {
        let committed = commit(db, vec![Finished { job: stale.clone(), outcome }]).await;
        assert_eq!(committed, Committed { written: 0, stale: 1 });
        let row = ground::job(db, started.workspace, valid.id).await;
        assert_eq!((row.state.as_str(), row.attempt, row.max_attempts, row.result), ("running", 2, 8, None));
        let invitation = domain::find_invitation(db, started.workspace, invitation_id).await.unwrap().unwrap();
        assert_eq!(invitation.state.as_str(), "pending");
        let batch = ground::batch(db, started.workspace, started.run.batch_id).await;
        assert_eq!(counters(&batch), counters(&before));
        assert_eq!(
            ledger::list_job_errors(db, started.workspace, valid.id).await.unwrap().len(),
            1,
            "only the first try's"
        );
        let follow_ups = JobFilter { kind: Some("test.noop".to_owned()), ..JobFilter::default() };
        assert!(list_jobs(db, started.workspace, &follow_ups, 10).await.unwrap().is_empty());
    }
    assert_eq!(commit(db, vec![done(valid)]).await, Committed { written: 1, stale: 0 });
}

/// One process can hold both: the attempt it lost while it was busy, and the one it was given after.
async fn a_stale_and_a_valid_outcome_of_one_job_in_one_group_are_told_apart(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, Vec::new()).await;
    for stale_first in [true, false] {
        enqueue_one(db, NewJob { batch_id: Some(batch), ..noop(workspace) }).await;
        let stale = lease(db, 1).await.remove(0);
        let valid = taken_over(db, &stale).await;
        let mut group = vec![done_then(stale, vec![noop(workspace)]), dead(valid.clone())];
        if !stale_first {
            group.reverse();
        }
        assert_eq!(commit(db, group).await, Committed { written: 1, stale: 1 });
        assert_eq!(ground::job(db, workspace, valid.id).await.state.as_str(), "dead");
    }
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (2, 0, 2, 0));
    assert!(lease(db, 10).await.is_empty(), "the stale attempts' follow-ups are not there");
}

async fn an_outcome_given_twice_counts_once(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2]).await;
    let job = lease(db, 1).await.remove(0);
    let twice = vec![done_then(job.clone(), vec![noop(workspace)]), done_then(job, vec![noop(workspace)])];
    assert_eq!(commit(db, twice).await, Committed { written: 1, stale: 1 });
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (3, 1, 0, 0));
}

/// A commit whose answer was lost is tried again.
async fn an_outcome_is_written_once_however_often_it_is_tried(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace)]).await;
    let job = lease(db, 1).await.remove(0);
    let finished = vec![done_then(job, vec![noop(workspace)])];
    assert_eq!(commit(db, finished.clone()).await.written, 1);
    assert_eq!(commit(db, finished).await, Committed { written: 0, stale: 1 });
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (2, 1, 0, 0));
}

async fn an_outcome_of_a_job_that_is_gone_changes_nothing(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    enqueue_one(db, noop(workspace)).await;
    let job = lease(db, 1).await.remove(0);
    ground::run_sql(db, "delete from jobs").await;
    assert_eq!(commit(db, vec![done(job)]).await, Committed { written: 0, stale: 1 });
    assert_eq!(commit(db, Vec::new()).await, Committed { written: 0, stale: 0 });
}
