//! One person's data over HTTP: counted, handed out, erased.

use std::task::Poll;

use bytes::Bytes;
use futures::StreamExt;
use herald_app::jobs::TemplatePreview;
use herald_base::image_format::ImageFormat;
use herald_db::{EngineKind, query};
use herald_invitations::{ImportProblem, add_problems};
use herald_leads::{LocalDay, WrittenReport, note_report, report_key};
use herald_ledger::{Outcome, Payload, audit::Actor};
use herald_notifications::{ByMail, NewNotification, notify};
use herald_people::Role;
use herald_providers::files::{Area, Key};
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::Attempt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Form, Service,
    people::{PASSWORD, Person},
    service::Answer,
    worker::{self, work},
};
use crate::ground;

on_both_engines! {
    an_export_has_everything_that_is_held,
    an_erasure_leaves_nothing_of_a_person_anywhere,
    an_erasure_that_was_not_seen_in_full_is_refused,
    a_file_that_somebody_else_has_stays,
    an_invitation_that_waits_is_cancelled_and_counted,
    who_comes_back_is_recognised,
    a_known_contact_that_gets_an_erased_address_says_so,
    a_sample_that_is_drawn_during_an_erasure_goes_with_it,
    an_import_of_an_erased_person_can_still_be_undone,
    a_list_that_names_an_erased_person_says_so,
}

const CONTACTS: &str = "/api/v1/contacts";
/// Each stands in something else of the person.
const MARKS: [&str; 12] = [
    "Zephyrine",
    "zephyrine@example.com",
    "+34600000199",
    "zephyr@example.org",
    "Quillfeather Ltd",
    "likes the window seat",
    "sign-up form of Zephyrine",
    "a party of twelve",
    "rang back about the party",
    "the old company",
    "the old source",
    "asked for blue flowers",
];

