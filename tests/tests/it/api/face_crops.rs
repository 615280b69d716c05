//! Portraits: a picture goes in, and the portrait comes out at once or later.

use herald_app::jobs::PortraitCrop;
use herald_ledger::{Outcome, Payload};
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::{Attempt, Failure, Handler};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Answer, Form, Service, service::BACKGROUND, worker};
use crate::ground;

on_both_engines! {
    a_picture_becomes_a_portrait_while_the_client_waits,
    a_client_that_does_not_wait_comes_back_for_the_portrait,
    a_picture_without_a_face_says_so,
    the_same_picture_again_is_the_same_job,
    what_is_no_picture_is_refused,
    a_portrait_belongs_to_its_workspace,
    pictures_take_room_as_other_uploads_do,
}

const CROPS: &str = "/api/v1/face-crops";
/// A person from the front.
const PERSON: &[u8] = include_bytes!("../../../../examples/pictures/amelie.jpg");

/// Does the next job as a worker does.
async fn work(service: &Service, handler: &Handler) {
    let job = worker::lease_next(service, "cpu").await;
    assert_eq!(job.kind, PortraitCrop::POLICY.name);
    let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    let outcome = match handler(attempt).await {
        Ok(done) => Outcome::Done { result: done.result, changes: done.changes, then: done.then },
        Err(Failure::Fail(error)) => Outcome::Dead { error },
        Err(other) => panic!("{other:?}"),
    };
    worker::commit(service, job, outcome).await;
}

async fn send(service: &Service, query: &str, wait: Option<&str>, picture: &'static [u8]) -> Answer {
    let request = service.request(Method::POST, &format!("{CROPS}{query}")).header("content-type", "image/jpeg");
    let request = match wait {
        Some(wait) => request.header("prefer", wait),
        None => request,
    };
    Answer::to(request.body(picture)).await
}

/// The width of a picture.
fn width(picture: &[u8]) -> u32 {
    image::load_from_memory(picture).unwrap().width()
}

async fn a_picture_becomes_a_portrait_while_the_client_waits(database: &TestDatabase) {
    let service = Service::start(database).await;
    let handler = service.handlers();
    let (raw, ()) = tokio::join!(send(&service, "?side=64", Some("wait=15"), PERSON), work(&service, &handler));
    assert_eq!((raw.status, raw.header("content-type")), (StatusCode::OK, "image/jpeg"), "{}", raw.text());
    assert_eq!(width(&raw.body), 64);
    let (media_type, body) = Form::default().file("picture", "ana.jpg", PERSON).finish();
    let form = service.request(Method::POST, &format!("{CROPS}?side=64")).header("content-type", media_type);
    let form = form.header("prefer", "wait=15").body(body);
    let (form, ()) = tokio::join!(Answer::to(form), work(&service, &handler));
    assert!(form.body == raw.body, "a form with the same picture gives the same portrait: {}", form.status);
}

async fn a_client_that_does_not_wait_comes_back_for_the_portrait(database: &TestDatabase) {
    let service = Service::start(database).await;
    let begun = send(&service, "?side=32", None, PERSON).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text());
    let (job, url) = (begun.json()["job"].clone(), begun.json()["picture_url"].as_str().unwrap().to_owned());
    assert_eq!(begun.header("location"), format!("/api/v1/jobs/{}", job.as_str().unwrap()));
    assert!(service.get(&url).await.problem(409, "wrong-state").contains("is ready"));
    // One that has waited long enough goes as one that did not.
    let impatient = send(&service, "?side=32", Some("wait=0"), PERSON).await;
    assert_eq!((impatient.status, &impatient.json()["job"]), (StatusCode::ACCEPTED, &job));
    work(&service, &service.handlers()).await;
    let portrait = service.get(&url).await;
    assert_eq!((portrait.status, width(&portrait.body)), (StatusCode::OK, 32));
    assert_eq!(service.get(begun.header("location")).await.json()["state"], "succeeded");
}

