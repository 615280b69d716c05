//! Lists of leads over HTTP: checked, taken in with their people, found again, and taken back.

use herald_leads::remind_due;
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::Attempt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Form, Service,
    imports::{act, contact, contacts, counts, import, list, now, path, upload},
    notifications::{member, told},
    worker::{self, work},
};

on_both_engines! {
    a_list_of_leads_becomes_people_and_their_leads,
    the_same_list_again_makes_no_second_lead,
    known_leads_gain_what_they_lack_or_all_or_none_is_added,
    a_lead_is_known_by_its_key_or_by_its_person_and_need,
    a_key_is_taken_once_and_only_by_its_own_person,
    rows_of_leads_that_are_left_out_can_be_mended,
    an_exported_list_of_leads_changes_nothing,
    a_list_of_leads_is_taken_back_but_for_what_was_edited_since,
    later_undoings_come_back_to_what_an_earlier_import_left,
    a_list_of_leads_that_was_cut_off_makes_no_lead_twice,
    a_workbook_of_leads_is_read,
    a_list_of_leads_needs_the_permission_to_make_leads,
}

fn leads_of(rows: &str) -> Form {
    list(rows).text("what", "leads")
}

async fn leads(service: &Service) -> Vec<Value> {
    let mut found = service.get("/api/v1/leads?limit=500").await.json()["items"].as_array().unwrap().clone();
    found.sort_by_key(|one| (one["name"].to_string(), one["need"].to_string()));
    found
}

async fn lead(service: &Service, need: &str) -> Value {
    let all = leads(service).await;
    all.iter().find(|one| one["need"] == need).unwrap_or_else(|| panic!("{need}: {all:#?}")).clone()
}

fn lead_path(lead: &Value) -> String {
    format!("/api/v1/leads/{}", lead["id"].as_str().unwrap())
}

