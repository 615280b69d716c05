//! Schedules over HTTP.

use std::time::Duration;

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Service, service::Answer};

on_both_engines! {
    a_schedule_is_made_shown_changed_and_removed,
    what_is_wrong_is_pointed_at_field_by_field,
    the_next_ticks_are_told_in_utc_and_by_local_clocks,
    a_schedule_is_paused_resumed_and_run_now,
    another_workspace_finds_nothing,
    every_act_stands_in_the_audit_log_of_its_workspace,
}

fn order() -> Value {
    json!({
        "name": "Morning sample", "cron": "30 2 * * *", "time_zone": "Europe/Madrid", "kind": "probe.run",
        "args": { "probe": "canary", "number": 0 },
    })
}

async fn made(service: &Service) -> (String, Value) {
    let made = service.post_json("/api/v1/schedules", order()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    (made.header("location").to_owned(), made.json())
}

async fn patch(service: &Service, path: &str, body: Value) -> Answer {
    Answer::to(service.request(Method::PATCH, path).json(&body)).await
}

async fn a_schedule_is_made_shown_changed_and_removed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (path, made) = made(&service).await;
    assert_eq!((&made["missed"], &made["overlap"], &made["paused"]), (&json!("once"), &json!("allow"), &json!(false)));
    assert_eq!(
        (&made["next_run"], &made["next_run_local"]),
        (&json!("2026-03-02T01:30:00Z"), &json!("2026-03-02T02:30:00+01:00"))
    );
    assert!(["workspace_id", "revision", "lost"].iter().all(|hidden| made.get(hidden).is_none()), "{made}");
    assert_eq!(service.get(&path).await.json(), made);
    assert_eq!(service.get("/api/v1/schedules").await.json()["items"], json!([made]));
    let changed = patch(&service, &path, json!({ "cron": "@hourly", "missed": "skip" })).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let changed = changed.json();
    assert_eq!(
        (&changed["cron"], &changed["missed"], &changed["name"]),
        (&json!("@hourly"), &json!("skip"), &made["name"])
    );
    assert_eq!(changed["next_run"], "2026-03-01T10:00:00Z");
    let again = service.post_json("/api/v1/schedules", order()).await;
    assert!(again.problem(422, "invalid-field").contains("a schedule with the name \"Morning sample\" already exists"));
    let removed = Answer::to(service.request(Method::DELETE, &path)).await;
    assert_eq!((removed.status, removed.text().as_str()), (StatusCode::NO_CONTENT, ""));
    service.get(&path).await.problem(404, "not-found");
    Answer::to(service.request(Method::DELETE, &path)).await.problem(404, "not-found");
}