async fn a_picture_without_a_face_says_so(database: &TestDatabase) {
    let service = Service::start(database).await;
    let handler = service.handlers();
    let (refused, ()) = tokio::join!(send(&service, "", Some("wait=15"), BACKGROUND), work(&service, &handler));
    assert!(refused.problem(422, "invalid-field").contains("no face was found"), "{}", refused.text());
    assert_eq!(refused.json()["errors"][0]["pointer"], "/picture");
    let begun = send(&service, "", None, b"not a picture at all").await.json();
    work(&service, &handler).await;
    let url = begun["picture_url"].as_str().unwrap();
    assert!(service.get(url).await.problem(409, "wrong-state").contains("there is no portrait"));
}

async fn the_same_picture_again_is_the_same_job(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["portrait.crop"]);
    let first = send(&service, "", None, PERSON).await.json();
    assert_eq!(send(&service, "?side=512", None, PERSON).await.json()["job"], first["job"]);
    assert_ne!(send(&service, "?side=511", None, PERSON).await.json()["job"], first["job"]);
}

async fn what_is_no_picture_is_refused(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| settings.pictures.max_mb = 1).await;
    let post_form = async |form: Form| service.post_form(CROPS, form).await;
    for side in ["15", "1025"] {
        let refused = send(&service, &format!("?side={side}"), None, PERSON).await;
        assert!(refused.problem(422, "invalid-field").contains("use 16 to 1024"), "{}", refused.text());
    }
    send(&service, "?shape=round", None, PERSON).await.problem(400, "invalid-request");
    send(&service, "", None, b"").await.problem(422, "invalid-field");
    static HUGE: [u8; (1 << 20) + 1] = [0; (1 << 20) + 1];
    assert!(send(&service, "", None, &HUGE).await.problem(413, "too-large").contains("pictures.max_mb"));
    post_form(Form::default().text("name", "Ana")).await.problem(422, "invalid-field");
    let two = Form::default().file("picture", "a.jpg", PERSON).file("picture", "b.jpg", PERSON);
    assert!(post_form(two).await.problem(422, "invalid-field").contains("two pictures"));
    service.post_json(CROPS, json!({})).await.problem(415, "unsupported-media-type");
    assert_eq!(ground::number(&service.db, "select count(*) from jobs").await, 0);
}

async fn a_portrait_belongs_to_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["probe.run"]);
    let begun = send(&service, "", None, PERSON).await.json();
    work(&service, &service.handlers()).await;
    let url = begun["picture_url"].as_str().unwrap();
    let other = service.other_workspace().await;
    Answer::to(service.open(Method::GET, url).bearer_auth(other)).await.problem(404, "not-found");
    // A job of another kind is no portrait.
    let probe = json!({ "kind": "probe.run", "args": { "probe": "canary", "number": 0 } });
    let probe = service.post_json("/api/v1/jobs", probe).await.json();
    service.get(&format!("{CROPS}/{}", probe["id"].as_str().unwrap())).await.problem(404, "not-found");
    let made = service.post_json("/api/v1/keys", json!({ "name": "looks", "role": "viewer" })).await.json();
    let viewer = made["key"].as_str().unwrap();
    assert_eq!(Answer::to(service.open(Method::GET, url).bearer_auth(viewer)).await.status, StatusCode::OK);
    let sent = service.open(Method::POST, CROPS).bearer_auth(viewer).header("content-type", "image/jpeg").body(PERSON);
    Answer::to(sent).await.problem(403, "forbidden");
}

async fn pictures_take_room_as_other_uploads_do(database: &TestDatabase) {
    const LARGE: &[u8] = &[7; 2 << 20];
    let service = Service::start_with(database, |settings| settings.quotas.stored_mb = 1).await;
    service.leaves(&["portrait.crop"]);
    let told = send(&service, "", None, LARGE).await.problem(409, "quota-exceeded");
    assert!(told.contains("quotas.stored_mb"), "{told}");
    assert_eq!(ground::number(&service.db, "select count(*) from jobs").await, 0, "nothing was begun");
    assert_eq!(send(&service, "", None, PERSON).await.status, StatusCode::ACCEPTED, "a small one has room");
}
