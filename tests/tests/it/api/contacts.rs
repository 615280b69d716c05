//! Contacts over HTTP.

use herald_contacts::{Person, remove_contacts, upsert_people};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Service, service::Answer};

on_both_engines! {
    a_contact_is_made_changed_trashed_and_restored,
    nobody_is_there_twice,
    a_change_of_somebody_else_is_not_overwritten,
    contacts_are_found_in_any_script_and_walked_in_pages,
    tags_are_one_in_any_spelling,
    consents_are_only_added,
    another_workspace_finds_no_contact,
    every_act_on_a_contact_is_audited_without_names,
    whom_somebody_worked_with_is_not_removed_with_the_examples,
}

const CONTACTS: &str = "/api/v1/contacts";

async fn make(service: &Service, body: Value) -> Value {
    let made = service.post_json(CONTACTS, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.header("location"), format!("{CONTACTS}/{}", made.json()["id"].as_str().unwrap()));
    made.json()
}

async fn patch(service: &Service, id: &Value, body: Value) -> Answer {
    Answer::to(service.request(Method::PATCH, &path(id)).json(&body)).await
}

fn path(id: &Value) -> String {
    format!("{CONTACTS}/{}", id.as_str().unwrap())
}

/// What an endpoint below a contact takes.
fn body_of(path: &str) -> Value {
    if path.ends_with("/notes") { json!({ "text": "x" }) } else { json!({ "name": "Eve" }) }
}

fn searched(words: &str) -> String {
    let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
    format!("{CONTACTS}?search={words}")
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

fn kinds(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

async fn a_contact_is_made_changed_trashed_and_restored(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = make(
        &service,
        json!({ "name": " Amélie  Example ", "email": "Amelie@Example.com", "phone": "+34 600 000 001",
            "locale": "PT_br",
            "country": "es", "time_zone": "Europe/Madrid", "preferred_channel": "whatsapp", "tags": ["VIP", "vip"],
            "fields": { "company": "Example Ltd" } }),
    )
    .await;
    assert_eq!(
        (&made["name"], &made["email"], &made["phone"], &made["locale"], &made["country"]),
        (&json!("Amélie Example"), &json!("amelie@example.com"), &json!("+34600000001"), &json!("pt-BR"), &json!("ES"))
    );
    assert_eq!((&made["tags"], &made["source"]), (&json!(["VIP"]), &json!("api")));
    let id = &made["id"];
    assert_eq!(service.get(&path(id)).await.json(), made);
    let changed = patch(&service, id, json!({ "phone": "", "fields": { "company": "", "table": "7" } })).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let changed = changed.json();
    assert_eq!((&changed["phone"], &changed["email"]), (&Value::Null, &made["email"]));
    assert_eq!((&changed["fields"], &changed["tags"]), (&json!({ "table": "7" }), &json!(["VIP"])));
    let noted = service.post_json(&format!("{}/notes", path(id)), json!({ "text": " Asks for a quiet table. " })).await;
    assert_eq!(noted.status, StatusCode::NO_CONTENT);
    let gone = Answer::to(service.request(Method::DELETE, &path(id))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(names(&service.get(CONTACTS).await.json()).is_empty());
    assert_eq!(names(&service.get(&format!("{CONTACTS}?trashed=true")).await.json()), ["Amélie Example"]);
    let back = service.post_json(&format!("{}/restore", path(id)), json!({})).await.json();
    assert_eq!(back["trashed_at"], Value::Null);
    let timeline = service.get(&format!("{}/activities", path(id))).await.json();
    let told = ["contact.restored", "contact.trashed", "note.added", "contact.changed", "contact.created"];
    let mut kinds = kinds(&timeline);
    kinds.sort_unstable();
    let mut told = told.to_vec();
    told.sort_unstable();
    assert_eq!(kinds, told, "{timeline}");
    let changed = timeline["items"].as_array().unwrap().iter().find(|one| one["kind"] == "contact.changed").unwrap();
    assert_eq!(changed["detail"]["fields"], json!(["phone", "company", "table"]));
    for (body, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "email": "amelie" }), "email"),
        (json!({ "phone": "600 000 001" }), "phone"),
        (json!({ "locale": "??" }), "locale"),
        (json!({ "time_zone": "Mars/Base" }), "time_zone"),
        (json!({ "country": "ESP" }), "country"),
        (json!({ "tags": ["a,b"] }), "tags"),
    ] {
        let refused = patch(&service, id, body).await;
        refused.problem(422, "invalid-field");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
    }
    service.post_json(CONTACTS, json!({ "email": "a@example.com" })).await.problem(422, "invalid-field");
}

