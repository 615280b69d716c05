//! Guest lists that are workbooks: a run reads them as it reads CSV.

use herald_invitations as domain;
use herald_invitations::RunSource;
use herald_tests::{TestDatabase, app::Work, on_both_engines, wait_until};
use herald_worker::runner::QueueShare;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Form, Service};

on_both_engines! {
    a_run_takes_the_guests_of_a_workbook,
    a_workbook_that_no_run_could_work_with_is_refused,
}

const RUNS: &str = "/api/v1/invitation-runs";
const CHECKS: &str = "/api/v1/invitation-runs/checks";

/// Two guests, one of them with a name of two lines, a row that is left out between them, and two further sheets.
fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Old").unwrap().set_hidden(true).write_string(0, 0, "x").unwrap();
    let sheet = book.add_worksheet().set_name("Guests").unwrap().set_active(true);
    let zeros = rust_xlsxwriter::Format::new().set_num_format("000");
    for (column, text) in ["name", "table", "email"].iter().enumerate() {
        sheet.write_string(1, u16::try_from(column).unwrap(), *text).unwrap();
    }
    sheet.write_string(2, 0, "Ana\nExample").unwrap();
    sheet.write_number_with_format(2, 1, 7, &zeros).unwrap();
    sheet.write_string(4, 1, "8").unwrap();
    sheet.write_string(6, 0, "Bo Example").unwrap();
    let other = book.add_worksheet().set_name("Staff").unwrap();
    for (row, text) in ["name", "Cy Example"].iter().enumerate() {
        other.write_string(u32::try_from(row).unwrap(), 0, *text).unwrap();
    }
    other.write_string(0, 1, "table").unwrap();
    book.save_to_buffer().unwrap()
}

fn form(book: impl AsRef<[u8]>) -> Form {
    Form::default().text("event", "Gala").text("template", "gala").file("guests", "guests.xlsx", book)
}

fn queues() -> Vec<QueueShare> {
    vec![QueueShare::new("control", 1), QueueShare::new("cpu", 2), QueueShare::new("sync", 1)]
}

async fn names(service: &Service, run: &str) -> Vec<String> {
    let guests = service.get(&format!("{RUNS}/{run}/guests")).await.json();
    let mut names: Vec<_> =
        guests["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn ended(service: &Service, run: &Value) -> Value {
    let address = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    wait_until("the run has ended", async || service.get(&address).await.json()["state"] == "complete").await;
    service.get(&address).await.json()
}

async fn a_run_takes_the_guests_of_a_workbook(database: &TestDatabase) {
    let service = Service::start(database).await;
    // It stops at the end of the last run, whose summary may wait then.
    service.leaves(&["check.forget", "invitation.summary"]);
    let process = service.work(Work::on(queues(), service.handlers()));
    service.template().await;
    let made = service.post_form(CHECKS, form(workbook())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let check = made.json();
    assert_eq!((&check["guests"], &check["rejected"], &check["list"]), (&json!(2), &json!(1), &json!("guests.xlsx")));
    assert_eq!(check["notes"][0], "the sheet \"Guests\" is read, and not \"Old\", \"Staff\"");
    // Rows are those of the sheet, whatever lines a cell has.
    assert_eq!((&check["problems"][0]["line"], &check["problems"][0]["column"]), (&json!(5), &json!(1)));
    let started = service.post(&format!("{}/start", made.header("location"))).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let done = ended(&service, &started.json()).await;
    assert_eq!((&done["total"], &done["made"], &done["rejected"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(done["problems"][0]["line"], 5);
    assert_eq!(names(&service, done["id"].as_str().unwrap()).await, ["Ana Example", "Bo Example"]);
    let ana = service.get("/api/v1/contacts?search=ana").await.json();
    assert_eq!(ana["items"][0]["fields"], json!({ "table": "007" }));
    // The same sheet without a check is the same list; another sheet is another one.
    let again = service.post_form(RUNS, form(workbook()).text("refresh", "true")).await.json();
    assert_eq!(again["notes"], check["notes"]);
    let id: Uuid = again["id"].as_str().unwrap().parse().unwrap();
    let stored = domain::find_run(&service.db, service.workspace, id).await.unwrap().unwrap();
    assert!(matches!(stored.source.0, RunSource::Csv { is_sheet: true, .. }), "{:?}", stored.source);
    ended(&service, &again).await;
    let staff = service.post_form(RUNS, form(workbook()).text("sheet", "Staff")).await;
    assert_eq!(staff.status, StatusCode::ACCEPTED, "{}", staff.text());
    let staff = ended(&service, &staff.json()).await;
    assert_eq!(names(&service, staff["id"].as_str().unwrap()).await, ["Cy Example"]);
    process.stop().await;
}

async fn a_workbook_that_no_run_could_work_with_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let refused = async |form: Form, part: &str| {
        for address in [RUNS, CHECKS] {
            let said = service.post_form(address, form.clone()).await.problem(422, "invalid-list");
            assert!(said.contains(part), "{said}");
        }
    };
    refused(form(workbook()).text("sheet", "Nobody"), "its sheets are").await;
    refused(form(workbook()).text("sheet", "Old"), "no column holds the guests' names").await;
    refused(form(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Excel workbook (.xls)").await;
    refused(form([b"PK\x05\x06".as_slice(), &[0; 18]].concat()), "a ZIP archive").await;
    refused(form(b"PK\x03\x04"), "damaged").await;
    refused(form(b"%PDF-1.7"), "a PDF document").await;
    assert_eq!(service.get(RUNS).await.json()["items"], json!([]));
}
