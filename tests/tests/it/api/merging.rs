//! Merging two contacts over HTTP, and having both back.

use std::time::Duration;

use herald_contacts::forget_merges;
use herald_db::query;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Form, Service,
    service::Answer,
    worker::{self, work},
};

on_both_engines! {
    two_contacts_become_one_and_two_again,
    the_stricter_consent_wins,
    a_tombstone_leads_to_the_survivor,
    a_list_that_names_the_merged_person_finds_the_survivor,
    what_was_edited_since_stays_and_is_said,
    a_merge_can_be_undone_once_and_for_thirty_days,
    merges_are_undone_from_the_last_to_the_first,
    of_two_merges_at_once_one_happens,
    what_changed_since_it_was_seen_is_not_merged,
    those_who_share_an_address_are_suggested,
    of_two_invitations_to_one_event_each_keeps_its_own,
    whoever_erases_a_survivor_erases_the_merged_one,
    an_import_that_made_a_merged_contact_can_be_undone,
    what_cannot_be_merged_is_refused,
}

const CONTACTS: &str = "/api/v1/contacts";

fn path(id: &Value) -> String {
    format!("{CONTACTS}/{}", id.as_str().unwrap())
}

async fn make(service: &Service, body: Value) -> Value {
    let made = service.post_json(CONTACTS, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    service.db.clock().advance(Duration::from_millis(10));
    made.json()["id"].clone()
}

async fn ana(service: &Service) -> Value {
    let body = json!({ "name": "Ana Example", "email": "ana@example.com", "tags": ["VIP"], "locale": "es",
        "external_id": "A-1", "fields": { "company": "Example Ltd", "table": "7" } });
    make(service, body).await
}

async fn anna(service: &Service) -> Value {
    let body = json!({ "name": "Anna Example", "email": "anna@example.org", "phone": "+34600000002",
        "tags": ["vip", "press"], "country": "ES", "external_id": "B-2",
        "fields": { "company": "Example Inc", "diet": "vegan" } });
    make(service, body).await
}

async fn merge(service: &Service, survivor: &Value, other: &Value, take: &[&str]) -> Answer {
    service.db.clock().advance(Duration::from_secs(1));
    let body = json!({ "contact_id": other, "take": take });
    let merged = service.post_json(&format!("{}/merge", path(survivor)), body).await;
    service.db.clock().advance(Duration::from_secs(1));
    merged
}

async fn undo(service: &Service, survivor: &Value, merge: &Value) -> Answer {
    service.db.clock().advance(Duration::from_secs(1));
    let at = format!("{}/merges/{}/undo", path(survivor), merge.as_str().unwrap());
    service.post_json(&at, json!({})).await
}

async fn get(service: &Service, path: &str) -> Value {
    let answer = service.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// A contact and what is about it, without the time of its last change and the entries about merges.
async fn picture(service: &Service, id: &Value) -> Value {
    let mut contact = get(service, &path(id)).await;
    contact["updated_at"] = Value::Null;
    let below = async |what: &str| get(service, &format!("{}/{what}", path(id))).await["items"].clone();
    let mut timeline = below("activities").await;
    timeline.as_array_mut().unwrap().retain(|one| !one["kind"].as_str().unwrap().contains("merged"));
    let leads = get(service, &format!("/api/v1/leads?contact={}", id.as_str().unwrap())).await;
    json!({ "contact": contact, "consents": below("consents").await, "timeline": timeline, "leads": leads["items"] })
}

async fn furnish(service: &Service, id: &Value, given: bool) {
    let consent = json!({ "channel": "email", "given": given, "wording": "News", "source": "form" });
    let below = |what: &str| format!("{}/{what}", path(id));
    assert_eq!(service.post_json(&below("consents"), consent).await.status, 201);
    assert_eq!(service.post_json(&below("notes"), json!({ "text": "a note" })).await.status, 204);
    let lead = json!({ "contact_id": id, "lead": { "need": "Party" } });
    assert_eq!(service.post_json("/api/v1/leads", lead).await.status, 201);
    service.db.clock().advance(Duration::from_millis(10));
}

async fn two_contacts_become_one_and_two_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    furnish(&service, &one, true).await;
    furnish(&service, &other, true).await;
    let before = (picture(&service, &one).await, picture(&service, &other).await);
    let merged = merge(&service, &one, &other, &["email", "fields.company", "external_id"]).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text());
    let merged = merged.json();
    let facts = json!({ "id": one, "name": "Ana Example", "email": "anna@example.org", "phone": "+34600000002",
        "external_id": "B-2", "locale": "es", "country": "ES", "tags": ["press", "VIP"],
        "fields": { "company": "Example Inc", "table": "7", "diet": "vegan" } });
    for (name, value) in facts.as_object().unwrap() {
        assert_eq!(&merged[name], value, "{name}");
    }
    let both = picture(&service, &one).await;
    assert_eq!(both["contact"]["fields"], facts["fields"]);
    for (part, expected) in [("consents", 2), ("leads", 2), ("timeline", 8)] {
        assert_eq!(both[part].as_array().unwrap().len(), expected, "{part}: {}", both[part]);
    }
    let told = get(&service, &format!("{}/activities?limit=1", path(&one))).await["items"][0].clone();
    assert_eq!((&told["kind"], &told["detail"]["with"]), (&json!("contact.merged"), &json!("Anna Example")));
    let merges = get(&service, &format!("{}/merges", path(&one))).await["items"].clone();
    assert_eq!((&merges[0]["id"], &merges[0]["merged_name"]), (&merged["merge"]["id"], &json!("Anna Example")));
    let undone = undo(&service, &one, &merged["merge"]["id"]).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text());
    let undone = undone.json();
    assert_eq!((&undone["kept"], &undone["restored"]["id"]), (&json!([]), &other));
    let after = (picture(&service, &one).await, picture(&service, &other).await);
    assert_eq!(after, before);
    let log = get(&service, "/api/v1/audit?limit=2").await;
    let acts: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|row| &row["action"]).collect();
    assert_eq!(acts, ["contact.unmerge", "contact.merge"]);
    assert!(!log.to_string().contains("Example"), "no names: {log}");
}