async fn patch(service: &Service, lead: &Value, body: Value) {
    let changed = Answer::to(service.request(Method::PATCH, &lead_path(lead)).json(&body)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
}

async fn notes(service: &Service, lead: &Value) -> Vec<Value> {
    service.get(&format!("{}/notes", lead_path(lead))).await.json()["items"].as_array().unwrap().clone()
}

async fn kinds(service: &Service, contact: &Value) -> Vec<String> {
    let path = format!("/api/v1/contacts/{}/activities", contact["id"].as_str().unwrap());
    let timeline = service.get(&path).await.json();
    let mut kinds: Vec<String> =
        timeline["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

async fn undo(service: &Service, done: &Value) -> i64 {
    assert_eq!(act(service, done, "undo").await.status, StatusCode::OK);
    work(service).await;
    let undone = now(service, done).await;
    assert_eq!(undone["state"], "undone", "{undone}");
    undone["kept"].as_i64().unwrap()
}

fn messages(flaws: &Value) -> Vec<&str> {
    flaws.as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect()
}

const ROWS: &str = "Name;E-mail;Interest;Stage;Budget;Currency;Source;Owner;Wiedervorlage;Comment;Table No.\n\
    Amélie Example;amelie@example.com;Dinner for 40;contacted;2.500,50;eur;website;ANN@example.com;2026-03-05;Rang.;7\n\
    Amélie Example;amelie@example.com;Lunch;;;;;;;;\n\
    Bo Example;bo@example.com;Dinner for 40;Won;900;JPY;;;;;\n";

async fn a_list_of_leads_becomes_people_and_their_leads(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["notification.mail"]);
    let ann = member(&service, "ann@example.com", "staff").await;
    let made = upload(&service, leads_of(ROWS)).await;
    assert_eq!(made["what"], "leads");
    work(&service).await;
    let checked = now(&service, &made).await;
    let report = &checked["report"];
    let counted =
        ["rows", "created", "updated", "unchanged", "skipped", "refused"].map(|name| report[name].as_i64().unwrap());
    assert_eq!(counted, [3, 3, 0, 0, 0, 0], "{report}");
    let columns: Vec<_> = report["columns"].as_array().unwrap().iter().map(|one| &one["field"]).collect();
    let fields = ["name", "email", "need", "status", "value", "currency", "source", "owner", "follow_up", "note"];
    assert_eq!(json!(columns[..10]), json!(fields));
    assert_eq!((&report["columns"][2]["is_known"], columns[10]), (&json!(true), &json!("table_no")));
    // Nothing is written yet.
    assert!(leads(&service).await.is_empty() && contacts(&service).await.is_empty());
    assert_eq!(act(&service, &made, "start").await.status, StatusCode::OK);
    work(&service).await;
    let done = now(&service, &made).await;
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [3, 0, 0, 0, 0]));
    let dinner = lead(&service, "Dinner for 40").await;
    let of_ann = json!({ "name": "Amélie Example", "email": "amelie@example.com", "status": "Contacted",
        "stands_for": "open", "value_minor": 250_050, "currency": "EUR", "source": "website", "owner_id": ann.id,
        "follow_up_at": "2026-03-05T09:00:00Z", "follow_up_zone": "UTC", "first_answer_at": null, "closed_at": null });
    for (field, value) in of_ann.as_object().unwrap() {
        assert_eq!(&dinner[field], value, "{field}");
    }
    assert_eq!(notes(&service, &dinner).await[0]["text"], "Rang.");
    let all = leads(&service).await;
    assert_eq!((all.len(), &all[1]["need"], &all[1]["status"]), (3, &json!("Lunch"), &json!("New")));
    let won = &all[2];
    assert_eq!(
        (&won["name"], &won["value_minor"], &won["stands_for"]),
        (&json!("Bo Example"), &json!(900), &json!("won"))
    );
    assert!(won["closed_at"].is_string());
    let amelie = contact(&service, "Amélie Example").await;
    assert_eq!((&amelie["fields"], contacts(&service).await.len()), (&json!({ "table_no": "7" }), 2));
    let told_of = kinds(&service, &amelie).await;
    assert_eq!(told_of, ["contact.imported", "lead.created", "lead.created", "lead.note"]);
    // Imports of one sort are listed alone, and a follow-up that came with a list reminds as others do.
    let listed = service.get("/api/v1/imports?what=leads").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(service.get("/api/v1/imports?what=contacts").await.json()["items"].as_array().unwrap().is_empty());
    service.get("/api/v1/imports?what=guests").await.problem(422, "invalid-field");
    service.db.clock().advance(std::time::Duration::from_secs(4 * 24 * 3_600));
    assert_eq!(remind_due(&service.db, 100).await.unwrap().told, 1);
    assert_eq!(told(&service, &ann).await.len(), 1);
}

async fn the_same_list_again_makes_no_second_lead(database: &TestDatabase) {
    let service = Service::start(database).await;
    member(&service, "ann@example.com", "staff").await;
    for mode in ["fill", "overwrite", "update"] {
        let done = import(&service, leads_of(ROWS).text("mode", mode)).await;
        let expected = match mode {
            "fill" => [3, 0, 0, 0, 0],
            _ => [0, 0, 3, 0, 0],
        };
        assert_eq!(counts(&done), expected, "{mode}");
    }
    let dinner = lead(&service, "Dinner for 40").await;
    assert_eq!((leads(&service).await.len(), notes(&service, &dinner).await.len()), (3, 1));
    // A follow-up that is done does not come back with its list.
    patch(&service, &dinner, json!({ "follow_up_at": "" })).await;
    service.db.clock().advance(std::time::Duration::from_secs(10 * 24 * 3_600));
    assert_eq!(counts(&import(&service, leads_of(ROWS)).await), [0, 0, 3, 0, 0]);
    assert_eq!(lead(&service, "Dinner for 40").await["follow_up_at"], Value::Null);
}

