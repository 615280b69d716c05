//! What goes in comes out, of the same type, on both engines.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald_db::{Bulk, Column, Db, FromRow, Json, query};
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::{number, run_sql};

on_both_engines! {
    every_type_comes_back_as_it_went_in,
    nulls_of_every_type_come_back_as_none,
    texts_of_any_script_and_none_come_back,
    a_nul_is_left_out_of_texts_and_json,
    integers_at_the_ends_of_their_range_come_back,
    json_objects_and_arrays_come_back,
    times_keep_their_microseconds_and_lose_what_is_finer,
    times_sort_by_time_whatever_their_fraction,
    ids_sort_by_when_they_were_made,
    counts_and_sums_are_integers,
}

#[derive(Debug, Clone, PartialEq, FromRow)]
struct Sample {
    id: Uuid,
    text: Option<String>,
    number: Option<i64>,
    flag: Option<bool>,
    at: Option<DateTime<Utc>>,
    json: Option<Json<Value>>,
    bytes: Option<Vec<u8>>,
}

async fn samples(db: &Db) {
    run_sql(
        db,
        "create table samples (id UUID primary key, text TEXT, number BIGINT, flag BOOLEAN, at TIMESTAMPTZ, \
         json JSONB, bytes BYTEA)",
    )
    .await;
}

