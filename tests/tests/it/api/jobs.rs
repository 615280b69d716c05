//! Jobs, queues and batches.

use std::time::Duration;

use herald_app::jobs::InvitationRender;
use herald_ledger as ledger;
use herald_ledger::{Callbacks, NewBatch, Outcome, Payload};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Service, worker};

on_both_engines! {
    jobs_are_listed_by_what_they_are_and_in_pages,
    a_job_is_shown_with_its_failed_attempts,
    a_dead_job_is_retried_and_a_waiting_one_is_not,
    a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked_to_stop,
    a_queue_is_given_limits,
    a_queue_is_paused_and_resumed,
    a_batch_tells_how_far_it_is,
}

/// Enqueues jobs that no run knows of; each a little later than the one before.
async fn enqueue(service: &Service, count: usize, batch_id: Option<Uuid>) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for _ in 0..count {
        service.db.clock().advance(Duration::from_millis(5));
        let mut job = InvitationRender { invitation_id: service.db.new_id() }.job(service.workspace);
        job.batch_id = batch_id;
        let mut tx = service.db.begin().await.unwrap();
        ids.extend(ledger::enqueue(&mut tx, vec![job]).await.unwrap());
        tx.commit().await.unwrap();
    }
    ids
}

async fn batch(service: &Service) -> Uuid {
    let mut tx = service.db.begin().await.unwrap();
    let new = NewBatch { workspace_id: service.workspace, name: "a batch".to_owned(), callbacks: Callbacks::default() };
    let id = ledger::create_batch(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

fn ids(page: &Value) -> Vec<Uuid> {
    page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn dead() -> Outcome {
    Outcome::Dead { error: "the template is broken: mend it".to_owned() }
}

async fn jobs_are_listed_by_what_they_are_and_in_pages(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let batch = batch(&service).await;
    let loose = enqueue(&service, 3, None).await;
    let batched = enqueue(&service, 2, Some(batch)).await;
    let newest_first: Vec<Uuid> = loose.iter().chain(&batched).rev().copied().collect();
    assert_eq!(ids(&service.get("/api/v1/jobs").await.json()), newest_first);
    let first = service.get("/api/v1/jobs?limit=3&queue=cpu").await.json();
    assert_eq!(ids(&first), newest_first[..3]);
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&service.get(&format!("/api/v1/jobs?limit=3&cursor={next}")).await.json()), newest_first[3..]);
    assert_eq!(ids(&service.get(&format!("/api/v1/jobs?batch={batch}")).await.json()), newest_first[..2]);
    let all = format!("/api/v1/jobs?kind=invitation.render&state=ready&queue=cpu&batch={batch}");
    assert_eq!(ids(&service.get(&all).await.json()).len(), 2);
    for none in ["kind=face.crop", "state=dead", "queue=sync"] {
        assert!(ids(&service.get(&format!("/api/v1/jobs?{none}")).await.json()).is_empty(), "{none}");
    }
    let wrong = service.get("/api/v1/jobs?state=finished").await;
    assert!(wrong.problem(422, "invalid-field").contains("use ready, running"));
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/state");
    service.get("/api/v1/jobs?batch=x").await.problem(422, "invalid-field");
}

async fn a_job_is_shown_with_its_failed_attempts(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = enqueue(&service, 1, None).await[0];
    let job = worker::lease_next(&service, "cpu").await;
    let retry = Outcome::Retry { error: "the disk was busy".to_owned(), run_at: service.db.now() };
    worker::commit(&service, job, retry).await;
    service.db.clock().advance(Duration::from_secs(1));
    let job = worker::lease_next(&service, "cpu").await;
    worker::commit(&service, job, dead()).await;
    let shown = service.get(&format!("/api/v1/jobs/{id}")).await.json();
    assert_eq!((&shown["state"], &shown["attempt"]), (&json!("dead"), &json!(2)));
    assert_eq!((&shown["kind"], &shown["queue"]), (&json!("invitation.render"), &json!("cpu")));
    let errors: Vec<_> =
        shown["errors"].as_array().unwrap().iter().map(|error| (&error["attempt"], &error["message"])).collect();
    assert_eq!(
        errors,
        [(&json!(1), &json!("the disk was busy")), (&json!(2), &json!("the template is broken: mend it"))]
    );
    service.get(&format!("/api/v1/jobs/{}", service.db.new_id())).await.problem(404, "not-found");
}

async fn a_dead_job_is_retried_and_a_waiting_one_is_not(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let id = enqueue(&service, 1, None).await[0];
    let path = format!("/api/v1/jobs/{id}/retry");
    assert!(service.post(&path).await.problem(409, "wrong-state").contains("the job is ready"));
    let job = worker::lease_next(&service, "cpu").await;
    worker::commit(&service, job, dead()).await;
    let retried = service.post(&path).await;
    assert_eq!(retried.status, StatusCode::ACCEPTED, "{}", retried.text());
    let shown = retried.json();
    assert_eq!((&shown["state"], &shown["attempt"], &shown["max_attempts"]), (&json!("ready"), &json!(1), &json!(9)));
    assert_eq!(worker::lease(&service, "cpu").await.len(), 1);
    service.post(&format!("/api/v1/jobs/{}/retry", service.db.new_id())).await.problem(404, "not-found");
}

async fn a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked_to_stop(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let mut cancels = service.wire.cancels();
    let waiting = enqueue(&service, 1, None).await[0];
    let path = format!("/api/v1/jobs/{waiting}/cancel");
    let cancelled = service.post(&path).await;
    assert_eq!((cancelled.status, &cancelled.json()["state"]), (StatusCode::OK, &json!("cancelled")));
    assert!(service.post(&path).await.problem(409, "wrong-state").contains("already cancelled"));
    let running = enqueue(&service, 1, None).await[0];
    worker::lease_next(&service, "cpu").await;
    let asked = service.post(&format!("/api/v1/jobs/{running}/cancel")).await;
    assert_eq!((asked.status, &asked.json()["state"]), (StatusCode::ACCEPTED, &json!("running")));
    assert_eq!(cancels.recv().await.unwrap(), running);
    service.post(&format!("/api/v1/jobs/{}/cancel", service.db.new_id())).await.problem(404, "not-found");
}

async fn a_queue_is_given_limits(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    enqueue(&service, 2, None).await;
    let put =
        async |path: &str, body: serde_json::Value| Answer::to(service.request(Method::PUT, path).json(&body)).await;
    let limits = "/api/v1/queues/cpu/limits";
    let set = put(limits, json!({ "rate": 30, "rate_seconds": 60, "burst": 1, "concurrency": 7 })).await.json();
    assert_eq!((&set["rate"], &set["concurrency"], &set["key_concurrency"]), (&json!(30), &json!(7), &json!(null)));
    assert_eq!(worker::lease(&service, "cpu").await.len(), 1, "they hold at once");
    assert_eq!(put(limits, json!({})).await.json()["rate"], json!(null));
    assert_eq!(worker::lease(&service, "cpu").await.len(), 1);

    let keys = put("/api/v1/queues/cpu/keys/mautic.example", json!({ "concurrency": 2 })).await.json();
    assert_eq!(keys["keys"][0]["limit_key"], "mautic.example");
    assert_eq!(service.get("/api/v1/queues/cpu").await.json()["keys"][0]["concurrency"], 2);
    assert_eq!(service.post("/api/v1/queues/cpu/unblock").await.json()["blocked_until"], json!(null));

    let refused = put(limits, json!({ "rate": 0, "burst": -1 })).await;
    assert!(refused.problem(422, "invalid-field").contains("rate is out of range: use 1 to"));
    assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 2);
    put(limits, json!({ "rates": 5 })).await.problem(422, "invalid-field");
    put("/api/v1/queues/cpu/keys/x", json!({ "concurrency": 0 })).await.problem(422, "invalid-field");
    put("/api/v1/queues/no-such/limits", json!({})).await.problem(404, "not-found");
}

