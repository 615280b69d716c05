//! Health and metrics.

use std::time::Duration;

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};

use super::{Answer, Service};

on_both_engines! {
    a_service_that_can_work_is_ready,
    a_service_without_its_database_lives_but_is_not_ready,
    a_service_whose_files_cannot_be_written_is_not_ready,
    metrics_count_requests_by_route_and_hold_no_secrets,
}

async fn a_service_that_can_work_is_ready(database: &TestDatabase) {
    let service = Service::start(database).await;
    assert_eq!(Answer::to(service.open(Method::GET, "/healthz")).await.text(), "ok\n");
    let ready = Answer::to(service.open(Method::GET, "/readyz")).await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.json(), serde_json::json!({ "status": "ready", "database": "ok", "files": "ok" }));
}

async fn a_service_without_its_database_lives_but_is_not_ready(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.db.close().await;
    assert_eq!(Answer::to(service.open(Method::GET, "/healthz")).await.status, StatusCode::OK);
    let ready = Answer::to(service.open(Method::GET, "/readyz")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["database"], "the database reports an error; the log has the reason");
    assert_eq!(ready.json()["files"], "ok");
}

async fn a_service_whose_files_cannot_be_written_is_not_ready(database: &TestDatabase) {
    let service = Service::start(database).await;
    let folder = service.folder.path().join("files");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "a file where the folder should be").unwrap();
    let ready = Answer::to(service.open(Method::GET, "/readyz")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.text());
    assert_eq!((&ready.json()["database"], &ready.json()["status"]), (&"ok".into(), &"not ready".into()));
}

async fn metrics_count_requests_by_route_and_hold_no_secrets(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let run = service.run("name,table\nAna Example,1\n").await;
    service.get(&format!("/api/v1/invitation-runs/{run}")).await;
    Answer::to(service.open(Method::GET, "/i/secret-token")).await;
    Answer::to(service.request("BREW".parse().unwrap(), "/coffee/secret-pot")).await;
    service.db.clock().advance(Duration::from_secs(5));
    let shown = service.get("/metrics").await;
    assert!(shown.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = shown.text();
    for line in [
        "herald_http_requests_total{method=\"GET\",route=\"/api/v1/invitation-runs/{id}\",status=\"200\"}",
        "herald_http_requests_total{method=\"GET\",route=\"/i/{token}\",status=\"404\"}",
        "herald_http_requests_total{method=\"other\",route=\"none\",status=\"404\"}",
        "http_request_duration_seconds_bucket{method=\"POST\",route=\"/api/v1/invitation-runs\"",
        "herald_db_connections{state=\"limit\"}",
        "# TYPE herald_http_requests_total counter",
        "process_cpu_seconds_total ",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("secret") && !text.contains(&run.to_string()), "{text}");
}
