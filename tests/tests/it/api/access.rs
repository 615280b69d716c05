//! Who may, and what every answer carries.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;

use super::{Answer, Service, worker};

on_both_engines! {
    no_endpoint_but_health_and_links_is_open,
    a_token_opens_its_own_workspace_and_no_other,
    what_is_not_served_is_a_problem_too,
    a_request_keeps_its_id_and_a_harmful_one_gets_another,
    a_browser_is_told_to_be_careful,
    without_a_database_the_answer_says_to_come_back,
}

const CLOSED: &[(&str, &str)] = &[
    ("POST", "/api/v1/invitation-runs"),
    ("GET", "/api/v1/invitation-runs"),
    ("GET", "/api/v1/invitation-runs/{id}"),
    ("GET", "/api/v1/invitation-runs/{id}/guests"),
    ("GET", "/api/v1/invitation-runs/{id}/causes"),
    ("GET", "/api/v1/invitation-runs/{id}/guests/{id}/invitation"),
    ("GET", "/api/v1/invitation-runs/{id}/guests/{id}/picture"),
    ("GET", "/api/v1/invitation-runs/{id}/results.csv"),
    ("GET", "/api/v1/invitation-runs/{id}/results.zip"),
    ("POST", "/api/v1/invitation-runs/checks"),
    ("GET", "/api/v1/invitation-runs/checks/{id}"),
    ("GET", "/api/v1/invitation-runs/checks/{id}/samples/1"),
    ("POST", "/api/v1/invitation-runs/checks/{id}/start"),
    ("POST", "/api/v1/invitation-runs/{id}/cancel"),
    ("POST", "/api/v1/invitation-runs/{id}/retry"),
    ("POST", "/api/v1/templates"),
    ("GET", "/api/v1/templates"),
    ("GET", "/api/v1/templates/{id}"),
    ("GET", "/api/v1/templates/{id}/preview"),
    ("POST", "/api/v1/templates/{id}/preview"),
    ("POST", "/api/v1/face-crops"),
    ("GET", "/api/v1/face-crops/{id}"),
    ("GET", "/api/v1/jobs"),
    ("POST", "/api/v1/jobs"),
    ("POST", "/api/v1/jobs/bulk"),
    ("GET", "/api/v1/jobs/{id}"),
    ("POST", "/api/v1/jobs/{id}/retry"),
    ("POST", "/api/v1/jobs/{id}/cancel"),
    ("GET", "/api/v1/queues"),
    ("POST", "/api/v1/queues/cpu/pause"),
    ("GET", "/api/v1/batches/{id}"),
    ("GET", "/metrics"),
];

async fn no_endpoint_but_health_and_links_is_open(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = service.db.new_id().to_string();
    for (method, path) in CLOSED {
        let path = path.replace("{id}", &id);
        let request = || service.open(method.parse().unwrap(), &path);
        let without = Answer::to(request()).await;
        without.problem(401, "unauthorized");
        assert_eq!(without.header("www-authenticate"), "Bearer realm=\"herald\"", "{method} {path}");
        let wrong = Answer::to(request().bearer_auth("herald_wrong")).await;
        wrong.problem(401, "unauthorized");
        assert!(wrong.header("www-authenticate").contains("invalid_token"), "{method} {path}");
    }
    for path in ["/about", "/problems", "/healthz", "/readyz"] {
        assert_eq!(Answer::to(service.open(Method::GET, path)).await.status, 200, "{path}");
    }
    assert_eq!(Answer::to(service.open(Method::GET, "/i/x")).await.status, 404);
}

