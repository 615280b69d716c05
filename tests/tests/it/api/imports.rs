//! Imports over HTTP: checked in full, taken in by a worker, and taken back.

use std::time::Duration;

use futures::TryStreamExt;
use herald_providers::files::{Area, folder};
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::Attempt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Form, Service,
    worker::{self, work},
};

on_both_engines! {
    a_list_is_checked_in_full_before_anything_is_written,
    rows_that_are_left_out_come_back_as_a_file_that_can_be_imported,
    known_people_gain_what_they_lack_or_all_or_nobody_is_added,
    a_person_corrects_what_columns_mean,
    a_workbook_is_read_as_a_person_sees_it,
    an_import_is_taken_back_but_for_what_was_edited_since,
    an_import_that_starts_late_can_be_undone_as_long,
    an_import_changes_no_consent,
    two_imports_of_one_list_make_everybody_once,
    an_import_that_was_cut_off_goes_on_where_it_was,
    an_import_is_stopped_and_only_moves_as_it_may,
    fields_have_the_types_of_the_check,
    a_list_that_cannot_be_read_says_why,
    an_import_belongs_to_its_workspace,
}

const IMPORTS: &str = "/api/v1/imports";

pub(super) async fn upload(service: &Service, form: Form) -> Value {
    let made = service.post_form(IMPORTS, form).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.header("location"), path(&made.json()));
    made.json()
}

pub(super) fn list(text: impl AsRef<[u8]>) -> Form {
    Form::default().file("file", "people.csv", text)
}

pub(super) fn path(import: &Value) -> String {
    format!("{IMPORTS}/{}", import["id"].as_str().unwrap())
}

pub(super) async fn now(service: &Service, import: &Value) -> Value {
    service.get(&path(import)).await.json()
}

pub(super) async fn act(service: &Service, import: &Value, act: &str) -> Answer {
    service.post(&format!("{}/{act}", path(import))).await
}

/// Uploads a list, has it checked and imported.
pub(super) async fn import(service: &Service, form: Form) -> Value {
    let made = upload(service, form).await;
    work(service).await;
    let started = act(service, &made, "start").await;
    assert_eq!(started.status, StatusCode::OK, "{}", started.text());
    work(service).await;
    let done = now(service, &made).await;
    assert_eq!(done["state"], "done", "{done}");
    done
}

pub(super) async fn contacts(service: &Service) -> Vec<Value> {
    let mut found = service.get("/api/v1/contacts?limit=500").await.json()["items"].as_array().unwrap().clone();
    found.sort_by_key(|one| one["name"].to_string());
    found
}

pub(super) async fn contact(service: &Service, name: &str) -> Value {
    contacts(service).await.into_iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}"))
}

pub(super) fn counts(import: &Value) -> [i64; 5] {
    ["created", "updated", "unchanged", "skipped", "refused"].map(|name| import[name].as_i64().unwrap())
}