async fn known_leads_gain_what_they_lack_or_all_or_none_is_added(database: &TestDatabase) {
    let service = Service::start(database).await;
    let known = json!({ "contact": { "name": "Ann Example", "email": "ann@example.com" },
        "lead": { "need": "Dinner", "source": "website" } });
    assert_eq!(service.post_json("/api/v1/leads", known).await.status, StatusCode::CREATED);
    let rows = "name,email,need,status,value,currency,source,phone\n\
                Ann Example,ann@example.com,dinner,Qualified,100,EUR,fair,+12025550144\n\
                Ann Example,ann@example.com,Lunch,,,,,\nBo Example,bo@example.com,Dinner,,,,,\n";
    let of = |mode: &str| leads_of(rows).text("mode", mode);
    // The second row of Ann has nothing that is known but herself; nobody knows Bo.
    assert_eq!(counts(&import(&service, of("update")).await), [0, 1, 0, 2, 0]);
    let ann = &leads(&service).await[0];
    assert_eq!(
        (&ann["need"], &ann["status"], &ann["value_minor"], &ann["source"], &ann["phone"]),
        (&json!("dinner"), &json!("Qualified"), &json!(10_000), &json!("fair"), &json!("+12025550144"))
    );
    assert_eq!((leads(&service).await.len(), contacts(&service).await.len()), (1, 1));
    let other = rows.replace("Qualified,100,EUR,fair", "Won,200,USD,mail");
    assert_eq!(counts(&import(&service, leads_of(&other)).await), [2, 0, 1, 0, 0]);
    let ann = lead(&service, "dinner").await;
    assert_eq!(
        (&ann["status"], &ann["value_minor"], &ann["source"]),
        (&json!("Qualified"), &json!(10_000), &json!("fair"))
    );
    let overwritten = import(&service, leads_of(&other).text("mode", "overwrite")).await;
    assert_eq!(counts(&overwritten), [0, 1, 2, 0, 0]);
    let ann = lead(&service, "dinner").await;
    assert_eq!((&ann["status"], &ann["value_minor"], &ann["currency"]), (&json!("Won"), &json!(20_000), &json!("USD")));
    assert!(ann["closed_at"].is_string(), "{ann}");
    let told_of = kinds(&service, &contact(&service, "Ann Example").await).await;
    assert_eq!(told_of.iter().filter(|kind| *kind == "lead.status").count(), 2, "{told_of:?}");
}

async fn a_lead_is_known_by_its_key_or_by_its_person_and_need(database: &TestDatabase) {
    let service = Service::start(database).await;
    let import = async |rows: &str| counts(&import(&service, leads_of(rows).text("mode", "overwrite")).await);
    let head = "name,email,key,need,source\n";
    // Without a key first: it gets one later, and is found by it under another need.
    assert_eq!(import(&format!("{head}Ann Example,ann@example.com,,Dinner,\n")).await, [1, 0, 0, 0, 0]);
    assert_eq!(import(&format!("{head}Ann Example,ann@example.com,K-1,Dinner,\n")).await, [0, 1, 0, 0, 0]);
    assert_eq!(import(&format!("{head}Ann Example,ann@example.com,K-1,Dinner for 12,\n")).await, [0, 1, 0, 0, 0]);
    // Two keys are two leads, whatever they say.
    assert_eq!(import(&format!("{head}Ann Example,ann@example.com,K-2,Dinner for 12,\n")).await, [1, 0, 0, 0, 0]);
    // The key is also that of the API.
    let again = json!({ "key": "K-2", "contact": { "name": "Ann Example", "email": "ann@example.com" }, "lead": {} });
    assert_eq!(service.post_json("/api/v1/leads", again).await.status, StatusCode::OK);
    assert_eq!(leads(&service).await.len(), 2);
    // A key of somebody else's lead says nothing about this person.
    let rows = format!("{head}Bo Example,bo@example.com,K-1,Dinner,\nAnn Exampel,ann@example.com,K-1,Dinner,\n");
    assert_eq!(import(&rows).await, [0, 0, 0, 0, 2]);
    // One that has ended is another one, unless the row has ended, too.
    let dinner = lead(&service, "Dinner for 12").await;
    for one in leads(&service).await {
        patch(&service, &one, json!({ "status": "Lost" })).await;
    }
    let rows = "name,email,need,status\nAnn Example,ann@example.com,Dinner for 12,Lost\n";
    assert_eq!(import(rows).await, [0, 0, 1, 0, 0]);
    assert_eq!(import(&rows.replace("Lost", "New")).await, [1, 0, 0, 0, 0]);
    assert_eq!((leads(&service).await.len(), &dinner["duplicates"]), (3, &json!(1)));
}