/// Writes the sample one way with `query`, reads it back, and does the same with `Bulk`.
async fn there_and_back(db: &Db, sample: &Sample) -> Sample {
    let mut tx = db.begin().await.unwrap();
    query("delete from samples").execute(&mut tx).await.unwrap();
    let written: Sample = query(
        "insert into samples (id, text, number, flag, at, json, bytes) values ($1, $2, $3, $4, $5, $6, $7)
         returning id, text, number, flag, at, json, bytes",
    )
    .bind(sample.id)
    .bind(sample.text.clone())
    .bind(sample.number)
    .bind(sample.flag)
    .bind(sample.at)
    .bind(sample.json.clone().map(|json| json.0))
    .bind(sample.bytes.clone())
    .one(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let read = query("select id, text, number, flag, at, json, bytes from samples").one(db).await.unwrap();
    assert_eq!(written, read, "RETURNING and SELECT agree");

    let mut tx = db.begin().await.unwrap();
    query("delete from samples").execute(&mut tx).await.unwrap();
    let bulk: Vec<Sample> = Bulk::new(
        "insert into samples (id, text, number, flag, at, json, bytes)
         select id, text, number, flag, at, json, null from {rows} where true returning id, text, number, flag, at, \
         json, bytes",
    )
    .column("id", [sample.id].into_iter().collect())
    .column("text", [sample.text.clone()].into_iter().collect())
    .column("number", [sample.number].into_iter().collect())
    .column("flag", [sample.flag].into_iter().collect())
    .column("at", [sample.at].into_iter().collect())
    .column("json", Column::Json(vec![sample.json.clone().map(|json| json.0)]))
    .all(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(bulk, [Sample { bytes: None, ..read.clone() }], "one row and many rows are written alike");
    read
}

fn sample() -> Sample {
    Sample {
        id: Uuid::from_u128(0x0195_4f6e_0000_7000_8000_0000_0000_00ff),
        text: Some("Zoë O'Hara; -- drop".to_owned()),
        number: Some(-42),
        flag: Some(true),
        at: Some(TestDatabase::start() + TimeDelta::microseconds(123_456)),
        json: Some(Json(json!({"a": [1, 2.5, null, true, "ü"], "b": {}}))),
        bytes: Some(vec![0, 255, 10, 0]),
    }
}

async fn every_type_comes_back_as_it_went_in(database: &TestDatabase) {
    samples(&database.db).await;
    for flag in [true, false] {
        let sample = Sample { flag: Some(flag), ..sample() };
        assert_eq!(there_and_back(&database.db, &sample).await, sample);
    }
}

async fn nulls_of_every_type_come_back_as_none(database: &TestDatabase) {
    samples(&database.db).await;
    let sample = Sample { text: None, number: None, flag: None, at: None, json: None, bytes: None, ..sample() };
    assert_eq!(there_and_back(&database.db, &sample).await, sample);
}

async fn texts_of_any_script_and_none_come_back(database: &TestDatabase) {
    samples(&database.db).await;
    let long = "ß".repeat(100_000);
    for text in [
        "",
        " ",
        "0007",
        "1e3",
        "null",
        "Nguyễn Thị Ánh",
        "محمد\u{200f}",
        "अनुष्का",
        "山田 太郎",
        "👩‍👩‍👧",
        "a\tb\r\nc\\'\"",
        &long,
    ] {
        let sample = Sample { text: Some(text.to_owned()), ..sample() };
        assert_eq!(there_and_back(&database.db, &sample).await, sample);
    }
}

/// PostgreSQL refuses U+0000 in text and JSON, SQLite takes it: left out on both, so that one bad cell of a list is no
/// dead job.
async fn a_nul_is_left_out_of_texts_and_json(database: &TestDatabase) {
    samples(&database.db).await;
    let given = Sample {
        text: Some("a\0b\0".to_owned()),
        json: Some(Json(json!({"k\0ey": ["x\0", {"in\0ner": "\0"}], "plain": 1}))),
        ..sample()
    };
    let read = there_and_back(&database.db, &given).await;
    assert_eq!(read.text.as_deref(), Some("ab"));
    assert_eq!(read.json, Some(Json(json!({"key": ["x", {"inner": ""}], "plain": 1}))));
    assert_eq!(read.bytes, given.bytes, "bytes keep their zeros");
}

async fn integers_at_the_ends_of_their_range_come_back(database: &TestDatabase) {
    samples(&database.db).await;
    for number in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::from(u32::MAX) + 1, i64::MAX] {
        let sample = Sample { number: Some(number), ..sample() };
        assert_eq!(there_and_back(&database.db, &sample).await, sample);
    }
}

async fn json_objects_and_arrays_come_back(database: &TestDatabase) {
    samples(&database.db).await;
    let deep = (0..50).fold(json!([]), |inner, _| json!([inner]));
    for value in [
        json!({}),
        json!([]),
        json!([1]),
        json!({"": ""}),
        json!({"big": i64::MAX, "small": i64::MIN, "unsigned": u64::MAX, "float": 0.1, "tiny": 5e-324}),
        json!({"quote\"d": "back\\slash", "emoji": "🎟️", "line": "a\nb\u{1}"}),
        deep,
    ] {
        let sample = Sample { json: Some(Json(value)), ..sample() };
        assert_eq!(there_and_back(&database.db, &sample).await, sample);
    }
}

async fn times_keep_their_microseconds_and_lose_what_is_finer(database: &TestDatabase) {
    samples(&database.db).await;
    for micros in [0, 1, 10, 999, 1_000, 120_000, 999_999, -1, -62_000_000_000_000_000, 4_000_000_000_000_000] {
        let sample = Sample { at: Some(TestDatabase::start() + TimeDelta::microseconds(micros)), ..sample() };
        assert_eq!(there_and_back(&database.db, &sample).await, sample, "{micros} µs");
    }
    database.db.clock().advance(Duration::from_nanos(1_999));
    let clock = herald_base::clock::Clock::manual(database.db.now());
    let sample = Sample { at: Some(clock.now()), ..sample() };
    assert_eq!(there_and_back(&database.db, &sample).await, sample);
}

/// SQLite keeps times as text; "09:00:00.5" and "09:00:00.25" must not sort by their length.
async fn times_sort_by_time_whatever_their_fraction(database: &TestDatabase) {
    let db = &database.db;
    samples(db).await;
    let micros = [0_i64, 1, 10, 999, 1_000, 1_001, 250_000, 500_000, 999_999, 1_000_000, 60_000_000, -1];
    let mut tx = db.begin().await.unwrap();
    Bulk::new("insert into samples (id, at) select id, at from {rows}")
        .column("id", micros.iter().map(|_| db.new_id()).collect())
        .column("at", micros.iter().map(|micros| TestDatabase::start() + TimeDelta::microseconds(*micros)).collect())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let sorted: Vec<(DateTime<Utc>,)> = query("select at from samples order by at").all(db).await.unwrap();
    let mut expected = micros.to_vec();
    expected.sort_unstable();
    let sorted: Vec<i64> =
        sorted.into_iter().map(|(at,)| (at - TestDatabase::start()).num_microseconds().unwrap()).collect();
    assert_eq!(sorted, expected);
    for (below, micros) in expected.iter().enumerate() {
        let (count,): (i64,) = query("select count(*) from samples where at < $1")
            .bind(TestDatabase::start() + TimeDelta::microseconds(*micros))
            .one(db)
            .await
            .unwrap();
        assert_eq!(count, i64::try_from(below).unwrap(), "earlier than {micros} µs");
    }
    let (first, last): (DateTime<Utc>, DateTime<Utc>) =
        query("select min(at), max(at) from samples").one(db).await.unwrap();
    assert_eq!((last - first).num_microseconds(), Some(60_000_001));
}

async fn ids_sort_by_when_they_were_made(database: &TestDatabase) {
    let db = &database.db;
    samples(db).await;
    let mut made = Vec::new();
    for _ in 0..20 {
        db.clock().advance(Duration::from_millis(1));
        made.push(db.new_id());
    }
    let mut tx = db.begin().await.unwrap();
    Bulk::new("insert into samples (id) select id from {rows}")
        .column("id", made.iter().rev().copied().collect())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let sorted: Vec<(Uuid,)> = query("select id from samples order by id").all(db).await.unwrap();
    assert_eq!(sorted.into_iter().map(|(id,)| id).collect::<Vec<_>>(), made);
    let (later,): (i64,) = query("select count(*) from samples where id > $1").bind(made[9]).one(db).await.unwrap();
    assert_eq!(later, 10);
}

async fn counts_and_sums_are_integers(database: &TestDatabase) {
    let db = &database.db;
    samples(db).await;
    assert_eq!(number(db, "select count(*) from samples").await, 0);
    assert_eq!(number(db, "select cast(coalesce(sum(number), 0) as bigint) from samples").await, 0);
}
