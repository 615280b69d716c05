//! Requests that are sent again: with an `Idempotency-Key`, and over what was seen (`ETag`).

use std::time::Duration;

use bytes::Bytes;
use herald_db::query;
use herald_ledger::idempotency;
use herald_tests::{TestDatabase, on_both_engines, wait_until};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Form, Service, service::BACKGROUND, service::MANIFEST};

on_both_engines! {
    a_request_sent_again_gets_the_same_answer_and_makes_nothing,
    a_key_belongs_to_one_request_of_one_workspace_for_a_day,
    what_was_refused_for_good_is_refused_the_same_way,
    a_form_built_anew_is_the_same_request,
    a_request_that_is_still_being_answered_is_not_answered_twice,
    a_key_that_is_none_is_refused,
    a_key_made_again_is_the_same_key_and_lies_nowhere,
    a_profile_is_changed_only_by_who_has_seen_it,
    a_schedule_is_changed_only_by_who_has_seen_it,
    a_connection_is_replaced_only_by_who_has_seen_it,
    limits_are_set_only_by_who_has_seen_them,
}

const PROBES: &str = "/api/v1/probes";
const TEMPLATES: &str = "/api/v1/templates";

async fn probe(service: &Service, key: &str, jobs: usize) -> Answer {
    Answer::to(service.request(Method::POST, PROBES).header("idempotency-key", key).json(&json!({ "jobs": jobs })))
        .await
}

async fn jobs(service: &Service) -> usize {
    service.get("/api/v1/jobs").await.json()["items"].as_array().unwrap().len()
}

async fn a_request_sent_again_gets_the_same_answer_and_makes_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run"]);
    let first = probe(&service, "\"one\"", 2).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = probe(&service, "\"one\"", 2).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    for name in ["location", "content-type"] {
        assert_eq!(again.header(name), first.header(name));
    }
    assert_eq!(jobs(&service).await, 2);
    let other = probe(&service, "two", 2).await;
    assert_ne!(other.header("location"), first.header("location"));
    assert_eq!(jobs(&service).await, 4);
}

async fn a_key_made_again_is_the_same_key_and_lies_nowhere(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (path, body, secret) in [
        ("/api/v1/keys", json!({ "name": "nightly", "role": "staff" }), "key"),
        ("/api/v1/workspace-invitations", json!({ "role": "viewer" }), "link"),
    ] {
        let make = async || {
            let request = service.request(Method::POST, path).header("idempotency-key", path);
            Answer::to(request.json(&body)).await
        };
        let (first, again) = (make().await, make().await);
        assert_eq!(first.status, 201, "{}", first.text());
        assert_eq!(
            (again.status, &again.body, again.header("idempotency-replayed")),
            (first.status, &first.body, "true")
        );
        let secret = first.json()[secret].as_str().unwrap_or_else(|| panic!("{}", first.text())).to_owned();
        let word = secret.rsplit('/').next().unwrap().as_bytes();
        let kept: Vec<(Option<Vec<u8>>,)> = query("select body from idempotency_keys").all(&service.db).await.unwrap();
        assert!(!kept.is_empty());
        assert!(kept.iter().flat_map(|(body,)| body).all(|body| !body.windows(word.len()).any(|part| part == word)));
    }
}

async fn a_profile_is_changed_only_by_who_has_seen_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = super::people::Person::new(&service, "ann@example.com").await;
    let seen = ann.get(&service, "/api/v1/me").await;
    let tag = seen.header("etag").to_owned();
    let known = ann.request(&service, Method::GET, "/api/v1/me").header("if-none-match", &tag);
    assert_eq!(Answer::to(known).await.status, 304);
    let change = async |tag: &str, bio: &str| {
        let request = ann.request(&service, Method::PATCH, "/api/v1/me").header("if-match", tag);
        Answer::to(request.json(&json!({ "bio": bio }))).await
    };
    let changed = change(&tag, "Plans galas.").await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    change(&tag, "Plans weddings.").await.problem(412, "precondition-failed");
    assert_eq!(change(changed.header("etag"), "Plans both.").await.json()["bio"], "Plans both.");
}