async fn a_key_is_taken_once_and_only_by_its_own_person(database: &TestDatabase) {
    let service = Service::start(database).await;
    import(&service, leads_of("name,email,need\nAnn Example,ann@example.com,Dinner\n")).await;
    let id = lead(&service, "Dinner").await["id"].as_str().unwrap().to_owned();
    let rows = format!(
        "lead_id,name,email,key,need\n{id},Ann Example,ann@example.com,K-1,Dinner\n\
         ,Bo Example,bo@example.com,K-1,Lunch\n"
    );
    let done = import(&service, leads_of(&rows).text("mode", "overwrite")).await;
    assert_eq!(counts(&done), [0, 1, 0, 0, 1], "{done}");
    let said = messages(&done["report"]["problems"])[0].to_owned();
    assert!(said.contains("same key as line 2") && said.contains("a key of its own"), "{said}");
    assert_eq!((leads(&service).await.len(), contacts(&service).await.len()), (1, 1));
    // Somebody without an e-mail address. A mistyped key makes nobody somebody else.
    import(&service, leads_of("name,phone,key,need\nCy Example,+34600000001,K-2,Tea\n")).await;
    let done = import(&service, leads_of("name,key,need\nZoe Example,K-2,Brunch\n").text("mode", "overwrite")).await;
    assert_eq!(counts(&done), [0, 0, 0, 0, 1], "{done}");
    let said = messages(&done["report"]["problems"])[0].to_owned();
    assert!(said.contains("\"Cy Example\"") && said.contains("a key of its own"), "{said}");
    // With the same phone number it is a new name.
    let rows = "name,phone,key,need\nCyrus Example,+34600000001,K-2,Brunch\n";
    let done = import(&service, leads_of(rows).text("mode", "overwrite")).await;
    assert_eq!(counts(&done), [0, 1, 0, 0, 0], "{done}");
    assert_eq!(lead(&service, "Brunch").await["name"], "Cyrus Example");
    // Every address of the person counts.
    let cyrus = contact(&service, "Cyrus Example").await;
    let below = format!("/api/v1/contacts/{}/addresses", cyrus["id"].as_str().unwrap());
    for (kind, value) in [("email", "cy@example.com"), ("email", "cy@example.org"), ("whatsapp", "+34600000002")] {
        let added = service.post_json(&below, json!({ "kind": kind, "value": value })).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.text());
    }
    for (cells, is_them) in [
        ("Cy A. Example,CY@example.org,", true),
        ("Cy B. Example,,+34600000002", true),
        ("Cy C. Example,cy@example.net,", false),
    ] {
        let rows = format!("name,email,phone,key,need\n{cells},K-2,Brunch\n");
        let done = import(&service, leads_of(&rows).text("mode", "fill")).await;
        assert_eq!(counts(&done)[4], i64::from(!is_them), "{cells}: {done}");
    }
}