async fn the_stricter_consent_wins(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let say = async |id: &Value, channel: &str, given: bool| {
        let consent = json!({ "channel": channel, "given": given, "wording": "News", "source": "form" });
        assert_eq!(service.post_json(&format!("{}/consents", path(id)), consent).await.status, 201);
        service.db.clock().advance(Duration::from_secs(1));
    };
    // Taken back by one, and given later by the other; only given; taken back and then given.
    say(&one, "email", false).await;
    say(&other, "email", true).await;
    say(&other, "phone", true).await;
    say(&one, "whatsapp", false).await;
    say(&one, "whatsapp", true).await;
    let merged = merge(&service, &one, &other, &[]).await.json();
    let now = async |id: &Value| {
        let all = get(&service, &format!("{}/consents", path(id))).await["items"].clone();
        let newest = |channel: &str| {
            let of = |one: &&Value| one["channel"] == channel;
            all.as_array().unwrap().iter().find(of).map(|one| one["given"].as_bool().unwrap())
        };
        [newest("email"), newest("phone"), newest("whatsapp")]
    };
    assert_eq!(now(&one).await, [Some(false), Some(true), Some(true)]);
    undo(&service, &one, &merged["merge"]["id"]).await;
    assert_eq!(now(&one).await, [Some(false), None, Some(true)]);
    assert_eq!(now(&other).await, [Some(true), Some(true), None]);
}

async fn a_tombstone_leads_to_the_survivor(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    merge(&service, &one, &other, &[]).await;
    let tombstone = get(&service, &path(&other)).await;
    assert_eq!((&tombstone["merged_into"], &tombstone["name"]), (&one, &json!("Anna Example")));
    for list in [CONTACTS.to_owned(), format!("{CONTACTS}?trashed=true"), format!("{CONTACTS}?search=anna")] {
        let listed = get(&service, &list).await;
        assert!(!listed["items"].as_array().unwrap().iter().any(|row| row["id"] == other), "{list}: {listed}");
    }
    let survivor = one.as_str().unwrap();
    let changed = Answer::to(service.request(Method::PATCH, &path(&other)).json(&json!({ "name": "X" }))).await;
    assert!(changed.problem(409, "wrong-state").contains(survivor));
    for (below, body) in [
        ("notes", json!({ "text": "x" })),
        ("consents", json!({ "channel": "email", "given": true, "wording": "x", "source": "x" })),
        ("restore", json!({})),
        ("merge", json!({ "contact_id": one })),
        ("erase", json!({ "records": 0 })),
    ] {
        let refused = service.post_json(&format!("{}/{below}", path(&other)), body).await;
        refused.problem(409, "wrong-state");
    }
    let lead = service.post_json("/api/v1/leads", json!({ "contact_id": other, "lead": { "need": "Party" } })).await;
    assert_eq!(lead.json()["contact_id"], one, "{}", lead.text());
    let again = service.post_json(CONTACTS, json!({ "name": "Anna Example", "email": "anna@example.org" })).await;
    assert!(again.problem(409, "wrong-state").contains(survivor));
    let lead = json!({ "contact": { "name": "Anna Example", "email": "anna@example.org" }, "lead": { "need": "Tea" } });
    assert_eq!(service.post_json("/api/v1/leads", lead).await.json()["contact_id"], one);
}