async fn nobody_is_there_twice(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = make(&service, json!({ "name": "Bo Example", "email": "bo@example.com" })).await;
    let again = service.post_json(CONTACTS, json!({ "name": "EXAMPLE, Bo", "email": "BO@example.com" })).await;
    let said = again.problem(409, "wrong-state");
    assert!(said.contains(one["id"].as_str().unwrap()) && said.contains("e-mail address and name"), "{said}");
    // An address is not a person.
    let other = make(&service, json!({ "name": "Cy Example", "email": "bo@example.com", "external_id": "7" })).await;
    let same_id = service.post_json(CONTACTS, json!({ "name": "Dee Example", "external_id": "7" })).await;
    assert!(same_id.problem(409, "wrong-state").contains("external id"));
    assert!(patch(&service, &other["id"], json!({ "name": "Bo Example", "external_id": "" })).await.status == 409);
    Answer::to(service.request(Method::DELETE, &path(&one["id"]))).await;
    let trashed = service.post_json(CONTACTS, json!({ "name": "Bo Example", "email": "bo@example.com" })).await;
    assert!(trashed.problem(409, "wrong-state").contains("in the trash: restore it"));
    // A list that names them again takes them out.
    let mut tx = service.db.begin().await.unwrap();
    let person = Person {
        row_key: "1".into(),
        name: "Bo Example".into(),
        email: Some("bo@example.com".into()),
        ..Person::default()
    };
    let upserted = upsert_people(&mut tx, service.workspace, &[person]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(upserted[0].contact_id.to_string(), one["id"]);
    assert_eq!(service.get(&path(&one["id"])).await.json()["trashed_at"], Value::Null);
}

async fn a_change_of_somebody_else_is_not_overwritten(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = make(&service, json!({ "name": "Eve Example" })).await;
    let read = service.get(&path(&made["id"])).await;
    let tag = read.header("etag").to_owned();
    service.db.clock().advance(std::time::Duration::from_secs(1));
    assert_eq!(patch(&service, &made["id"], json!({ "tags": ["new"] })).await.status, StatusCode::OK);
    let late =
        service.request(Method::PATCH, &path(&made["id"])).header("if-match", tag).json(&json!({ "country": "FR" }));
    Answer::to(late).await.problem(412, "precondition-failed");
    assert_eq!(service.get(&path(&made["id"])).await.json()["country"], Value::Null);
}

async fn contacts_are_found_in_any_script_and_walked_in_pages(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (name, email, phone) in [
        ("Amélie Fauçonnier", "amelie@example.com", "+34600000001"),
        ("Đặng Thị Mai", "mai@example.com", "+84912345678"),
        ("محمد علي", "ali@example.com", "+923001234567"),
        ("山田 太郎", "taro@example.com", "+819012345678"),
        ("100% Pure", "pure@example.com", "+34600000002"),
    ] {
        make(&service, json!({ "name": name, "email": email, "phone": phone })).await;
        service.db.clock().advance(std::time::Duration::from_millis(2));
    }
    for (words, name) in [
        ("AMELIE", "Amélie Fauçonnier"),
        ("faucon", "Amélie Fauçonnier"),
        ("dang thi", "Đặng Thị Mai"),
        ("محمد", "محمد علي"),
        ("太郎", "山田 太郎"),
        ("Taro@Example.com", "山田 太郎"),
        ("+92 300 1234567", "محمد علي"),
        ("100", "100% Pure"),
    ] {
        assert_eq!(names(&service.get(&searched(words)).await.json()), [name], "{words}");
    }
    assert!(names(&service.get(&searched("%")).await.json()).is_empty(), "a percent sign is no wildcard");
    let (mut walked, mut page) = (Vec::new(), service.get(&format!("{CONTACTS}?limit=2")).await.json());
    loop {
        walked.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { break };
        page = service.get(&format!("{CONTACTS}?limit=2&cursor={next}")).await.json();
    }
    assert_eq!(walked, ["100% Pure", "山田 太郎", "محمد علي", "Đặng Thị Mai", "Amélie Fauçonnier"]);
    let count = service.get(&format!("{CONTACTS}/count")).await.json();
    assert_eq!(count, json!({ "contacts": 5, "more": false }));
    let long = format!("{CONTACTS}?search={}", "a".repeat(201));
    service.get(&long).await.problem(422, "invalid-field");
}

async fn tags_are_one_in_any_spelling(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = make(&service, json!({ "name": "Ann", "tags": ["Press list"] })).await;
    make(&service, json!({ "name": "Bea", "tags": ["press  LIST", "VIP"] })).await;
    let tags = service.get("/api/v1/tags").await.json();
    let counts: Vec<_> = tags["items"].as_array().unwrap().iter().map(|tag| (&tag["name"], &tag["contacts"])).collect();
    assert_eq!(counts, [(&json!("Press list"), &json!(2)), (&json!("VIP"), &json!(1))]);
    assert_eq!(names(&service.get(&format!("{CONTACTS}?tag=PRESS+list")).await.json()).len(), 2);
    assert_eq!(names(&service.get(&format!("{CONTACTS}?tag=press+list,vip")).await.json()), ["Bea"]);
    assert!(names(&service.get(&format!("{CONTACTS}?tag=none")).await.json()).is_empty());
    let press = tags["items"][0]["id"].as_str().unwrap();
    let gone = Answer::to(service.request(Method::DELETE, &format!("/api/v1/tags/{press}"))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(service.get(&path(&one["id"])).await.json()["tags"], json!([]));
    Answer::to(service.request(Method::DELETE, &format!("/api/v1/tags/{press}"))).await.problem(404, "not-found");
}

async fn consents_are_only_added(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = make(&service, json!({ "name": "Ann" })).await;
    let consents = format!("{}/consents", path(&made["id"]));
    let yes = json!({ "channel": "email", "given": true, "wording": "News of events", "source": "sign-up form",
        "proof": "mail 7" });
    assert_eq!(service.post_json(&consents, yes.clone()).await.status, StatusCode::CREATED);
    service.db.clock().advance(std::time::Duration::from_secs(1));
    let mut no = yes;
    no["given"] = json!(false);
    assert_eq!(service.post_json(&consents, no.clone()).await.status, StatusCode::CREATED);
    let listed = service.get(&consents).await.json();
    let given: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| one["given"] == true).collect();
    assert_eq!(given, [false, true]);
    no["wording"] = json!(" ");
    service.post_json(&consents, no.clone()).await.problem(422, "invalid-field");
    no["channel"] = json!("fax");
    service.post_json(&consents, no).await.problem(422, "invalid-field");
}

async fn another_workspace_finds_no_contact(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = make(&service, json!({ "name": "Ann", "tags": ["VIP"] })).await;
    let other = service.other_workspace().await;
    let of_other = async |method: Method, path: &str| {
        Answer::to(service.open(method, path).bearer_auth(&other).json(&body_of(path))).await
    };
    for (method, address) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/restore"),
        (Method::POST, "/notes"),
        (Method::GET, "/consents"),
        (Method::GET, "/activities"),
    ] {
        of_other(method, &format!("{}{address}", path(&made["id"]))).await.problem(404, "not-found");
    }
    assert!(names(&of_other(Method::GET, CONTACTS).await.json()).is_empty());
    assert_eq!(of_other(Method::GET, "/api/v1/tags").await.json()["items"], json!([]));
    assert_eq!(service.get(&path(&made["id"])).await.json(), made);
}

