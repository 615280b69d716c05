//! What a test leaves in the ledger fails it, unless the test says so.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use herald_db::query;
use herald_ledger as ledger;
use herald_tests::{App, EngineKind, TestDatabase, on_both_engines};

use crate::ground::{QUEUE, batch_of, enqueue, noop, run_sql};

on_both_engines! {
    a_job_that_nobody_did_is_told_unless_it_is_left_on_purpose,
    a_batch_waits_with_its_jobs_and_is_told_without_them,
    a_queue_that_is_held_up_is_told_until_it_is_released,
    without_an_app_nothing_is_looked_at,
}

/// What is told at the end of the test; nothing if all is well.
async fn told(database: &TestDatabase) -> String {
    let looked = AssertUnwindSafe(database.end()).catch_unwind().await;
    looked.err().map_or_else(String::new, |told| *told.downcast::<String>().unwrap())
}

async fn a_job_that_nobody_did_is_told_unless_it_is_left_on_purpose(database: &TestDatabase) {
    let app = App::on(database).start().await;
    assert_eq!(told(database).await, "");
    enqueue(&app.db, vec![noop(app.workspace); 2]).await;
    let left = told(database).await;
    assert!(left.contains("test.noop, ready: 2"), "{left}");
    app.leaves(&["probe.run"]);
    assert_eq!(told(database).await, left, "another kind is no excuse");
    app.leaves(&["test.noop"]);
    assert_eq!(told(database).await, "");
}

async fn a_batch_waits_with_its_jobs_and_is_told_without_them(database: &TestDatabase) {
    let app = App::on(database).start().await;
    batch_of(&app.db, app.workspace, None, vec![noop(app.workspace)]).await;
    app.leaves(&["test.noop"]);
    assert_eq!(told(database).await, "");
    run_sql(&app.db, "delete from jobs").await;
    let left = told(database).await;
    assert!(left.contains("the batch \"a batch\" is open"), "{left}");
    run_sql(&app.db, "update batches set state = 'cancelled'").await;
}

async fn a_queue_that_is_held_up_is_told_until_it_is_released(database: &TestDatabase) {
    let app = App::on(database).start().await;
    let pause = async |paused| {
        let mut tx = app.db.begin().await.unwrap();
        ledger::set_paused(&mut tx, QUEUE, paused).await.unwrap();
        tx.commit().await.unwrap();
    };
    pause(true).await;
    let left = told(database).await;
    assert!(left.contains("the queue test is paused"), "{left}");
    pause(false).await;
    assert_eq!(told(database).await, "");
    let mut tx = app.db.begin().await.unwrap();
    let block = query("update queues set blocked_until = $1, blocked_reason = 'too many' where name = 'test'");
    block.bind(app.db.now() + Duration::from_secs(60)).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let left = told(database).await;
    assert!(left.contains("the queue test is blocked (too many)"), "{left}");
    app.db.clock().advance(Duration::from_secs(60));
    assert_eq!(told(database).await, "", "its time is over");
    pause(true).await;
    app.leaves_held(QUEUE);
}

async fn without_an_app_nothing_is_looked_at(database: &TestDatabase) {
    let workspace = crate::ground::workspace(&database.db).await;
    enqueue(&database.db, vec![noop(workspace)]).await;
    assert_eq!(told(database).await, "");
}

#[tokio::test]
#[should_panic(expected = "database.end().await")]
async fn a_test_with_an_app_that_nobody_looks_through_fails() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    App::on(&database).start().await;
}
