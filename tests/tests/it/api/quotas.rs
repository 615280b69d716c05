//! No workspace fills the installation: what it may have at most, and what it is told then.

use futures::future::join_all;
use herald_app::config::Settings;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Form, Service};
use crate::ground::number;

on_both_engines! {
    a_workspace_has_only_so_many_of_each,
    of_many_who_add_at_once_only_as_many_succeed_as_there_is_room_for,
    uploads_are_counted_by_their_content,
    all_of_a_workspace_together_have_a_rate,
}

fn few(settings: &mut Settings) {
    let quotas = &mut settings.quotas;
    (quotas.keys, quotas.schedules, quotas.connections, quotas.templates) = (3, 2, 2, 1);
}

fn schedule(name: &str) -> Value {
    let args = json!({ "event": "Gala", "template": "gala", "source": { "kind": "mautic", "form": 3 } });
    json!({ "name": name, "cron": "@daily", "time_zone": "UTC", "kind": "invitation.start", "args": args })
}

fn exceeded(answer: &Answer, setting: &str) {
    let told = answer.problem(409, "quota-exceeded");
    assert!(told.contains("has reached its quota") && told.contains(&format!("quotas.{setting}")), "{told}");
}

async fn connection(service: &Service, name: &str) -> Answer {
    let account =
        json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "ann", "password": "not a real one" });
    let path = format!("/api/v1/connections/{name}");
    Answer::to(service.request(Method::PUT, &path).json(&account)).await
}

async fn upload(service: &Service, name: &str) -> Answer {
    let manifest = format!(
        "name = \"{name}\"\nbackground = \"back.png\"\n[[slot]]\nkind = \"number\"\nbox = [0, 0, 40, 30]\nsize = 12\n"
    );
    let form = Form::default().file("files", "template.toml", manifest.as_bytes());
    service.post_form("/api/v1/templates", form.file("files", "back.png", super::service::BACKGROUND)).await
}

async fn a_workspace_has_only_so_many_of_each(database: &TestDatabase) {
    let service = Service::start_with(database, few).await;
    for name in ["one", "two"] {
        assert_eq!(service.post_json("/api/v1/schedules", schedule(name)).await.status, StatusCode::CREATED);
        assert_eq!(connection(&service, name).await.status, StatusCode::CREATED);
        // The service's own key is the first.
        let key = json!({ "name": name, "role": "viewer" });
        assert_eq!(service.post_json("/api/v1/keys", key).await.status, StatusCode::CREATED);
    }
    exceeded(&service.post_json("/api/v1/schedules", schedule("three")).await, "schedules");
    exceeded(&connection(&service, "three").await, "connections");
    assert_eq!(connection(&service, "two").await.status, StatusCode::OK, "one that is there is replaced");
    exceeded(&service.post_json("/api/v1/keys", json!({ "name": "three", "role": "viewer" })).await, "keys");
    assert_eq!(upload(&service, "gala").await.status, StatusCode::CREATED);
    assert_eq!(upload(&service, "gala").await.status, StatusCode::CREATED, "the same once more is not another");
    exceeded(&upload(&service, "ball").await, "templates");
    // Nothing was added, and what is given up makes room.
    let keys = service.get("/api/v1/keys").await.json();
    assert_eq!(keys["items"].as_array().unwrap().len(), 3);
    let path = format!("/api/v1/keys/{}", keys["items"][0]["id"].as_str().unwrap());
    assert!(Answer::to(service.request(Method::DELETE, &path)).await.status.is_success());
    let again = service.post_json("/api/v1/keys", json!({ "name": "three", "role": "viewer" })).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.text());
    // Another workspace has its own.
    let other = service.other_workspace().await;
    let theirs =
        Answer::to(service.open(Method::POST, "/api/v1/schedules").bearer_auth(&other).json(&schedule("one"))).await;
    assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.text());
}

async fn of_many_who_add_at_once_only_as_many_succeed_as_there_is_room_for(database: &TestDatabase) {
    let service = Service::start_with(database, few).await;
    let names: Vec<String> = (0..8).map(|n| format!("schedule {n}")).collect();
    let asked = names.iter().map(|name| service.post_json("/api/v1/schedules", schedule(name)));
    let answers = join_all(asked).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(made, 2);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != StatusCode::CREATED)
            .all(|answer| answer.status == StatusCode::CONFLICT)
    );
    assert_eq!(number(&service.db, "select count(*) from schedules").await, 2);
}

async fn uploads_are_counted_by_their_content(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| settings.quotas.stored_mb = 1).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let list = |fill: usize| format!("name,table,note\nAna Example,1,{}\n", "x".repeat(fill));
    let start = async |list: &str| service.post_form("/api/v1/invitation-runs", Form::of("Gala", "gala", list)).await;
    let (large, other) = (list(600_000), list(600_001));
    assert_eq!(start(&large).await.status, StatusCode::ACCEPTED);
    assert_eq!(start(&large).await.status, StatusCode::ACCEPTED, "it is stored already");
    let before = number(&service.db, "select count(*) from stored_uploads").await;
    exceeded(&start(&other).await, "stored_mb");
    assert_eq!(number(&service.db, "select count(*) from stored_uploads").await, before);
    assert_eq!(number(&service.db, "select count(*) from invitation_runs").await, 1);
    assert_eq!(start(&list(10)).await.status, StatusCode::ACCEPTED, "a small one has room");
}

async fn all_of_a_workspace_together_have_a_rate(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| settings.limits.workspace_per_minute = 3).await;
    let second = service.another_token("second").await;
    let by = async |token: &str| Answer::to(service.open(Method::GET, "/api/v1/jobs").bearer_auth(token)).await;
    for token in [&service.token, &second, &second] {
        assert_eq!(by(token).await.status, StatusCode::OK);
    }
    for token in [&service.token, &second] {
        let refused = by(token).await;
        refused.problem(429, "too-many-requests");
        assert!(
            refused.header("ratelimit-policy").contains("\"workspace\";q=3;w=60"),
            "{}",
            refused.header("ratelimit-policy")
        );
    }
    let other = service.other_workspace().await;
    assert_eq!(by(&other).await.status, StatusCode::OK, "another workspace is not held up");
}
