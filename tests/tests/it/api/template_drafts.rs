//! Drafts: manifests that are drawn before they are stored, and slots that are moved in their text.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Service, service::MANIFEST, worker};

on_both_engines! {
    a_draft_is_drawn_and_nothing_is_stored,
    a_draft_shows_a_guest_of_a_run,
    a_draft_with_mistakes_names_their_lines,
    a_draft_is_shown_to_its_caller_alone,
    a_slot_is_moved_and_the_rest_of_the_text_stays,
}

fn url(template: Uuid) -> String {
    format!("/api/v1/templates/{template}/draft")
}

async fn a_draft_is_drawn_and_nothing_is_stored(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    let moved = MANIFEST.replace("[10, 10, 380, 60]", "[20, 30, 300, 40]");
    let body = json!({ "manifest": moved, "format": "png", "fields": { "name": "Ana", "table": "7" } });
    let drawn = service.post_json(&url(template), body).await;
    assert_eq!(drawn.status, StatusCode::OK, "{}", drawn.text());
    let drawn = drawn.json();
    let slot = &drawn["slots"][0];
    assert_eq!((&slot["slot"], &slot["x"], &slot["y"]), (&json!(1), &json!(20), &json!(30)));
    assert_eq!((&slot["width"], &slot["height"], &slot["line"]), (&json!(300), &json!(40), &json!(4)));
    assert_eq!((&drawn["width"], &drawn["fields"]), (&json!(400), &json!(["name", "table"])));
    let picture = service.get(drawn["picture_url"].as_str().unwrap()).await;
    assert_eq!((picture.status, picture.header("content-type")), (StatusCode::OK, "image/png"));
    // Another guest is another picture, in the same place.
    let body = json!({ "manifest": moved, "format": "png", "fields": { "name": "Bo", "table": "7" } });
    let other = service.post_json(&url(template), body).await.json();
    assert_ne!(other["picture_url"], drawn["picture_url"]);
    assert_eq!(service.get("/api/v1/templates").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(service.get("/api/v1/jobs").await.json()["items"], json!([]));
}

async fn a_draft_shows_a_guest_of_a_run(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let template = service.template().await;
    let run = service.run("name,table\nAna Example,1\nBo Example,2\n").await;
    worker::import(&service, run, &["Ana Example", "Bo Example"]).await;
    let guests = service.get(&format!("/api/v1/invitation-runs/{run}/guests")).await.json();
    let draw = async |of: serde_json::Value| {
        let mut body = json!({ "manifest": MANIFEST, "format": "png" });
        body.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        service.post_json(&url(template), body).await
    };
    let mut seen = Vec::new();
    for guest in guests["items"].as_array().unwrap() {
        seen.push(draw(json!({ "invitation_id": guest["invitation_id"] })).await.json()["picture_url"].clone());
    }
    seen.push(draw(json!({ "contact_id": guests["items"][0]["contact_id"] })).await.json()["picture_url"].clone());
    assert_ne!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2], "the template shows neither number nor link");
    let nobody = draw(json!({ "invitation_id": service.db.new_id() })).await;
    nobody.problem(422, "invalid-field");
    assert_eq!(nobody.json()["errors"][0]["pointer"], "/invitation_id");
}

async fn a_draft_with_mistakes_names_their_lines(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    let draw = async |body: serde_json::Value| service.post_json(&url(template), body).await;
    let wrong = MANIFEST.replace("[10, 10, 380, 60]", "[10, 10, 900, 60]");
    let refused = draw(json!({ "manifest": wrong })).await;
    refused.problem(422, "invalid-template");
    assert_eq!(refused.json()["errors"][0]["line"], 8);
    draw(json!({ "manifest": "[[slot" })).await.problem(422, "invalid-template");
    draw(json!({ "manifest": MANIFEST, "format": "gif" })).await.problem(422, "invalid-field");
    draw(json!({ "manifest": MANIFEST, "number": "1".repeat(61) })).await.problem(422, "invalid-field");
    let many: serde_json::Map<_, _> = (0..300).map(|at| (at.to_string(), json!("x"))).collect();
    draw(json!({ "manifest": MANIFEST, "fields": many })).await.problem(422, "invalid-field");
    let long = format!("{MANIFEST}#{}", "x".repeat(300 << 10));
    assert!(draw(json!({ "manifest": long })).await.problem(422, "invalid-template").contains("256"));
    service.post_json(&url(service.db.new_id()), json!({ "manifest": MANIFEST })).await.problem(404, "not-found");
}

async fn a_draft_is_shown_to_its_caller_alone(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    service.get(&url(template)).await.problem(404, "not-found");
    service.post_json(&url(template), json!({ "manifest": MANIFEST })).await;
    assert_eq!(service.get(&url(template)).await.status, StatusCode::OK);
    service.get(&format!("{}?format=png", url(template))).await.problem(404, "not-found");
    let made = service.post_json("/api/v1/keys", json!({ "name": "other", "role": "staff" })).await.json();
    let other = service.open(Method::GET, &url(template)).bearer_auth(made["key"].as_str().unwrap());
    Answer::to(other).await.problem(404, "not-found");
}

async fn a_slot_is_moved_and_the_rest_of_the_text_stays(database: &TestDatabase) {
    let service = Service::start(database).await;
    let text = format!("# Ours\n{MANIFEST}# The end");
    let moved = async |body: serde_json::Value| service.post_json("/api/v1/templates/move-slot", body).await;
    let to = moved(json!({ "manifest": text, "slot": 1, "x": -3, "y": 7, "height": 50 })).await;
    assert_eq!(to.json()["manifest"], text.replace("[10, 10, 380, 60]", "[-3, 7, 380, 50]"));
    assert!(moved(json!({ "manifest": text, "slot": 2 })).await.problem(422, "invalid-template").contains("no slot 2"));
    moved(json!({ "manifest": "slot = [", "slot": 1 })).await.problem(422, "invalid-template");
    moved(json!({ "manifest": text, "slot": 1, "x": 1.5 })).await.problem(422, "invalid-field");
    moved(json!({ "manifest": text })).await.problem(422, "invalid-field");
}