async fn a_key_belongs_to_one_request_of_one_workspace_for_a_day(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run"]);
    let first = probe(&service, "one", 1).await;
    probe(&service, "one", 2).await.problem(422, "key-reused");
    let elsewhere = service.request(Method::POST, "/api/v1/jobs/act/retry").header("idempotency-key", "one");
    Answer::to(elsewhere.json(&json!({ "all": true }))).await.problem(422, "key-reused");
    assert_eq!(jobs(&service).await, 1);
    let other = service.other_workspace().await;
    let theirs = service.open(Method::POST, PROBES).bearer_auth(other).header("idempotency-key", "one");
    assert_eq!(Answer::to(theirs.json(&json!({ "jobs": 1 }))).await.header("idempotency-replayed"), "");
    service.db.clock().advance(Duration::from_secs(24 * 3_600));
    let later = probe(&service, "one", 2).await;
    assert_eq!(later.status, StatusCode::ACCEPTED, "{}", later.text());
    assert_ne!(later.header("location"), first.header("location"));
}

async fn what_was_refused_for_good_is_refused_the_same_way(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run"]);
    let refused = probe(&service, "one", 0).await;
    let again = probe(&service, "one", 0).await;
    assert_eq!(refused.problem(422, "invalid-field"), again.problem(422, "invalid-field"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_ne!(again.header("x-request-id"), refused.header("x-request-id"));
    // What may have been cut off on its way is read anew.
    let torn = |body: &'static str| {
        let request = service.request(Method::POST, PROBES).header("idempotency-key", "two");
        Answer::to(request.header("content-type", "application/json").body(body))
    };
    for _ in 0..2 {
        let refused = torn("{\"jobs\": ").await;
        refused.problem(400, "invalid-request");
        assert_eq!(refused.header("idempotency-replayed"), "");
    }
    assert_eq!(torn("{\"jobs\": 1}").await.status, StatusCode::ACCEPTED);
}

async fn a_form_built_anew_is_the_same_request(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let send = async |boundary: &str, guests: &str| {
        let (media_type, body) = Form::of("Gala", "gala", guests).finish();
        let anew = |text: &str| text.replace("a-boundary-no-part-contains", boundary);
        let body = anew(std::str::from_utf8(&body).unwrap());
        let request =
            service.request(Method::POST, "/api/v1/invitation-runs").header("content-type", anew(&media_type));
        Answer::to(request.header("idempotency-key", "one").body(body)).await
    };
    let first = send("a-boundary-that-is-made-up-1", "name,table\nAna Example,1\n").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    let again = send("a-boundary-that-is-made-up-2", "name,table\nAna Example,1\n").await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let other = send("a-boundary-that-is-made-up-3", "name,table\nAna Example,1\nBo Example,2\n").await;
    other.problem(422, "key-reused");
}

async fn a_request_that_is_still_being_answered_is_not_answered_twice(database: &TestDatabase) {
    let service = Service::start(database).await;
    let form = Form::default().file("files", "template.toml", MANIFEST).file("files", "back.png", BACKGROUND);
    let (media_type, body) = form.finish();
    let request = || -> RequestBuilder {
        let request = service.request(Method::POST, TEMPLATES).header("idempotency-key", "one");
        request.header("content-type", &media_type)
    };
    let body = Bytes::from(body);
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let slow = futures::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|piece| (Ok::<_, std::io::Error>(piece), receiver))
    });
    sender.send(body.slice(..40)).unwrap();
    let first = tokio::spawn(Answer::to(request().body(reqwest::Body::wrap_stream(slow))));
    let is_held = async || {
        let rows: Vec<(String,)> = query("select state from idempotency_keys").all(&service.db).await.unwrap();
        !rows.is_empty()
    };
    wait_until("the first request is being answered", is_held).await;
    let whole = || {
        let body = body.clone();
        let stream = futures::stream::once(async move { Ok::<_, std::io::Error>(body) });
        Answer::to(request().body(reqwest::Body::wrap_stream(stream)))
    };
    let second = whole().await;
    second.problem(409, "in-progress");
    assert_eq!(second.header("retry-after"), "2");
    sender.send(body.slice(40..)).unwrap();
    drop(sender);
    let first = first.await.unwrap();
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
    let third = whole().await;
    assert_eq!((third.status, third.header("idempotency-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(third.body, first.body);
}

async fn a_key_that_is_none_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves_held("cpu");
    for key in ["", "\"\"", &"x".repeat(256)] {
        probe(&service, key, 1).await.problem(400, "invalid-request");
    }
    assert_eq!(jobs(&service).await, 0);
    // A route that makes nothing takes no notice.
    for _ in 0..2 {
        let pause = service.request(Method::POST, "/api/v1/queues/cpu/pause").header("idempotency-key", "one");
        let paused = Answer::to(pause).await;
        assert_eq!((paused.status, paused.header("idempotency-replayed")), (StatusCode::OK, ""));
    }
    assert_eq!(idempotency::prune(&service.db, 10).await.unwrap(), 0);
}

/// Sends a change with what the client has seen.
async fn change(service: &Service, method: Method, path: &str, seen: &str, body: &Value) -> Answer {
    Answer::to(service.request(method, path).header("if-match", seen).json(body)).await
}

/// Reads a thing: its tag is told, and what is known is not sent again.
async fn seen(service: &Service, path: &str) -> String {
    let shown = service.get(path).await;
    let tag = shown.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{tag}");
    let again = Answer::to(service.request(Method::GET, path).header("if-none-match", &tag)).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (StatusCode::NOT_MODIFIED, 0, tag.as_str()));
    tag
}