async fn a_list_is_checked_in_full_before_anything_is_written(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.post_json("/api/v1/contacts", json!({ "name": "Bo Example", "email": "bo@example.com" })).await;
    let rows = "Name;E-mail;Phone;Country;Tags;Table No.\n\
                Amélie Example;amelie@example.com;+33 6 12 34 56 78;fr;VIP, press;7\n\
                Bo Example;bo@example.com;;Spain;;\n\
                Bad;not-an-address;;;;\n\
                Cy Example;cy@example.com;4.47911E+11;;;\n\
                Amélie Example;amelie@example.com;;;;\n";
    let made = upload(&service, list(rows)).await;
    assert_eq!((&made["state"], &made["mode"], &made["report"]), (&json!("checking"), &json!("fill"), &Value::Null));
    work(&service).await;
    let checked = now(&service, &made).await;
    assert_eq!(checked["state"], "checked");
    let report = &checked["report"];
    let counted =
        ["rows", "created", "updated", "unchanged", "skipped", "refused"].map(|name| report[name].as_i64().unwrap());
    assert_eq!(counted, [5, 1, 1, 0, 0, 3], "{report}");
    let fields: Vec<_> =
        report["columns"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "email", "phone", "country", "tags", "table_no"]);
    assert_eq!(report["columns"][5]["examples"], json!(["7"]));
    assert_eq!((&report["columns"][3]["is_known"], &report["columns"][5]["is_known"]), (&json!(true), &json!(false)));
    let problems: Vec<_> =
        report["problems"].as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        problems[0],
        "column 2 (E-mail): \"not-an-address\" is not an e-mail address; correct it or leave the cell empty"
    );
    assert!(problems[1].starts_with("column 3 (Phone): the spreadsheet rounded the phone number \"4.47911E+11\""));
    assert!(problems[2].starts_with("column 2 (E-mail): same name and e-mail as line 2"));
    assert!(report["remarks"][0]["message"].as_str().unwrap().contains("\"Spain\" is not a country"));
    // Nothing is written yet.
    assert_eq!(contacts(&service).await.len(), 1);
    assert_eq!(act(&service, &made, "start").await.status, StatusCode::OK);
    work(&service).await;
    let done = now(&service, &made).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [1, 1, 0, 0, 3]));
    let amelie = contact(&service, "Amélie Example").await;
    assert_eq!(
        (&amelie["phone"], &amelie["country"], &amelie["source"]),
        (&json!("+33612345678"), &json!("FR"), &json!("import"))
    );
    assert_eq!((&amelie["tags"], &amelie["fields"]), (&json!(["press", "VIP"]), &json!({ "table_no": "7" })));
    assert_eq!(contact(&service, "Bo Example").await["fields"]["country"], "Spain");
    let timeline = service.get(&format!("/api/v1/contacts/{}/activities", amelie["id"].as_str().unwrap())).await.json();
    assert_eq!(
        (&timeline["items"][0]["kind"], &timeline["items"][0]["subject_id"]),
        (&json!("contact.imported"), &made["id"])
    );
    // The same list again finds everybody.
    let again = import(&service, list(rows)).await;
    assert_eq!(counts(&again), [0, 0, 2, 0, 3]);
}

async fn rows_that_are_left_out_come_back_as_a_file_that_can_be_imported(database: &TestDatabase) {
    let service = Service::start(database).await;
    let rows = "name,email,note\nAnn Example,ann@example.com,\nBad,not-an-address,\"=1+1, \"\"quoted\"\"\"\n";
    let done = import(&service, list(rows)).await;
    let file = service.get(&format!("{}/refused.csv", path(&done))).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"refused.csv\"");
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    assert_eq!(
        text,
        "\u{feff}\"name\",\"email\",\"note\",\"Herald: why this row was left out\"\r\n\
         \"Bad\",\"not-an-address\",\"'=1+1, \"\"quoted\"\"\",\"line 3, column 2 (email): \"\"not-an-address\"\" is \
         not an e-mail address; correct it or leave the cell empty\"\r\n"
    );
    let mended =
        import(&service, list(text.replace("\"Bad\",\"not-an-address\"", "\"Bad\",\"bad@example.com\""))).await;
    assert_eq!(counts(&mended), [1, 0, 0, 0, 0]);
    let bad = contact(&service, "Bad").await;
    assert_eq!(bad["fields"], json!({ "note": "=1+1, \"quoted\"" }));
    // A list without such rows has no file of them.
    service.get(&format!("{}/refused.csv", path(&mended))).await.problem(404, "not-found");
}

async fn known_people_gain_what_they_lack_or_all_or_nobody_is_added(database: &TestDatabase) {
    let service = Service::start(database).await;
    let known = json!({ "name": "Ann Example", "email": "ann@example.com", "phone": "+12025550144",
        "fields": { "seats": "2" }, "tags": ["old"] });
    service.post_json("/api/v1/contacts", known).await;
    let rows = "name,email,phone,seats,language\nAnn Example,ann@example.com,+12025550199,4,en\n\
                Bo Example,bo@example.com,,,\n";
    let of = |mode: &str| list(rows).text("mode", mode).text("tags", "gala, Old");
    let updated = import(&service, of("update")).await;
    assert_eq!(counts(&updated), [0, 1, 0, 1, 0]);
    let ann = contact(&service, "Ann Example").await;
    assert_eq!(
        (&ann["phone"], &ann["fields"]["seats"], &ann["locale"]),
        (&json!("+12025550199"), &json!("4"), &json!("en"))
    );
    assert_eq!(ann["tags"], json!(["gala", "old"]));
    let other = rows.replace("0199", "0111").replace(",4,en", ",9,fr");
    let filled = import(&service, list(&other)).await;
    assert_eq!(counts(&filled), [1, 0, 1, 0, 0]);
    assert_eq!(contact(&service, "Ann Example").await["phone"], "+12025550199");
    let overwritten = import(&service, list(&other).text("mode", "overwrite")).await;
    assert_eq!(counts(&overwritten), [0, 1, 1, 0, 0]);
    let ann = contact(&service, "Ann Example").await;
    assert_eq!(
        (&ann["phone"], &ann["fields"]["seats"], &ann["locale"]),
        (&json!("+12025550111"), &json!("9"), &json!("fr"))
    );
}

