//! Previews: the request waits for a job, and the job is not left behind.

use std::sync::Arc;

use bytes::Bytes;
use herald_app::jobs::TemplatePreview;
use herald_ledger as ledger;
use herald_ledger::{JobState, Outcome};
use herald_providers::files::Key;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Service, worker};

on_both_engines! {
    a_preview_is_the_picture_the_worker_drew,
    a_preview_that_cannot_be_drawn_says_why,
    a_preview_nobody_draws_times_out_and_is_cancelled,
    a_client_that_goes_away_takes_its_preview_with_it,
    what_cannot_be_previewed_is_refused,
    a_stop_lets_a_request_in_progress_finish,
}

/// Leases the next preview and ends it.
async fn draw(service: Arc<Service>, outcome: Outcome) -> TemplatePreview {
    let job = worker::lease_next(&service, "cpu").await;
    let args = serde_json::from_value(job.args.0.clone()).unwrap();
    worker::commit(&service, job, outcome).await;
    args
}

/// The picture that a worker draws in these tests.
fn picture(service: &Service) -> Key {
    Key::preview(service.workspace, "a", "png")
}

fn drawn(service: &Service) -> Outcome {
    let result =
        json!({ "file": picture(service).as_str(), "media_type": "image/png", "notes": ["no font has \u{1f600}"] });
    Outcome::Done { result: Some(result), changes: Vec::new(), then: Vec::new() }
}

fn url(template: Uuid) -> String {
    format!("/api/v1/templates/{template}/preview")
}

async fn a_preview_is_the_picture_the_worker_drew(database: &TestDatabase) {
    let service = Arc::new(Service::start(database).await);
    let template = service.template().await;
    service.files.put(&picture(&service), Bytes::from_static(b"a picture")).await.unwrap();
    let painter = tokio::spawn(draw(service.clone(), drawn(&service)));
    let shown = service.get(&format!("{}?name=Ana+Example&table=7&format=png", url(template))).await;
    assert_eq!((shown.status, shown.text().as_str()), (StatusCode::OK, "a picture"));
    assert_eq!(shown.header("content-type"), "image/png");
    assert_eq!(shown.header("herald-notes"), r#"["no font has \ud83d\ude00"]"#);
    let args = painter.await.unwrap();
    assert_eq!((args.template_id, args.contact_id, args.format.as_str()), (template, None, "png"));
    assert_eq!(
        args.fields,
        [("name".to_owned(), "Ana Example".to_owned()), ("table".to_owned(), "7".to_owned())].into()
    );

    let painter = tokio::spawn(draw(service.clone(), drawn(&service)));
    let shown = service.post_json(&url(template), json!({ "fields": { "name": "Bo Example" } })).await;
    assert_eq!(shown.status, StatusCode::OK);
    let args = painter.await.unwrap();
    assert_eq!((args.fields["name"].as_str(), args.format.as_str()), ("Bo Example", "jpeg"));
}

async fn a_preview_that_cannot_be_drawn_says_why(database: &TestDatabase) {
    let service = Arc::new(Service::start(database).await);
    let template = service.template().await;
    let dead = Outcome::Dead { error: "the background is damaged: export it again".to_owned() };
    tokio::spawn(draw(service.clone(), dead));
    let refused = service.get(&url(template)).await;
    assert_eq!(refused.problem(422, "preview-failed"), "the background is damaged: export it again");
}

async fn a_preview_nobody_draws_times_out_and_is_cancelled(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    let request = service.request(Method::GET, &url(template)).header("prefer", "wait=0");
    let late = Answer::to(request).await;
    assert!(late.problem(504, "preview-timeout").contains("that the queue \"cpu\" is not paused"));
    assert_eq!(service.get("/api/v1/jobs?kind=template.preview").await.json()["items"][0]["state"], "cancelled");
}

async fn a_client_that_goes_away_takes_its_preview_with_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["template.preview"]);
    let template = service.template().await;
    let mut cancels = service.wire.cancels();
    let client = tokio::spawn(service.request(Method::GET, &url(template)).send());
    let job = worker::lease_next(&service, "cpu").await;
    client.abort();
    assert_eq!(cancels.recv().await.unwrap(), job.id);
    let job = ledger::find_job(&service.db, service.workspace, job.id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Running);
}

async fn what_cannot_be_previewed_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    service.get(&url(service.db.new_id())).await.problem(404, "not-found");
    let gif = service.get(&format!("{}?format=gif", url(template))).await;
    assert!(gif.problem(422, "invalid-field").contains("jpeg, png or webp"));
    service.get(&format!("{}?contact_id=x", url(template))).await.problem(422, "invalid-field");
    let nobody = service.get(&format!("{}?contact_id={}", url(template), service.db.new_id())).await;
    assert_eq!(nobody.json()["errors"][0]["pointer"], "/contact_id");
    let odd = service.post_json(&url(template), json!({ "fields": { "name": 7 } })).await;
    odd.problem(422, "invalid-field");
    assert_eq!(odd.json()["errors"][0]["pointer"], "/fields/name");
    service.post(&url(template)).await.problem(415, "unsupported-media-type");
    assert_eq!(service.get("/api/v1/jobs").await.json()["items"], json!([]));
}

async fn a_stop_lets_a_request_in_progress_finish(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    service.files.put(&picture(&service), Bytes::from_static(b"a picture")).await.unwrap();
    let client = tokio::spawn(Answer::to(service.request(Method::GET, &url(template))));
    let job = worker::lease_next(&service, "cpu").await;
    service.stop.cancel();
    worker::commit(&service, job, drawn(&service)).await;
    assert_eq!(client.await.unwrap().text(), "a picture");
    service.server.await.unwrap().unwrap();
}
