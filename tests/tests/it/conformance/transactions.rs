//! Transactions, and the bell that wakes the dispatcher.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, query};
use herald_ledger as ledger;
use herald_tests::{EngineKind, TestDatabase, on_both_engines};

use crate::ground::{self, noop, number, run_sql};

on_both_engines! {
    a_dropped_transaction_leaves_nothing,
    nobody_sees_a_transaction_before_its_commit,
    a_transaction_reads_what_it_wrote,
    the_bell_rings_after_the_commit_and_not_before,
    a_transaction_that_is_dropped_does_not_ring,
    migrating_again_and_by_many_at_once_changes_nothing,
    a_panic_in_the_middle_of_a_transaction_leaves_the_database_usable,
    a_cancelled_statement_leaves_the_database_usable,
    the_pool_is_reported_and_closes,
}

async fn rows(db: &Db) -> i64 {
    number(db, "select count(*) from marks").await
}

async fn a_dropped_transaction_leaves_nothing(database: &TestDatabase) {
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT)").await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(query("insert into marks (n) values (1), (2)").execute(&mut tx).await.unwrap(), 2);
    drop(tx);
    assert_eq!(rows(db).await, 0);
    // The connection that was given back is clean.
    run_sql(db, "insert into marks (n) values (3)").await;
    assert_eq!(rows(db).await, 1);
}

async fn nobody_sees_a_transaction_before_its_commit(database: &TestDatabase) {
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT)").await;
    let other = database.connect(db.clock().clone(), Ids::seeded(1)).await;
    let mut tx = db.begin().await.unwrap();
    query("insert into marks (n) values (1)").execute(&mut tx).await.unwrap();
    assert_eq!((rows(db).await, rows(&other).await), (0, 0));
    tx.commit().await.unwrap();
    assert_eq!((rows(db).await, rows(&other).await), (1, 1));
}

async fn a_transaction_reads_what_it_wrote(database: &TestDatabase) {
    run_sql(&database.db, "create table marks (n BIGINT)").await;
    let mut tx = database.db.begin().await.unwrap();
    query("insert into marks (n) values ($1)").bind(7_i64).execute(&mut tx).await.unwrap();
    let (n,): (i64,) = query("select n from marks").one(&mut tx).await.unwrap();
    assert_eq!(n, 7);
    let none: Option<(i64,)> = query("select n from marks where n = 8").optional(&mut tx).await.unwrap();
    assert_eq!(none, None);
}

/// Whether the dispatcher would wake now.
fn rings(db: &Db) -> bool {
    let mut waking = Context::from_waker(Waker::noop());
    pin!(db.nudged()).poll(&mut waking) == Poll::Ready(())
}

async fn the_bell_rings_after_the_commit_and_not_before(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    assert!(!rings(db));
    let mut tx = db.begin().await.unwrap();
    ledger::enqueue(&mut tx, vec![noop(workspace)]).await.unwrap();
    assert!(!rings(db), "before the commit there is nothing to dispatch");
    tx.commit().await.unwrap();
    assert!(rings(db));
    assert!(!rings(db), "once");
}

async fn a_transaction_that_is_dropped_does_not_ring(database: &TestDatabase) {
    let db = &database.db;
    let workspace = ground::workspace(db).await;
    let mut tx = db.begin().await.unwrap();
    ledger::enqueue(&mut tx, vec![noop(workspace)]).await.unwrap();
    drop(tx);
    assert!(!rings(db));
}

async fn migrating_again_and_by_many_at_once_changes_nothing(database: &TestDatabase) {
    let workspace = ground::workspace(&database.db).await;
    let mut migrating = tokio::task::JoinSet::new();
    for seed in 1..5 {
        let other = database.connect(Clock::system(), Ids::seeded(seed)).await;
        migrating.spawn(async move { other.migrate().await });
    }
    while let Some(migrated) = migrating.join_next().await {
        migrated.unwrap().unwrap();
    }
    assert_eq!(ground::workspace(&database.db).await, workspace);

    let empty = TestDatabase::empty(database.db.kind()).await;
    let mut migrating = tokio::task::JoinSet::new();
    for seed in 1..5 {
        let other = empty.connect(Clock::system(), Ids::seeded(seed)).await;
        match empty.db.kind() {
            EngineKind::Postgres => drop(migrating.spawn(async move { other.migrate().await })),
            // SQLite's file belongs to one process, which its data folder's lock sees to.
            EngineKind::Sqlite => other.migrate().await.unwrap(),
        }
    }
    while let Some(migrated) = migrating.join_next().await {
        migrated.unwrap().unwrap();
    }
    ground::workspace(&empty.db).await;
}

async fn a_panic_in_the_middle_of_a_transaction_leaves_the_database_usable(database: &TestDatabase) {
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT)").await;
    for _ in 0..20 {
        let db = db.clone();
        let panicked = tokio::spawn(async move {
            let mut tx = db.begin().await.unwrap();
            query("insert into marks (n) values (1)").execute(&mut tx).await.unwrap();
            panic!("on purpose");
        });
        assert!(panicked.await.unwrap_err().is_panic());
    }
    assert_eq!(rows(db).await, 0);
    run_sql(db, "insert into marks (n) values (1)").await;
}

async fn a_cancelled_statement_leaves_the_database_usable(database: &TestDatabase) {
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT)").await;
    for polls in 1..20 {
        let mut writing = Box::pin(async {
            let mut tx = db.begin().await.unwrap();
            query("insert into marks (n) values (1)").execute(&mut tx).await.unwrap();
            query("insert into marks (n) values (2)").execute(&mut tx).await.unwrap();
        });
        for _ in 0..polls {
            if writing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(rows(db).await, 0);
    run_sql(db, "insert into marks (n) values (1)").await;
    assert_eq!(rows(db).await, 1);
}

async fn the_pool_is_reported_and_closes(database: &TestDatabase) {
    let db = database.connect(Clock::system(), Ids::seeded(1)).await;
    let tx = db.begin().await.unwrap();
    let (used, open) = db.pool_size();
    assert!(used >= 1 && open >= used, "{used} of {open}");
    drop(tx);
    db.close().await;
    assert!(db.begin().await.is_err());
}

#[tokio::test]
async fn a_read_outside_a_transaction_cannot_write_on_sqlite() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let written = query("delete from workspaces returning id").all::<(uuid::Uuid,)>(&database.db).await;
    assert!(written.is_err(), "writes go through the one writing connection, in a transaction");
}
