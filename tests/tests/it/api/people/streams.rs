//! Streams of changes do not outlive the right to open them, and nobody takes them all.

use std::time::Duration;

use herald_app::jobs::InvitationRender;
use herald_db::query;
use herald_ledger as ledger;
use herald_ledger::Payload;
use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Person, Service, tick};
use crate::api::{operate::Watch, worker};

on_both_engines! {
    a_stream_ends_when_its_person_signs_out,
    a_stream_ends_when_its_person_is_removed,
    a_stream_ends_when_its_key_is_taken_back,
    who_may_not_watch_any_more_is_told_nothing_more,
    one_person_has_twenty_streams,
}

/// A job of the service's workspace that can be watched.
async fn watched(service: &Service) -> String {
    let mut tx = service.db.begin().await.unwrap();
    let job = InvitationRender { invitation_id: service.db.new_id() }.job(service.workspace);
    let ids = ledger::enqueue(&mut tx, vec![job]).await.unwrap();
    tx.commit().await.unwrap();
    service.leaves(&["invitation.render"]);
    format!("/api/v1/jobs/{}/events", ids[0])
}

/// A member of the service's workspace.
async fn member(service: &Service, email: &str, role: Role) -> Person {
    let person = Person::new(service, email).await;
    let mut tx = service.db.begin().await.unwrap();
    query("insert into members (workspace_id, user_id, role, created_at) values ($1, $2, $3, $4)")
        .bind(service.workspace)
        .bind(person.id)
        .bind(role.name())
        .bind(service.db.now())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    person
}

async fn open(service: &Service, token: &str, path: &str) -> Watch {
    let mut watch = Watch::with(service, token, path).await;
    assert_eq!(watch.next().await.unwrap()["state"], "ready");
    watch
}

/// Lets ten seconds pass, as often as the stream needs to notice them, and says whether it ended.
async fn ends_in_time(service: &Service, watch: &mut Watch) -> bool {
    for _ in 0..10 {
        service.db.clock().advance(Duration::from_secs(10));
        match tokio::time::timeout(Duration::from_millis(200), watch.next()).await {
            Ok(None) => return true,
            Ok(Some(event)) => panic!("nothing changed: {event}"),
            Err(_) => {}
        }
    }
    false
}

async fn a_stream_ends_when_its_person_signs_out(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = watched(&service).await;
    let ann = member(&service, "ann@example.com", Role::Viewer).await;
    let bob = member(&service, "bob@example.com", Role::Viewer).await;
    let (mut anns, mut bobs) = (open(&service, &ann.access, &path).await, open(&service, &bob.access, &path).await);
    assert_eq!(ann.send(&service, Method::POST, "/api/v1/auth/logout", json!({})).await.status, 204);
    assert!(ends_in_time(&service, &mut anns).await);
    assert!(!ends_in_time(&service, &mut bobs).await, "who is still signed in goes on watching");
}

async fn a_stream_ends_when_its_person_is_removed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = watched(&service).await;
    let ann = member(&service, "ann@example.com", Role::Viewer).await;
    let mut watch = open(&service, &ann.access, &path).await;
    let removed = service.request(Method::DELETE, &format!("/api/v1/members/{}", ann.id));
    assert_eq!(Answer::to(removed).await.status, 200);
    assert!(ends_in_time(&service, &mut watch).await);
}

async fn a_stream_ends_when_its_key_is_taken_back(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = watched(&service).await;
    let made = service.post_json("/api/v1/keys", json!({ "name": "watcher", "role": "viewer" })).await.json();
    let mut watch = open(&service, made["key"].as_str().unwrap(), &path).await;
    let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    let taken = Answer::to(service.request(Method::DELETE, &format!("/api/v1/keys/{id}"))).await;
    assert!(taken.status.is_success(), "{}", taken.text());
    assert!(ends_in_time(&service, &mut watch).await);
}

async fn who_may_not_watch_any_more_is_told_nothing_more(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = watched(&service).await;
    let ann = member(&service, "ann@example.com", Role::Viewer).await;
    let (mut anns, mut others) =
        (open(&service, &ann.access, &path).await, open(&service, &service.token, &path).await);
    assert_eq!(ann.send(&service, Method::POST, "/api/v1/auth/logout", json!({})).await.status, 204);
    service.db.clock().advance(Duration::from_secs(1));
    worker::lease(&service, "cpu").await;
    assert_eq!(others.next().await.unwrap()["state"], "running");
    assert_eq!(anns.next().await, None);
}

async fn one_person_has_twenty_streams(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = watched(&service).await;
    let ann = member(&service, "ann@example.com", Role::Viewer).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(open(&service, &ann.access, &path).await);
    }
    let again = Person::sign_in(&service, "ann@example.com").await;
    tick(&service);
    let refused = Answer::to(again.request(&service, Method::GET, &path)).await;
    let told = refused.problem(429, "too-many-requests");
    assert!(told.contains("20 open event streams"), "{told}");
    assert_eq!(refused.header("retry-after"), "10");
    let _another = open(&service, &service.token, &path).await;
    // The service hears of the end of a connection a moment later.
    held.clear();
    while ann.request(&service, Method::GET, &path).send().await.unwrap().status() != 200 {
        tokio::task::yield_now().await;
    }
}