async fn a_list_that_names_the_merged_person_finds_the_survivor(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let row = make(&service, json!({ "name": "Cy Example" })).await;
    merge(&service, &one, &other, &["external_id"]).await;
    merge(&service, &one, &row, &[]).await;
    // By address and name, by the id that was not chosen, by the id that was, and by the row of an export.
    let other_id = other.as_str().unwrap();
    let list = format!(
        "name,email,external_id,herald_id,seen\nAnna Example,anna@example.org,,,1\nAna Example,,A-1,,2\n\
         Anna Example,,B-2,,3\nAnna Example,,,{other_id},4\nDi Example,di@example.com,,,5\n"
    );
    let form = Form::default().file("file", "people.csv", &list).text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await.json();
    work(&service).await;
    let import = get(&service, &format!("/api/v1/imports/{}", import["id"].as_str().unwrap())).await;
    assert_eq!((&import["created"], &import["refused"]), (&json!(1), &json!(0)), "{import}");
    assert_eq!(get(&service, &path(&one)).await["fields"]["seen"], "1");
    assert_eq!(get(&service, &path(&other)).await["merged_into"], one);
    assert_eq!(get(&service, CONTACTS).await["items"].as_array().unwrap().len(), 2);
}

async fn what_was_edited_since_stays_and_is_said(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let merged = merge(&service, &one, &other, &["email"]).await.json();
    let edit = json!({ "phone": "+34600000009", "fields": { "seat": "1" } });
    let edited = Answer::to(service.request(Method::PATCH, &path(&one)).json(&edit)).await;
    assert_eq!(edited.status, StatusCode::OK, "{}", edited.text());
    service.post_json(&format!("{}/notes", path(&one)), json!({ "text": "since" })).await;
    let undone = undo(&service, &one, &merged["merge"]["id"]).await.json();
    assert_eq!(undone["kept"], json!(["phone"]));
    assert_eq!((&undone["email"], &undone["phone"]), (&json!("ana@example.com"), &json!("+34600000009")));
    assert_eq!(undone["fields"], json!({ "company": "Example Ltd", "table": "7", "seat": "1" }));
    assert_eq!((&undone["restored"]["phone"], &undone["tags"]), (&json!("+34600000002"), &json!(["VIP"])));
    let timeline = get(&service, &format!("{}/activities", path(&one))).await;
    assert_eq!(timeline["items"][0]["detail"]["kept"], json!(["phone"]));
    assert!(timeline.to_string().contains("since"), "{timeline}");
}

async fn a_merge_can_be_undone_once_and_for_thirty_days(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let merged = merge(&service, &one, &other, &[]).await.json();
    let id = &merged["merge"]["id"];
    assert_eq!(undo(&service, &one, id).await.status, StatusCode::OK);
    assert!(undo(&service, &one, id).await.problem(409, "wrong-state").contains("undone before"));
    let merged = merge(&service, &one, &other, &[]).await.json();
    let id = &merged["merge"]["id"];
    assert_eq!(forget_merges(&service.db).await.unwrap(), 0);
    service.db.clock().advance(Duration::from_secs(31 * 86_400));
    assert!(undo(&service, &one, id).await.problem(409, "wrong-state").contains("30 days"));
    assert_eq!(forget_merges(&service.db).await.unwrap(), 1);
    let kept: Vec<(String,)> = query("select cast(images as text) from contact_merges").all(&service.db).await.unwrap();
    assert!(kept.iter().all(|(images,)| images == "{}"), "{kept:?}");
    assert!(undo(&service, &one, id).await.problem(409, "wrong-state").contains("30 days"));
    undo(&service, &other, id).await.problem(404, "not-found");
}

