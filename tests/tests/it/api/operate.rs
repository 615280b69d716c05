//! Operating over HTTP: failures by cause, acts on many jobs, the audit log, the live fleet, and changes as they
//! happen.

use std::time::Duration;

use futures::StreamExt;
use herald_app::jobs::InvitationRender;
use herald_db::Json;
use herald_ledger as ledger;
use herald_ledger::{Callbacks, Capacity, NewBatch, Outcome, Payload, WorkerRow, WorkerState};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Service, worker};

on_both_engines! {
    failures_are_grouped_by_their_cause,
    an_act_is_counted_first_and_then_becomes_a_job,
    an_act_that_is_meant_for_nothing_or_the_wrong_jobs_is_refused,
    a_job_that_has_ended_is_deleted_and_a_live_one_is_not,
    every_act_stands_in_the_audit_log_of_its_workspace,
    the_live_fleet_is_listed_and_made_quiet,
    a_job_is_watched_from_its_state_of_now_to_its_end,
    watchers_share_a_reader_and_a_stop_ends_their_streams,
    what_is_not_there_is_not_watched,
}

async fn enqueue(service: &Service, jobs: usize, batch_id: Option<Uuid>) -> Vec<Uuid> {
    let mut tx = service.db.begin().await.unwrap();
    let jobs = (0..jobs)
        .map(|_| {
            let mut job = InvitationRender { invitation_id: service.db.new_id() }.job(service.workspace);
            job.batch_id = batch_id;
            job
        })
        .collect();
    let ids = ledger::enqueue(&mut tx, jobs).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

async fn dead(service: &Service, messages: &[&str]) -> Vec<Uuid> {
    let ids = enqueue(service, messages.len(), None).await;
    for (job, message) in worker::lease(service, "cpu").await.into_iter().zip(messages) {
        worker::commit(service, job, Outcome::Dead { error: (*message).to_owned() }).await;
    }
    ids
}

async fn failures_are_grouped_by_their_cause(database: &TestDatabase) {
    let service = Service::start(database).await;
    dead(&service, &["guest 17 has no picture", "guest 4 has no picture", "the disk is full"]).await;
    let groups = service.get("/api/v1/jobs/failures").await.json();
    let groups = groups["items"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!((&groups[0]["jobs"], &groups[0]["dead"]), (&json!(2), &json!(2)));
    assert_eq!(groups[0]["kinds"], json!({ "invitation.render": 2 }));
    let cause = groups[0]["fingerprint"].as_str().unwrap();
    let of_cause = service.get(&format!("/api/v1/jobs?fingerprint={cause}")).await.json();
    assert_eq!(of_cause["items"].as_array().unwrap().len(), 2);
    service.get("/api/v1/jobs?arg=nothing").await.problem(422, "invalid-field");
    service.get("/api/v1/jobs?created_after=yesterday").await.problem(422, "invalid-field");
}

async fn an_act_is_counted_first_and_then_becomes_a_job(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["jobs.act"]);
    dead(&service, &["it broke"; 3]).await;
    let wanted = json!({ "filter": { "state": "dead" }, "dry_run": true });
    let counted = service.post_json("/api/v1/jobs/act/retry", wanted).await;
    assert_eq!((counted.status, &counted.json()["count"]), (StatusCode::OK, &json!(3)));
    let looked_at = service.get("/api/v1/jobs/act/retry?state=dead&limit=2").await.json();
    assert_eq!((&looked_at["count"], looked_at["sample"].as_array().unwrap().len()), (&json!(3), 2));
    service.get("/api/v1/jobs/act/retry?state=running").await.problem(422, "invalid-field");
    let log = service.get("/api/v1/audit").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "whoever only looks leaves no trace: {log}");
    assert!(worker::lease(&service, "cpu").await.is_empty(), "counting changes nothing");
    let begun = service.post_json("/api/v1/jobs/act/retry", json!({ "filter": { "state": "dead" } })).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    let location = begun.header("location").to_owned();
    let job = service.get(&location).await.json();
    assert_eq!((&job["kind"], &job["state"]), (&json!("jobs.act"), &json!("ready")));
}

