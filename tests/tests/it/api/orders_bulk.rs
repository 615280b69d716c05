//! Ordering thousands of jobs at once: good rows are taken, bad ones told, and a repeat takes none twice.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Service, worker};
use crate::ground::{number, run_sql};

on_both_engines! {
    rows_become_jobs_in_lines_and_in_an_array,
    a_row_with_a_flaw_is_told_and_holds_up_no_other,
    the_first_hundred_flaws_are_listed,
    a_row_with_a_key_that_is_taken_is_a_duplicate,
    the_same_request_again_gets_the_same_answer,
    a_repeat_after_a_failure_goes_on_where_it_stopped,
    a_body_that_is_too_much_or_no_rows_enqueues_nothing,
    only_who_may_start_a_kind_orders_many,
}

const BULK: &str = "/api/v1/jobs/bulk";
const NDJSON: &str = "application/x-ndjson";

fn preview(template: Uuid) -> Value {
    json!({ "kind": "template.preview", "args": { "template_id": template, "fields": {}, "format": "png" } })
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

async fn send(service: &Service, media_type: &str, key: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
    let request = service.request(Method::POST, BULK).header("content-type", media_type).body(body);
    Answer::to(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
    .await
}

async fn jobs(service: &Service) -> i64 {
    number(&service.db, "select count(*) from jobs").await
}

/// How many rows were accepted, were duplicates, and were refused.
#[track_caller]
fn counts(answer: &Answer) -> [i64; 3] {
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let tally = answer.json();
    ["accepted", "duplicates", "refused"].map(|name| tally[name].as_i64().unwrap())
}

async fn rows_become_jobs_in_lines_and_in_an_array(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let rows: Vec<Value> = (0..1_200).map(|_| preview(template)).collect();
    let sent = send(&service, NDJSON, None, lines(rows.clone())).await;
    assert_eq!(counts(&sent), [1_200, 0, 0]);
    assert_eq!((&sent.json()["rows"], &sent.json()["errors"]), (&json!(1_200), &json!([])));
    let array = serde_json::to_string_pretty(&rows[..3]).unwrap();
    assert_eq!(counts(&send(&service, "application/json", None, array).await), [3, 0, 0]);
    assert_eq!(jobs(&service).await, 1_203);
    assert_eq!(worker::lease(&service, "cpu").await.len(), 100);
    let log = service.get("/api/v1/audit?action=jobs.enqueue").await.json();
    let said: Vec<_> = log["items"].as_array().unwrap().iter().map(|row| (&row["target"], &row["affected"])).collect();
    let row = |target: &str, affected: i64| (json!(target), json!(affected));
    let wanted = [row("rows 1 to 3", 3), row("rows 1001 to 1200", 200), row("rows 1 to 1000", 1_000)];
    assert_eq!(said, wanted.iter().map(|(target, affected)| (target, affected)).collect::<Vec<_>>());
}

async fn a_row_with_a_flaw_is_told_and_holds_up_no_other(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let mut wrong_format = preview(template);
    wrong_format["args"]["fromat"] = json!("png");
    let mut late = preview(template);
    late["priority"] = json!(1_000);
    let mut nowhere = preview(template);
    nowhere["batch"] = json!(service.db.new_id());
    let body = [
        preview(template).to_string(),
        "{\"kind\": ".to_owned(),
        "[1, 2]".to_owned(),
        json!({ "kind": "face.crop", "args": { "invitation_id": template } }).to_string(),
        wrong_format.to_string(),
        preview(service.db.new_id()).to_string(),
        late.to_string(),
        nowhere.to_string(),
        String::new(),
        preview(template).to_string(),
    ];
    let sent = send(&service, NDJSON, None, body.join("\n")).await;
    assert_eq!(counts(&sent), [2, 0, 7]);
    let told = sent.json();
    let told: Vec<(i64, &str)> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["row"].as_i64().unwrap(), error["pointer"].as_str().unwrap()))
        .collect();
    let wanted = [
        (2, ""),
        (3, ""),
        (4, "/kind"),
        (5, "/args/fromat"),
        (6, "/args/template_id"),
        (7, "/priority"),
        (8, "/batch"),
    ];
    assert_eq!(told, wanted);
    assert_eq!(jobs(&service).await, 2);
    // Another workspace's template is nobody's here.
    let other = service.other_workspace().await;
    let theirs = service.open(Method::POST, BULK).bearer_auth(other).header("content-type", NDJSON);
    assert_eq!(counts(&Answer::to(theirs.body(lines([preview(template)]))).await), [0, 0, 1]);
}

async fn the_first_hundred_flaws_are_listed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let sent = send(&service, NDJSON, None, "{}\n".repeat(150)).await;
    assert_eq!(counts(&sent), [0, 0, 150]);
    assert_eq!((sent.json()["errors"].as_array().unwrap().len(), &sent.json()["more_errors"]), (100, &json!(50)));
    assert_eq!(service.get("/api/v1/audit?action=jobs.enqueue").await.json()["items"], json!([]));
}

