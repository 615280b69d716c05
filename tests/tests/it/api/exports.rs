//! Exports over HTTP: exactly the list that is shown, as a file.

use std::io::Cursor;

use herald_sheets::workbook::Workbook;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Form, Service, worker::work};

on_both_engines! {
    the_list_that_is_shown_becomes_a_file,
    what_is_exported_and_imported_again_changes_nobody,
    leads_are_exported_with_their_values,
    an_export_is_stopped_and_expires,
    a_filter_that_the_list_does_not_know_is_refused,
    an_export_belongs_to_its_workspace,
}

const EXPORTS: &str = "/api/v1/exports";

async fn order(service: &Service, what: &str, format: &str, filter: Value) -> Value {
    let ordered = service.post_json(EXPORTS, json!({ "what": what, "format": format, "filter": filter })).await;
    assert_eq!(ordered.status, StatusCode::ACCEPTED, "{}", ordered.text());
    assert_eq!(ordered.header("location"), path(&ordered.json()));
    ordered.json()
}

fn path(export: &Value) -> String {
    format!("{EXPORTS}/{}", export["id"].as_str().unwrap())
}

/// The finished file of an export.
async fn file(service: &Service, export: &Value) -> Answer {
    work(service).await;
    let done = service.get(&path(export)).await.json();
    assert_eq!(done["state"], "done", "{done}");
    let file = service.get(&format!("{}/file", path(export))).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text());
    assert_eq!(done["bytes"], json!(file.body.len()));
    file
}

async fn contact(service: &Service, body: Value) {
    let made = service.post_json("/api/v1/contacts", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
}

async fn people(service: &Service) {
    for body in [
        json!({ "name": "=Amélie \"A\"", "email": "amelie@example.com", "phone": "+34600000001", "country": "ES",
            "locale": "pt-BR", "time_zone": "Europe/Madrid", "external_id": "00123", "tags": ["VIP", "press"],
            "fields": { "Table No.": "7", "note": "two\nlines, and more" } }),
        json!({ "name": "山田 太郎", "tags": ["vip"] }),
        json!({ "name": "Bo Example", "email": "bo@example.com" }),
    ] {
        contact(service, body).await;
    }
}

/// The text with `ID` in the place of each id.
fn without_ids(text: &str) -> String {
    let cell = |cell: &str| {
        if cell.len() == 36 && cell.parse::<uuid::Uuid>().is_ok() { "ID".to_owned() } else { cell.to_owned() }
    };
    text.split('"').map(cell).collect::<Vec<_>>().join("\"")
}

async fn the_list_that_is_shown_becomes_a_file(database: &TestDatabase) {
    let service = Service::start(database).await;
    people(&service).await;
    let export = order(&service, "contacts", "csv", json!({ "tag": "vip" })).await;
    assert_eq!((&export["state"], &export["rows"]), (&json!("running"), &json!(0)));
    service.get(&format!("{}/file", path(&export))).await.problem(409, "wrong-state");
    let csv = file(&service, &export).await;
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"contacts_2026-03-01_090000.csv\"");
    assert_eq!(
        without_ids(&String::from_utf8(csv.body).unwrap()),
        "\u{feff}\"name\",\"email\",\"phone\",\"external_id\",\"language\",\"time_zone\",\"country\",\"tags\",\
         \"herald_id\",\"Table No.\",\"note\"\r\n\
         \"山田 太郎\",\"\",\"\",\"\",\"\",\"\",\"\",\"VIP\",\"ID\",\"\",\"\"\r\n\
         \"'=Amélie \"\"A\"\"\",\"amelie@example.com\",\"'+34600000001\",\"00123\",\"pt-BR\",\"Europe/Madrid\",\"ES\",\
         \"press, VIP\",\"ID\",\"7\",\"two\nlines, and more\"\r\n"
    );
    service.db.clock().advance(std::time::Duration::from_millis(10));
    let export = order(&service, "contacts", "xlsx", json!({ "tag": "vip" })).await;
    let bytes = file(&service, &export).await.body;
    let mut rows = Vec::new();
    let mut book = Workbook::open(Cursor::new(bytes)).unwrap();
    book.rows(0, &mut |_, cells| {
        rows.push(cells.to_vec());
        Ok(())
    })
    .unwrap();
    assert_eq!((rows.len(), rows[2][0].as_str(), rows[2][3].as_str()), (3, "=Amélie \"A\"", "00123"));
    let listed = service.get(EXPORTS).await.json();
    assert_eq!((&listed["items"][0]["rows"], &listed["items"][0]["format"]), (&json!(2), &json!("xlsx")));
}