async fn a_person_corrects_what_columns_mean(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = upload(&service, list("Who,Where to write,Secret,Nick\nAnn Example,ann@example.com,x,Annie\n")).await;
    work(&service).await;
    let failed = now(&service, &made).await;
    assert_eq!(failed["state"], "failed");
    assert!(failed["reason"].as_str().unwrap().contains("no column holds the guests' names"), "{failed}");
    let columns = json!({ "columns": { "Who": "name", "Where to write": "email", "Secret": "", "Nick": "Known as" } });
    let changed = Answer::to(service.request(Method::PATCH, &path(&made)).json(&columns)).await;
    assert_eq!((changed.status, &changed.json()["state"]), (StatusCode::OK, &json!("checking")));
    work(&service).await;
    assert_eq!(act(&service, &made, "start").await.status, StatusCode::OK);
    work(&service).await;
    let ann = contact(&service, "Ann Example").await;
    assert_eq!((&ann["email"], &ann["fields"]), (&json!("ann@example.com"), &json!({ "known_as": "Annie" })));
    let late = Answer::to(service.request(Method::PATCH, &path(&made)).json(&columns)).await;
    late.problem(409, "wrong-state");
}

fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let zeros = rust_xlsxwriter::Format::new().set_num_format("00000");
    let sheet = book.add_worksheet().set_name("Guests").unwrap();
    for (column, header) in ["name", "email", "phone", "id", "joined"].iter().enumerate() {
        sheet.write_string(1, u16::try_from(column).unwrap(), *header).unwrap();
    }
    sheet.write_string(3, 0, "Ed Example").unwrap();
    sheet.write_string(3, 1, "ed@example.com").unwrap();
    sheet.write_string(3, 2, "+44 7911 123456").unwrap();
    sheet.write_number_with_format(3, 3, 123, &zeros).unwrap();
    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 3, 1).unwrap();
    sheet.write_datetime_with_format(3, 4, &day, &rust_xlsxwriter::Format::new().set_num_format("dd/mm/yyyy")).unwrap();
    sheet.write_string(4, 0, "Fi Example").unwrap();
    sheet.write_string(4, 1, "nowhere").unwrap();
    book.add_worksheet().set_name("Other").unwrap().write_string(0, 0, "x").unwrap();
    book.save_to_buffer().unwrap()
}

async fn a_workbook_is_read_as_a_person_sees_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let done = import(&service, Form::default().file("file", "people.xlsx", workbook())).await;
    assert_eq!(counts(&done), [1, 0, 0, 0, 1]);
    let report = &done["report"];
    assert_eq!(
        (&report["is_workbook"], &report["sheet"], &report["sheets"]),
        (&json!(true), &json!("Guests"), &json!(["Guests", "Other"]))
    );
    assert!(report["problems"][0]["message"].as_str().unwrap().starts_with("column 2 (email)"), "{report}");
    let ed = contact(&service, "Ed Example").await;
    assert_eq!(
        (&ed["external_id"], &ed["phone"], &ed["fields"]["joined"]),
        (&json!("00123"), &json!("+447911123456"), &json!("2026-03-01"))
    );
    // Another sheet, and none of this name.
    let made = upload(&service, Form::default().file("file", "people.xlsx", workbook()).text("sheet", "Nobody")).await;
    work(&service).await;
    assert!(now(&service, &made).await["reason"].as_str().unwrap().contains("its sheets are \"Guests\", \"Other\""));
}

