//! Reads by key that many ask for at once: each gets what is its own, whoever it was read together with.

use std::collections::HashSet;

use futures::future::join_all;
use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, FromRow, Lookup, Tx, lookup, query};
use herald_tests::{EngineKind, TestDatabase, on_both_engines, wait_until};

use crate::ground::{number, run_sql, waiting_for_locks};

on_both_engines! {
    each_gets_its_own_rows_in_order,
    what_was_committed_before_is_seen,
    what_cannot_be_read_for_one_is_read_for_the_others,
    those_who_give_up_hold_nobody_up,
}

const PLACES: &str = "select rows.nth, place from {rows} join places on owner = rows.who order by place";
/// Says when its statement began, after a lock of the number was free. PostgreSQL only.
const LOCKED: &str = "select rows.nth, n, cast(extract(epoch from statement_timestamp()) * 1000000 as bigint) as began
                      from (select nth, n, pg_advisory_xact_lock(n) from {rows}) as rows";

#[derive(Debug, FromRow)]
struct Began {
    n: i64,
    began: i64,
}

async fn places(db: &Db, rows: &[(&str, i64)]) {
    run_sql(db, "create table places (owner TEXT, place BIGINT)").await;
    let mut tx = db.begin().await.unwrap();
    for (owner, place) in rows {
        place_in(&mut tx, owner, *place).await;
    }
    tx.commit().await.unwrap();
}

async fn place_in(tx: &mut Tx, owner: &str, place: i64) {
    query("insert into places (owner, place) values ($1, $2)").bind(owner).bind(place).execute(tx).await.unwrap();
}

async fn of(db: &Db, owner: &str) -> Vec<i64> {
    #[derive(FromRow)]
    struct Found {
        place: i64,
    }
    let found: Vec<Found> = lookup(PLACES).by("who", owner.to_owned()).all(db).await.unwrap();
    found.into_iter().map(|found| found.place).collect()
}

async fn each_gets_its_own_rows_in_order(database: &TestDatabase) {
    let db = &database.connect(Clock::system(), Ids::seeded(1)).await;
    places(db, &[("ada", 3), ("bo", 7), ("ada", 1), ("ada", 2)]).await;
    assert_eq!(of(db, "ada").await, [1, 2, 3], "alone");
    let expected = |n: usize| match n % 3 {
        0 => ("ada", vec![1, 2, 3]),
        1 => ("bo", vec![7]),
        _ => ("nobody", vec![]),
    };
    // More than are read for at once.
    let all = join_all((0..1_300).map(async |n| (n, of(db, expected(n).0).await))).await;
    for (n, found) in all {
        assert_eq!(found, expected(n).1, "{n}");
    }
}

async fn what_was_committed_before_is_seen(database: &TestDatabase) {
    let db = &database.connect(Clock::system(), Ids::seeded(1)).await;
    places(db, &[]).await;
    let each = async |owner: String| {
        for place in 0..10 {
            let mut tx = db.begin().await.unwrap();
            place_in(&mut tx, &owner, place).await;
            tx.commit().await.unwrap();
            let own = (0..=place).collect::<Vec<_>>();
            assert_eq!(of(db, &owner).await, own);
        }
    };
    join_all((0..12).map(|n| each(format!("owner {n}")))).await;
}

async fn what_cannot_be_read_for_one_is_read_for_the_others(database: &TestDatabase) {
    let db = &database.db;
    // Its row is no number: what reads it as one fails.
    const NUMBER: &str = "select rows.nth, case when rows.n = 3 then 'three' else null end as word from {rows}";
    #[derive(FromRow)]
    struct Found {
        word: Option<i64>,
    }
    let each = async |n: i64| lookup(NUMBER).by("n", n).all::<Found>(db).await;
    let all = join_all((0..20).map(each)).await;
    for (n, found) in all.into_iter().enumerate() {
        match found {
            Ok(found) => assert!(n != 3 && found.len() == 1 && found[0].word.is_none(), "{n}"),
            Err(error) => assert_eq!(n, 3, "{error}"),
        }
    }
}

async fn those_who_give_up_hold_nobody_up(database: &TestDatabase) {
    let db = &database.connect(Clock::system(), Ids::seeded(1)).await;
    places(db, &[("ada", 1)]).await;
    for at in 0..40 {
        let given_up = async |n: usize| {
            tokio::select! {
                biased;
                _ = of(db, "ada") => {}
                () = async { for _ in 0..n { tokio::task::yield_now().await } } => {}
            }
        };
        let rest = join_all((0..5).map(async |_| of(db, "ada").await));
        let ((), (), rest) = tokio::join!(given_up(at % 4), given_up(at % 7), rest);
        assert_eq!(rest, vec![vec![1]; 5]);
    }
}

fn locked(n: i64) -> Lookup {
    lookup(LOCKED).by("n", n)
}

/// Holds a lock until it is dropped.
async fn lock(server: &Db, n: i64) -> Tx {
    let mut tx = server.begin().await.unwrap();
    query("select pg_advisory_xact_lock($1)").bind(n).execute(&mut tx).await.unwrap();
    tx
}

#[tokio::test]
async fn who_comes_during_a_read_is_read_for_together_after_it() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let (db, server) = (&database.db, &database.connect(Clock::system(), Ids::seeded(1)).await);
    let held = lock(server, 1).await;
    let all = join_all((1..=20).map(async |n| locked(n).optional::<Began>(db).await.unwrap().unwrap()));
    let ((), found) = tokio::join!(
        async {
            wait_until("the first waits", async || waiting_for_locks(server).await == 1).await;
            drop(held);
        },
        // Polled first: by then all have asked.
        all
    );
    assert_eq!(found.iter().map(|found| found.n).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    let statements: HashSet<i64> = found.iter().map(|found| found.began).collect();
    assert_eq!(statements.len(), 2, "the first, and one for the others: {found:?}");
    assert!(found[0].began < found[1].began);
}

#[tokio::test]
async fn one_that_hangs_holds_the_others_up_for_a_while_only() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let (db, server) = (&database.db, &database.connect(Clock::system(), Ids::seeded(1)).await);
    let held = lock(server, 1).await;
    let first = tokio::spawn({
        let db = db.clone();
        async move { locked(1).optional::<Began>(&db).await.unwrap().unwrap() }
    });
    wait_until("the first waits", async || waiting_for_locks(server).await == 1).await;
    assert_eq!(locked(2).optional::<Began>(db).await.unwrap().unwrap().n, 2);
    assert_eq!(waiting_for_locks(server).await, 1, "the first still does");
    // It has lost its turn: who comes now is read for together again.
    let held_too = lock(server, 3).await;
    let all = join_all((3..=9).map(async |n| locked(n).optional::<Began>(db).await.unwrap().unwrap()));
    let ((), found) = tokio::join!(
        async {
            wait_until("another first waits", async || waiting_for_locks(server).await == 2).await;
            drop(held_too);
        },
        all
    );
    let statements: HashSet<i64> = found.iter().map(|found| found.began).collect();
    assert!(statements.len() <= 2, "{found:?}");
    drop(held);
    assert_eq!(first.await.unwrap().n, 1);
    assert_eq!(number(db, "select cast(7 as BIGINT)").await, 7);
}