async fn what_is_exported_and_imported_again_changes_nobody(database: &TestDatabase) {
    let service = Service::start(database).await;
    people(&service).await;
    let before = service.get("/api/v1/contacts").await.json();
    for format in ["csv", "xlsx"] {
        let export = order(&service, "contacts", format, json!({})).await;
        let list = file(&service, &export).await.body;
        let form = Form::default().file("file", "again", &list).text("mode", "overwrite").text("starts_itself", "true");
        let import = service.post_form("/api/v1/imports", form).await.json();
        work(&service).await;
        let done = service.get(&format!("/api/v1/imports/{}", import["id"].as_str().unwrap())).await.json();
        let counts = ["state", "created", "updated", "refused"].map(|name| done[name].clone());
        assert_eq!(counts, [json!("done"), json!(0), json!(0), json!(0)], "{done}");
    }
    assert_eq!(service.get("/api/v1/contacts").await.json(), before);
}

async fn leads_are_exported_with_their_values(database: &TestDatabase) {
    let service = Service::start(database).await;
    let lead = json!({ "contact": { "name": "Ann Example" }, "lead": { "need": "Dinner, for 40", "value_minor": 250_050,
        "currency": "EUR", "source": "website" } });
    assert_eq!(service.post_json("/api/v1/leads", lead).await.status, StatusCode::CREATED);
    let export = order(&service, "leads", "csv", json!({ "outcome": "open" })).await;
    let csv = String::from_utf8(file(&service, &export).await.body).unwrap();
    assert!(
        csv.contains("\"Ann Example\",\"\",\"\",\"Dinner, for 40\",\"New\",\"open\",\"2500.50\",\"EUR\",\"website\""),
        "{csv}"
    );
    let none = order(&service, "leads", "csv", json!({ "outcome": "won" })).await;
    assert_eq!(String::from_utf8(file(&service, &none).await.body).unwrap().lines().count(), 1);
}

async fn an_export_is_stopped_and_expires(database: &TestDatabase) {
    let service = Service::start(database).await;
    people(&service).await;
    let export = order(&service, "contacts", "csv", json!({})).await;
    assert_eq!(service.post(&format!("{}/cancel", path(&export))).await.json()["state"], "cancelled");
    work(&service).await;
    assert_eq!(service.get(&path(&export)).await.json()["state"], "cancelled");
    service.post(&format!("{}/cancel", path(&export))).await.problem(409, "wrong-state");
    let export = order(&service, "contacts", "csv", json!({})).await;
    file(&service, &export).await;
    // A week later the file is gone.
    service.db.clock().advance(std::time::Duration::from_secs(8 * 24 * 3_600));
    work(&service).await;
    assert_eq!(service.get(&path(&export)).await.json()["state"], "expired");
    let gone = service.get(&format!("{}/file", path(&export))).await.problem(409, "wrong-state");
    assert!(gone.contains("gone after a week"), "{gone}");
}

async fn a_filter_that_the_list_does_not_know_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (what, filter) in [
        ("contacts", json!({ "colour": "red" })),
        ("contacts", json!({ "segment": "00000000-0000-7000-8000-000000000000" })),
        ("leads", json!({ "outcome": "great" })),
        ("leads", json!({ "tag": "vip" })),
    ] {
        let body = json!({ "what": what, "format": "csv", "filter": filter });
        service.post_json(EXPORTS, body).await.problem(422, "invalid-field");
    }
    assert!(service.get(EXPORTS).await.json()["items"].as_array().unwrap().is_empty());
}

async fn an_export_belongs_to_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    people(&service).await;
    let export = order(&service, "contacts", "csv", json!({})).await;
    file(&service, &export).await;
    let other = service.other_workspace().await;
    for (method, below) in [(Method::GET, ""), (Method::GET, "/file"), (Method::POST, "/cancel")] {
        let asked = service.open(method, &format!("{}{below}", path(&export))).bearer_auth(&other);
        Answer::to(asked).await.problem(404, "not-found");
    }
}