async fn merges_are_undone_from_the_last_to_the_first(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let third = make(&service, json!({ "name": "Anne Example", "email": "anne@example.com" })).await;
    let first = merge(&service, &one, &other, &[]).await.json()["merge"]["id"].clone();
    let second = merge(&service, &third, &one, &[]).await.json()["merge"]["id"].clone();
    // The first tombstone leads on.
    assert_eq!(get(&service, &path(&other)).await["merged_into"], third);
    assert!(undo(&service, &one, &first).await.problem(409, "wrong-state").contains(third.as_str().unwrap()));
    assert_eq!(undo(&service, &third, &second).await.status, StatusCode::OK);
    assert_eq!(get(&service, &path(&other)).await["merged_into"], one);
    assert_eq!(undo(&service, &one, &first).await.status, StatusCode::OK);
    for (id, email) in [(&one, "ana@example.com"), (&other, "anna@example.org"), (&third, "anne@example.com")] {
        let contact = get(&service, &path(id)).await;
        assert_eq!((&contact["email"], &contact["merged_into"]), (&json!(email), &Value::Null));
        assert_eq!(contact["trashed_at"], Value::Null);
    }
}

async fn of_two_merges_at_once_one_happens(database: &TestDatabase) {
    let service = Service::start(database).await;
    for _ in 0..5 {
        let tag = service.db.new_id().to_string();
        let one = make(&service, json!({ "name": format!("One {tag}") })).await;
        let other = make(&service, json!({ "name": format!("Other {tag}") })).await;
        let (to_one, to_other) = (json!({ "contact_id": other }), json!({ "contact_id": one }));
        let (at_one, at_other) = (format!("{}/merge", path(&one)), format!("{}/merge", path(&other)));
        let (first, second) = tokio::join!(service.post_json(&at_one, to_one), service.post_json(&at_other, to_other));
        let mut ends = [first.status.as_u16(), second.status.as_u16()];
        ends.sort_unstable();
        assert_eq!(ends, [200, 409], "{} {}", first.text(), second.text());
        let merged = [get(&service, &path(&one)).await, get(&service, &path(&other)).await];
        assert_eq!(merged.iter().filter(|contact| contact["merged_into"].is_string()).count(), 1);
    }
}

async fn what_changed_since_it_was_seen_is_not_merged(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let seen = [get(&service, &path(&one)).await, get(&service, &path(&other)).await];
    let body = json!({ "contact_id": other, "updated_at": seen[0]["updated_at"],
        "other_updated_at": seen[1]["updated_at"] });
    service.db.clock().advance(Duration::from_secs(1));
    Answer::to(service.request(Method::PATCH, &path(&other)).json(&json!({ "country": "PT" }))).await;
    let at = format!("{}/merge", path(&one));
    service.post_json(&at, body.clone()).await.problem(412, "precondition-failed");
    assert_eq!(get(&service, &path(&other)).await["merged_into"], Value::Null);
    let mut body = body;
    body["other_updated_at"] = get(&service, &path(&other)).await["updated_at"].clone();
    assert_eq!(service.post_json(&at, body).await.status, StatusCode::OK);
}

async fn those_who_share_an_address_are_suggested(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    let both = json!({ "name": "A. Example", "email": "ana@example.com", "phone": "+34600000001" });
    let both = make(&service, both).await;
    let patched = json!({ "phone": "+34600000001" });
    Answer::to(service.request(Method::PATCH, &path(&one)).json(&patched)).await;
    let phone = make(&service, json!({ "name": "Bo Example", "phone": "+34600000001" })).await;
    let trashed = make(&service, json!({ "name": "Cy Example", "phone": "+34600000001" })).await;
    Answer::to(service.request(Method::DELETE, &path(&trashed))).await;
    anna(&service).await;
    let suggested = async || {
        let found = get(&service, &format!("{}/duplicates", path(&one))).await;
        let rows = found["items"].as_array().unwrap().iter();
        rows.map(|row| (row["contact"]["id"].clone(), row["same"].clone())).collect::<Vec<_>>()
    };
    let expected = vec![(both.clone(), json!(["email", "phone"])), (phone, json!(["phone"]))];
    assert_eq!(suggested().await, expected);
    merge(&service, &one, &both, &[]).await;
    assert_eq!(suggested().await, expected[1..]);
}

