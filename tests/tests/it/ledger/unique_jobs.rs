//! Rule 7: at most one live job of a workspace has a key; enqueueing another returns its id.

use std::time::Duration;

use herald_base::{clock::Clock, ids::Ids};
use herald_ledger::{Entered, NewJob, Unique, enter};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ground::{self, commit, counters, done, enqueue, enqueue_one, lease, noop, number, retry};

on_both_engines! {
    a_duplicate_returns_the_live_jobs_id,
    a_key_is_free_again_when_its_job_has_ended,
    duplicates_in_one_call_are_one_job,
    a_key_belongs_to_its_workspace,
    a_duplicate_does_not_count_in_a_batch,
    one_key_enqueued_by_many_at_once_is_one_job,
    two_lists_of_keys_in_opposite_orders_do_not_block_each_other,
    it_is_told_which_jobs_are_new,
}

fn keyed(workspace: Uuid, key: &str) -> NewJob {
    NewJob { unique_key: Some(key.to_owned()), ..noop(workspace) }
}

async fn a_duplicate_returns_the_live_jobs_id(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let first = enqueue_one(db, NewJob { args: json!({"n": 1}), ..keyed(workspace, "k") }).await;
    let second = enqueue_one(db, NewJob { args: json!({"n": 2}), ..keyed(workspace, "k") }).await;
    assert_eq!(second, first, "while it waits");
    let job = lease(db, 10).await.remove(0);
    assert_eq!(job.args.0, json!({"n": 1}));
    assert_eq!(enqueue_one(db, keyed(workspace, "k")).await, first, "while it runs");
    commit(db, vec![retry(db, job, Duration::from_secs(60))]).await;
    assert_eq!(enqueue_one(db, keyed(workspace, "k")).await, first, "while it waits to be tried again");
    assert_eq!(number(db, "select count(*) from jobs").await, 1);
}

async fn a_key_is_free_again_when_its_job_has_ended(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut ids = Vec::new();
    for end in [done, ground::dead] {
        ids.push(enqueue_one(db, keyed(workspace, "k")).await);
        let job = lease(db, 1).await.remove(0);
        commit(db, vec![end(job)]).await;
    }
    ids.push(enqueue_one(db, keyed(workspace, "k")).await);
    herald_ledger::cancel_job(db, workspace, ids[2]).await.unwrap();
    ids.push(enqueue_one(db, keyed(workspace, "k")).await);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

async fn duplicates_in_one_call_are_one_job(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let live = enqueue_one(db, keyed(workspace, "live")).await;
    // The same keys again in the second statement of a thousand rows.
    let jobs: Vec<NewJob> = (0..1_500)
        .map(|n| match n % 3 {
            0 => keyed(workspace, "live"),
            1 => keyed(workspace, &format!("key {}", n % 30)),
            _ => noop(workspace),
        })
        .collect();
    let ids = enqueue(db, jobs.clone()).await;
    for (id, job) in ids.iter().zip(&jobs) {
        match job.unique_key.as_deref() {
            Some("live") => assert_eq!(*id, live),
            Some(key) => {
                let first = jobs.iter().position(|job| job.unique_key.as_deref() == Some(key)).unwrap();
                assert_eq!(*id, ids[first], "{key}");
            }
            None => assert_eq!(ids.iter().filter(|other| *other == id).count(), 1),
        }
    }
    assert_eq!(number(db, "select count(*) from jobs").await, 1 + 10 + 500);
}

async fn a_key_belongs_to_its_workspace(database: &TestDatabase) {
    let db = &database.db;
    let (one, two) = (ground::workspace(db).await, ground::workspace_named(db, "two").await);
    let ids = enqueue(db, vec![keyed(one, "k"), keyed(two, "k"), keyed(one, "k")]).await;
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
}

async fn a_duplicate_does_not_count_in_a_batch(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let (batch, ids) =
        ground::batch_of(db, workspace, None, vec![keyed(workspace, "k"), keyed(workspace, "k"), noop(workspace)])
            .await;
    assert_eq!(ids[0], ids[1]);
    assert_eq!(counters(&ground::batch(db, workspace, batch).await), (2, 0, 0, 0));
    enqueue_one(db, NewJob { batch_id: Some(batch), ..keyed(workspace, "k") }).await;
    assert_eq!(ground::batch(db, workspace, batch).await.total, 2);
}

async fn one_key_enqueued_by_many_at_once_is_one_job(database: &TestDatabase) {
    let workspace = ground::workspace(&database.db).await;
    let mut enqueueing = JoinSet::new();
    for seed in 1..=6 {
        let db = database.connect(Clock::manual(database.db.now()), Ids::seeded(seed)).await;
        enqueueing.spawn(async move {
            let mut ids = Vec::new();
            for key in 0..5 {
                ids.push(enqueue_one(&db, keyed(workspace, &key.to_string())).await);
            }
            ids
        });
    }
    let ids = enqueueing.join_all().await;
    assert!(ids.iter().all(|one| *one == ids[0]), "{ids:?}");
    assert_eq!(number(&database.db, "select count(*) from jobs").await, 5);
}

async fn two_lists_of_keys_in_opposite_orders_do_not_block_each_other(database: &TestDatabase) {
    let workspace = ground::workspace(&database.db).await;
    let mut enqueueing = JoinSet::new();
    for seed in 1..=4 {
        let db = database.connect(Clock::manual(database.db.now()), Ids::seeded(seed)).await;
        enqueueing.spawn(async move {
            let mut jobs: Vec<NewJob> = (0..400).map(|key| keyed(workspace, &key.to_string())).collect();
            if seed % 2 == 0 {
                jobs.reverse();
            }
            let mut ids = enqueue(&db, jobs).await;
            ids.sort_unstable();
            ids
        });
    }
    let ids = enqueueing.join_all().await;
    assert!(ids.iter().all(|one| *one == ids[0]));
    assert_eq!(number(&database.db, "select count(*) from jobs").await, 400);
}

async fn it_is_told_which_jobs_are_new(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let live = enqueue_one(db, keyed(workspace, "a")).await;
    let replacing = NewJob { unique: Unique::Replace, args: json!({"n": 2}), ..keyed(workspace, "a") };
    let jobs = [keyed(workspace, "a"), keyed(workspace, "b"), noop(workspace), keyed(workspace, "b"), replacing];
    let mut tx = db.begin().await.unwrap();
    let entered = enter(&mut tx, jobs.to_vec()).await.unwrap();
    tx.commit().await.unwrap();
    let is_new: Vec<bool> = entered.iter().map(|entered| matches!(entered, Entered::New(_))).collect();
    assert_eq!(is_new.iter().filter(|is_new| **is_new).count(), 2, "{entered:?}");
    assert!(is_new[2] && (is_new[1] != is_new[3]), "{entered:?}");
    assert_eq!((entered[0], entered[4]), (Entered::Taken(live), Entered::Taken(live)));
    assert_eq!(entered[1].id(), entered[3].id());
    assert_eq!(ground::job(db, workspace, live).await.args.0, json!({"n": 2}), "it was replaced all the same");
    let batch_id = Some(db.new_id());
    let mut tx = db.begin().await.unwrap();
    let dropped = enter(&mut tx, vec![NewJob { batch_id, ..noop(workspace) }]).await.unwrap();
    assert!(matches!(dropped[..], [Entered::Dropped(_)]), "{dropped:?}");
}
