//! Rules 5 and 6: outcomes are written in groups, all or none, and say what comes next.

use std::time::Duration;

use herald_ledger as ledger;
use herald_ledger::{Finished, LedgerError, NewJob, Outcome};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use crate::ground::{
    self, batch_of, commit, counters, dead, done, done_then, enqueue, enqueue_one, lease, noop, retry,
};

on_both_engines! {
    a_group_of_thousands_is_written_whole,
    one_bad_outcome_leaves_the_whole_group_unwritten,
    a_retry_comes_back_when_it_is_due,
    a_snooze_does_not_count_as_an_attempt,
    a_death_keeps_its_reason,
    a_chain_is_one_transaction_a_step,
}

async fn a_group_of_thousands_is_written_whole(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2_500]).await;
    let group = lease(db, 2_500).await;
    let group: Vec<Finished> =
        group.into_iter().enumerate().map(|(n, job)| if n % 5 == 0 { dead(job) } else { done(job) }).collect();
    assert_eq!(commit(db, group).await.written, 2_500);
    let batch = ground::batch(db, workspace, batch).await;
    assert_eq!((counters(&batch), batch.state.as_str()), ((2_500, 2_000, 500, 0), "complete"));
}

async fn one_bad_outcome_leaves_the_whole_group_unwritten(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, _) = batch_of(db, workspace, None, vec![noop(workspace); 2]).await;
    let jobs = lease(db, 2).await;
    let too_large = NewJob { args: json!({"text": "x".repeat(70_000)}), ..noop(workspace) };
    let group = [done_then(jobs[0].clone(), vec![noop(workspace)]), done_then(jobs[1].clone(), vec![too_large])];
    let refused = ledger::commit(db, &group).await.unwrap_err();
    assert!(matches!(refused, LedgerError::TooLarge { .. }), "{refused}");
    for job in &jobs {
        assert_eq!(ground::job(db, workspace, job.id).await.state.as_str(), "running");
    }
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (2, 0, 0, 0));
    assert_eq!(commit(db, vec![group[0].clone()]).await.written, 1, "each can be written by itself");
}

async fn a_retry_comes_back_when_it_is_due(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, noop(workspace)).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![retry(db, job, Duration::from_secs(30))]).await;
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.finished_at), ("ready", None));
    assert_eq!(row.run_at, db.now() + Duration::from_secs(30));
    db.clock().advance(Duration::from_secs(29));
    assert!(lease(db, 1).await.is_empty());
    db.clock().advance(Duration::from_secs(1));
    let again = lease(db, 1).await.remove(0);
    assert_eq!((again.id, again.attempt, again.max_attempts), (id, 2, 3));
}

async fn a_snooze_does_not_count_as_an_attempt(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, NewJob { max_attempts: 2, ..noop(workspace) }).await;
    for _ in 0..5 {
        let job = lease(db, 1).await.remove(0);
        assert!(!job.is_last_attempt());
        let run_at = db.now() + Duration::from_secs(1);
        commit(db, vec![Finished { job, outcome: Outcome::Snooze { run_at } }]).await;
        assert!(lease(db, 1).await.is_empty());
        db.clock().advance(Duration::from_secs(1));
    }
    let job = lease(db, 1).await.remove(0);
    assert!(!job.is_last_attempt());
    commit(db, vec![retry(db, job, Duration::ZERO)]).await;
    assert!(lease(db, 1).await[0].is_last_attempt(), "two tries, as was said");
    assert_eq!(ledger::list_job_errors(db, workspace, id).await.unwrap().len(), 1, "a snooze is no error");
}

async fn a_death_keeps_its_reason(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let id = enqueue_one(db, noop(workspace)).await;
    let job = lease(db, 1).await.remove(0);
    commit(db, vec![dead(job)]).await;
    let row = ground::job(db, workspace, id).await;
    assert_eq!((row.state.as_str(), row.attempt, row.finished_at), ("dead", 1, Some(db.now())));
    let errors = ledger::list_job_errors(db, workspace, id).await.unwrap();
    assert_eq!((errors.len(), errors[0].message.as_str(), errors[0].at), (1, "it cannot be done", db.now()));
    assert!(lease(db, 1).await.is_empty());
}

async fn a_chain_is_one_transaction_a_step(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let step = |n: i64| NewJob { args: json!({"step": n}), unique_key: Some("chain".to_owned()), ..noop(workspace) };
    enqueue(db, vec![step(0)]).await;
    for n in 0..5 {
        let job = lease(db, 1).await.remove(0);
        assert_eq!(job.args.0, json!({"step": n}));
        // The next step has the same key: this one ends in the same transaction.
        commit(db, vec![done_then(job, vec![step(n + 1)])]).await;
        let live = "select count(*) from jobs where state in ('ready', 'running')";
        assert_eq!(ground::number(db, live).await, 1);
    }
}
