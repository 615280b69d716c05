//! `/connections`, consent, and Mautic's webhooks.

use herald_ledger::{JobFilter, list_jobs};
use herald_tests::{App, TestDatabase, fakes::FakeMautic, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Service};

on_both_engines! {
    a_connection_is_kept_without_ever_showing_its_secret,
    what_cannot_be_a_connection_is_named,
    an_address_inside_is_no_connection,
    a_person_consents_once_and_a_state_works_once,
    a_signed_webhook_starts_what_is_planned_for_its_form,
    a_run_from_mautic_is_started_by_names,
}

async fn put(service: &Service, name: &str, body: &Value) -> Answer {
    Answer::to(service.request(Method::PUT, &format!("/api/v1/connections/{name}")).json(body)).await
}

fn mautic(url: &str) -> Value {
    json!({ "provider": "mautic", "url": url, "user": "herald", "password": "hunter2",
        "webhook_secret": "mautic-secret" })
}

async fn a_connection_is_kept_without_ever_showing_its_secret(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["connection.test"]);
    let made = put(&service, "crm", &mautic("https://crm.example.com/")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.json()["settings"]["url"], "https://crm.example.com");
    assert!(made.json()["webhook_url"].as_str().unwrap().contains("/webhooks/mautic/"));
    let again = put(&service, "crm", &mautic("https://crm.example.com")).await;
    assert_eq!((again.status, &again.json()["id"]), (StatusCode::OK, &made.json()["id"]));
    for path in ["/api/v1/connections", "/api/v1/connections/crm", "/api/v1/audit"] {
        let shown = service.get(path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert!(!shown.text().contains("hunter2") && !shown.text().contains("mautic-secret"), "{}", shown.text());
    }
    let other = service.other_workspace().await;
    let theirs = Answer::to(service.open(Method::GET, "/api/v1/connections/crm").bearer_auth(other)).await;
    theirs.problem(404, "not-found");
    let tested = service.post_json("/api/v1/connections/crm/test", json!({})).await;
    assert_eq!(tested.status, StatusCode::ACCEPTED, "{}", tested.text());
    assert!(tested.header("location").starts_with("/api/v1/jobs/"));
    let removed = Answer::to(service.request(Method::DELETE, "/api/v1/connections/crm")).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    service.get("/api/v1/connections/crm").await.problem(404, "not-found");
}

async fn what_cannot_be_a_connection_is_named(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (name, body, says) in [
        ("crm", json!({ "provider": "mautic", "url": "crm", "user": "u", "password": "p" }), "crm"),
        (
            "crm",
            json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "u" }),
            "one of the two pairs whole",
        ),
        ("crm", json!({ "provider": "hubspot" }), "hubspot"),
        ("Crm", mautic("https://crm.example.com"), "lower-case"),
        ("google", json!({ "provider": "google" }), "one of the two"),
        ("google", json!({ "provider": "google", "service_account": {} }), "key file"),
    ] {
        let refused = put(&service, name, &body).await;
        refused.problem(422, "invalid-field");
        assert!(refused.text().contains(says), "{}", refused.text());
    }
    assert_eq!(put(&service, "crm", &mautic("https://crm.example.com")).await.status, StatusCode::CREATED);
    let key = json!({ "provider": "s3", "bucket": "b", "access_key_id": "i", "secret_key": "s" });
    put(&service, "crm", &key).await.problem(409, "wrong-state");
}

async fn an_address_inside_is_no_connection(database: &TestDatabase) {
    let service = Service::start(database).await;
    let bucket = |endpoint: &str| {
        json!({ "provider": "s3", "bucket": "b", "endpoint": endpoint, "access_key_id": "i",
        "secret_key": "s", "allow_http": true })
    };
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "[fd00:ec2::254]",
        "100.100.100.200",
    ] {
        for scheme in ["http", "https"] {
            let address = format!("{scheme}://{host}:8080");
            for (body, field) in [(mautic(&address), "url"), (bucket(&address), "endpoint")] {
                let refused = put(&service, "inside", &body).await;
                refused.problem(422, "invalid-field");
                assert!(refused.text().contains("leads into a private network"), "{address}: {}", refused.text());
                assert!(refused.text().contains(&format!("\"/{field}\"")), "{address}: {}", refused.text());
            }
        }
    }
    for (body, says) in [
        (mautic("http://crm.example.com:22"), "port 22"),
        (bucket("https://ann:pw@s3.example.com"), "user name or password"),
        (json!({ "provider": "s3", "bucket": "b", "access_key_id": " ", "secret_key": "s" }), "access key"),
        (json!({ "provider": "s3", "bucket": "b", "access_key_id": "i", "secret_key": "" }), "secret key"),
        (
            json!({ "provider": "s3", "bucket": "b", "access_key_id": "i", "secret_key": "s",
                "region": "x@127.0.0.1/" }),
            "region",
        ),
    ] {
        let refused = put(&service, "inside", &body).await;
        refused.problem(422, "invalid-field");
        assert!(refused.text().contains(says), "{}", refused.text());
    }
    assert_eq!(service.get("/api/v1/connections").await.json()["items"], json!([]));
}

