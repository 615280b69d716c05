//! Guests of a run: found by name, address and cause; one cause tried again; their pictures.

use std::io::{Cursor, Read};

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Service, worker};

on_both_engines! {
    guests_are_found_by_name_number_and_cause,
    one_cause_is_tried_again_and_the_others_stay,
    runs_are_listed_with_names_and_by_template,
    pictures_come_one_by_one_and_all_together,
}

const RUNS: &str = "/api/v1/invitation-runs";
const NAMES: [&str; 4] = ["Amélie Fauçonnier", "Bo 100%", "Cy Example", "Đặng Thị Mai"];

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|guest| guest["name"].as_str().unwrap()).collect()
}

/// A run with one guest who has an invitation, two of one cause, and one of another.
async fn run(service: &Service) -> Uuid {
    service.template().await;
    let id = service.run("name,table\nAmélie Fauçonnier,1\n").await;
    worker::import(service, id, &NAMES).await;
    let ends = [Ok(()), Err("no font has \"ក\""), Err("no font has \"ខ\""), Err("the picture is cut off")];
    worker::finish(service, &ends).await;
    id
}

async fn guests_are_found_by_name_number_and_cause(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = run(&service).await;
    let found = async |query: &str| service.get(&format!("{RUNS}/{id}/guests?{query}")).await.json();
    assert_eq!(names(&found("search=AMELIE").await), ["Amélie Fauçonnier"]);
    assert_eq!(names(&found("search=fauconnier+am").await), ["Amélie Fauçonnier"]);
    assert_eq!(names(&found("search=dang+mai").await), ["Đặng Thị Mai"]);
    assert!(names(&found("search=%25%25").await).is_empty(), "a percent sign is no wildcard");
    assert!(names(&found("search=nobody").await).is_empty());
    assert_eq!(names(&found("search=+").await).len(), 4);
    let number = found("search=amelie").await["items"][0]["lucky_number"].as_str().unwrap().to_owned();
    assert_eq!(names(&found(&format!("search={number}")).await), ["Amélie Fauçonnier"]);
    let causes = service.get(&format!("{RUNS}/{id}/causes")).await.json();
    assert_eq!((&causes["items"][0]["guests"], &causes["items"][1]["guests"]), (&json!(2), &json!(1)), "{causes}");
    assert_eq!(causes["items"][1]["reason"], "the picture is cut off");
    let cause = causes["items"][0]["cause"].as_str().unwrap();
    let of_cause = found(&format!("cause={cause}&limit=1")).await;
    let rest = found(&format!("cause={cause}&limit=1&cursor={}", of_cause["next_cursor"].as_str().unwrap())).await;
    // Workers finish in an order of their own, so any guest may be the one who failed.
    let all = found("").await;
    let failed: Vec<&Value> = all["items"].as_array().unwrap().iter().filter(|guest| guest["cause"] == cause).collect();
    let failed: Vec<&str> = failed.iter().map(|guest| guest["name"].as_str().unwrap()).collect();
    assert_eq!((failed.len(), [names(&of_cause), names(&rest)].concat()), (2, failed.clone()));
    // All failed guests, a page each, in the order of the list.
    let every: Vec<&str> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|guest| guest["state"] == "failed")
        .map(|guest| guest["name"].as_str().unwrap())
        .collect();
    let (mut paged, mut page) = (Vec::new(), found("state=failed&limit=1").await);
    loop {
        paged.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { break };
        page = found(&format!("state=failed&limit=1&cursor={next}")).await;
    }
    assert_eq!((every.len(), paged), (3, every.into_iter().map(str::to_owned).collect()));
    let first = failed[0].split(' ').next().unwrap();
    assert_eq!(names(&found(&format!("cause={cause}&search={first}")).await), failed[..1]);
    assert_eq!(names(&found(&format!("state=failed&search={first}")).await), failed[..1]);
    assert!(names(&found(&format!("state=made&search={first}")).await).is_empty());
    service.get(&format!("{RUNS}/{id}/guests?cause=x")).await.problem(422, "invalid-field");
    let long = format!("{RUNS}/{id}/guests?search={}", "a".repeat(201));
    service.get(&long).await.problem(422, "invalid-field");
}