async fn a_queue_is_paused_and_resumed(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    enqueue(&service, 2, None).await;
    let queues = service.get("/api/v1/queues").await.json();
    let names: Vec<&str> =
        queues["items"].as_array().unwrap().iter().map(|queue| queue["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bulk", "control", "cpu", "drive", "email", "fetch", "mautic", "sync"]);
    let paused = service.post("/api/v1/queues/cpu/pause").await;
    let paused = paused.json();
    assert_eq!(
        (&paused["name"], &paused["paused"], &paused["ready"], &paused["rate"]),
        (&json!("cpu"), &json!(true), &json!(2), &json!(null))
    );
    assert!(worker::lease(&service, "cpu").await.is_empty());
    assert_eq!(service.post("/api/v1/queues/cpu/resume").await.json()["paused"], false);
    assert_eq!(worker::lease(&service, "cpu").await.len(), 2);
    assert_eq!(service.get("/api/v1/queues").await.json()["items"][2]["running"], 2);
    assert!(service.post("/api/v1/queues/gpu/pause").await.problem(404, "not-found").contains("gpu"));
    service.post("/api/v1/queues/%ff/pause").await.problem(404, "not-found");
}

async fn a_batch_tells_how_far_it_is(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let id = batch(&service).await;
    enqueue(&service, 2, Some(id)).await;
    let job = worker::lease(&service, "cpu").await.remove(0);
    worker::commit(&service, job, worker::done()).await;
    let shown = service.get(&format!("/api/v1/batches/{id}")).await.json();
    assert_eq!((&shown["name"], &shown["state"]), (&json!("a batch"), &json!("running")));
    assert_eq!((&shown["total"], &shown["succeeded"], &shown["dead"]), (&json!(2), &json!(1), &json!(0)));
    service.get(&format!("/api/v1/batches/{}", service.db.new_id())).await.problem(404, "not-found");
}
