//! Starting runs.

use futures::TryStreamExt;
use herald_base::telemetry::TraceContext;
use herald_contacts::Person;
use herald_invitations as domain;
use herald_invitations::{PicturePolicy, RunSource};
use herald_providers::files::{Area, Key, Stored, folder};
use herald_template::Bundle;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{
    Answer, Form, Service,
    service::{BACKGROUND, MANIFEST},
};

on_both_engines! {
    a_list_with_pictures_starts_a_run,
    a_template_of_before_that_cannot_be_drawn_starts_no_run,
    the_same_upload_again_is_the_same_run,
    known_contacts_start_a_run,
    contacts_that_are_not_there_are_pointed_at,
    a_trace_travels_into_the_ledger,
}

const LIST: &str = "name,table,picture\nAna Example,1,ana.jpg\nBo Example,2,\n";
const RUNS: &str = "/api/v1/invitation-runs";

async fn a_list_with_pictures_starts_a_run(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    let template = service.template().await;
    let form = Form::of("Spring Gala", "gala", LIST)
        .file("pictures", "ana.jpg", b"not looked at here")
        .file("pictures", "", b"")
        .text("format", "png")
        .text("limit", "10")
        .text("on_bad_picture", "fail")
        .text("number_prefix", "G-")
        .text("number_digits", "6")
        .text("refresh", "");
    let started = service.post_form(RUNS, form).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let run = started.json();
    let id: Uuid = run["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(started.header("location"), format!("{RUNS}/{id}"));
    assert_eq!((&run["state"], &run["resumed"]), (&json!("importing"), &json!(false)));
    assert_eq!(run["event"]["slug"], "spring-gala");
    assert_eq!((&run["event"]["number_prefix"], &run["event"]["number_digits"]), (&json!("G-"), &json!(6)));
    assert_eq!(run["template"]["id"], template.to_string());
    assert_eq!(run["batch"]["total"], 1);

    let stored = domain::find_run(&service.db, service.workspace, id).await.unwrap().unwrap();
    assert_eq!(stored.options.0.format.as_str(), "png");
    assert_eq!(stored.options.0.limit, Some(10));
    assert_eq!(stored.options.0.on_bad_picture, PicturePolicy::Fail);
    let RunSource::Csv { key, name, sha256, picture_folder, pictures, is_sheet: false } = stored.source.0 else {
        panic!("the source is a list")
    };
    assert_eq!((name.as_str(), picture_folder), ("guests.csv", None));
    assert_eq!(key, Key::list(service.workspace, &sha256).as_str());
    assert_eq!(service.files.get(&Stored::of(service.workspace, &key).unwrap(), 10_000).await.unwrap(), LIST);
    assert_eq!(pictures.keys().collect::<Vec<_>>(), ["ana.jpg"]);
    let picture = Stored::of(service.workspace, &pictures["ana.jpg"]).unwrap();
    assert_eq!(service.files.get(&picture, 100).await.unwrap(), "not looked at here");

    let jobs = service.get("/api/v1/jobs?kind=contacts.import&state=ready").await.json();
    assert_eq!(jobs["items"][0]["args"]["run_id"], id.to_string());
    assert_eq!(service.get(&format!("{RUNS}/{id}")).await.json()["id"], id.to_string());
}

async fn a_template_of_before_that_cannot_be_drawn_starts_no_run(database: &TestDatabase) {
    let service = Service::start(database).await;
    // An earlier version looked at no more than the head of a background.
    let mut bundle = Bundle::default();
    let half = &BACKGROUND[..BACKGROUND.len() - 40];
    bundle.insert("template.toml", MANIFEST.as_bytes().to_vec().into()).unwrap();
    bundle.insert("back.png", half.to_vec().into()).unwrap();
    let (db, files) = (&service.db, &service.files);
    domain::store_template(db, files, service.workspace, Some("gala"), &bundle).await.unwrap();
    let refused = service.post_form(RUNS, Form::of("Gala", "gala", LIST)).await;
    assert!(refused.text().contains("background \\\"back.png\\\""), "{}", refused.text());
    refused.problem(422, "invalid-template");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/template");
    assert_eq!(service.get(RUNS).await.json()["items"], json!([]));
}

async fn the_same_upload_again_is_the_same_run(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let first = service.run(LIST).await;
    let again = service.post_form(RUNS, Form::of("Gala", "gala", LIST)).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!((&again.json()["id"], &again.json()["resumed"]), (&json!(first.to_string()), &json!(true)));
    let other = service.post_form(RUNS, Form::of("Gala", "gala", LIST).text("refresh", "true")).await;
    assert_ne!(other.json()["id"], first.to_string());
    let stored: Vec<String> = service.files.list(&folder(service.workspace, Area::Lists)).try_collect().await.unwrap();
    assert_eq!(stored.len(), 1);
}

async fn contacts(service: &Service, names: &[&str]) -> Vec<Uuid> {
    let guests: Vec<Person> = names
        .iter()
        .map(|name| Person {
            row_key: (*name).to_owned(),
            name: (*name).to_owned(),
            fields: [("table".to_owned(), "7".to_owned())].into(),
            ..Person::default()
        })
        .collect();
    let mut tx = service.db.begin().await.unwrap();
    let made = herald_contacts::upsert_people(&mut tx, service.workspace, &guests).await.unwrap();
    tx.commit().await.unwrap();
    made.iter().map(|guest| guest.contact_id).collect()
}

async fn known_contacts_start_a_run(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let ids = contacts(&service, &["Ana Example", "Bo Example"]).await;
    let body = json!({
        "event": "Gala", "template": "gala", "contact_ids": [ids[1], ids[0], ids[1]],
        "refresh": true, "on_bad_picture": "avatar", "format": "webp"
    });
    let started = service.post_json(RUNS, body).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let id = started.json()["id"].as_str().unwrap().parse().unwrap();
    let run = domain::find_run(&service.db, service.workspace, id).await.unwrap().unwrap();
    assert_eq!(run.source.0, RunSource::Contacts { ids: vec![ids[1], ids[0]] });
    assert!(run.options.0.refresh);
}

async fn contacts_that_are_not_there_are_pointed_at(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let known = contacts(&service, &["Ana Example"]).await[0];
    let unknown = service.db.new_id();
    let start = |ids: serde_json::Value| {
        service.post_json(RUNS, json!({ "event": "Gala", "template": "gala", "contact_ids": ids }))
    };
    let refused = start(json!([known, unknown])).await;
    assert!(refused.problem(422, "invalid-field").contains(&unknown.to_string()));
    assert_eq!(refused.json()["errors"][0]["pointer"], "/contact_ids/1");
    assert_eq!(start(json!([])).await.json()["errors"][0]["pointer"], "/contact_ids");
    let no_id = start(json!([known, "x"])).await;
    no_id.problem(422, "invalid-field");
    assert_eq!(no_id.json()["errors"][0]["pointer"], "/contact_ids/1");
}

async fn a_trace_travels_into_the_ledger(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let (media_type, body) = Form::of("Gala", "gala", LIST).finish();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = service.request(reqwest::Method::POST, RUNS).header("content-type", media_type).body(body);
    assert_eq!(Answer::to(request.header("traceparent", trace)).await.status, StatusCode::ACCEPTED);
    let job = super::worker::lease_next(&service, "control").await;
    let shown = service.get(&format!("/api/v1/jobs/{}", job.id)).await.json();
    assert_eq!(shown["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let stored: TraceContext = job.traceparent.unwrap().parse().unwrap();
    assert_eq!(stored.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert_ne!(stored.span_id(), "b7ad6b7169203331", "the request is a span of its own");
    assert!(stored.is_sampled());
}