async fn an_import_is_taken_back_but_for_what_was_edited_since(database: &TestDatabase) {
    let service = Service::start(database).await;
    let known = json!({ "name": "Ann Example", "email": "ann@example.com", "phone": "+12025550144", "tags": ["old"] });
    service.post_json("/api/v1/contacts", known).await;
    let before = contact(&service, "Ann Example").await;
    let rows = "name,email,phone,seats,country\nAnn Example,ann@example.com,+12025550199,4,US\n\
                Bo Example,bo@example.com,,,\nCy Example,cy@example.com,,,\nDi Example,di@example.com,,,\n";
    let done = import(&service, list(rows).text("mode", "overwrite").text("tags", "gala")).await;
    assert_eq!(counts(&done), [3, 1, 0, 0, 0]);
    // Somebody works with two of them.
    let ann = format!("/api/v1/contacts/{}", before["id"].as_str().unwrap());
    Answer::to(service.request(Method::PATCH, &ann).json(&json!({ "country": "CA" }))).await;
    let cy = contact(&service, "Cy Example").await;
    service
        .post_json(&format!("/api/v1/contacts/{}/notes", cy["id"].as_str().unwrap()), json!({ "text": "Called." }))
        .await;
    assert_eq!(act(&service, &done, "undo").await.status, StatusCode::OK);
    work(&service).await;
    let undone = now(&service, &done).await;
    assert_eq!((&undone["state"], &undone["kept"]), (&json!("undone"), &json!(2)));
    let names: Vec<_> = contacts(&service).await.into_iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Ann Example", "Cy Example"]);
    let ann = contact(&service, "Ann Example").await;
    assert_eq!(
        (&ann["phone"], &ann["country"], &ann["tags"], &ann["fields"]),
        (&before["phone"], &json!("CA"), &json!(["old"]), &json!({}))
    );
    act(&service, &done, "undo").await.problem(409, "wrong-state");
    // An import of nobody but known people leaves them as they were.
    let same = import(
        &service,
        list("name,email,phone\nAnn Example,ann@example.com,+12025550100\n").text("mode", "overwrite"),
    )
    .await;
    let between = contact(&service, "Ann Example").await;
    assert_eq!(between["phone"], "+12025550100");
    assert_eq!(act(&service, &same, "undo").await.status, StatusCode::OK);
    work(&service).await;
    assert_eq!((contact(&service, "Ann Example").await, now(&service, &same).await["kept"].clone()), (ann, json!(0)));
}

async fn an_import_that_starts_late_can_be_undone_as_long(database: &TestDatabase) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let service = Service::start(database).await;
    let made = upload(&service, list("name,email\nBo Example,bo@example.com\n")).await;
    work(&service).await;
    act(&service, &made, "undo").await.problem(409, "wrong-state");
    service.db.clock().advance(20 * DAY);
    assert_eq!(act(&service, &made, "start").await.status, StatusCode::OK);
    work(&service).await;
    assert_eq!(contacts(&service).await.len(), 1);
    // The job that removes its files comes a month after the upload, and puts itself off.
    service.db.clock().advance(12 * DAY);
    work(&service).await;
    assert_eq!(files(&service).await, 1);
    assert_eq!(act(&service, &made, "undo").await.status, StatusCode::OK);
    work(&service).await;
    let undone = now(&service, &made).await;
    assert_eq!((&undone["state"], &undone["kept"]), (&json!("undone"), &json!(0)));
    assert_eq!(contacts(&service).await.len(), 0);
    // A report may be large: a list of imports has none.
    assert_eq!(
        (&undone["report"]["created"], &service.get(IMPORTS).await.json()["items"][0]["report"]),
        (&json!(1), &Value::Null)
    );
    service.db.clock().advance(20 * DAY);
    work(&service).await;
    assert_eq!(files(&service).await, 0);
}

/// How many files the store holds of imports.
async fn files(service: &Service) -> usize {
    let listed: Vec<String> =
        service.files.list(&folder(service.workspace, Area::Imports)).try_collect().await.unwrap();
    listed.len()
}

