//! Statements over many given rows.

use herald_db::{Bulk, Db, query, query_texts};
use herald_tests::{TestDatabase, on_both_engines};

use crate::ground::{number, run_sql};

on_both_engines! {
    a_bulk_statement_takes_any_number_of_rows,
    a_bulk_update_touches_the_rows_it_names_and_returns_them,
    a_bulk_delete_takes_what_it_names,
    rows_that_exist_already_can_be_skipped_or_merged,
    one_refused_row_undoes_every_statement_of_the_bulk,
    a_bulk_statement_that_stays_prepared_does_the_same,
    texts_are_looked_up_in_one_statement,
}

async fn numbers(db: &Db) {
    run_sql(db, "create table numbers (n BIGINT primary key, note TEXT check (note <> 'refused'))").await;
}

async fn insert(db: &Db, rows: i64) -> Vec<i64> {
    let mut tx = db.begin().await.unwrap();
    let inserted: Vec<(i64,)> =
        Bulk::new("insert into numbers (n, note) select n, note from {rows} where true returning n")
            .column("n", (0..rows).collect())
            .column("note", (0..rows).map(|n| (n % 2 == 0).then(|| format!("number {n}"))).collect())
            .all(&mut tx)
            .await
            .unwrap();
    tx.commit().await.unwrap();
    let mut inserted: Vec<i64> = inserted.into_iter().map(|(n,)| n).collect();
    inserted.sort_unstable();
    inserted
}

async fn a_bulk_statement_takes_any_number_of_rows(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    for rows in [0, 1, 999, 1_000, 1_001, 2_500] {
        run_sql(db, "delete from numbers").await;
        assert_eq!(insert(db, rows).await, (0..rows).collect::<Vec<_>>());
        assert_eq!(number(db, "select count(*) from numbers").await, rows);
        assert_eq!(number(db, "select count(*) from numbers where note is null").await, rows / 2);
    }
}

async fn a_bulk_update_touches_the_rows_it_names_and_returns_them(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    insert(db, 2_500).await;
    let named: Vec<i64> = (0..5_000).filter(|n| n % 3 == 0).collect();
    let mut tx = db.begin().await.unwrap();
    let updated: Vec<(i64, String)> = Bulk::new(
        "update numbers set note = rows.note from {rows} where numbers.n = rows.n returning numbers.n, numbers.note",
    )
    .column("n", named.iter().copied().collect())
    .column("note", named.iter().map(|n| format!("third {n}")).collect())
    .all(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(updated.len(), 834);
    assert!(updated.iter().all(|(n, note)| *note == format!("third {n}")));
    assert_eq!(number(db, "select count(*) from numbers where note like 'third %'").await, 834);
}

async fn a_bulk_delete_takes_what_it_names(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    insert(db, 10).await;
    let mut tx = db.begin().await.unwrap();
    Bulk::new("delete from numbers where n in (select n from {rows})")
        .column("n", [1, 3, 99].into_iter().collect::<Vec<i64>>().into_iter().collect())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(number(db, "select count(*) from numbers").await, 8);
}

async fn rows_that_exist_already_can_be_skipped_or_merged(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    insert(db, 3).await;
    let mut tx = db.begin().await.unwrap();
    let fresh: Vec<(i64,)> = Bulk::new(
        "insert into numbers (n, note) select n, 'new' from {rows} where true on conflict do nothing returning n",
    )
    .column("n", (1..5_i64).collect())
    .all(&mut tx)
    .await
    .unwrap();
    assert_eq!(fresh.len(), 2);
    Bulk::new(
        "insert into numbers (n, note) select n, note from {rows} where true
         on conflict (n) do update set note = coalesce(numbers.note, '') || excluded.note",
    )
    .column("n", (0..2_i64).collect())
    .column("note", ["!".to_owned(), "?".to_owned()].into_iter().collect())
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let notes: Vec<(i64, String)> =
        query("select n, coalesce(note, '') from numbers order by n").all(db).await.unwrap();
    let notes: Vec<_> = notes.iter().map(|(_, note)| note.as_str()).collect();
    assert_eq!(notes, ["number 0!", "?", "number 2", "new", "new"]);
}

async fn one_refused_row_undoes_every_statement_of_the_bulk(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    let mut tx = db.begin().await.unwrap();
    let refused = Bulk::new("insert into numbers (n, note) select n, note from {rows} where true")
        .column("n", (0..2_500_i64).collect())
        .column("note", (0..2_500).map(|n| if n == 2_400 { "refused".to_owned() } else { String::new() }).collect())
        .execute(&mut tx)
        .await;
    assert!(refused.is_err());
    drop(tx);
    assert_eq!(number(db, "select count(*) from numbers").await, 0);
}

async fn a_bulk_statement_that_stays_prepared_does_the_same(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    for rows in [0, 1, 99, 100, 101, 2_050] {
        run_sql(db, "delete from numbers").await;
        let mut tx = db.begin().await.unwrap();
        let inserted: Vec<(i64,)> = Bulk::new("insert into numbers (n) select n from {rows} where true returning n")
            .kept()
            .column("n", (0..rows).collect())
            .all(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(inserted.len() as i64, rows);
        assert_eq!(number(db, "select count(*) from numbers").await, rows);
    }
}

async fn texts_are_looked_up_in_one_statement(database: &TestDatabase) {
    let db = &database.db;
    numbers(db).await;
    insert(db, 1_000).await;
    let odd = ["it's \"quoted\" \\ and, {so} on\n", "ключ 鍵 🔑"];
    for (n, note) in odd.iter().enumerate() {
        let mut tx = db.begin().await.unwrap();
        let add = query("insert into numbers (n, note) values ($1, $2)").bind(5_000 + n as i64).bind(*note);
        add.execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    let asked = (0..3_000).map(|n| format!("number {n}")).chain(odd.map(str::to_owned));
    let sql = "select n from {texts} cross join numbers where note = rows.value and n >= $2 order by n";
    let found: Vec<(i64,)> = query_texts(db.kind(), sql, asked).bind(990_i64).all(db).await.unwrap();
    assert_eq!(found, [(990,), (992,), (994,), (996,), (998,), (5_000,), (5_001,)]);
    let none: Vec<(i64,)> = query_texts(db.kind(), sql, Vec::new()).bind(0_i64).all(db).await.unwrap();
    assert!(none.is_empty());
}