/// A person of whom something stands in every place, and a neighbour. Returns the id of the person.
async fn somebody(service: &Service) -> String {
    service.leaves(&["invitation.summary", "invitation.render"]);
    service.template().await;
    let run = service.run("name,table\nZephyrine Example,1\nBo Example,2\n").await;
    worker::import(service, run, &["Zephyrine Example", "Bo Example"]).await;
    let mut tx = service.db.begin().await.unwrap();
    let problem = ImportProblem {
        line: 2,
        guest: "Zephyrine Example".to_owned(),
        fatal: false,
        message: "\"Zephyrine Example\" stands here twice".to_owned(),
    };
    add_problems(&mut tx, service.workspace, run, &[problem]).await.unwrap();
    tx.commit().await.unwrap();
    worker::finish(service, &[Ok(()), Ok(())]).await;
    worker::summarise(service, run).await;
    let found = service.get(&format!("{CONTACTS}?search=zephyrine")).await.json();
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{CONTACTS}/{id}");
    let facts = json!({ "email": "Zephyrine@Example.com", "phone": "+34 600 000 199", "tags": ["VIP"],
        "fields": { "company": "the old company" } });
    let changed = Answer::to(service.request(Method::PATCH, &path).json(&facts)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let list = "name,email,company,phone\nZephyrine Example,zephyrine@example.com,Quillfeather Ltd,\n\
                Zephyrine Example,,,4.47911E+11\nCy Example,cy@example.com,,\n";
    let form = Form::default().file("file", "people.csv", list).text("mode", "overwrite").text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await;
    assert_eq!(import.status, 201, "{}", import.text());
    work(service).await;
    for (below, body) in [
        ("notes", json!({ "text": "likes the window seat" })),
        ("addresses", json!({ "kind": "email", "value": "zephyr@example.org", "label": "work" })),
        (
            "consents",
            json!({ "channel": "email", "given": true, "wording": "News", "source": "sign-up form of Zephyrine" }),
        ),
    ] {
        let made = service.post_json(&format!("{path}/{below}"), body).await;
        assert!(made.status.is_success(), "{}", made.text());
    }
    let lead = json!({ "contact_id": id, "lead": { "need": "a party of twelve", "source": "the old source",
        "follow_up_at": "2026-03-02T09:00", "follow_up_zone": "Europe/Madrid" } });
    let lead = service.post_json("/api/v1/leads", lead).await;
    assert_eq!(lead.status, 201, "{}", lead.text());
    let list = "name,email,need,source,note\n\
                Zephyrine Example,zephyrine@example.com,a party of twelve,form,asked for blue flowers\n";
    let form = Form::default().file("file", "leads.csv", list).text("what", "leads").text("mode", "overwrite");
    let import = service.post_form("/api/v1/imports", form.text("starts_itself", "true")).await;
    assert_eq!(import.status, 201, "{}", import.text());
    work(service).await;
    let note = json!({ "text": "rang back about the party" });
    let lead = lead.json()["id"].as_str().unwrap().to_owned();
    let noted = service.post_json(&format!("/api/v1/leads/{lead}/notes"), note).await;
    assert!(noted.status.is_success(), "{}", noted.text());
    let (member, actor) = (Some((service.workspace, Role::Staff)), Actor::cli(service.workspace, "test"));
    service.people.add_user("staff@example.org", &PASSWORD.into(), false, member, &actor).await.unwrap();
    let told = NewNotification {
        workspace_id: service.workspace,
        user_id: Person::sign_in(service, "staff@example.org").await.id,
        kind: "lead.follow_up",
        key: format!("lead.follow_up:{lead}"),
        title: "Follow up with Zephyrine Example".to_owned(),
        link: format!("/leads/{lead}"),
        by_mail: ByMail::IfWanted,
    };
    service.leaves(&["notification.mail"]);
    let mut tx = service.db.begin().await.unwrap();
    assert_eq!(notify(&mut tx, vec![told]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let day = LocalDay::at(service.db.now(), chrono_tz::Tz::UTC);
    let written = WrittenReport { name: "daily.xlsx".to_owned(), bytes: 8, sha256: String::new(), leads: 1 };
    service.files.put(&report_key(service.workspace, day), Bytes::from_static(b"a report")).await.unwrap();
    note_report(&service.db, service.workspace, day, written).await.unwrap();
    id
}

async fn held(service: &Service, id: &str) -> Value {
    let held = service.get(&format!("{CONTACTS}/{id}/held")).await;
    assert_eq!(held.status, StatusCode::OK, "{}", held.text());
    held.json()
}

async fn erase(service: &Service, id: &str) -> Value {
    service.leaves(&["contact.erase"]);
    let total = &held(service, id).await["total"];
    let erased = service.post_json(&format!("{CONTACTS}/{id}/erase"), json!({ "records": total })).await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text());
    erased.json()
}

/// Every row of the database as text, with the table and the column before each value.
async fn everything(service: &Service) -> Vec<String> {
    let columns = match service.db.kind() {
        EngineKind::Postgres => {
            "select cast(table_name as text), cast(column_name as text) from information_schema.columns
             where table_schema = current_schema() and data_type <> 'bytea' and table_name not like '\\_sqlx%'"
        }
        EngineKind::Sqlite => {
            "select t.name, c.name from sqlite_master as t join pragma_table_info(t.name) as c
             where t.type = 'table' and c.type <> 'BYTEA' and t.name not like 'sqlite%' and t.name not like '%sqlx%'"
        }
    };
    let columns: Vec<(String, String)> = query(columns).all(&service.db).await.unwrap();
    let mut all = Vec::new();
    for (table, column) in columns {
        // SQLite keeps ids as bytes.
        let value = match service.db.kind() {
            EngineKind::Postgres => format!("cast({column} as text)"),
            EngineKind::Sqlite => {
                format!("case typeof({column}) when 'blob' then lower(hex({column})) else cast({column} as text) end")
            }
        };
        let sql = format!("select {value} from {table} where {column} is not null");
        let values: Vec<(String,)> = query(&sql).all(&service.db).await.unwrap();
        all.extend(values.into_iter().map(|(value,)| format!("{table}.{column}: {value}")));
    }
    all
}

async fn an_export_has_everything_that_is_held(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = somebody(&service).await;
    let held = held(&service, &id).await;
    for sort in [
        "contact",
        "addresses",
        "tags",
        "consents",
        "timeline",
        "changes_by_imports",
        "leads",
        "lead_notes",
        "lead_changes_by_imports",
        "notifications",
        "reports",
        "invitations",
        "remarks_on_lists",
    ] {
        assert!(held["records"][sort].as_i64().unwrap_or_default() > 0, "{sort}: {held}");
    }
    let elsewhere = held["elsewhere"].to_string();
    assert!(elsewhere.contains("people.csv") && elsewhere.contains("the list of the run"), "{elsewhere}");
    let export = service.get(&format!("{CONTACTS}/{id}/export")).await;
    assert_eq!(export.header("content-disposition"), format!("attachment; filename=\"contact_{id}.json\""));
    for mark in MARKS {
        assert!(export.text().contains(mark), "{mark}: {}", export.text());
    }
    assert!(!export.text().contains("Bo Example"), "{}", export.text());
    let counted: usize =
        export.json()["records"].as_object().unwrap().values().map(|all| all.as_array().unwrap().len()).sum();
    assert_eq!(json!(counted), held["total"]);
    let log = service.get("/api/v1/audit?limit=1").await.json();
    assert_eq!((&log["items"][0]["action"], &log["items"][0]["target"]), (&json!("contact.export"), &json!(id)));
    let nobody = service.db.new_id();
    for below in ["held", "export"] {
        service.get(&format!("{CONTACTS}/{nobody}/{below}")).await.problem(404, "not-found");
    }
}

async fn an_erasure_leaves_nothing_of_a_person_anywhere(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = somebody(&service).await;
    let about = |all: &[String]| -> Vec<String> {
        let marks = MARKS.iter().map(|mark| mark.to_lowercase());
        let marks: Vec<String> = marks.chain(["quillfeather".to_owned()]).collect();
        let is_about = |row: &&String| marks.iter().any(|mark| row.to_lowercase().contains(mark.as_str()));
        all.iter().filter(is_about).cloned().collect()
    };
    let before = about(&everything(&service).await);
    assert!(before.len() > 15, "{before:#?}");
    let sample = Key::preview(service.workspace, &"ab".repeat(32), "png");
    service.files.put(&sample, Bytes::from_static(b"drawn with the person")).await.unwrap();
    let erased = erase(&service, &id).await;
    assert_eq!((&erased["contact_id"], &erased["done_at"]), (&json!(id), &Value::Null));
    work(&service).await;
    let left: Vec<String> = about(&everything(&service).await);
    // A job's arguments are ids, and the list that was uploaded stays with its run.
    assert_eq!(left, [] as [String; 0]);
    let bare = id.replace('-', "");
    let all = everything(&service).await.into_iter();
    let names_id: Vec<String> = all.filter(|row| row.contains(&id) || row.contains(&bare)).collect();
    let is_proof = |row: &String| row.starts_with("erasures.") || row.starts_with("audit_log.");
    assert!(names_id.iter().all(is_proof) && names_id.len() >= 2, "{names_id:#?}");
    // Files are gone, those of the neighbour are there.
    let mut files = Vec::new();
    let mut listed = service.files.list_all();
    while let Some(file) = futures::StreamExt::next(&mut listed).await {
        files.push(file.unwrap().to_string());
    }
    let of = |area: &str| files.iter().filter(|file| file.contains(&format!("/{area}/"))).count();
    assert_eq!((of("invitations"), of("reports"), of("previews")), (1, 0, 0), "{files:#?}");
    // The neighbour is as before, and the run's table names nobody else.
    let found = service.get(&format!("{CONTACTS}?search=example")).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
    service.get(&format!("{CONTACTS}/{id}")).await.problem(404, "not-found");
    let proof = service.get("/api/v1/erasures").await.json();
    assert_eq!(proof["items"].as_array().unwrap().len(), 1);
    assert_eq!(proof["items"][0]["records"]["invitations"], json!(1));
    assert!(proof["items"][0]["done_at"].is_string(), "{proof}");
    let log = service.get("/api/v1/audit?limit=1").await.json();
    assert_eq!(log["items"][0]["action"], "contact.erase");
    assert!(service.get("/api/v1/leads").await.json()["items"].as_array().unwrap().is_empty());
}

async fn an_erasure_that_was_not_seen_in_full_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = somebody(&service).await;
    let total = held(&service, &id).await["total"].as_u64().unwrap();
    service.post_json(&format!("{CONTACTS}/{id}/notes"), json!({ "text": "another one" })).await;
    let refused = service.post_json(&format!("{CONTACTS}/{id}/erase"), json!({ "records": total })).await;
    let said = refused.problem(409, "wrong-state");
    assert!(said.contains(&format!("{} records", total + 1)) && said.contains("look again"), "{said}");
    assert_eq!(held(&service, &id).await["total"], json!(total + 1));
    let staff = service.post_json("/api/v1/keys", json!({ "name": "staff", "role": "staff" })).await;
    let staff = staff.json()["key"].as_str().unwrap().to_owned();
    let path = format!("{CONTACTS}/{id}/erase");
    let asked = service.open(Method::POST, &path).bearer_auth(staff).json(&json!({ "records": total + 1 }));
    Answer::to(asked).await.problem(403, "forbidden");
}

async fn a_file_that_somebody_else_has_stays(database: &TestDatabase) {
    let service = Service::start(database).await;
    let make = async |name: &str| {
        let made = service.post_json(CONTACTS, json!({ "name": name })).await.json();
        made["id"].as_str().unwrap().to_owned()
    };
    let (one, other) = (make("Ana Example").await, make("Bo Example").await);
    let picture = Key::picture(service.workspace, "abc");
    service.files.put(&picture, Bytes::from_static(b"a picture")).await.unwrap();
    let mut tx = service.db.begin().await.unwrap();
    for id in [&one, &other] {
        let place = Some(format!("store:{picture}"));
        herald_contacts::set_picture(&mut tx, service.workspace, id.parse().unwrap(), place).await.unwrap();
    }
    tx.commit().await.unwrap();
    erase(&service, &one).await;
    work(&service).await;
    assert_eq!(service.files.size(&picture).await.unwrap(), Some(9));
    erase(&service, &other).await;
    work(&service).await;
    assert_eq!(service.files.size(&picture).await.unwrap(), None);
}

async fn an_invitation_that_waits_is_cancelled_and_counted(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.summary"]);
    service.template().await;
    let run = service.run("name,table\nAna Example,1\nBo Example,2\n").await;
    worker::import(&service, run, &["Ana Example", "Bo Example"]).await;
    let found = service.get(&format!("{CONTACTS}?search=ana")).await.json();
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    // A step that runs is not interrupted.
    let jobs = worker::lease(&service, "cpu").await;
    assert_eq!(jobs.len(), 2);
    let total = held(&service, &id).await["total"].clone();
    let refused = service.post_json(&format!("{CONTACTS}/{id}/erase"), json!({ "records": total })).await;
    assert!(refused.problem(409, "wrong-state").contains("being made at this moment"));
    for job in jobs {
        let outcome = Outcome::Snooze { run_at: service.db.now() + chrono::TimeDelta::seconds(60) };
        worker::commit(&service, job, outcome).await;
    }
    erase(&service, &id).await;
    let run = service.get(&format!("/api/v1/invitation-runs/{run}")).await.json();
    assert_eq!((&run["total"], &run["cancelled"]), (&json!(2), &json!(1)), "{run}");
    service.db.clock().advance(std::time::Duration::from_secs(61));
    worker::finish(&service, &[Ok(())]).await;
}

async fn who_comes_back_is_recognised(database: &TestDatabase) {
    let service = Service::start(database).await;
    let body = json!({ "name": "Ana Example", "email": "ana@example.com" });
    let made = service.post_json(CONTACTS, body.clone()).await.json();
    let further = json!({ "kind": "whatsapp", "value": "+34600000001" });
    let below = format!("{CONTACTS}/{}/addresses", made["id"].as_str().unwrap());
    assert_eq!(service.post_json(&below, further).await.status, 201);
    erase(&service, made["id"].as_str().unwrap()).await;
    let again = service.post_json(CONTACTS, body).await.json();
    let timeline = service.get(&format!("{CONTACTS}/{}/activities", again["id"].as_str().unwrap())).await.json();
    assert!(timeline["items"][0]["detail"]["erased_before"].is_string(), "{timeline}");
    let number = json!({ "name": "A. Example", "phone": "+34600000001" });
    let number = service.post_json(CONTACTS, number).await.json();
    let timeline = service.get(&format!("{CONTACTS}/{}/activities", number["id"].as_str().unwrap())).await.json();
    assert!(timeline["items"][0]["detail"]["erased_before"].is_string(), "{timeline}");
    let other = service.post_json(CONTACTS, json!({ "name": "Bo Example", "email": "bo@example.com" })).await.json();
    let timeline = service.get(&format!("{CONTACTS}/{}/activities", other["id"].as_str().unwrap())).await.json();
    assert_eq!(timeline["items"][0]["detail"]["erased_before"], Value::Null);
}

async fn a_known_contact_that_gets_an_erased_address_says_so(database: &TestDatabase) {
    let service = Service::start(database).await;
    let body = json!({ "name": "Ana Example", "email": "ana@example.com", "phone": "+34600000001" });
    let made = service.post_json(CONTACTS, body).await.json();
    erase(&service, made["id"].as_str().unwrap()).await;
    let bo = service.post_json(CONTACTS, json!({ "name": "Bo Example", "email": "bo@example.com" })).await.json();
    let path = format!("{CONTACTS}/{}", bo["id"].as_str().unwrap());
    let said = async || {
        let newest = service.get(&format!("{path}/activities")).await.json()["items"][0].clone();
        (newest["kind"].as_str().unwrap().to_owned(), newest["detail"]["erased_before"].is_string())
    };
    let send = async |method: Method, below: &str, body: Value| {
        service.db.clock().advance(std::time::Duration::from_millis(10));
        let answer = Answer::to(service.request(method, &format!("{path}{below}")).json(&body)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        answer.json()
    };
    let added = json!({ "kind": "email", "value": "other@example.com" });
    let other = send(Method::POST, "/addresses", added).await;
    assert_eq!(said().await, ("address.added".to_owned(), false));
    let address = format!("/addresses/{}", other["id"].as_str().unwrap());
    send(Method::PATCH, &address, json!({ "value": "Ana@Example.com" })).await;
    assert_eq!(said().await, ("address.changed".to_owned(), true));
    // The address was there before: only its label is new.
    send(Method::PATCH, &address, json!({ "label": "work" })).await;
    assert_eq!(said().await, ("address.changed".to_owned(), false));
    send(Method::POST, "/addresses", json!({ "kind": "whatsapp", "value": "+34600000001" })).await;
    assert_eq!(said().await, ("address.added".to_owned(), true));
    send(Method::PATCH, "", json!({ "phone": "+34 600 000 001" })).await;
    assert_eq!(said().await, ("contact.changed".to_owned(), true));
    send(Method::PATCH, "", json!({ "country": "ES" })).await;
    assert_eq!(said().await, ("contact.changed".to_owned(), false));
    // A lead fills what a known person lacks.
    let cy = json!({ "name": "Cy Example", "external_id": "K-1" });
    let cy = service.post_json(CONTACTS, cy).await.json();
    let contact = json!({ "name": "Cy Example", "external_id": "K-1", "email": "ana@example.com" });
    let lead =
        service.post_json("/api/v1/leads", json!({ "key": "1", "contact": contact, "lead": { "need": "Tea" } })).await;
    assert!(lead.status.is_success(), "{}", lead.text());
    let timeline = service.get(&format!("{CONTACTS}/{}/activities", cy["id"].as_str().unwrap())).await.json();
    let changed = timeline["items"].as_array().unwrap().iter().find(|one| one["kind"] == "contact.changed").unwrap();
    assert!(changed["detail"]["erased_before"].is_string(), "{timeline}");
}

async fn a_sample_that_is_drawn_during_an_erasure_goes_with_it(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template_id = service.template().await;
    let samples = async || {
        let folder = herald_providers::files::folder(service.workspace, Area::Previews);
        service.files.list(&folder).count().await
    };
    let mut ends = Vec::new();
    for steps in [0, 1, 4, 16, 64, 256, 1_024] {
        let body = json!({ "name": format!("Ana {steps} Example"), "fields": { "table": "7" } });
        let id = service.post_json(CONTACTS, body).await.json()["id"].as_str().unwrap().to_owned();
        let preview = TemplatePreview {
            template_id,
            contact_id: Some(id.parse().unwrap()),
            fields: Default::default(),
            format: ImageFormat::Png,
            strict: false,
            picture: None,
        };
        ground::enqueue_one(&service.db, preview.job(service.workspace)).await;
        let job = worker::lease_next(&service, "cpu").await;
        let handlers = service.handlers();
        let mut attempt = Box::pin(handlers(Attempt { job: job.clone(), cancelled: CancellationToken::new() }));
        // It goes on only while it is polled. Each look at the files gives it time for a step.
        let mut end = None;
        for _ in 0..steps {
            if let Poll::Ready(outcome) = futures::poll!(&mut attempt) {
                end = Some(outcome);
                break;
            }
            samples().await;
        }
        // The job that removes the samples runs before the attempt goes on: it finds no file that is written later.
        erase(&service, &id).await;
        work(&service).await;
        let end = match end {
            Some(end) => end,
            None => attempt.await,
        };
        ends.push(end.is_ok());
        assert_eq!(samples().await, 0, "erased after {steps} steps: {ends:?}");
        worker::commit(&service, job, worker::done()).await;
    }
    assert!(!ends[0], "a contact that is gone is not drawn");
}

async fn an_import_of_an_erased_person_can_still_be_undone(database: &TestDatabase) {
    let service = Service::start(database).await;
    let list = "name,email\nAna Example,ana@example.com\nBo Example,bo@example.com\n";
    let form = Form::default().file("file", "people.csv", list).text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await.json();
    work(&service).await;
    let found = service.get(&format!("{CONTACTS}?search=ana")).await.json();
    erase(&service, found["items"][0]["id"].as_str().unwrap()).await;
    let path = format!("/api/v1/imports/{}", import["id"].as_str().unwrap());
    assert!(service.post_json(&format!("{path}/undo"), json!({})).await.status.is_success());
    work(&service).await;
    assert_eq!(service.get(&path).await.json()["state"], "undone");
    assert!(service.get(CONTACTS).await.json()["items"].as_array().unwrap().is_empty());
}

async fn a_list_that_names_an_erased_person_says_so(database: &TestDatabase) {
    let service = Service::start(database).await;
    let body = json!({ "name": "Ana Example", "phone": "+34600111222" });
    let made = service.post_json(CONTACTS, body).await.json();
    erase(&service, made["id"].as_str().unwrap()).await;
    let list = "name,email,phone\nAnother Name,ana@example.com,+34600111222\nBo Example,bo@example.com,\n";
    let form = Form::default().file("file", "people.csv", list).text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await.json();
    work(&service).await;
    let import = service.get(&format!("/api/v1/imports/{}", import["id"].as_str().unwrap())).await.json();
    assert_eq!((&import["state"], &import["report"]["remarked"]), (&json!("done"), &json!(1)), "{import}");
    let remark = &import["report"]["remarks"][0];
    assert_eq!(remark["line"], 2);
    assert!(remark["message"].as_str().unwrap().contains("was erased on"), "{remark}");
    for (name, is_known) in [("another", true), ("bo", false)] {
        let found = service.get(&format!("{CONTACTS}?search={name}")).await.json();
        let path = format!("{CONTACTS}/{}/activities", found["items"][0]["id"].as_str().unwrap());
        let timeline = service.get(&path).await.json();
        assert_eq!(timeline["items"][0]["detail"]["erased_before"].is_string(), is_known, "{timeline}");
    }
}