async fn a_schedule_is_changed_only_by_who_has_seen_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let order = json!({
        "name": "Morning sample", "cron": "30 2 * * *", "time_zone": "Europe/Madrid", "kind": "probe.run",
        "args": { "probe": "canary", "number": 0 },
    });
    let made = service.post_json("/api/v1/schedules", order).await;
    let path = made.header("location").to_owned();
    let tag = seen(&service, &path).await;
    assert_eq!(made.header("etag"), tag);
    let daily = json!({ "cron": "@daily" });
    let changed = change(&service, Method::PATCH, &path, &tag, &daily).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert_ne!(changed.header("etag"), tag);
    let hourly = json!({ "cron": "@hourly" });
    change(&service, Method::PATCH, &path, &tag, &hourly).await.problem(412, "precondition-failed");
    assert_eq!(service.get(&path).await.json()["cron"], "@daily");
    // A pause is a change, too.
    let tag = changed.header("etag").to_owned();
    service.db.clock().advance(Duration::from_secs(1));
    service.post(&format!("{path}/pause")).await;
    change(&service, Method::PATCH, &path, &tag, &hourly).await.problem(412, "precondition-failed");
    assert_eq!(change(&service, Method::PATCH, &path, "*", &hourly).await.json()["cron"], "@hourly");
}

async fn a_connection_is_replaced_only_by_who_has_seen_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = "/api/v1/connections/crm";
    let crm = |password: &str| {
        json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "herald",
        "password": password })
    };
    change(&service, Method::PUT, path, "*", &crm("one")).await.problem(412, "precondition-failed");
    service.get(path).await.problem(404, "not-found");
    let fresh = || service.request(Method::PUT, path).header("if-none-match", "*").json(&crm("one"));
    assert_eq!(Answer::to(fresh()).await.status, StatusCode::CREATED);
    Answer::to(fresh()).await.problem(412, "precondition-failed");
    let tag = seen(&service, path).await;
    service.db.clock().advance(Duration::from_secs(1));
    let replaced = change(&service, Method::PUT, path, &tag, &crm("two")).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.text());
    assert_eq!(replaced.header("etag"), seen(&service, path).await);
    assert_ne!(replaced.header("etag"), tag, "another secret is another state");
    change(&service, Method::PUT, path, &tag, &crm("three")).await.problem(412, "precondition-failed");
}

async fn limits_are_set_only_by_who_has_seen_them(database: &TestDatabase) {
    let service = Service::start(database).await;
    let path = "/api/v1/queues/cpu/limits";
    let tag = seen(&service, path).await;
    let set = change(&service, Method::PUT, path, &tag, &json!({ "concurrency": 2 })).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    assert_eq!(set.header("etag"), seen(&service, path).await);
    change(&service, Method::PUT, path, &tag, &json!({ "concurrency": 9 })).await.problem(412, "precondition-failed");
    assert_eq!(service.get(path).await.json()["concurrency"], 2);
}