async fn what_is_wrong_is_pointed_at_field_by_field(database: &TestDatabase) {
    let service = Service::start(database).await;
    let mut wrong = order();
    (wrong["name"], wrong["cron"], wrong["time_zone"]) = (json!(""), json!("0 25 * * *"), json!("madrid"));
    wrong["args"]["probe"] = json!(7);
    let refused = service.post_json("/api/v1/schedules", wrong).await;
    refused.problem(422, "invalid-field");
    let errors = refused.json()["errors"].as_array().unwrap().clone();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/name", "/cron", "/time_zone", "/args/probe"]);
    assert!(errors[1]["detail"].as_str().unwrap().contains("the hour cannot be \"25\": use 0-23"), "{}", errors[1]);
    assert!(errors[2]["detail"].as_str().unwrap().contains("perhaps Europe/Madrid"), "{}", errors[2]);
    for (field, value, word) in [
        ("cron", json!("0 0 30 2 *"), "the expression never matches"),
        ("kind", json!("make.coffee"), "invitation.start"),
        ("missed", json!("some"), "use skip, once or all"),
        ("overlap", json!("never"), "use allow or skip"),
    ] {
        let mut wrong = order();
        wrong[field] = value.clone();
        let refused = service.post_json("/api/v1/schedules", wrong).await;
        assert!(refused.problem(422, "invalid-field").contains(word), "{}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
        let (path, _) = made(&service).await;
        let refused = patch(&service, &path, json!({ field: value })).await;
        assert!(refused.problem(422, "invalid-field").contains(word), "{}", refused.text());
        Answer::to(service.request(Method::DELETE, &path)).await;
    }
    let mut wrong = order();
    wrong["crom"] = json!("@daily");
    let unknown = service.post_json("/api/v1/schedules", wrong).await;
    assert!(unknown.problem(422, "invalid-field").contains("unknown field `crom`"));
}

async fn the_next_ticks_are_told_in_utc_and_by_local_clocks(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (path, _) = made(&service).await;
    // To the day before the clocks go forward.
    service.db.clock().advance(Duration::from_secs(26 * 86_400));
    let next = service.get(&format!("{path}/next?count=3")).await.json();
    assert_eq!(
        next,
        json!({ "time_zone": "Europe/Madrid", "items": [
            { "utc": "2026-03-28T01:30:00Z", "local": "2026-03-28T02:30:00+01:00" },
            { "utc": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00" },
            { "utc": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00+02:00" },
        ] })
    );
    assert_eq!(service.get(&format!("{path}/next")).await.json()["items"].as_array().unwrap().len(), 5);
    for count in [0, 101] {
        let refused = service.get(&format!("{path}/next?count={count}")).await;
        assert!(refused.problem(422, "invalid-field").contains("use 1 to 100"));
    }
}

async fn a_schedule_is_paused_resumed_and_run_now(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run"]);
    let (path, made) = made(&service).await;
    assert_eq!(service.post(&format!("{path}/pause")).await.json()["paused"], true);
    let run = service.post(&format!("{path}/run")).await;
    assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.text());
    assert_eq!(run.json()["next_run"], made["next_run"]);
    let job = service.get(run.header("location")).await.json();
    assert_eq!(
        (&job["kind"], &job["state"], &job["id"]),
        (&json!("probe.run"), &json!("ready"), &run.json()["last_job_id"])
    );
    assert_eq!(service.post(&format!("{path}/resume")).await.json()["paused"], false);
    patch(&service, &path, json!({ "overlap": "skip" })).await;
    let refused = service.post(&format!("{path}/run")).await;
    assert!(refused.problem(409, "wrong-state").contains("is not finished"));
}

async fn another_workspace_finds_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (path, made) = made(&service).await;
    let other = service.other_workspace().await;
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, format!("{path}/next")),
        (Method::POST, format!("{path}/run")),
        (Method::POST, format!("{path}/pause")),
        (Method::POST, format!("{path}/resume")),
    ] {
        let answer = Answer::to(service.open(method.clone(), &path).bearer_auth(&other).json(&json!({}))).await;
        answer.problem(404, "not-found");
        Answer::to(service.open(method, &path)).await.problem(401, "unauthorized");
    }
    let list = Answer::to(service.open(Method::GET, "/api/v1/schedules").bearer_auth(&other)).await;
    assert_eq!(list.json()["items"], json!([]));
    assert_eq!(service.get(&path).await.json(), made);
}

async fn every_act_stands_in_the_audit_log_of_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run"]);
    let (path, made) = made(&service).await;
    service.post_json("/api/v1/schedules", order()).await.problem(422, "invalid-field");
    patch(&service, &path, json!({ "cron": "@hourly" })).await;
    service.post(&format!("{path}/pause")).await;
    service.post(&format!("{path}/resume")).await;
    let run = service.post(&format!("{path}/run")).await.json();
    Answer::to(service.request(Method::DELETE, &path)).await;
    Answer::to(service.request(Method::DELETE, &path)).await.problem(404, "not-found");
    let log = service.get("/api/v1/audit").await.json();
    let rows = log["items"].as_array().unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
    let verbs = ["delete", "run", "resume", "pause", "change", "create"];
    assert_eq!(actions, verbs.map(|verb| format!("schedule.{verb}")));
    assert!(rows.iter().all(|row| row["target"] == made["id"] && row["request_id"].is_string()), "{rows:?}");
    assert!(rows.iter().all(|row| row["who"].as_str().unwrap().ends_with(" (test)")), "{rows:?}");
    assert_eq!(rows[1]["detail"]["job"], run["last_job_id"]);
    assert_eq!(rows[4]["detail"]["changed"], json!({ "cron": { "from": "30 2 * * *", "to": "@hourly" } }));
    let stranger = service.other_workspace().await;
    let others = Answer::to(service.open(Method::GET, "/api/v1/audit").bearer_auth(stranger)).await.json();
    assert_eq!(others["items"], json!([]));
}
