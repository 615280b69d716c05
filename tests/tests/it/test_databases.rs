//! The harness itself: tests that share a database would fail at random, and far from the cause.

use std::path::Path;

use herald_tests::{Engine, TestDatabase};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

#[tokio::test]
async fn each_test_has_a_postgresql_database_of_its_own() {
    let one = TestDatabase::new(Engine::Postgres).await;
    let other = TestDatabase::new(Engine::Postgres).await;
    let mut in_one = PgConnection::connect(one.url()).await.unwrap();
    let mut in_other = PgConnection::connect(other.url()).await.unwrap();
    in_one.execute("create table only_here (id integer)").await.unwrap();
    let refusal = in_other.execute("select id from only_here").await.unwrap_err();
    assert!(refusal.to_string().contains("only_here"), "{refusal}");
}

#[tokio::test]
async fn a_postgresql_database_goes_with_its_test_even_when_connections_are_open() {
    let database = TestDatabase::new(Engine::Postgres).await;
    let mut open = PgConnection::connect(database.url()).await.unwrap();
    open.execute("select 1").await.unwrap();
    let url = database.url().to_owned();
    drop(database);
    let refusal = PgConnection::connect(&url).await.unwrap_err();
    assert!(refusal.to_string().contains("does not exist"), "{refusal}");
}

#[tokio::test]
async fn databases_made_at_the_same_time_do_not_disturb_each_other() {
    let mut making: Vec<_> =
        (0..8).map(|_| tokio::spawn(async { TestDatabase::new(Engine::Postgres).await.url().to_owned() })).collect();
    let mut urls = Vec::new();
    for one in &mut making {
        urls.push(one.await.unwrap());
    }
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 8);
}

#[tokio::test]
async fn an_empty_database_has_no_table() {
    let database = TestDatabase::empty(Engine::Postgres).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let tables: i64 = sqlx::query_scalar(AssertSqlSafe(
        "select count(*) from information_schema.tables where table_schema = 'public'",
    ))
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn an_sqlite_database_goes_with_its_test() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let file = database.url().strip_prefix("sqlite://").unwrap().split('?').next().unwrap().to_owned();
    assert!(Path::new(&file).exists());
    drop(database);
    assert!(!Path::new(&file).exists());
    assert!(!Path::new(&file).parent().unwrap().exists());
}