async fn of_two_invitations_to_one_event_each_keeps_its_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.summary"]);
    service.template().await;
    let run = service.run("name,table\nAna Example,1\nAnna Example,2\n").await;
    worker::import(&service, run, &["Ana Example", "Anna Example"]).await;
    let guests = async || {
        let guests = get(&service, &format!("/api/v1/invitation-runs/{run}/guests")).await;
        let rows = guests["items"].as_array().unwrap().iter();
        rows.map(|row| (row["name"].clone(), row["contact_id"].clone())).collect::<Vec<_>>()
    };
    let before = guests().await;
    let (one, other) = (before[0].1.clone(), before[1].1.clone());
    let third = make(&service, json!({ "name": "Anne Example" })).await;
    // A survivor without an invitation gets that of the other contact; otherwise it keeps its own.
    let first = merge(&service, &third, &one, &[]).await.json()["merge"]["id"].clone();
    let second = merge(&service, &third, &other, &[]).await.json()["merge"]["id"].clone();
    let names = [(json!("Anne Example"), third.clone()), (json!("Anna Example"), other.clone())];
    assert_eq!(guests().await, names);
    worker::finish(&service, &[Ok(()), Ok(())]).await;
    assert_eq!(undo(&service, &third, &second).await.status, StatusCode::OK);
    assert_eq!(undo(&service, &third, &first).await.status, StatusCode::OK);
    assert_eq!(guests().await, before);
}

async fn whoever_erases_a_survivor_erases_the_merged_one(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    furnish(&service, &other, true).await;
    merge(&service, &one, &other, &[]).await;
    let held = get(&service, &format!("{}/held", path(&one))).await;
    assert_eq!((&held["records"]["contact"], &held["records"]["merges"]), (&json!(2), &json!(1)), "{held}");
    let export = service.get(&format!("{}/export", path(&one))).await;
    assert!(export.text().contains("anna@example.org") && export.text().contains("Example Inc"));
    service.leaves(&["contact.erase"]);
    let erased = service.post_json(&format!("{}/erase", path(&one)), json!({ "records": held["total"] })).await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text());
    for id in [&one, &other] {
        service.get(&path(id)).await.problem(404, "not-found");
    }
    let left: Vec<(i64,)> = query("select count(*) from contact_merges").all(&service.db).await.unwrap();
    assert_eq!(left, [(0,)]);
}

async fn an_import_that_made_a_merged_contact_can_be_undone(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    let list = "name,email\nAnna Example,anna@example.org\nBo Example,bo@example.com\n";
    let form = Form::default().file("file", "people.csv", list).text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await.json();
    work(&service).await;
    let found = get(&service, &format!("{CONTACTS}?search=anna")).await;
    let other = found["items"][0]["id"].clone();
    let merged = merge(&service, &one, &other, &[]).await.json();
    let at = format!("/api/v1/imports/{}", import["id"].as_str().unwrap());
    service.post_json(&format!("{at}/undo"), json!({})).await;
    work(&service).await;
    let import = get(&service, &at).await;
    assert_eq!((&import["state"], &import["kept"]), (&json!("undone"), &json!(1)), "{import}");
    assert_eq!(undo(&service, &one, &merged["merge"]["id"]).await.status, StatusCode::OK);
    assert_eq!(get(&service, &path(&other)).await["email"], "anna@example.org");
}

async fn what_cannot_be_merged_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = (ana(&service).await, anna(&service).await);
    let refused = async |other: &Value, take: &[&str]| merge(&service, &one, other, take).await;
    refused(&one, &[]).await.problem(422, "invalid-field");
    let said = refused(&json!(service.db.new_id()), &[]).await;
    assert!(said.problem(422, "invalid-field").contains("no contact"));
    assert!(refused(&other, &["shoe_size"]).await.problem(422, "invalid-field").contains("fields."));
    let taken = make(&service, json!({ "name": "Anna Example", "email": "ana@example.com" })).await;
    Answer::to(service.request(Method::DELETE, &path(&taken))).await;
    assert!(refused(&taken, &[]).await.problem(409, "wrong-state").contains("trash"));
    let nobody = json!(service.db.new_id());
    merge(&service, &nobody, &other, &[]).await.problem(404, "not-found");
    let still = [get(&service, &path(&one)).await, get(&service, &path(&other)).await];
    assert!(still.iter().all(|contact| contact["merged_into"].is_null()));
}