async fn an_act_that_is_meant_for_nothing_or_the_wrong_jobs_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let act = async |act: &str, body: Value| service.post_json(&format!("/api/v1/jobs/act/{act}"), body).await;
    assert!(act("retry", json!({})).await.problem(422, "invalid-field").contains("every job"));
    act("delete", json!({ "filter": { "state": "running" } })).await.problem(422, "invalid-field");
    act("cancel", json!({ "filter": { "states": "dead" } })).await.problem(422, "invalid-field");
    act("explode", json!({ "all": true })).await.problem(404, "not-found");
    assert_eq!(act("retry", json!({ "all": true, "dry_run": true })).await.json()["count"], 0);
}

async fn a_job_that_has_ended_is_deleted_and_a_live_one_is_not(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let delete = async |id: Uuid| Answer::to(service.request(Method::DELETE, &format!("/api/v1/jobs/{id}"))).await;
    let ended = dead(&service, &["it broke"]).await[0];
    let live = enqueue(&service, 1, None).await[0];
    assert_eq!(delete(ended).await.status, StatusCode::NO_CONTENT);
    delete(ended).await.problem(404, "not-found");
    delete(live).await.problem(409, "wrong-state");
    let stranger = service.other_workspace().await;
    let open = service.open(Method::DELETE, &format!("/api/v1/jobs/{live}")).bearer_auth(stranger);
    Answer::to(open).await.problem(404, "not-found");
}

async fn every_act_stands_in_the_audit_log_of_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves_held("cpu");
    let id = dead(&service, &["it broke"]).await[0];
    service.post(&format!("/api/v1/jobs/{id}/retry")).await;
    service.post(&format!("/api/v1/jobs/{id}/cancel")).await;
    service.post("/api/v1/queues/cpu/pause").await;
    service.post_json("/api/v1/jobs/act/delete", json!({ "all": true, "dry_run": true })).await;
    let log = service.get("/api/v1/audit").await.json();
    let rows = log["items"].as_array().unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["jobs.delete", "queue.pause", "job.cancel", "job.retry"]);
    assert!(rows.iter().all(|row| row["who"].as_str().unwrap().ends_with(" (test)")), "{rows:?}");
    assert!(rows.iter().all(|row| row["request_id"].is_string()));
    assert!(!log.to_string().contains(&service.token));
    let early = service.get("/api/v1/audit?at_before=2020-01-01T00:00:00Z").await.json();
    assert_eq!(early["items"], json!([]));
    let wrong = service.get("/api/v1/audit?at_after=yesterday").await.problem(422, "invalid-field");
    assert!(wrong.contains("not a valid time"), "{wrong}");
    let verified = service.get("/api/v1/audit/verify").await.json();
    assert_eq!((&verified["rows"], &verified["broken"]), (&json!(4), &json!(null)));
    let stranger = service.other_workspace().await;
    let others = Answer::to(service.open(Method::GET, "/api/v1/audit").bearer_auth(stranger)).await.json();
    assert_eq!(others["items"], json!([]));
}

async fn the_live_fleet_is_listed_and_made_quiet(database: &TestDatabase) {
    let service = Service::start(database).await;
    let db = &service.db;
    let row = WorkerRow {
        id: db.new_id(),
        name: "host:1".to_owned(),
        version: "1.2.3".to_owned(),
        state: WorkerState::Running,
        quiet_asked: false,
        queues: Json([("cpu".to_owned(), Capacity { concurrency: 2, prefetch: 8 })].into()),
        running: 1,
        started_at: db.now(),
        seen_at: db.now(),
    };
    ledger::worker_seen(db, &row).await.unwrap();
    let worker = service.get("/api/v1/workers").await.json()["items"][0].clone();
    assert_eq!((&worker["name"], &worker["alive"], &worker["running"]), (&json!("host:1"), &json!(true), &json!(1)));
    let found = service.get("/api/v1/search?q=HOST&kind=workers").await.json();
    assert_eq!(found["groups"][0]["items"][0]["name"], "host:1");
    let quiet = service.post("/api/v1/workers/host:1/quiet").await.json();
    assert_eq!(quiet["items"][0]["quiet_asked"], true);
    assert_eq!(service.post("/api/v1/workers/host:1/resume").await.json()["items"][0]["quiet_asked"], false);
    service.post("/api/v1/workers/nobody/quiet").await.problem(404, "not-found");
    db.clock().advance(Duration::from_secs(60));
    assert_eq!(service.get("/api/v1/workers").await.json()["items"][0]["alive"], false);
}