async fn an_import_changes_no_consent(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = service
        .post_json("/api/v1/contacts", json!({ "name": "Ann Example", "email": "ann@example.com" }))
        .await
        .json();
    let consents = format!("/api/v1/contacts/{}/consents", made["id"].as_str().unwrap());
    let refused = json!({ "channel": "email", "given": false, "wording": "Stop.", "source": "mail" });
    assert_eq!(service.post_json(&consents, refused).await.status, StatusCode::CREATED);
    let before = service.get(&consents).await.json();
    let rows = "name,email,consent,unsubscribed,opt in\nAnn Example,ann@example.com,yes,false,yes\n";
    import(&service, list(rows).text("mode", "overwrite")).await;
    assert_eq!(service.get(&consents).await.json(), before);
}

async fn two_imports_of_one_list_make_everybody_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let rows: String = (0..5_500).map(|at| format!("Guest {at},guest{at}@example.com\n")).collect();
    let rows = format!("name,email\n{rows}");
    let (one, other) = (upload(&service, list(&rows)).await, upload(&service, list(&rows)).await);
    work(&service).await;
    for import in [&one, &other] {
        assert_eq!(act(&service, import, "start").await.status, StatusCode::OK);
    }
    let jobs = worker::lease(&service, "control").await;
    let handler = service.handlers();
    let run = |job: &herald_ledger::Leased| handler(Attempt { job: job.clone(), cancelled: CancellationToken::new() });
    let (first, second) = tokio::join!(run(&jobs[0]), run(&jobs[1]));
    first.unwrap();
    second.unwrap();
    for job in jobs {
        worker::commit(&service, job, worker::done()).await;
    }
    let (one, other) = (now(&service, &one).await, now(&service, &other).await);
    let sums: Vec<i64> = counts(&one).iter().zip(counts(&other)).map(|(one, other)| one + other).collect();
    assert_eq!(sums, [5_500, 0, 5_500, 0, 0]);
    assert_eq!(service.get("/api/v1/contacts/count").await.json()["contacts"], 5_500);
}

async fn an_import_that_was_cut_off_goes_on_where_it_was(database: &TestDatabase) {
    let service = Service::start(database).await;
    let rows: String = (0..5_500).map(|at| format!("Guest {at},guest{at}@example.com\n")).collect();
    let made = upload(&service, list(format!("name,email\n{rows}Bad,nowhere\n"))).await;
    work(&service).await;
    assert_eq!(act(&service, &made, "start").await.status, StatusCode::OK);
    let job = worker::lease_next(&service, "control").await;
    // The first attempt dies behind its first chunk: nobody hears of what it did.
    let cancelled = CancellationToken::new();
    let attempt = service.handlers()(Attempt { job: job.clone(), cancelled: cancelled.clone() });
    let watch = async {
        while now(&service, &made).await["cursor_row"] == 0 {
            tokio::task::yield_now().await;
        }
        cancelled.cancel();
    };
    let (ended, ()) = tokio::join!(attempt, watch);
    let cursor = now(&service, &made).await["cursor_row"].as_i64().unwrap();
    assert!(cursor >= 2_500 && (ended.is_err() || cursor == 5_501));
    let again = service.handlers()(Attempt { job: job.clone(), cancelled: CancellationToken::new() }).await;
    again.unwrap();
    worker::commit(&service, job, worker::done()).await;
    let done = now(&service, &made).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [5_500, 0, 0, 0, 1]));
    assert_eq!(service.get("/api/v1/contacts/count").await.json()["contacts"], 5_500);
}

async fn an_import_is_stopped_and_only_moves_as_it_may(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = upload(&service, list("name\nAnn Example\n")).await;
    let said = act(&service, &made, "start").await.problem(409, "wrong-state");
    assert!(said.contains("the import is checking"), "{said}");
    assert_eq!(act(&service, &made, "cancel").await.json()["state"], "cancelled");
    work(&service).await;
    assert_eq!(now(&service, &made).await["state"], "cancelled");
    act(&service, &made, "start").await.problem(409, "wrong-state");
    // A change has a cancelled import checked anew, if nothing of it was taken in.
    let changed = Answer::to(service.request(Method::PATCH, &path(&made)).json(&json!({ "mode": "overwrite" }))).await;
    assert_eq!(changed.json()["state"], "checking");
    work(&service).await;
    assert_eq!(act(&service, &made, "start").await.status, StatusCode::OK);
    assert_eq!(act(&service, &made, "cancel").await.json()["state"], "cancelled");
    work(&service).await;
    assert!(contacts(&service).await.is_empty());
    let listed = service.get(IMPORTS).await.json();
    assert_eq!(listed["items"][0]["id"], made["id"]);
}