async fn a_person_consents_once_and_a_state_works_once(database: &TestDatabase) {
    let service = Service::start_on(App::on(database).google(), |_| {}).await;
    let google = service.google();
    // What the settings say guests reach it by is not where this test's service is.
    let client = google.client_secret_json(&["http://127.0.0.1:8080/oauth2callback"]);
    let made = put(&service, "google", &json!({ "provider": "google", "client": client })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let before = service.get("/api/v1/connections/google").await.json();
    assert!(before["state"] == "broken" && before["reason"].as_str().unwrap().contains("consent"), "{before}");
    let asked = service.post("/api/v1/connections/google/authorize").await;
    let begin = asked.json()["authorize_url"].as_str().unwrap().to_owned();
    let (_, path) = begin.split_once(":8080").unwrap();
    let browser = herald_providers::http::builder(&[]).unwrap().build().unwrap();
    let here = |path: &str| format!("http://{}{path}", service.address);
    let to_google = browser.get(here(path)).send().await.unwrap();
    assert_eq!(to_google.headers()["referrer-policy"], "no-referrer");
    let google_page = to_google.headers()["location"].to_str().unwrap().to_owned();
    let back = browser.get(google_page).send().await.unwrap().headers()["location"].to_str().unwrap().to_owned();
    let (_, path) = back.split_once(":8080").unwrap();
    let first = browser.get(here(path)).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    assert!(first.text().await.unwrap().contains("Google is connected"));
    let after = service.get("/api/v1/connections/google").await.json();
    assert_eq!((&after["state"], &after["reason"]), (&json!("ok"), &json!(null)));
    for wrong in [path, "/oauth2callback?state=made-up&code=x", "/oauth2callback?error=access_denied&state=x"] {
        let refused = browser.get(here(wrong)).send().await.unwrap();
        assert!(refused.status().is_client_error(), "{wrong}");
        assert!(refused.text().await.unwrap().contains("Google is not connected"));
    }
}

async fn a_signed_webhook_starts_what_is_planned_for_its_form(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.start"]);
    let fake = FakeMautic::start().await;
    fake.add_form(3, "Gala", &[("email", "email")]);
    let contact = fake.add_contact(&[("email", "guest@example.com")]);
    let submission = fake.submit(3, contact, &[("email", "guest@example.com")]);
    let made = put(&service, "mautic", &mautic("https://crm.example.com")).await.json();
    let path = format!("/webhooks/mautic/{}", made["id"].as_str().unwrap());
    service.template().await;
    let plan = |form: u64| json!({ "event": "Gala", "template": "gala", "source": { "kind": "mautic", "form": form } });
    for (name, form) in [("three", 3), ("four", 4)] {
        let schedule = json!({ "name": name, "cron": "0 2 * * *", "time_zone": "Europe/Madrid",
            "kind": "invitation.start", "args": plan(form) });
        let planned = service.post_json("/api/v1/schedules", schedule).await;
        assert_eq!(planned.status, StatusCode::CREATED, "{}", planned.text());
    }
    let send = async |secret: &str, submission| {
        let hook = fake.webhook(secret, "mautic.form_on_submit", submission);
        let mut request = service.open(Method::POST, &path).body(hook.body.clone());
        for (name, value) in &hook.headers {
            request = request.header(*name, value);
        }
        Answer::to(request).await
    };
    send("another secret", submission).await.problem(401, "unauthorized");
    let second = fake.submit(3, contact, &[("email", "guest@example.com")]);
    // What comes a second time changes nothing.
    for (submission, begun) in [(submission, 1), (submission, 0), (second, 1), (second, 0), (submission, 0)] {
        let taken = send("mautic-secret", submission).await;
        assert_eq!((taken.status, &taken.json()["runs"]), (StatusCode::ACCEPTED, &json!(begun)), "{}", taken.text());
        service.db.clock().advance(std::time::Duration::from_secs(1));
    }
    // Two in a row are one run, and the other form's is none.
    let filter = JobFilter { kind: Some("invitation.start".to_owned()), ..JobFilter::default() };
    let begun = list_jobs(&service.db, service.workspace, &filter, 10).await.unwrap();
    assert_eq!(begun.len(), 1);
}

async fn a_run_from_mautic_is_started_by_names(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.pull"]);
    service.template().await;
    let plan = |source: Value| json!({ "event": "Gala", "template": "gala", "source": source });
    let refused = service.post_json("/api/v1/invitation-runs", plan(json!({ "kind": "mautic", "form": 3 }))).await;
    refused.problem(422, "invalid-field");
    assert!(refused.text().contains("herald connect mautic"), "{}", refused.text());
    put(&service, "mautic", &mautic("https://crm.example.com")).await;
    let both = service
        .post_json("/api/v1/invitation-runs", plan(json!({ "kind": "mautic", "form": 3, "segment": "vip" })))
        .await;
    assert!(both.problem(422, "invalid-field").len() > 10);
    let started = service.post_json("/api/v1/invitation-runs", plan(json!({ "kind": "mautic", "form": 3 }))).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let again = service.post_json("/api/v1/invitation-runs", plan(json!({ "kind": "mautic", "form": 3 }))).await;
    assert_eq!((&again.json()["resumed"], &again.json()["id"]), (&json!(true), &started.json()["id"]));
}