/// A stream of events, read piece by piece.
pub(super) struct Watch(std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>, String);

impl Watch {
    async fn open(service: &Service, path: &str) -> Self {
        Self::with(service, &service.token, path).await
    }

    /// With a token of somebody's.
    pub(super) async fn with(service: &Service, token: &str, path: &str) -> Self {
        let response: Response = service.open(Method::GET, path).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self(Box::pin(response.bytes_stream()), String::new())
    }

    /// The next event's data; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) =
                self.1.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
            {
                self.1 = rest;
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                match data {
                    Some(data) => return Some(serde_json::from_str(data).unwrap()),
                    // A heartbeat.
                    None => continue,
                }
            }
            let piece = self.0.next().await?.ok()?;
            self.1.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

async fn a_job_is_watched_from_its_state_of_now_to_its_end(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = enqueue(&service, 1, None).await[0];
    let mut watch = Watch::open(&service, &format!("/api/v1/jobs/{id}/events")).await;
    assert_eq!(watch.next().await.unwrap()["state"], "ready");
    let job = worker::lease(&service, "cpu").await.remove(0);
    assert_eq!(watch.next().await.unwrap()["state"], "running");
    worker::commit(&service, job, worker::done()).await;
    assert_eq!(watch.next().await.unwrap()["state"], "succeeded");
    assert_eq!(watch.next().await, None, "there is nothing more to see");
    let mut late = Watch::open(&service, &format!("/api/v1/jobs/{id}/events")).await;
    assert_eq!(late.next().await.unwrap()["state"], "succeeded");
    assert_eq!(late.next().await, None);
}

async fn watchers_share_a_reader_and_a_stop_ends_their_streams(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let mut tx = service.db.begin().await.unwrap();
    let new = NewBatch { workspace_id: service.workspace, name: "watched".to_owned(), callbacks: Callbacks::default() };
    let batch = ledger::create_batch(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    enqueue(&service, 2, Some(batch)).await;
    let path = format!("/api/v1/batches/{batch}/events");
    let mut watches = [Watch::open(&service, &path).await, Watch::open(&service, &path).await];
    for watch in &mut watches {
        assert_eq!(watch.next().await.unwrap()["total"], 2);
    }
    let job = worker::lease(&service, "cpu").await.remove(0);
    worker::commit(&service, job, worker::done()).await;
    for watch in &mut watches {
        assert_eq!(watch.next().await.unwrap()["succeeded"], 1);
    }
    let mut queues = Watch::open(&service, "/api/v1/queues/events").await;
    assert!(queues.next().await.unwrap()["items"].is_array());
    service.stop.cancel();
    for watch in watches.iter_mut().chain([&mut queues]) {
        assert_eq!(watch.next().await, None);
    }
    service.server.await.unwrap().unwrap();
}

async fn what_is_not_there_is_not_watched(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let id = enqueue(&service, 1, None).await[0];
    for path in [format!("/api/v1/jobs/{}/events", service.db.new_id()), format!("/api/v1/batches/{id}/events")] {
        service.get(&path).await.problem(404, "not-found");
    }
    let stranger = service.other_workspace().await;
    let path = format!("/api/v1/jobs/{id}/events");
    Answer::to(service.open(Method::GET, &path).bearer_auth(stranger)).await.problem(404, "not-found");
    Answer::to(service.open(Method::GET, &path)).await.problem(401, "unauthorized");
}