async fn fields_have_the_types_of_the_check(database: &TestDatabase) {
    let service = Service::start(database).await;
    let field = service.post_json("/api/v1/contact-fields", json!({ "label": "Seats", "type": "number" })).await;
    assert_eq!(field.status, StatusCode::CREATED, "{}", field.text());
    let field = format!("/api/v1/contact-fields/{}", field.json()["id"].as_str().unwrap());
    let rows = "name,email,seats,since\nAna Example,ana@example.com,\"1.234,50\",31/03/2026\n\
                Bo Example,bo@example.com,\"2,5\",1/4/2026\n";
    let checked = upload(&service, list(rows)).await;
    work(&service).await;
    let report = now(&service, &checked).await["report"].clone();
    assert_eq!((&report["remarked"], &report["fields"][0]["type"]), (&json!(0), &json!("number")), "{report}");
    let typed = json!({ "type": "yes_no" });
    let changed = Answer::to(service.request(Method::PATCH, &field).json(&typed)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let since = service.post_json("/api/v1/contact-fields", json!({ "label": "Since", "type": "date" })).await;
    assert_eq!(since.status, StatusCode::CREATED, "{}", since.text());
    assert_eq!(act(&service, &checked, "start").await.status, StatusCode::OK);
    work(&service).await;
    let fields = contact(&service, "Ana Example").await["fields"].clone();
    assert_eq!(fields, json!({ "seats": "1234.5", "since": "31/03/2026" }));
    // A list that is checked now has the types of now.
    let again = upload(&service, list(rows)).await;
    work(&service).await;
    let report = now(&service, &again).await["report"].clone();
    assert_eq!((&report["remarked"], report["fields"].as_array().unwrap().len()), (&json!(2), 2), "{report}");
}

async fn a_list_that_cannot_be_read_says_why(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (file, part) in [
        (b"PK\x05\x06".iter().chain(&[0; 18]).copied().collect(), "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "old Excel workbook"),
        (b"PK\x03\x04".to_vec(), "damaged"),
        (b"name,name\nA,B\n".to_vec(), "both called"),
        (b"name,email\n".to_vec(), "no guests"),
    ] {
        let made = upload(&service, list(&file)).await;
        work(&service).await;
        let failed = now(&service, &made).await;
        assert_eq!(failed["state"], "failed");
        assert!(failed["reason"].as_str().unwrap().contains(part), "{failed}");
    }
    let refused = async |form: Form, part: &str| {
        let said = service.post_form(IMPORTS, form).await.problem(422, "invalid-field");
        assert!(said.contains(part), "{said}");
    };
    refused(Form::default().text("mode", "fill"), "attach the list").await;
    refused(list(""), "is empty").await;
    refused(list("%PDF-1.7"), "people.csv: this is a PDF document").await;
    refused(list(b"\x89PNG\r\n\x1a\n"), "a PNG picture").await;
    refused(list("PK\x03\x04[Content_Types].xml word/document.xml"), "a Word document").await;
    refused(list("name\nA\n").text("mode", "replace"), "use fill, overwrite or update").await;
    refused(list("name\nA\n").text("columns", "[]"), "JSON object").await;
    refused(list("name\nA\n").text("tags", &"x".repeat(60)), "1 to 50 characters").await;
    refused(list("name\nA\n").text("colour", "red"), "no field \"colour\"").await;
    // Of a refused form nothing is kept.
    assert_eq!(service.get(IMPORTS).await.json()["items"].as_array().unwrap().len(), 5);
}

async fn an_import_belongs_to_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    let done = import(&service, list("name,email\nAnn Example,ann@example.com\nBad,nowhere\n")).await;
    let other = service.other_workspace().await;
    for (method, below) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::POST, "/start"),
        (Method::POST, "/cancel"),
        (Method::POST, "/undo"),
        (Method::GET, "/refused.csv"),
    ] {
        let asked = service.open(method, &format!("{}{below}", path(&done))).bearer_auth(&other).json(&json!({}));
        Answer::to(asked).await.problem(404, "not-found");
    }
}