async fn every_act_on_a_contact_is_audited_without_names(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = make(&service, json!({ "name": "Ann Example", "email": "ann@example.com" })).await;
    patch(&service, &made["id"], json!({ "name": "Anna Example" })).await;
    Answer::to(service.request(Method::DELETE, &path(&made["id"]))).await;
    let log = service.get("/api/v1/audit").await;
    let rows = log.json();
    let actions: Vec<_> = rows["items"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(&actions[..3], ["contact.trash", "contact.change", "contact.create"]);
    assert!(!log.text().contains("Ann") && !log.text().contains("ann@example.com"), "{}", log.text());
}

async fn whom_somebody_worked_with_is_not_removed_with_the_examples(database: &TestDatabase) {
    let service = Service::start(database).await;
    let mut tx = service.db.begin().await.unwrap();
    let people = ["Ann", "Bo"].map(|name| Person { row_key: name.into(), name: name.into(), ..Person::default() });
    let made = upsert_people(&mut tx, service.workspace, &people).await.unwrap();
    tx.commit().await.unwrap();
    let ids: Vec<_> = made.iter().map(|made| made.contact_id).collect();
    let lead = json!({ "contact_id": ids[0], "lead": { "need": "Dinner" } });
    assert_eq!(service.post_json("/api/v1/leads", lead).await.status, StatusCode::CREATED);
    let mut tx = service.db.begin().await.unwrap();
    remove_contacts(&mut tx, service.workspace, ids).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(names(&service.get(CONTACTS).await.json()), ["Ann"]);
}
