//! API keys: shown once, narrow, and over when they are over.

use std::time::Duration;

use chrono::TimeDelta;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Person, Service};

on_both_engines! {
    a_key_opens_what_its_role_and_scopes_hold,
    a_key_is_shown_once_and_its_use_is_noted,
    a_key_ends_with_its_time_or_when_it_is_taken_back,
    a_key_is_nobody,
}

async fn owner(service: &Service) -> Person {
    let ann = Person::new(service, "ann@example.com").await;
    ann.workspace(service, "north").await;
    ann
}

async fn make(service: &Service, ann: &Person, fields: Value) -> String {
    let made = ann.send(service, Method::POST, "/api/v1/keys", fields).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

async fn with(service: &Service, key: &str, method: Method, path: &str) -> Answer {
    Answer::to(service.open(method, path).bearer_auth(key).json(&json!({}))).await
}

async fn a_key_opens_what_its_role_and_scopes_hold(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = owner(&service).await;
    let narrow = json!({ "name": "reads jobs", "role": "agency", "scopes": ["jobs:read", "schedules:write"] });
    let key = make(&service, &ann, narrow).await;
    assert_eq!(with(&service, &key, Method::GET, "/api/v1/jobs").await.status, 200);
    assert_eq!(with(&service, &key, Method::GET, "/api/v1/schedules").await.status, 200);
    with(&service, &key, Method::POST, "/api/v1/schedules").await.problem(422, "invalid-field");
    let told = with(&service, &key, Method::POST, "/api/v1/jobs/act/retry").await.problem(403, "forbidden");
    assert!(told.contains("jobs:write"), "{told}");
    with(&service, &key, Method::GET, "/api/v1/templates").await.problem(403, "forbidden");
    // With keys:write it could make itself a wider one.
    let maker = make(&service, &ann, json!({ "name": "maker", "role": "agency", "scopes": ["keys:write"] })).await;
    let wider = service.open(Method::POST, "/api/v1/keys").bearer_auth(&maker);
    Answer::to(wider.json(&json!({ "name": "wider", "role": "agency" }))).await.problem(403, "forbidden");
    let viewer = make(&service, &ann, json!({ "name": "looks", "role": "viewer" })).await;
    assert_eq!(with(&service, &viewer, Method::GET, "/api/v1/jobs").await.status, 200);
    with(&service, &viewer, Method::POST, "/api/v1/schedules").await.problem(403, "forbidden");
    for fields in [
        json!({ "name": "", "role": "viewer" }),
        json!({ "name": "x", "role": "viewer", "scopes": ["everything:read"] }),
        json!({ "name": "x", "role": "viewer", "scopes": ["jobs:all"] }),
        json!({ "name": "x", "role": "viewer", "scopes": [] }),
        json!({ "name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z" }),
    ] {
        ann.send(&service, Method::POST, "/api/v1/keys", fields).await.problem(422, "invalid-field");
    }
}

async fn a_key_is_shown_once_and_its_use_is_noted(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = owner(&service).await;
    let key = make(&service, &ann, json!({ "name": "nightly", "role": "staff" })).await;
    let list = async || ann.get(&service, "/api/v1/keys").await.json()["items"][0].clone();
    assert!(!list().await.to_string().contains(&key));
    assert_eq!(list().await["last_used_at"], Value::Null);
    with(&service, &key, Method::GET, "/api/v1/jobs").await;
    let used = list().await["last_used_at"].clone();
    assert!(used.is_string());
    service.db.clock().advance(Duration::from_secs(59));
    with(&service, &key, Method::GET, "/api/v1/jobs").await;
    assert_eq!(list().await["last_used_at"], used);
    service.db.clock().advance(Duration::from_secs(1));
    with(&service, &key, Method::GET, "/api/v1/jobs").await;
    assert_ne!(list().await["last_used_at"], used);
}

async fn a_key_ends_with_its_time_or_when_it_is_taken_back(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = owner(&service).await;
    let expires_at = service.db.now() + TimeDelta::minutes(5);
    let key = make(&service, &ann, json!({ "name": "short", "role": "staff", "expires_at": expires_at })).await;
    assert_eq!(with(&service, &key, Method::GET, "/api/v1/jobs").await.status, 200);
    service.db.clock().advance(Duration::from_secs(300));
    with(&service, &key, Method::GET, "/api/v1/jobs").await.problem(401, "unauthorized");
    let key = make(&service, &ann, json!({ "name": "long", "role": "staff" })).await;
    let id = ann.get(&service, "/api/v1/keys").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let eve = Person::new(&service, "eve@example.com").await;
    eve.workspace(&service, "south").await;
    let path = format!("/api/v1/keys/{id}");
    eve.send(&service, Method::DELETE, &path, json!({})).await.problem(404, "not-found");
    assert_eq!(with(&service, &key, Method::GET, "/api/v1/jobs").await.status, 200);
    assert_eq!(ann.send(&service, Method::DELETE, &path, json!({})).await.status, 204);
    with(&service, &key, Method::GET, "/api/v1/jobs").await.problem(401, "unauthorized");
}

async fn a_key_is_nobody(database: &TestDatabase) {
    let service = Service::start(database).await;
    for path in ["/api/v1/me", "/api/v1/workspaces", "/api/v1/me/sessions"] {
        service.get(path).await.problem(403, "forbidden");
    }
    service.post("/api/v1/auth/logout").await.problem(403, "forbidden");
}