async fn rows_of_leads_that_are_left_out_can_be_mended(database: &TestDatabase) {
    let service = Service::start(database).await;
    let rows = "name,email,need,status,value,owner,follow up,currency\n\
                Ann Example,ann@example.com,Dinner,Hot,,,,\nBo Example,bo@example.com,Dinner,,lots,,,\n\
                Cy Example,cy@example.com,Dinner,,,nobody@example.com,,\n\
                Di Example,di@example.com,Dinner,,,,05/03/2026,\nEd Example,ed@example.com,Dinner,,,,,EURO\n\
                Fi Example,fi@example.com,Dinner,,,,,\nFi Example,fi@example.com,DINNER,,,,,\n";
    let done = import(&service, leads_of(rows)).await;
    assert_eq!(counts(&done), [1, 0, 0, 0, 6], "{done}");
    let expected = [
        "column 4 (status): there is no status \"Hot\"; use one of New, Contacted, Qualified, Won, Lost",
        "column 5 (value): \"lots\" is not an amount: write it like 2500 or 2500.50",
        "column 6 (owner): \"nobody@example.com\" is not the e-mail address of a member of this workspace; correct it \
         or leave the cell empty",
        "column 7 (follow up): \"05/03/2026\" is not a time: write it like 2026-03-02T09:30",
        "column 8 (currency): \"EURO\" is not a currency: write three letters such as EUR",
        "column 3 (need): same person and need as line 7; remove one of the two, or give each a key",
    ];
    assert_eq!(messages(&done["report"]["problems"]), expected);
    // Nobody of these rows became a contact.
    assert_eq!(contacts(&service).await.len(), 1);
    let file = String::from_utf8(service.get(&format!("{}/refused.csv", path(&done))).await.body.to_vec()).unwrap();
    assert_eq!(file.lines().count(), 7, "{file}");
    let mended = file
        .replace("\"Hot\",", "\"new\",")
        .replace("\"lots\"", "\"7\"")
        .replace("\"nobody@example.com\",\"\"", "\"\",\"\"")
        .replace("\"05/03/2026\",", "\"2026-03-05 14:00\",")
        .replace("\"EURO\",", "\"EUR\",");
    let done = import(&service, leads_of(&mended)).await;
    assert_eq!(counts(&done), [5, 0, 1, 0, 0], "{done}");
    assert_eq!((leads(&service).await.len(), contacts(&service).await.len()), (6, 6));
}

async fn an_exported_list_of_leads_changes_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    member(&service, "ann@example.com", "staff").await;
    let rows = format!("{ROWS}Cy Example;;=1+1;Lost;;;;;;;\n");
    assert_eq!(counts(&import(&service, leads_of(&rows)).await), [4, 0, 0, 0, 0]);
    let before = (leads(&service).await, contacts(&service).await);
    for format in ["csv", "xlsx"] {
        let ordered = service.post_json("/api/v1/exports", json!({ "what": "leads", "format": format })).await.json();
        work(&service).await;
        let file = format!("/api/v1/exports/{}/file", ordered["id"].as_str().unwrap());
        let file = service.get(&file).await.body;
        for mode in ["fill", "overwrite", "update"] {
            let form = Form::default().file("file", "again", &file).text("what", "leads").text("mode", mode);
            let again = import(&service, form).await;
            assert_eq!(counts(&again), [0, 0, 4, 0, 0], "{format} {mode}: {again}");
            let columns = again["report"]["columns"].as_array().unwrap();
            assert!(columns.iter().all(|one| one["is_known"] == true || one["field"] == ""), "{columns:#?}");
        }
    }
    assert_eq!((leads(&service).await, contacts(&service).await), before);
    // By its id a lead is found whatever changes, but not for somebody else.
    let (dinner, bo) = (lead(&service, "Lunch").await, contact(&service, "Bo Example").await);
    let (id, contact) = (dinner["id"].as_str().unwrap(), dinner["contact_id"].as_str().unwrap());
    let head = "lead_id,herald_id,name,need\n";
    let of = |contact: &str| format!("{head}{id},{contact},Amélie Example,Brunch\n");
    let changed = import(&service, leads_of(&of(contact)).text("mode", "overwrite")).await;
    assert_eq!(counts(&changed), [0, 1, 0, 0, 0], "{changed}");
    assert_eq!(lead(&service, "Brunch").await["id"], dinner["id"]);
    let refused = import_of(&service, &of(bo["id"].as_str().unwrap())).await;
    assert!(messages(&refused["report"]["problems"])[0].starts_with("its lead is of \"Amélie Example\""), "{refused}");
}

/// Has a list of leads checked.
async fn import_of(service: &Service, rows: &str) -> Value {
    let made = upload(service, leads_of(rows).text("mode", "overwrite")).await;
    work(service).await;
    now(service, &made).await
}