async fn a_row_with_a_key_that_is_taken_is_a_duplicate(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let keyed = |key: usize| {
        let mut row = preview(template);
        row["unique_key"] = json!(key.to_string());
        row
    };
    // Twice in the body, once in the ledger.
    let first = lines((0..500).chain(0..500).map(keyed));
    assert_eq!(counts(&send(&service, NDJSON, None, first).await), [500, 500, 0]);
    assert_eq!(counts(&send(&service, NDJSON, None, lines((400..600).map(keyed))).await), [100, 100, 0]);
    assert_eq!(jobs(&service).await, 600);
}

async fn the_same_request_again_gets_the_same_answer(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let other = Uuid::from_u128(7);
    let body = lines([preview(template), preview(other), preview(template)]);
    let first = send(&service, NDJSON, Some("one"), body.clone()).await;
    assert_eq!(counts(&first), [2, 0, 1]);
    let again = send(&service, NDJSON, Some("one"), body).await;
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&first.body, "true"));
    assert_eq!(jobs(&service).await, 2);
    // Of the same length, and other jobs.
    let changed = lines([preview(template), preview(template), preview(template)]);
    send(&service, NDJSON, Some("one"), changed.clone()).await.problem(422, "key-reused");
    assert_eq!(jobs(&service).await, 2);
    assert_eq!(counts(&send(&service, NDJSON, Some("two"), changed).await), [3, 0, 0]);
}

async fn a_repeat_after_a_failure_goes_on_where_it_stopped(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let row = |at: usize| {
        let mut row = preview(template);
        // The first can be found again, and two of the second thousand cannot be together.
        match at {
            1 => row["priority"] = json!(50),
            1_500 | 1_501 => row["priority"] = json!(77),
            2_400 => row["kind"] = json!("nothing.at_all"),
            _ => {}
        }
        row
    };
    let body = lines((1..=2_500).map(row));
    run_sql(&service.db, "create unique index no_two on jobs (priority) where priority = 77").await;
    send(&service, NDJSON, Some("one"), body.clone()).await.problem(500, "internal");
    assert_eq!(jobs(&service).await, 1_000, "the first thousand are in the ledger");
    // The key is bound to what was sent.
    let other = lines((1..=2_500).map(|_| preview(template)));
    send(&service, NDJSON, Some("one"), other).await.problem(422, "key-reused");
    // What became of a job meanwhile does not bring it back.
    run_sql(&service.db, "delete from jobs where priority = 50").await;
    run_sql(&service.db, "drop index no_two").await;
    let repeated = send(&service, NDJSON, Some("one"), body.clone()).await;
    assert_eq!(counts(&repeated), [2_499, 0, 1]);
    assert_eq!(repeated.json()["errors"][0]["row"], 2_400);
    assert_eq!(jobs(&service).await, 2_498);
    let again = send(&service, NDJSON, Some("one"), body).await;
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&repeated.body, "true"));
    assert_eq!(jobs(&service).await, 2_498);
}

async fn a_body_that_is_too_much_or_no_rows_enqueues_nothing(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| settings.http.max_upload_mb = 1).await;
    let template = service.template().await;
    let many = send(&service, NDJSON, None, "{}\n".repeat(100_001)).await;
    assert!(many.problem(413, "too-large").contains("more than 100000 rows"), "{}", many.text());
    let large = send(&service, NDJSON, None, "x".repeat((1 << 20) + 1)).await;
    assert!(large.problem(413, "too-large").contains("larger than 1 MB"), "{}", large.text());
    let torn = format!("[{}, {}", preview(template), preview(template));
    send(&service, "application/json", None, torn).await.problem(400, "invalid-request");
    let object = preview(template).to_string();
    send(&service, "application/json; charset=utf-8", None, object).await.problem(400, "invalid-request");
    send(&service, NDJSON, None, "\n").await.problem(422, "invalid-field");
    send(&service, "application/json", None, "[]").await.problem(422, "invalid-field");
    send(&service, "text/csv", None, "kind\n").await.problem(415, "unsupported-media-type");
    assert_eq!(jobs(&service).await, 0);
}

async fn only_who_may_start_a_kind_orders_many(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let by = async |role: &str, rows: Vec<Value>| {
        let made = service.post_json("/api/v1/keys", json!({ "name": role, "role": role })).await.json();
        let request = service.open(Method::POST, BULK).bearer_auth(made["key"].as_str().unwrap());
        Answer::to(request.header("content-type", NDJSON).body(lines(rows))).await
    };
    by("viewer", vec![preview(template)]).await.problem(403, "forbidden");
    let probe = json!({ "kind": "probe.run", "args": { "probe": "canary", "number": 0 } });
    let staff = by("staff", vec![preview(template), probe]).await;
    assert_eq!(counts(&staff), [1, 0, 1]);
    assert!(staff.json()["errors"][0]["detail"].as_str().unwrap().contains("administrators"), "{}", staff.text());
}
