//! Connections that were used a moment ago are used again; a server that closed them meanwhile is noticed by nobody.

use futures::future::join_all;
use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, query};
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};

use crate::ground::{number, run_sql};

on_both_engines! {
    many_at_once_share_few_connections,
    reads_that_were_given_up_cost_no_connection,
}

async fn many_at_once_share_few_connections(database: &TestDatabase) {
    let db = &database.connect(Clock::system(), Ids::seeded(1)).await;
    run_sql(db, "create table marks (n BIGINT)").await;
    let limit = db.pool_limit();
    let each = async |n: i64| {
        for _ in 0..5 {
            let (read,): (i64,) = query("select cast($1 as BIGINT)").bind(n).one(db).await.unwrap();
            assert_eq!(read, n);
            let mut tx = db.begin().await.unwrap();
            query("insert into marks (n) values ($1)").bind(n).execute(&mut tx).await.unwrap();
            if n % 2 == 0 {
                tx.commit().await.unwrap();
            }
            let (used, open) = db.pool_size();
            assert!(used <= open && open <= limit, "{used} of {open} of {limit}");
        }
    };
    join_all((0..60).map(each)).await;
    assert_eq!(number(db, "select count(*) from marks").await, 150);
}

async fn reads_that_were_given_up_cost_no_connection(database: &TestDatabase) {
    let db = &database.connect(Clock::system(), Ids::seeded(1)).await;
    let limit = db.pool_limit();
    for at in 0..4 * limit {
        let reading = query("select cast($1 as BIGINT)").bind(7_i64).one::<(i64,)>(db);
        tokio::select! {
            biased;
            _ = reading => {}
            () = async { for _ in 0..at % 5 { tokio::task::yield_now().await } } => {}
        }
    }
    // A turn that was lost is waited for in vain.
    let reads = join_all((0..3 * limit).map(async |_| number(db, "select cast(7 as BIGINT)").await)).await;
    assert_eq!(reads, vec![7; 3 * limit]);
}

/// The server's process behind the connection that `db` uses next.
async fn process(db: &Db) -> i64 {
    number(db, "select pg_backend_pid()::int8").await
}

async fn ends(server: &Db, process: i64) {
    query("select pg_terminate_backend(cast($1 as BIGINT)::int4)").bind(process).all::<(bool,)>(server).await.unwrap();
    wait_until("it has ended", async || {
        let there = "select count(*) from pg_stat_activity where pid = cast($1 as BIGINT)";
        query(there).bind(process).one::<(i64,)>(server).await.unwrap().0 == 0
    })
    .await;
}

#[tokio::test]
async fn what_the_server_closed_meanwhile_is_replaced() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let (db, server) = (&database.db, database.connect(Clock::system(), Ids::seeded(1)).await);
    run_sql(db, "create table marks (n BIGINT)").await;
    let first = process(db).await;
    assert_eq!(process(db).await, first, "it is used again");
    ends(&server, first).await;
    let second = process(db).await;
    assert_ne!(second, first);
    ends(&server, second).await;
    let mut tx = db.begin().await.unwrap();
    query("insert into marks (n) values (1)").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let third = process(db).await;
    ends(&server, third).await;
    query("insert into marks (n) values (2) returning n").alone::<(i64,)>(db).await.unwrap();
    assert_eq!(number(db, "select sum(n)::int8 from marks").await, 3);
}