async fn a_token_opens_its_own_workspace_and_no_other(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let template = service.template().await;
    let run = service.run("name,table\nAna Example,1\n").await;
    worker::import(&service, run, &["Ana Example"]).await;
    let batch = service.get(&format!("/api/v1/invitation-runs/{run}")).await.json()["batch_id"].clone();
    let job = service.get("/api/v1/jobs?kind=invitation.render").await.json()["items"][0]["id"].clone();
    let (batch, job) = (batch.as_str().unwrap(), job.as_str().unwrap());
    let other = service.other_workspace().await;
    let ask = |method: &str, path: String| {
        Answer::to(service.open(method.parse().unwrap(), &path).bearer_auth(&other).json(&serde_json::json!({})))
    };
    for (method, path) in [
        ("GET", format!("/api/v1/invitation-runs/{run}")),
        ("GET", format!("/api/v1/invitation-runs/{run}/guests")),
        ("GET", format!("/api/v1/invitation-runs/{run}/causes")),
        ("GET", format!("/api/v1/invitation-runs/{run}/results.csv")),
        ("GET", format!("/api/v1/invitation-runs/{run}/results.zip")),
        ("POST", format!("/api/v1/invitation-runs/{run}/cancel")),
        ("POST", format!("/api/v1/invitation-runs/{run}/retry")),
        ("GET", format!("/api/v1/templates/{template}")),
        ("POST", format!("/api/v1/templates/{template}/preview")),
        ("GET", format!("/api/v1/jobs/{job}")),
        ("POST", format!("/api/v1/jobs/{job}/retry")),
        ("POST", format!("/api/v1/jobs/{job}/cancel")),
        ("GET", format!("/api/v1/batches/{batch}")),
    ] {
        ask(method, path).await.problem(404, "not-found");
    }
    for path in ["/api/v1/invitation-runs", "/api/v1/templates", "/api/v1/jobs"] {
        assert_eq!(ask("GET", path.to_owned()).await.json()["items"], serde_json::json!([]), "{path}");
    }
    assert_eq!(service.get(&format!("/api/v1/jobs/{job}")).await.json()["state"], "ready");
}

async fn what_is_not_served_is_a_problem_too(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.get("/api/v2/jobs").await.problem(404, "not-found");
    service.get("/api/v1/nothing").await.problem(404, "not-found");
    service.get("/api/v1/jobs/not-an-id").await.problem(404, "not-found");
    let wrong = Answer::to(service.request(Method::DELETE, "/api/v1/jobs")).await;
    wrong.problem(405, "method-not-allowed");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);
    let both = Answer::to(service.request(Method::PUT, "/api/v1/invitation-runs")).await;
    both.problem(405, "method-not-allowed");
    assert!(both.header("allow").contains("GET") && both.header("allow").contains("POST"), "{:?}", both.headers);
    let unknown = service.get("/api/v1/jobs?stat=dead").await;
    assert!(unknown.problem(400, "invalid-request").contains("unknown field `stat`"));
    for path in ["/api/v1/jobs?limit=0", "/api/v1/templates?limit=501", "/api/v1/invitation-runs?cursor=x"] {
        service.get(path).await.problem(422, "invalid-field");
    }
}

async fn a_request_keeps_its_id_and_a_harmful_one_gets_another(database: &TestDatabase) {
    let service = Service::start(database).await;
    let with_id = |id: &str| Answer::to(service.open(Method::GET, "/healthz").header("x-request-id", id));
    assert_eq!(with_id("order-17.b_2").await.header("x-request-id"), "order-17.b_2");
    for harmful in ["a b", "<script>", &"x".repeat(65), ""] {
        let id = with_id(harmful).await.header("x-request-id").to_owned();
        assert_eq!(id.parse::<uuid::Uuid>().unwrap().get_version_num(), 7, "{harmful:?}");
    }
}

async fn a_browser_is_told_to_be_careful(database: &TestDatabase) {
    let service = Service::start(database).await;
    for path in ["/about", "/api/v1/jobs", "/nothing"] {
        let answer = service.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    assert!(service.get("/about").await.text().contains("/api/v1/invitation-runs"));
    assert!(service.get("/problems").await.text().contains("## invalid-list"));
}

async fn without_a_database_the_answer_says_to_come_back(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.db.close().await;
    let refused = service.get("/api/v1/jobs").await;
    let detail = refused.problem(503, "unavailable");
    assert!(!detail.contains("pool"), "{detail}");
    assert_eq!(refused.header("retry-after"), "2");
}
