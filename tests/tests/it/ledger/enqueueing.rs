//! Rule 1: a job is enqueued by the transaction that makes it necessary, or not at all.

use herald_base::{clock::Clock, ids::Ids};
use herald_ledger as ledger;
use herald_ledger::{LedgerError, MAX_ARGS_BYTES, NewJob};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use crate::ground::{self, commit, done_then, enqueue, enqueue_one, lease, noop, number};

on_both_engines! {
    a_transaction_that_is_rolled_back_leaves_no_job,
    a_fact_and_its_job_are_there_together,
    arguments_over_the_limit_are_refused_before_anything_is_written,
    arguments_that_are_no_object_are_refused,
    thousands_of_jobs_are_enqueued_in_one_call_and_come_back_in_order,
    no_jobs_are_no_work,
    a_follow_up_inherits_batch_and_trace,
    one_that_was_done_twice_is_there_once,
}

async fn a_transaction_that_is_rolled_back_leaves_no_job(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut tx = db.begin().await.unwrap();
    let ids = ledger::enqueue(&mut tx, vec![noop(workspace); 3]).await.unwrap();
    assert_eq!(ids.len(), 3);
    drop(tx);
    assert_eq!(number(db, "select count(*) from jobs").await, 0);
    assert!(lease(db, 10).await.is_empty());
}

async fn a_fact_and_its_job_are_there_together(database: &TestDatabase) {
    let db = &database.db;
    let mut tx = db.begin().await.unwrap();
    let workspace = db.new_id();
    herald_db::query("insert into workspaces (id, slug, name, created_at) values ($1, 'new', 'new', $2)")
        .bind(workspace)
        .bind(db.now())
        .execute(&mut tx)
        .await
        .unwrap();
    ledger::enqueue(&mut tx, vec![noop(workspace)]).await.unwrap();
    assert!(lease(&database.db, 0).await.is_empty());
    tx.commit().await.unwrap();
    assert_eq!(number(db, "select count(*) from workspaces").await, 1);
    assert_eq!(lease(db, 10).await.len(), 1);
}

async fn arguments_over_the_limit_are_refused_before_anything_is_written(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let sized = |bytes: usize| {
        let job = NewJob { args: json!({"text": "x".repeat(bytes - r#"{"text":""}"#.len())}), ..noop(workspace) };
        assert_eq!(job.args.to_string().len(), bytes);
        job
    };
    let mut tx = db.begin().await.unwrap();
    let refused = ledger::enqueue(&mut tx, vec![noop(workspace), sized(MAX_ARGS_BYTES + 1)]).await.unwrap_err();
    assert!(matches!(refused, LedgerError::TooLarge { bytes, .. } if bytes == MAX_ARGS_BYTES + 1), "{refused}");
    assert!(refused.to_string().contains("test.noop"), "{refused}");
    tx.commit().await.unwrap();
    assert_eq!(number(db, "select count(*) from jobs").await, 0);
    let id = enqueue_one(db, sized(MAX_ARGS_BYTES)).await;
    assert_eq!(ground::job(db, workspace, id).await.args.0, sized(MAX_ARGS_BYTES).args);
}

async fn arguments_that_are_no_object_are_refused(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    for args in [json!([]), json!("text"), json!(1), json!(null)] {
        let mut tx = db.begin().await.unwrap();
        let refused = ledger::enqueue(&mut tx, vec![NewJob { args, ..noop(workspace) }]).await.unwrap_err();
        assert!(matches!(refused, LedgerError::NotAnObject { .. }), "{refused}");
    }
}

async fn thousands_of_jobs_are_enqueued_in_one_call_and_come_back_in_order(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    for count in [1, 1_000, 1_001, 2_500] {
        let jobs = (0..count).map(|n| NewJob { args: json!({"n": n}), ..noop(workspace) }).collect();
        let ids = enqueue(db, jobs).await;
        assert_eq!(ids.len(), count);
        for n in [0, count / 2, count - 1] {
            assert_eq!(ground::job(db, workspace, ids[n]).await.args.0, json!({"n": n}));
        }
    }
    assert_eq!(number(db, "select count(*) from jobs").await, 4_502);
}

async fn no_jobs_are_no_work(database: &TestDatabase) {
    assert!(enqueue(&database.db, Vec::new()).await.is_empty());
}

async fn a_follow_up_inherits_batch_and_trace(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let traced = |trace: Option<&str>| NewJob { traceparent: trace.map(str::to_owned), ..noop(workspace) };
    let (batch, _) = ground::batch_of(db, workspace, None, vec![traced(Some("trace-1"))]).await;
    let (other, _) = ground::batch_of(db, workspace, None, Vec::new()).await;
    let job = lease(db, 1).await.remove(0);
    let elsewhere = NewJob { batch_id: Some(other), ..traced(Some("trace-2")) };
    commit(db, vec![done_then(job, vec![traced(None), elsewhere])]).await;
    let mut next: Vec<_> =
        lease(db, 10).await.into_iter().map(|job| (job.traceparent.unwrap(), job.batch_id)).collect();
    next.sort();
    assert_eq!(next, [("trace-1".to_owned(), Some(batch)), ("trace-2".to_owned(), Some(other))]);
}

/// The answer of the first insertion was lost with its connection, so it was done again: under the same id.
async fn one_that_was_done_twice_is_there_once(database: &TestDatabase) {
    let workspace = ground::workspace(&database.db).await;
    let same_ids = async || {
        let clock = Clock::manual(TestDatabase::start());
        database.connect(clock, Ids::seeded(7)).await
    };
    let first = ledger::enqueue_alone(&same_ids().await, noop(workspace)).await.unwrap();
    assert_eq!(ledger::enqueue_alone(&same_ids().await, noop(workspace)).await.unwrap(), first);
    let with_a_key = NewJob { unique_key: Some("key".to_owned()), ..noop(workspace) };
    let again = ledger::enqueue_alone(&same_ids().await, with_a_key).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(number(&database.db, "select count(*) from jobs").await, 1);
}