async fn one_cause_is_tried_again_and_the_others_stay(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = run(&service).await;
    let causes = service.get(&format!("{RUNS}/{id}/causes")).await.json();
    let again = json!({ "cause": causes["items"][0]["cause"] });
    let retried = service.post_json(&format!("{RUNS}/{id}/retry"), again).await;
    assert_eq!(retried.status, StatusCode::ACCEPTED, "{}", retried.text());
    let run = retried.json();
    assert_eq!((&run["enqueued"], &run["state"], &run["failed"]), (&json!(2), &json!("running"), &json!(1)));
    worker::finish(&service, &[Ok(()), Ok(())]).await;
    let run = service.get(&format!("{RUNS}/{id}")).await.json();
    assert_eq!((&run["state"], &run["made"], &run["failed"]), (&json!("complete"), &json!(3), &json!(1)));
    let refused = service.post_json(&format!("{RUNS}/{id}/retry"), json!({ "cause": "all" })).await;
    refused.problem(422, "invalid-field");
    let nothing = service.post_json(&format!("{RUNS}/{id}/retry"), json!({ "cause": "0123456789abcdef" })).await;
    assert_eq!((nothing.status, &nothing.json()["failed"]), (StatusCode::OK, &json!(1)));
}

async fn runs_are_listed_with_names_and_by_template(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    let template = service.template().await;
    service.run("name,table\nAna Example,1\n").await;
    let listed = service.get(&format!("{RUNS}?template={template}")).await.json();
    let first = &listed["items"][0];
    assert_eq!((&first["event_name"], &first["template_name"]), (&json!("Gala"), &json!("gala")));
    let other = service.get(&format!("{RUNS}?template={}", service.db.new_id())).await.json();
    assert_eq!(other["items"], json!([]));
    service.get(&format!("{RUNS}?template=gala")).await.problem(422, "invalid-field");
}

async fn pictures_come_one_by_one_and_all_together(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = run(&service).await;
    let guests = service.get(&format!("{RUNS}/{id}/guests")).await.json();
    let of = |state: &str| guests["items"].as_array().unwrap().iter().find(|guest| guest["state"] == state).unwrap();
    let (made, failed) = (of("made"), of("failed"));
    let picture = |guest: &Value| format!("{RUNS}/{id}/guests/{}/invitation", guest["invitation_id"].as_str().unwrap());
    let whole = service.get(&picture(made)).await;
    assert_eq!((whole.status, whole.text().as_str()), (StatusCode::OK, "a picture"));
    let known = service.request(reqwest::Method::GET, &picture(made)).header("if-none-match", whole.header("etag"));
    assert_eq!(super::Answer::to(known).await.status, StatusCode::NOT_MODIFIED);
    service.get(&picture(failed)).await.problem(404, "not-found");
    service.get(&format!("{}?width=9", picture(made))).await.problem(422, "invalid-field");
    let elsewhere = picture(made).replace(&id.to_string(), &service.db.new_id().to_string());
    service.get(&elsewhere).await.problem(404, "not-found");

    let archive = service.get(&format!("{RUNS}/{id}/results.zip")).await;
    assert_eq!((archive.status, archive.header("content-type")), (StatusCode::OK, "application/zip"));
    let mut zip = zip::ZipArchive::new(Cursor::new(archive.body.to_vec())).unwrap();
    let (number, guest) = (made["lucky_number"].as_str().unwrap(), made["name"].as_str().unwrap());
    let name = format!("{number} {guest}.png");
    let mut files: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    files.sort();
    assert_eq!(files, [name.clone(), "index.csv".to_owned()]);
    let mut content = String::new();
    zip.by_name(&name).unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "a picture");
    let mut index = String::new();
    zip.by_name("index.csv").unwrap().read_to_string(&mut index).unwrap();
    assert!(index.contains(&name) && index.contains("the picture is cut off"), "{index}");
    assert_eq!(index.lines().count(), 5);
}
