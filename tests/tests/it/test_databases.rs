//! The harness itself: tests that shared a database would fail at random, and far from the cause.

use std::time::Duration;

use herald_base::clock::Clock;
use herald_base::ids::Ids;
use herald_db::{DbConfig, Result, Tx, query};
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};

on_both_engines! {
    each_test_has_a_database_of_its_own,
    another_handle_sees_the_same_rows,
    a_fresh_database_has_every_table_and_an_empty_one_none,
    every_test_begins_at_the_same_time_with_the_same_ids,
}

async fn each_test_has_a_database_of_its_own(database: &TestDatabase) {
    let other = TestDatabase::new(database.db.kind()).await;
    write_mark(database.db.begin().await.unwrap()).await.unwrap();
    assert!(sees_mark(database.db.begin().await.unwrap()).await);
    assert!(!sees_mark(other.db.begin().await.unwrap()).await);
}

async fn another_handle_sees_the_same_rows(database: &TestDatabase) {
    let other = database.connect(Clock::system(), Ids::random()).await;
    write_mark(database.db.begin().await.unwrap()).await.unwrap();
    assert!(sees_mark(other.begin().await.unwrap()).await);
}

async fn a_fresh_database_has_every_table_and_an_empty_one_none(database: &TestDatabase) {
    let empty = TestDatabase::empty(database.db.kind()).await;
    assert!(query("select count(*) from jobs").execute(&mut database.db.begin().await.unwrap()).await.is_ok());
    assert!(query("select count(*) from jobs").execute(&mut empty.db.begin().await.unwrap()).await.is_err());
}

async fn every_test_begins_at_the_same_time_with_the_same_ids(database: &TestDatabase) {
    let other = TestDatabase::new(database.db.kind()).await;
    assert_eq!(database.db.now(), TestDatabase::start());
    assert_eq!(database.db.new_id(), other.db.new_id());
    database.db.clock().advance(Duration::from_secs(60));
    assert_eq!((database.db.now() - other.db.now()).num_seconds(), 60);
}

#[tokio::test]
async fn an_sqlite_database_goes_with_its_test() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let DbConfig::Sqlite { path } = database.config().clone() else { panic!("{:?}", database.config()) };
    assert!(path.exists());
    drop(database);
    assert!(!path.parent().unwrap().exists());
}

#[tokio::test]
async fn a_postgresql_database_goes_with_its_test_though_someone_is_connected() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let other = database.connect(Clock::system(), Ids::random()).await;
    drop(database);
    wait_until("the database is gone", async || {
        other.begin().await.is_err_and(|refusal| refusal.to_string().contains("does not exist"))
    })
    .await;
}

#[tokio::test]
async fn databases_made_at_the_same_time_do_not_disturb_each_other() {
    let making: Vec<_> = (0..8).map(|_| tokio::spawn(TestDatabase::new(EngineKind::Postgres))).collect();
    for one in making {
        let database = one.await.unwrap();
        write_mark(database.db.begin().await.unwrap()).await.unwrap();
    }
}

/// Leaves something in the database that a fresh one does not have. Fails if it is there already.
async fn write_mark(mut tx: Tx) -> Result<()> {
    query("create table mark (id integer)").execute(&mut tx).await?;
    tx.commit().await
}

async fn sees_mark(mut tx: Tx) -> bool {
    query("select id from mark").execute(&mut tx).await.is_ok()
}