async fn a_list_of_leads_is_taken_back_but_for_what_was_edited_since(database: &TestDatabase) {
    let service = Service::start(database).await;
    let known = json!({ "contact": { "name": "Ann Example", "email": "ann@example.com" },
        "lead": { "need": "Dinner", "source": "website", "value_minor": 5, "currency": "EUR" } });
    service.post_json("/api/v1/leads", known).await;
    let before = lead(&service, "Dinner").await;
    let rows = "name,email,need,status,value,currency,source,note\n\
                Ann Example,ann@example.com,Dinner,Won,100,USD,fair,Rang.\nBo Example,bo@example.com,Lunch,,,,,\n\
                Cy Example,cy@example.com,Brunch,,,,,Wrote.\nDi Example,di@example.com,Tea,,,,,\n";
    let done = import(&service, leads_of(rows).text("mode", "overwrite")).await;
    assert_eq!(counts(&done), [3, 1, 0, 0, 0]);
    // Somebody works with two of them.
    patch(&service, &lead(&service, "Dinner").await, json!({ "source": "a friend" })).await;
    patch(&service, &lead(&service, "Brunch").await, json!({ "status": "Contacted" })).await;
    assert_eq!(undo(&service, &done).await, 2);
    let needs: Vec<_> = leads(&service).await.into_iter().map(|one| one["need"].clone()).collect();
    assert_eq!(needs, ["Dinner", "Brunch"]);
    let names: Vec<_> = contacts(&service).await.into_iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Ann Example", "Cy Example"]);
    let dinner = lead(&service, "Dinner").await;
    assert_eq!(dinner["source"], "a friend");
    for field in ["status", "value_minor", "currency", "closed_at", "need"] {
        assert_eq!(dinner[field], before[field], "{field}");
    }
    assert!(notes(&service, &dinner).await.is_empty());
    // The list can be imported again.
    assert_eq!(counts(&import(&service, leads_of(rows)).await), [2, 1, 1, 0, 0]);
}

async fn later_undoings_come_back_to_what_an_earlier_import_left(database: &TestDatabase) {
    let service = Service::start(database).await;
    let rows = "name,email,need,source\nAnn Example,ann@example.com,Dinner,one\n";
    let first = import(&service, leads_of(rows)).await;
    let made = lead(&service, "Dinner").await;
    let second = import(&service, leads_of(&rows.replace("one", "two")).text("mode", "overwrite")).await;
    assert_eq!(lead(&service, "Dinner").await["source"], "two");
    // The one that changed the lead is undone: the lead is as the first one made it, and goes with it.
    assert_eq!(undo(&service, &second).await, 0);
    assert_eq!(lead(&service, "Dinner").await, made);
    // It has found another contact meanwhile: a lead goes with its person.
    let other = json!({ "name": "Annie Example", "email": "annie@example.com" });
    let other = service.post_json("/api/v1/contacts", other).await.json();
    let merge = json!({ "contact_id": made["contact_id"] });
    let merged = service.post_json(&format!("/api/v1/contacts/{}/merge", other["id"].as_str().unwrap()), merge).await;
    assert!(merged.status.is_success(), "{}", merged.text());
    undo(&service, &first).await;
    assert!(leads(&service).await.is_empty());
    // Of a person who was erased, nothing is left to be undone.
    let third = import(&service, leads_of(rows)).await;
    let id = lead(&service, "Dinner").await["contact_id"].as_str().unwrap().to_owned();
    let held = service.get(&format!("/api/v1/contacts/{id}/held")).await.json()["total"].clone();
    let erased = service.post_json(&format!("/api/v1/contacts/{id}/erase"), json!({ "records": held })).await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text());
    assert_eq!(undo(&service, &third).await, 0);
}

async fn a_list_of_leads_that_was_cut_off_makes_no_lead_twice(database: &TestDatabase) {
    let service = Service::start(database).await;
    let rows: String = (0..5_500).map(|at| format!("Guest {at},guest{at}@example.com,Dinner\n")).collect();
    let made = upload(&service, leads_of(&format!("name,email,need\n{rows}Guest 3,guest3@example.com,Dinner\n"))).await;
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
    service.handlers()(Attempt { job: job.clone(), cancelled: CancellationToken::new() }).await.unwrap();
    worker::commit(&service, job, worker::done()).await;
    let done = now(&service, &made).await;
    // The last row is one of the first chunk, wherever the import was cut off.
    assert_eq!((&done["state"], counts(&done)), (&json!("done"), [5_500, 0, 0, 0, 1]));
    let counted = service.get("/api/v1/leads/counts?by=status").await.json();
    assert_eq!(counted["items"][0]["leads"], 5_500, "{counted}");
    assert_eq!(undo(&service, &done).await, 0);
    assert!(leads(&service).await.is_empty() && contacts(&service).await.is_empty());
}

fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in ["name", "email", "need", "amount", "currency", "follow_up"].iter().enumerate() {
        sheet.write_string(0, u16::try_from(column).unwrap(), *header).unwrap();
    }
    for (column, cell) in ["Ed Example", "ed@example.com", "Dinner"].iter().enumerate() {
        sheet.write_string(1, u16::try_from(column).unwrap(), *cell).unwrap();
    }
    sheet.write_number_with_format(1, 3, 2500.5, &rust_xlsxwriter::Format::new().set_num_format("#,##0.00")).unwrap();
    sheet.write_string(1, 4, "EUR").unwrap();
    let at = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 3, 5).unwrap().and_hms(14, 30, 0).unwrap();
    let format = rust_xlsxwriter::Format::new().set_num_format("dd/mm/yyyy hh:mm");
    sheet.write_datetime_with_format(1, 5, &at, &format).unwrap();
    book.save_to_buffer().unwrap()
}

async fn a_workbook_of_leads_is_read(database: &TestDatabase) {
    let service = Service::start(database).await;
    let form = Form::default().file("file", "leads.xlsx", workbook()).text("what", "leads");
    let done = import(&service, form).await;
    assert_eq!(counts(&done), [1, 0, 0, 0, 0], "{done}");
    let dinner = lead(&service, "Dinner").await;
    assert_eq!(
        (&dinner["value_minor"], &dinner["currency"], &dinner["follow_up_at"]),
        (&json!(250_050), &json!("EUR"), &json!("2026-03-05T14:30:00Z"))
    );
}

async fn a_list_of_leads_needs_the_permission_to_make_leads(database: &TestDatabase) {
    let service = Service::start(database).await;
    let key = json!({ "name": "lists", "role": "staff", "scopes": ["imports:write"] });
    let key = service.post_json("/api/v1/keys", key).await.json()["key"].as_str().unwrap().to_owned();
    for (what, status) in [("contacts", 201), ("leads", 403)] {
        let form = list("name\nAnn Example\n").text("what", what);
        let asked = service.open(Method::POST, "/api/v1/imports").bearer_auth(&key);
        let (kind, body) = form.finish();
        let answer = Answer::to(asked.header("content-type", kind).body(body)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    let wrong = service.post_form("/api/v1/imports", list("name\nA\n").text("what", "guests")).await;
    assert!(wrong.problem(422, "invalid-field").contains("use contacts or leads"));
    // Nor does the key do anything to a list of leads of others, or look at its rows.
    let made = upload(&service, leads_of("name,status\nAnn Example,\nBo Example,Hot\n")).await;
    work(&service).await;
    let ask = async |method: Method, tail: &str, key: &str| {
        let is_change = method == Method::PATCH;
        let asked = service.open(method, &format!("{}{tail}", path(&made))).bearer_auth(key);
        Answer::to(if is_change { asked.json(&json!({})) } else { asked }).await.status
    };
    for (method, tail) in [
        (Method::GET, ""),
        (Method::GET, "/refused.csv"),
        (Method::PATCH, ""),
        (Method::POST, "/start"),
        (Method::POST, "/cancel"),
        (Method::POST, "/undo"),
    ] {
        assert_eq!(ask(method.clone(), tail, &key).await, StatusCode::FORBIDDEN, "{method} {tail}");
    }
    assert_eq!(now(&service, &made).await["state"], "checked");
    // Who may read leads sees the rows, and changes nothing.
    let reads = json!({ "name": "reads", "role": "staff", "scopes": ["imports:write", "leads:read"] });
    let reads = service.post_json("/api/v1/keys", reads).await.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(ask(Method::GET, "/refused.csv", &reads).await, StatusCode::OK);
    assert_eq!(ask(Method::POST, "/start", &reads).await, StatusCode::FORBIDDEN);
}
