//! Fields of contacts with a type over HTTP: defined, checked wherever values come in, compared and exported as what
//! they are.

use std::{io::Cursor, time::Duration};

use herald_sheets::workbook::Workbook;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Form, Service, imports, service::Answer, worker::work};

on_both_engines! {
    fields_are_defined_ordered_changed_and_removed,
    a_value_that_does_not_fit_is_refused_with_an_example,
    values_that_were_there_stay_and_are_counted,
    a_list_is_read_in_the_forms_that_it_uses,
    a_cell_that_does_not_fit_is_left_empty_with_a_remark,
    rules_compare_numbers_and_days_as_what_they_are,
    an_older_spelling_is_kept_until_it_is_changed,
    a_list_of_leads_leaves_typed_fields_to_their_people,
    an_export_has_real_numbers_and_days,
    what_cannot_be_a_field_is_refused_with_the_cure,
    fields_of_another_workspace_are_not_there,
}

const FIELDS: &str = "/api/v1/contact-fields";
const CONTACTS: &str = "/api/v1/contacts";

async fn define(service: &Service, body: Value) -> Value {
    service.db.clock().advance(Duration::from_millis(10));
    let made = service.post_json(FIELDS, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made_json = made.json();
    assert_eq!(made.header("location"), path(&made_json));
    made_json
}

fn path(field: &Value) -> String {
    format!("{FIELDS}/{}", field["id"].as_str().unwrap())
}

async fn all_types(service: &Service) {
    for body in [
        json!({ "label": "Table No.", "type": "number" }),
        json!({ "label": "Joined", "type": "date" }),
        json!({ "label": "Member", "type": "yes_no" }),
        json!({ "label": "Diet", "type": "choice", "choices": ["Vegan", "None"] }),
        json!({ "label": "Site", "type": "url" }),
        json!({ "label": "Remark", "type": "text" }),
    ] {
        define(service, body).await;
    }
}

async fn make(service: &Service, name: &str, fields: Value) -> Value {
    service.db.clock().advance(Duration::from_millis(10));
    let made = service.post_json(CONTACTS, json!({ "name": name, "fields": fields })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()
}

async fn patch(service: &Service, path: &str, body: Value) -> Answer {
    Answer::to(service.request(Method::PATCH, path).json(&body)).await
}

async fn get(service: &Service, path: &str) -> Value {
    let answer = service.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn fields_are_defined_ordered_changed_and_removed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let table = define(&service, json!({ "label": " Table  No. ", "type": "number" })).await;
    assert_eq!(
        (&table["key"], &table["label"], &table["position"]),
        (&json!("table_no"), &json!("Table No."), &json!(1))
    );
    assert_eq!(table["misfits"], json!({ "contacts": 0, "more": false, "examples": [] }));
    let diet = json!({ "key": "Food", "label": "Diet", "type": "choice", "choices": ["Vegan", " None "] });
    let diet = define(&service, diet).await;
    assert_eq!((&diet["key"], &diet["choices"]), (&json!("food"), &json!(["Vegan", "None"])));
    define(&service, json!({ "label": "Joined", "type": "date" })).await;
    let keys = async || {
        let all = get(&service, FIELDS).await;
        let rows = all["items"].as_array().unwrap().iter();
        rows.map(|one| (one["key"].as_str().unwrap().to_owned(), one["position"].as_i64().unwrap())).collect::<Vec<_>>()
    };
    let of = |keys: [&str; 3]| (1_i64..).zip(keys).map(|(at, key)| (key.to_owned(), at)).collect::<Vec<_>>();
    assert_eq!(keys().await, of(["table_no", "food", "joined"]));
    let first = patch(&service, &path(&diet), json!({ "position": 1, "choices": ["Vegan", "Fish"] })).await;
    assert_eq!(
        (first.status, &first.json()["choices"]),
        (StatusCode::OK, &json!(["Vegan", "Fish"])),
        "{}",
        first.text()
    );
    assert_eq!(keys().await, of(["food", "table_no", "joined"]));
    let text = patch(&service, &path(&diet), json!({ "type": "text", "position": 3 })).await.json();
    assert_eq!((&text["type"], &text["choices"]), (&json!("text"), &json!([])));
    assert_eq!(keys().await, of(["table_no", "joined", "food"]));
    let ann = make(&service, "Ann Example", json!({ "table_no": "7" })).await;
    let gone = Answer::to(service.request(Method::DELETE, &path(&table))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    service.get(&path(&table)).await.problem(404, "not-found");
    let at = format!("{CONTACTS}/{}", ann["id"].as_str().unwrap());
    assert_eq!(get(&service, &at).await["fields"], json!({ "table_no": "7" }));
    // It is text again.
    assert_eq!(patch(&service, &at, json!({ "fields": { "table_no": "seven" } })).await.status, StatusCode::OK);
    let log = get(&service, "/api/v1/audit?limit=1").await;
    assert_eq!(log["items"][0]["action"], "contact.change");
}

async fn a_value_that_does_not_fit_is_refused_with_an_example(database: &TestDatabase) {
    let service = Service::start(database).await;
    all_types(&service).await;
    let given = json!({ "Table No.": "0012.50", "joined": "2026-3-1", "member": "TRUE", "diet": "vegan",
        "site": "HTTPS://Example.com", "remark": " as it is", "other": "1,5" });
    let kept = json!({ "table_no": "12.5", "joined": "2026-03-01", "member": "yes", "diet": "Vegan",
        "site": "https://example.com/", "remark": " as it is", "other": "1,5" });
    let ann = make(&service, "Ann Example", given).await;
    assert_eq!(ann["fields"], kept);
    let at = format!("{CONTACTS}/{}", ann["id"].as_str().unwrap());
    for (key, value, cure) in [
        ("table_no", "seven", "write it like 12 or 12.5"),
        ("joined", "01/03/2026", "write it like 2026-03-01"),
        ("member", "perhaps", "yes or no"),
        ("diet", "fish", "Vegan or None"),
        ("site", "example.com", "https://example.com/page"),
    ] {
        let body = json!({ "name": "Bo Example", "fields": { key: value } });
        for refused in [patch(&service, &at, body.clone()).await, service.post_json(CONTACTS, body).await] {
            let said = refused.problem(422, "invalid-field");
            assert!(said.contains(key) && said.contains(value) && said.contains(cure), "{said}");
            assert_eq!(refused.json()["errors"][0]["pointer"], format!("/fields/{key}"));
        }
        let lead =
            json!({ "contact": { "name": "Cy Example", "fields": { key: value } }, "lead": { "need": "Party" } });
        assert!(service.post_json("/api/v1/leads", lead).await.problem(422, "invalid-field").contains(cure));
    }
    assert_eq!(get(&service, &at).await["fields"], kept);
    let emptied = patch(&service, &at, json!({ "fields": { "table_no": " ", "joined": "" } })).await.json();
    assert!(emptied["fields"]["table_no"].is_null() && emptied["fields"]["joined"].is_null(), "{emptied}");
}

async fn values_that_were_there_stay_and_are_counted(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (name, seats) in [("Ann", "12"), ("Bo", "12.50"), ("Cy", "many"), ("Di", "1,5"), ("Ed", "")] {
        make(&service, name, json!({ "seats": seats, "born": seats })).await;
    }
    let defined = define(&service, json!({ "label": "Seats", "type": "number" })).await;
    assert_eq!(defined["misfits"], json!({ "contacts": 2, "more": false, "examples": ["many", "1,5"] }));
    let as_date = patch(&service, &path(&defined), json!({ "type": "date" })).await.json();
    assert_eq!(as_date["misfits"]["contacts"], 4);
    patch(&service, &path(&defined), json!({ "type": "number" })).await;
    let found = get(&service, &format!("{CONTACTS}?search=cy")).await;
    assert_eq!(found["items"][0]["fields"]["seats"], "many");
    // Whoever changes something else may send it as it is; another value has to fit.
    let at = format!("{CONTACTS}/{}", found["items"][0]["id"].as_str().unwrap());
    assert_eq!(patch(&service, &at, json!({ "country": "ES" })).await.status, StatusCode::OK);
    assert_eq!(patch(&service, &at, json!({ "fields": { "seats": "many" } })).await.status, StatusCode::OK);
    patch(&service, &at, json!({ "fields": { "seats": "lots" } })).await.problem(422, "invalid-field");
    patch(&service, &at, json!({ "fields": { "seats": "3" } })).await;
    assert_eq!(get(&service, &path(&defined)).await["misfits"]["contacts"], 1);
}

async fn import(service: &Service, list: &str) -> Value {
    let form = Form::default().file("file", "people.csv", list).text("mode", "overwrite").text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await.json();
    work(service).await;
    let import = get(service, &format!("/api/v1/imports/{}", import["id"].as_str().unwrap())).await;
    assert_eq!(import["state"], "done", "{import}");
    import
}

/// The fields of all contacts, by the name of the contact.
async fn by_name(service: &Service) -> Value {
    let all = get(service, CONTACTS).await;
    let rows = all["items"].as_array().unwrap().iter();
    rows.map(|one| (one["name"].as_str().unwrap().to_owned(), one["fields"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn a_list_is_read_in_the_forms_that_it_uses(database: &TestDatabase) {
    let service = Service::start(database).await;
    all_types(&service).await;
    let list = "name;Table No.;joined;member;diet;other\nAnn;1.234;01/02/2026;ja;VEGAN;1,5\n\
                Bo;2,50;31/03/2026;Nein;none;x\nCy;-3;2026-04-05;;;\n";
    let done = import(&service, list).await;
    assert_eq!((&done["created"], &done["refused"]), (&json!(3), &json!(0)), "{done}");
    let expected = json!({
        "Ann": { "table_no": "1234", "joined": "2026-02-01", "member": "yes", "diet": "Vegan", "other": "1,5" },
        "Bo": { "table_no": "2.5", "joined": "2026-03-31", "member": "no", "diet": "None", "other": "x" },
        "Cy": { "table_no": "-3", "joined": "2026-04-05" },
    });
    assert_eq!(by_name(&service).await, expected);
    let columns = done["report"]["columns"].as_array().unwrap();
    let known = |field: &str| columns.iter().find(|one| one["field"] == field).unwrap()["is_known"].clone();
    assert_eq!((known("table_no"), known("other")), (json!(true), json!(false)));
}

async fn a_cell_that_does_not_fit_is_left_empty_with_a_remark(database: &TestDatabase) {
    let service = Service::start(database).await;
    all_types(&service).await;
    make(&service, "Ann Example", json!({ "table_no": "7" })).await;
    let list = "name,table_no,joined,member,site\nAnn Example,seven,01/02/2026,maybe,example.com\n\
                Bo Example,8,03/03/2026,yes,https://example.com/bo\n";
    let done = import(&service, list).await;
    assert_eq!((&done["created"], &done["refused"]), (&json!(2), &json!(0)), "{done}");
    let remarks = done["report"]["remarks"].as_array().unwrap().iter();
    let remarks: Vec<&str> = remarks.map(|one| one["message"].as_str().unwrap()).collect();
    for part in [
        "table_no: \"seven\" is not a number",
        "joined: \"01/02/2026\" may be 2026-02-01 or 2026-01-02",
        "member: \"maybe\" is not yes or no",
        "https://example.com/page",
    ] {
        let found =
            remarks.iter().find(|remark| remark.contains(part)).unwrap_or_else(|| panic!("{part}: {remarks:?}"));
        assert!(found.ends_with("the field is left empty"), "{found}");
    }
    assert_eq!(remarks.len(), 4, "{remarks:?}");
    let all = get(&service, CONTACTS).await;
    let of = |name: &str| {
        let rows = all["items"].as_array().unwrap().iter();
        rows.filter(|one| one["name"] == name).map(|one| one["fields"].clone()).collect::<Vec<_>>()
    };
    assert!(of("Ann Example").contains(&json!({})), "{all}");
    assert_eq!(
        of("Bo Example"),
        [json!({ "table_no": "8", "joined": "2026-03-03", "member": "yes",
        "site": "https://example.com/bo" })]
    );
}

async fn rules_compare_numbers_and_days_as_what_they_are(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (name, seats, joined) in [
        ("Ann", "9", "2025-12-31"),
        ("Bo", "12.50", "2026-01-15"),
        ("Cy", "many", "soon"),
        ("Di", "1-2", "20251231"),
        ("Ed", "1.2.3", "9999"),
        ("Fay", "-4", "2026-03-01"),
        ("Gil", "", ""),
    ] {
        make(&service, name, json!({ "seats": seats, "joined": joined })).await;
    }
    // More digits than a number of PostgreSQL has.
    make(&service, "Hal", json!({ "seats": "9".repeat(400) })).await;
    define(&service, json!({ "label": "Seats", "type": "number" })).await;
    define(&service, json!({ "label": "Joined", "type": "date" })).await;
    let meant = async |name: &str, is: &str, value: &str| {
        let rule = json!({ "field": { "name": name, "is": is, "value": value } });
        let found = service.post_json("/api/v1/segments/preview", json!({ "rule": rule })).await;
        assert_eq!(found.status, StatusCode::OK, "{rule}: {}", found.text());
        let found = found.json();
        let sample = found["sample"].as_array().unwrap().iter();
        let mut names: Vec<String> = sample.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.join(" ")
    };
    for (name, is, value, who) in [
        ("seats", "at_least", "9", "Ann Bo"),
        ("seats", "more_than", "9", "Bo"),
        ("seats", "less_than", "9", "Fay"),
        ("seats", "at_most", "9.0", "Ann Fay"),
        ("seats", "equal", "12.5", "Bo"),
        ("seats", "equal", "009", "Ann"),
        ("seats", "contains", "many", "Cy"),
        ("joined", "before", "2026-01-15", "Ann"),
        ("joined", "after", "2026-1-15", "Fay"),
        ("joined", "equal", "2026-3-1", "Fay"),
    ] {
        assert_eq!(meant(name, is, value).await, who, "{name} {is} {value}");
    }
    let rule = |name: &str, is: &str, value: &str| json!({ "field": { "name": name, "is": is, "value": value } });
    for (rule, cure) in [
        (rule("seats", "before", "2026-01-01"), "more_than"),
        (rule("joined", "at_least", "3"), "before or after"),
        (rule("seats", "equal", "many"), "12.5"),
        (rule("created_at", "equal", "+262142-12-31"), "1 to 9999"),
    ] {
        for (at, body) in [
            ("/api/v1/segments/preview", json!({ "rule": rule })),
            ("/api/v1/segments", json!({ "name": "S", "rule": { "not": rule } })),
        ] {
            assert!(service.post_json(at, body).await.problem(422, "invalid-field").contains(cure));
        }
    }
    // A segment that is older than the type of its field means nobody, and is no error.
    let old = json!({ "name": "Old", "rule": rule("late", "at_least", "3") });
    let old = service.post_json("/api/v1/segments", old).await.json();
    define(&service, json!({ "label": "Late", "type": "date" })).await;
    let members = get(&service, &format!("/api/v1/segments/{}/members", old["id"].as_str().unwrap())).await;
    assert_eq!(members["contacts"], 0);
}

async fn an_older_spelling_is_kept_until_it_is_changed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = make(&service, "Ann Example", json!({ "Table No.": "seven" })).await;
    define(&service, json!({ "label": "Table No.", "type": "number" })).await;
    let at = format!("{CONTACTS}/{}", ann["id"].as_str().unwrap());
    let fields = async |fields: Value| {
        let changed = patch(&service, &at, json!({ "fields": fields })).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
        get(&service, &at).await["fields"].clone()
    };
    let kept = fields(json!({ "Table No.": "seven", "table_no": "", "colour": "red" })).await;
    assert_eq!(kept, json!({ "Table No.": "seven", "colour": "red" }));
    let moved = fields(json!({ "Table No.": "7", "table_no": "" })).await;
    assert_eq!(moved, json!({ "table_no": "7", "colour": "red" }));
}

async fn a_list_of_leads_leaves_typed_fields_to_their_people(database: &TestDatabase) {
    let service = Service::start(database).await;
    define(&service, json!({ "label": "Budget", "type": "number" })).await;
    let list = "name,email,need,Budget,Amount\nAnn Example,ann@example.com,Dinner,12.5,900\n";
    let form = Form::default().file("file", "leads.csv", list).text("what", "leads");
    let done = imports::import(&service, form).await;
    assert_eq!(done["created"], 1, "{done}");
    let lead = get(&service, "/api/v1/leads").await["items"][0].clone();
    let ann = get(&service, &format!("{CONTACTS}/{}", lead["contact_id"].as_str().unwrap())).await;
    assert_eq!((&ann["fields"], &lead["value_minor"]), (&json!({ "budget": "12.5" }), &json!(90_000)));
}

async fn an_export_has_real_numbers_and_days(database: &TestDatabase) {
    let service = Service::start(database).await;
    make(&service, "Zed Example", json!({ "table_no": "seven", "joined": "soon" })).await;
    all_types(&service).await;
    let fields = json!({ "table_no": "12.5", "joined": "2026-03-01", "member": "yes", "a_text": "12" });
    make(&service, "Ann Example", fields).await;
    let many = "123456789012345678";
    make(&service, "Bo Example", json!({ "table_no": many, "joined": "1850-01-01" })).await;
    let export = async |format: &str| {
        let body = json!({ "what": "contacts", "format": format, "filter": {} });
        let export = service.post_json("/api/v1/exports", body).await.json();
        work(&service).await;
        let file = service.get(&format!("/api/v1/exports/{}/file", export["id"].as_str().unwrap())).await;
        assert_eq!(file.status, StatusCode::OK, "{}", file.text());
        file.body
    };
    let csv = String::from_utf8(export("csv").await).unwrap();
    assert!(csv.contains("\"table_no\",\"joined\",\"member\",\"a_text\""), "{csv}");
    assert!(csv.contains("\"12.5\",\"2026-03-01\",\"yes\",\"12\"") && csv.contains("\"seven\",\"soon\""), "{csv}");
    let xlsx = export("xlsx").await;
    let mut archive = zip::ZipArchive::new(Cursor::new(xlsx.clone())).unwrap();
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet).unwrap();
    // A sheet counts the days: 2026-03-01 is day 46082. Of a number with 18 digits it would lose some.
    assert!(sheet.contains("<v>12.5</v>") && sheet.contains("<v>46082</v>"), "{sheet}");
    assert!(!sheet.contains(&format!("<v>{many}</v>")), "{sheet}");
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut book = Workbook::open(Cursor::new(xlsx)).unwrap();
    book.rows(0, &mut |_, cells| {
        rows.push(cells.to_vec());
        Ok(())
    })
    .unwrap();
    let ends: Vec<&[String]> = rows.iter().map(|row| &row[9..11]).collect();
    assert_eq!(ends, [["table_no", "joined"], [many, "1850-01-01"], ["12.5", "2026-03-01"], ["seven", "soon"]]);
}

async fn what_cannot_be_a_field_is_refused_with_the_cure(database: &TestDatabase) {
    let service = Service::start(database).await;
    let diet = define(&service, json!({ "label": "Diet", "type": "choice", "choices": ["Vegan"] })).await;
    let again = service.post_json(FIELDS, json!({ "label": "diet!", "type": "text" })).await;
    assert!(again.problem(409, "wrong-state").contains("already a field"));
    for (body, pointer, cure) in [
        (json!({ "label": " ", "type": "text" }), "/label", "1 to 100"),
        (json!({ "label": "?", "type": "text" }), "/label", "table_no"),
        (json!({ "label": "X", "key": "extra?", "type": "choice" }), "/choices", "1 to 100"),
        (json!({ "label": "X", "key": "Country", "type": "text" }), "/key", "every contact"),
        (json!({ "label": "X", "type": "choice", "choices": ["a", "A"] }), "/choices", "twice"),
        (json!({ "label": "X", "type": "date", "choices": ["a"] }), "/choices", "no choices"),
    ] {
        let refused = service.post_json(FIELDS, body.clone()).await;
        assert!(refused.problem(422, "invalid-field").contains(cure), "{body}: {}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    let place = patch(&service, &path(&diet), json!({ "position": 0 })).await;
    assert!(place.problem(422, "invalid-field").contains("1 to 100"));
    let staff = service.post_json("/api/v1/keys", json!({ "name": "staff", "role": "staff" })).await;
    let staff = staff.json()["key"].as_str().unwrap().to_owned();
    let looked = Answer::to(service.open(Method::GET, FIELDS).bearer_auth(&staff)).await;
    assert_eq!(looked.json()["items"].as_array().unwrap().len(), 1);
    let body = json!({ "label": "X", "type": "text" });
    Answer::to(service.open(Method::POST, FIELDS).bearer_auth(&staff).json(&body)).await.problem(403, "forbidden");
}

async fn fields_of_another_workspace_are_not_there(database: &TestDatabase) {
    let service = Service::start(database).await;
    let field = define(&service, json!({ "label": "Seats", "type": "number" })).await;
    let key = service.other_workspace().await;
    let ask = async |method: Method, path: &str, body: Value| {
        Answer::to(service.open(method, path).bearer_auth(&key).json(&body)).await
    };
    assert_eq!(ask(Method::GET, FIELDS, json!({})).await.json()["items"], json!([]));
    ask(Method::GET, &path(&field), json!({})).await.problem(404, "not-found");
    ask(Method::PATCH, &path(&field), json!({ "label": "X" })).await.problem(404, "not-found");
    ask(Method::DELETE, &path(&field), json!({})).await.problem(404, "not-found");
    let free = json!({ "name": "Ann", "fields": { "seats": "many" } });
    assert_eq!(ask(Method::POST, CONTACTS, free).await.status, StatusCode::CREATED);
    assert_eq!(get(&service, &path(&field)).await["label"], "Seats");
}
