//! Mending one guest of a run: another picture, a crop, another attempt.

use herald_invitations as domain;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Form, Service, worker};

on_both_engines! {
    a_guest_who_failed_is_tried_again_once,
    another_picture_and_a_crop_go_to_the_next_portrait,
    what_cannot_be_mended_says_why,
}

const PERSON: &[u8] = include_bytes!("../../../../examples/pictures/amelie.jpg");

/// A run of two guests, of whom the second has failed, and the addresses of both.
async fn run(service: &Service) -> (Uuid, String, String) {
    service.template().await;
    let run = service.run("name,table\nAmélie,1\nBjörn,2\n").await;
    worker::import(service, run, &["Amélie", "Björn"]).await;
    worker::finish(service, &[Ok(()), Err("the picture is broken")]).await;
    let guests = service.get(&format!("/api/v1/invitation-runs/{run}/guests")).await.json();
    let of = |at: usize| {
        let id = guests["items"][at]["invitation_id"].as_str().unwrap();
        format!("/api/v1/invitation-runs/{run}/guests/{id}")
    };
    (run, of(0), of(1))
}

async fn counted(service: &Service, run: Uuid) -> (String, i64, i64) {
    let run = service.get(&format!("/api/v1/invitation-runs/{run}")).await.json();
    (run["state"].as_str().unwrap().to_owned(), run["made"].as_i64().unwrap(), run["failed"].as_i64().unwrap())
}

async fn a_guest_who_failed_is_tried_again_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (run, _, failed) = run(&service).await;
    assert_eq!(counted(&service, run).await, ("complete".to_owned(), 1, 1));
    let guest = service.get(&failed).await.json();
    assert_eq!((&guest["state"], &guest["reason"]), (&json!("failed"), &json!("the picture is broken")));
    let again = service.post(&format!("{failed}/retry")).await;
    assert_eq!((again.status.as_u16(), &again.json()["state"]), (202, &json!("pending")), "{}", again.text());
    assert_eq!(counted(&service, run).await, ("running".to_owned(), 1, 0));
    service.post(&format!("{failed}/retry")).await.problem(409, "wrong-state");
    worker::finish(&service, &[Ok(())]).await;
    assert_eq!(counted(&service, run).await, ("complete".to_owned(), 2, 0));
    let log = service.get("/api/v1/audit?limit=1").await.json();
    assert_eq!(log["items"][0]["action"], "guest.retry");
}

async fn another_picture_and_a_crop_go_to_the_next_portrait(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["face.crop", "invitation.summary"]);
    let (run, made, failed) = run(&service).await;
    let replaced =
        service.post_form(&format!("{failed}/picture"), Form::default().file("picture", "b.jpg", PERSON)).await;
    assert_eq!(replaced.status, 202, "{}", replaced.text());
    let guest = replaced.json();
    assert_eq!((&guest["state"], &guest["step"], &guest["crop"]), (&json!("pending"), &json!("picture"), &Value::Null));
    let picture = service.get(guest["picture_url"].as_str().unwrap()).await;
    assert_eq!((picture.header("content-type"), &*picture.body), ("image/jpeg", PERSON));
    // The other one has an invitation, and keeps its link while the next is made.
    let raw = service.request(Method::POST, &format!("{made}/picture")).header("content-type", "image/jpeg");
    assert_eq!(Answer::to(raw.body(PERSON)).await.status, 202);
    assert_eq!(counted(&service, run).await, ("running".to_owned(), 0, 0));
    assert!(service.get(&made).await.json()["link"].is_string());
    let id: Uuid = made.rsplit('/').next().unwrap().parse().unwrap();
    let mut tx = service.db.begin().await.unwrap();
    herald_db::query("update invitations set state = 'failed' where workspace_id = $1 and id = $2")
        .bind(service.workspace)
        .bind(id)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let cropped = service.post_json(&format!("{made}/crop"), json!({ "left": 12.5, "top": 0, "side": 50 })).await;
    assert_eq!(cropped.status, 202, "{}", cropped.text());
    assert_eq!(cropped.json()["crop"], json!({ "left": 12.5, "top": 0.0, "side": 50.0 }));
    let invitation = domain::find_invitation(&service.db, service.workspace, id).await.unwrap().unwrap();
    assert_eq!(invitation.crop.unwrap().0.square((800, 400)), (100.0, 0.0, 200.0));
}

async fn what_cannot_be_mended_says_why(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (run, made, _) = run(&service).await;
    let area = |side: i64| json!({ "left": 0, "top": 0, "side": side });
    service.post_json(&format!("{made}/crop"), area(50)).await.problem(409, "wrong-state");
    service.post_json(&format!("{made}/crop"), area(101)).await.problem(422, "invalid-field");
    service.get(&format!("{made}/picture")).await.problem(404, "not-found");
    let nothing = service.post_form(&format!("{made}/picture"), Form::default().text("other", "x")).await;
    nothing.problem(422, "invalid-field");
    let stranger = format!("/api/v1/invitation-runs/{run}/guests/{}", Uuid::from_u128(7));
    service.get(&stranger).await.problem(404, "not-found");
    service.post(&format!("{stranger}/retry")).await.problem(404, "not-found");
    let other = service.other_workspace().await;
    let request = service.open(Method::POST, &format!("{made}/retry")).bearer_auth(other);
    Answer::to(request).await.problem(404, "not-found");
    assert_eq!(counted(&service, run).await, ("complete".to_owned(), 1, 1));
}
