//! Errors are classified once, the same way on both engines.

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, DbConfig, DbError, query};
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};

use crate::ground::{number, run_sql, waiting_for_locks};

on_both_engines! {
    a_broken_unique_key_is_told_apart,
    a_missing_row_is_told_apart,
    a_bad_statement_is_neither_transient_nor_unique,
    a_broken_foreign_key_is_refused,
    a_value_a_check_forbids_is_refused,
}

async fn refused(db: &Db, sql: &str) -> DbError {
    let mut tx = db.begin().await.unwrap();
    query(sql).execute(&mut tx).await.unwrap_err()
}

async fn a_broken_unique_key_is_told_apart(database: &TestDatabase) {
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT primary key, word TEXT unique)").await;
    run_sql(db, "insert into marks (n, word) values (1, 'one')").await;
    for sql in ["insert into marks (n) values (1)", "insert into marks (n, word) values (2, 'one')"] {
        let error = refused(db, sql).await;
        assert!(error.is_unique_violation(), "{error}");
        assert!(!error.is_transient() && !error.is_missing_row() && !error.is_disk_full(), "{error}");
    }
}

async fn a_missing_row_is_told_apart(database: &TestDatabase) {
    let error = query("select id from jobs").one::<(uuid::Uuid,)>(&database.db).await.unwrap_err();
    assert!(error.is_missing_row() && !error.is_transient() && !error.is_unique_violation(), "{error}");
}

async fn a_bad_statement_is_neither_transient_nor_unique(database: &TestDatabase) {
    let error = refused(&database.db, "insert into nowhere values (1)").await;
    assert!(!error.is_transient() && !error.is_unique_violation() && !error.is_missing_row(), "{error}");
    assert!(error.to_string().starts_with("database: "), "{error}");
}

async fn a_broken_foreign_key_is_refused(database: &TestDatabase) {
    let db = &database.db;
    let mut tx = db.begin().await.unwrap();
    let error = query(
        "insert into batches (id, workspace_id, name, state, total, succeeded, dead, cancelled, created_at)
         values ($1, $1, '', 'running', 0, 0, 0, 0, $2)",
    )
    .bind(db.new_id())
    .bind(db.now())
    .execute(&mut tx)
    .await
    .unwrap_err();
    assert!(!error.is_unique_violation() && !error.is_transient(), "{error}");
}

async fn a_value_a_check_forbids_is_refused(database: &TestDatabase) {
    run_sql(&database.db, "create table marks (n BIGINT check (n > 0))").await;
    let error = refused(&database.db, "insert into marks (n) values (0)").await;
    assert!(!error.is_unique_violation() && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_connection_ended_by_the_server_is_transient_and_the_next_try_works() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT)").await;
    let other = database.connect(Clock::system(), Ids::seeded(1)).await;
    let mut tx = db.begin().await.unwrap();
    let (pid,): (i32,) = query("select pg_backend_pid()").one(&mut tx).await.unwrap();
    query("select pg_terminate_backend($1::int)").bind(pid).all::<(bool,)>(&other).await.unwrap();
    let error = query("insert into marks (n) values (1)").execute(&mut tx).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    drop(tx);
    assert_eq!(number(db, "select count(*) from marks").await, 0);
}

#[tokio::test]
async fn two_transactions_that_wait_for_each_other_are_a_transient_error() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let db = &database.db;
    run_sql(db, "create table marks (n BIGINT primary key, hits BIGINT)").await;
    run_sql(db, "insert into marks (n, hits) values (1, 0), (2, 0)").await;
    const HIT: &str = "update marks set hits = hits + 1 where n = $1";
    let mut first = db.begin().await.unwrap();
    let mut second = db.begin().await.unwrap();
    query(HIT).bind(1_i64).execute(&mut first).await.unwrap();
    query(HIT).bind(2_i64).execute(&mut second).await.unwrap();
    let waiting = tokio::spawn(async move { query(HIT).bind(2_i64).execute(&mut first).await.err() });
    wait_until("the first transaction waits", async || waiting_for_locks(db).await == 1).await;
    let second = query(HIT).bind(1_i64).execute(&mut second).await.err();
    let first = waiting.await.unwrap();
    let loser = first.or(second).expect("PostgreSQL ends one of the two");
    assert!(loser.is_transient(), "{loser}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transient_error() {
    let config = DbConfig::Postgres { url: "postgres://nobody@127.0.0.1:1/nothing".to_owned(), max_connections: 1 };
    let error = Db::connect(&config, Clock::system(), Ids::seeded(0)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn an_sqlite_file_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = DbConfig::Sqlite { path: folder.path().join("no such folder").join("herald.db") };
    assert!(Db::connect(&config, Clock::system(), Ids::seeded(0)).await.is_err());
}
