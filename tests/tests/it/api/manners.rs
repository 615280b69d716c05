//! How the API refuses, and what it says to browsers.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Answer, Service};

on_both_engines! {
    whatever_is_wrong_with_a_request_the_answer_is_a_problem,
    a_page_of_an_allowed_origin_may_call_and_another_may_not,
    without_origins_nothing_is_said_to_other_pages,
    a_large_answer_is_compressed_and_a_small_one_is_not,
    browsers_are_told_to_come_by_tls_where_guests_do,
}

async fn whatever_is_wrong_with_a_request_the_answer_is_a_problem(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (method, path) in [
        ("GET", "/api/v1/jobs/%ff"),
        ("GET", "/api/v1/jobs/7"),
        ("GET", "/api/v1/queues/%ff"),
        ("POST", "/api/v1/jobs/act/%ff"),
        ("PUT", "/api/v1/queues/cpu/keys/%ff"),
        ("GET", "/docs/%ff"),
        ("GET", "/nothing"),
        ("POST", "/api/v1/nothing"),
    ] {
        Answer::to(service.request(method.parse().unwrap(), path)).await.problem(404, "not-found");
    }
    for path in ["/api/v1/jobs?limit=many", "/api/v1/audit?x=1", "/authorize"] {
        service.get(path).await.problem(400, "invalid-request");
    }
    let post = |media_type: Option<&str>, body: String| {
        let request = service.request(Method::POST, "/api/v1/probes").body(body);
        Answer::to(match media_type {
            Some(media_type) => request.header("content-type", media_type),
            None => request,
        })
    };
    post(None, "{}".into()).await.problem(415, "unsupported-media-type");
    post(Some("text/plain"), "{}".into()).await.problem(415, "unsupported-media-type");
    post(Some("application/json"), "{".into()).await.problem(400, "invalid-request");
    post(Some("application/json"), "{}".into()).await.problem(422, "invalid-field");
    post(Some("application/json"), " ".repeat((1 << 20) + 1)).await.problem(413, "too-large");
    let hook = format!("/webhooks/mautic/{}", service.db.new_id());
    let large = service.open(Method::POST, &hook).body(vec![b'x'; (1 << 20) + 1]);
    Answer::to(large).await.problem(413, "too-large");
    for (method, path, allowed) in [
        ("PATCH", "/api/v1/jobs", "GET"),
        ("DELETE", "/healthz", "GET"),
        ("GET", "/api/v1/probes", "POST"),
        ("PUT", "/docs", "GET"),
    ] {
        let refused = Answer::to(service.request(method.parse().unwrap(), path)).await;
        refused.problem(405, "method-not-allowed");
        assert!(refused.header("allow").contains(allowed), "{method} {path}: {:?}", refused.headers);
    }
}

fn preflight(service: &Service, origin: &str) -> reqwest::RequestBuilder {
    service
        .open(Method::OPTIONS, "/api/v1/schedules")
        .header("origin", origin)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,if-match,idempotency-key")
}

async fn a_page_of_an_allowed_origin_may_call_and_another_may_not(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| {
        settings.http.cors_origins = vec!["https://console.example.com".to_owned(), "http://localhost:3000".to_owned()];
    })
    .await;
    let asked = Answer::to(preflight(&service, "https://console.example.com")).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(asked.header("access-control-allow-origin"), "https://console.example.com");
    assert!(asked.header("access-control-allow-methods").contains("PATCH"));
    for header in ["authorization", "if-match", "idempotency-key"] {
        assert!(asked.header("access-control-allow-headers").contains(header), "{header}");
    }
    assert_eq!(asked.header("access-control-max-age"), "600");
    assert_eq!(asked.header("access-control-allow-credentials"), "");
    let other = Answer::to(preflight(&service, "https://example.com")).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    // A refusal is to be read by the page, too.
    let refused = service.open(Method::GET, "/api/v1/jobs").header("origin", "http://localhost:3000");
    let refused = Answer::to(refused).await;
    refused.problem(401, "unauthorized");
    assert_eq!(refused.header("access-control-allow-origin"), "http://localhost:3000");
    assert!(refused.header("access-control-expose-headers").contains("etag"));
    assert!(refused.header("vary").contains("origin"));
}

async fn without_origins_nothing_is_said_to_other_pages(database: &TestDatabase) {
    let service = Service::start(database).await;
    let asked = Answer::to(preflight(&service, "https://console.example.com")).await;
    asked.problem(405, "method-not-allowed");
    assert_eq!(asked.header("access-control-allow-origin"), "");
}

async fn a_large_answer_is_compressed_and_a_small_one_is_not(database: &TestDatabase) {
    let service = Service::start(database).await;
    // Not through `Answer::to`, which reads bodies as they come.
    let get = async |path: &str, accepted: &str| {
        let request = service.request(Method::GET, path).header("accept-encoding", accepted);
        let response = request.send().await.unwrap();
        let encoding = response.headers().get("content-encoding").map(|it| it.to_str().unwrap().to_owned());
        (encoding, response.headers().clone(), response.bytes().await.unwrap())
    };
    let document = "/api/v1/openapi.json";
    let (plain, _, whole) = get(document, "identity").await;
    assert_eq!(plain, None);
    for encoding in ["gzip", "br"] {
        let (sent, headers, body) = get(document, encoding).await;
        assert_eq!(sent.as_deref(), Some(encoding));
        assert!(body.len() * 4 < whole.len(), "{encoding}: {} of {}", body.len(), whole.len());
        assert!(headers["vary"].to_str().unwrap().contains("accept-encoding"));
    }
    // A refusal is written anew on its way out: it is not to say that it is compressed when it is not.
    let (encoding, _, body) = get("/api/v1/nothing", "gzip").await;
    assert_eq!(encoding, None);
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    let (encoding, _, _) = get("/healthz", "gzip").await;
    assert_eq!(encoding, None);
    let (encoding, headers, _) = get("/docs/favicon-32x32.png", "gzip").await;
    assert_eq!((encoding, headers["content-type"].to_str().unwrap()), (None, "image/png"));
}

async fn browsers_are_told_to_come_by_tls_where_guests_do(database: &TestDatabase) {
    let service = Service::start(database).await;
    assert_eq!(service.get("/api/v1/jobs").await.header("strict-transport-security"), "");
    let service = Service::start_with(database, |settings| {
        settings.http.public_url = "https://invitations.example.com".to_owned();
    })
    .await;
    for path in ["/api/v1/jobs", "/i/x", "/docs/"] {
        assert_eq!(service.get(path).await.header("strict-transport-security"), "max-age=31536000", "{path}");
    }
    assert_eq!(service.get("/api/v1/jobs").await.json()["items"], json!([]));
}
