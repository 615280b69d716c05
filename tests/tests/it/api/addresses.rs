//! The addresses of a contact over HTTP: apart from the person, primary and further, verified or not.

use std::time::Duration;

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Form, Service, service::Answer, worker::work};

on_both_engines! {
    addresses_are_added_made_primary_verified_and_removed,
    the_first_address_of_a_kind_is_the_primary_one,
    an_address_that_makes_somebody_another_contact_is_refused,
    an_edited_column_loses_nothing_that_was_known,
    an_import_reads_and_writes_the_primary_address_alone,
    a_contact_has_twenty_addresses_even_at_once,
    a_contact_is_found_and_suggested_by_every_address,
    a_merge_brings_all_addresses_together_and_its_undoing_parts_them,
    what_was_done_to_addresses_since_a_merge_stays,
    what_cannot_be_an_address_is_refused_with_the_cure,
    addresses_of_another_workspace_are_not_there,
}

const CONTACTS: &str = "/api/v1/contacts";

fn path(id: &Value) -> String {
    format!("{CONTACTS}/{}", id.as_str().unwrap())
}

fn at(contact: &Value, address: &Value) -> String {
    format!("{}/addresses/{}", path(contact), address.as_str().unwrap())
}

async fn make(service: &Service, body: Value) -> Value {
    let made = service.post_json(CONTACTS, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    service.db.clock().advance(Duration::from_millis(10));
    made.json()["id"].clone()
}

async fn ana(service: &Service) -> Value {
    make(service, json!({ "name": "Ana Example", "email": "ana@example.com", "phone": "+34600000001" })).await
}

async fn try_add(service: &Service, contact: &Value, body: Value) -> Answer {
    service.db.clock().advance(Duration::from_millis(10));
    service.post_json(&format!("{}/addresses", path(contact)), body).await
}

async fn add(service: &Service, contact: &Value, kind: &str, value: &str) -> Value {
    let added = try_add(service, contact, json!({ "kind": kind, "value": value })).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text());
    added.json()
}

async fn act(service: &Service, contact: &Value, address: &Value, what: &str, body: Value) -> Answer {
    service.db.clock().advance(Duration::from_millis(10));
    service.post_json(&format!("{}/{what}", at(contact, address)), body).await
}

async fn patch(service: &Service, path: &str, body: Value) -> Answer {
    service.db.clock().advance(Duration::from_millis(10));
    Answer::to(service.request(Method::PATCH, path).json(&body)).await
}

async fn remove(service: &Service, contact: &Value, address: &Value) -> Answer {
    service.db.clock().advance(Duration::from_millis(10));
    Answer::to(service.request(Method::DELETE, &at(contact, address))).await
}

async fn get(service: &Service, path: &str) -> Value {
    let answer = service.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// The addresses that a contact shows: kind and value, with a star at the primary ones and a tick at verified ones.
async fn shown(service: &Service, contact: &Value) -> Vec<String> {
    let contact = get(service, &path(contact)).await;
    let listed = get(service, &format!("{}/addresses", path(&contact["id"]))).await;
    assert_eq!(contact["addresses"], listed["items"]);
    let text = |one: &Value| {
        let mark = |is: bool, mark: &'static str| if is { mark } else { "" };
        let (star, tick) = (mark(one["primary"] == true, "*"), mark(one["verified_at"].is_string(), "✓"));
        format!("{} {}{star}{tick}", one["kind"].as_str().unwrap(), one["value"].as_str().unwrap())
    };
    listed["items"].as_array().unwrap().iter().map(text).collect()
}

async fn kinds(service: &Service, contact: &Value) -> Vec<String> {
    let timeline = get(service, &format!("{}/activities", path(contact))).await;
    let rows = timeline["items"].as_array().unwrap().iter();
    rows.map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

async fn addresses_are_added_made_primary_verified_and_removed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    assert_eq!(shown(&service, &one).await, ["email ana@example.com*", "phone +34600000001*"]);
    let work = json!({ "kind": "email", "value": " Ana@Example.ORG ", "label": "  at  work " });
    let work = try_add(&service, &one, work).await.json();
    assert_eq!((&work["value"], &work["label"]), (&json!("ana@example.org"), &json!("at work")));
    assert_eq!((&work["primary"], &work["verified_at"]), (&json!(false), &Value::Null));
    let all = ["email ana@example.com*", "email ana@example.org", "phone +34600000001*"];
    assert_eq!(shown(&service, &one).await, all);
    let verified = act(&service, &one, &work["id"], "verify", json!({ "how": " answered a mail " })).await.json();
    assert_eq!(verified["verified_how"], "answered a mail");
    assert!(verified["verified_by"].is_string() && verified["verified_at"].is_string(), "{verified}");
    let before = get(&service, &path(&one)).await;
    let primary = act(&service, &one, &work["id"], "primary", json!({})).await;
    assert_eq!((primary.status, &primary.json()["primary"]), (StatusCode::OK, &json!(true)), "{}", primary.text());
    let after = get(&service, &path(&one)).await;
    assert_eq!((&after["email"], &after["phone"]), (&json!("ana@example.org"), &before["phone"]));
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
    let swapped = ["email ana@example.org*✓", "email ana@example.com", "phone +34600000001*"];
    assert_eq!(shown(&service, &one).await, swapped);
    // The person is known by the new address and name from now on, and no more by the old one.
    let same = json!({ "name": "Ana Example", "email": "ana@example.org" });
    assert!(service.post_json(CONTACTS, same).await.problem(409, "wrong-state").contains(one.as_str().unwrap()));
    make(&service, json!({ "name": "Ana Example", "email": "ana@example.com" })).await;
    let again = act(&service, &one, &work["id"], "primary", json!({})).await;
    assert_eq!(again.json()["primary"], true);
    // Another address in its place is not verified.
    let changed = patch(&service, &at(&one, &work["id"]), json!({ "value": "ana@example.net" })).await.json();
    assert_eq!((&changed["verified_at"], &changed["label"]), (&Value::Null, &json!("at work")));
    assert_eq!(get(&service, &path(&one)).await["email"], "ana@example.net");
    act(&service, &one, &work["id"], "verify", json!({ "how": "rang" })).await;
    let unsure = act(&service, &one, &work["id"], "verify", json!({ "verified": false })).await.json();
    assert_eq!((&unsure["verified_at"], &unsure["verified_how"]), (&Value::Null, &Value::Null));
    let labelled = patch(&service, &at(&one, &work["id"]), json!({ "label": "" })).await.json();
    assert_eq!(labelled["label"], Value::Null);
    assert_eq!(remove(&service, &one, &work["id"]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shown(&service, &one).await, ["email ana@example.com", "phone +34600000001*"]);
    assert_eq!(get(&service, &path(&one)).await["email"], Value::Null);
    remove(&service, &one, &work["id"]).await.problem(404, "not-found");
    let mut told = kinds(&service, &one).await;
    told.reverse();
    let expected = [
        "contact.created",
        "address.added",
        "address.verified",
        "address.primary",
        "address.changed",
        "address.verified",
        "address.unverified",
        "address.changed",
        "address.removed",
    ];
    assert_eq!(told, expected);
    let log = service.get("/api/v1/audit").await;
    assert!(log.text().contains("address.primary") && !log.text().contains("example.org"), "{}", log.text());
}

async fn the_first_address_of_a_kind_is_the_primary_one(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = make(&service, json!({ "name": "Bo Example" })).await;
    assert_eq!(shown(&service, &one).await, [] as [String; 0]);
    add(&service, &one, "email", "bo@example.com").await;
    add(&service, &one, "email", "bo@example.org").await;
    let number = add(&service, &one, "whatsapp", "+34 600 000 001").await;
    let hidden = add(&service, &one, "whatsapp", "us.13491208655302741918").await;
    assert_eq!((&number["primary"], &hidden["primary"]), (&json!(true), &json!(false)));
    let contact = get(&service, &path(&one)).await;
    assert_eq!((&contact["email"], &contact["phone"]), (&json!("bo@example.com"), &Value::Null));
    act(&service, &one, &hidden["id"], "primary", json!({})).await;
    let whatsapp = async || {
        let all = shown(&service, &one).await.into_iter();
        all.filter(|one| one.starts_with("whatsapp")).collect::<Vec<_>>()
    };
    assert_eq!(whatsapp().await, ["whatsapp US.13491208655302741918*", "whatsapp +34600000001"]);
    remove(&service, &one, &hidden["id"]).await;
    assert_eq!(whatsapp().await, ["whatsapp +34600000001*"]);
    // Of the primary one more can be said; then it has an id.
    let two = ana(&service).await;
    let phone = json!({ "kind": "phone", "value": "+34600000001", "verified_how": "rang", "label": "desk" });
    let phone = try_add(&service, &two, phone).await.json();
    assert_eq!((&phone["primary"], &phone["verified_how"]), (&json!(true), &json!("rang")));
    assert_eq!(shown(&service, &two).await, ["email ana@example.com*", "phone +34600000001*✓"]);
}

async fn an_address_that_makes_somebody_another_contact_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    let other = make(&service, json!({ "name": "Ana Example", "email": "ana@example.org" })).await;
    let bare = make(&service, json!({ "name": "ANA EXAMPLE" })).await;
    let further = add(&service, &one, "email", "ana@example.org").await;
    let named = |answer: Answer| answer.problem(409, "wrong-state");
    let said = named(act(&service, &one, &further["id"], "primary", json!({})).await);
    assert!(said.contains(other.as_str().unwrap()), "{said}");
    let said = named(try_add(&service, &bare, json!({ "kind": "email", "value": "ana@example.com" })).await);
    assert!(said.contains(one.as_str().unwrap()), "{said}");
    let first = add(&service, &bare, "email", "ana@example.net").await;
    let said = named(patch(&service, &at(&bare, &first["id"]), json!({ "value": "ana@example.com" })).await);
    assert!(said.contains(one.as_str().unwrap()), "{said}");
    // Nothing of it was done.
    assert_eq!(shown(&service, &bare).await, ["email ana@example.net*"]);
    let still = ["email ana@example.com*", "email ana@example.org", "phone +34600000001*"];
    assert_eq!(shown(&service, &one).await, still);
    // A number is nobody's identity.
    let phone = add(&service, &other, "phone", "+34600000001").await;
    assert_eq!(phone["primary"], true);
}

async fn an_edited_column_loses_nothing_that_was_known(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    let known = json!({ "kind": "email", "value": "ana@example.com", "verified_how": "answered" });
    try_add(&service, &one, known).await;
    add(&service, &one, "email", "ana@example.org").await;
    patch(&service, &path(&one), json!({ "email": "new@example.com" })).await;
    let all = ["email new@example.com*", "email ana@example.com✓", "email ana@example.org", "phone +34600000001*"];
    assert_eq!(shown(&service, &one).await, all);
    patch(&service, &path(&one), json!({ "email": "ana@example.org" })).await;
    let all = ["email ana@example.org*", "email ana@example.com✓", "phone +34600000001*"];
    assert_eq!(shown(&service, &one).await, all);
    // Whoever read the contact before its addresses changed does not overwrite it unseen.
    let seen = service.get(&path(&one)).await.header("etag").to_owned();
    add(&service, &one, "phone", "+34600000002").await;
    let request = service.request(Method::PATCH, &path(&one)).header("if-match", seen);
    Answer::to(request.json(&json!({ "name": "X" }))).await.problem(412, "precondition-failed");
}

async fn import(service: &Service, list: &str, mode: &str) {
    let form = Form::default().file("file", "people.csv", list).text("mode", mode).text("starts_itself", "true");
    let import = service.post_form("/api/v1/imports", form).await.json();
    work(service).await;
    let import = get(service, &format!("/api/v1/imports/{}", import["id"].as_str().unwrap())).await;
    assert_eq!(import["state"], "done", "{import}");
}

async fn an_import_reads_and_writes_the_primary_address_alone(database: &TestDatabase) {
    let service = Service::start(database).await;
    let body = json!({ "name": "Ana Example", "email": "ana@example.com", "external_id": "7" });
    let one = make(&service, body).await;
    add(&service, &one, "email", "ana@example.org").await;
    try_add(&service, &one, json!({ "kind": "email", "value": "ana@example.com", "label": "home" })).await;
    import(&service, "external_id,name,email\n7,Ana Example,ana@example.net\n", "overwrite").await;
    let all = ["email ana@example.net*", "email ana@example.org", "email ana@example.com"];
    assert_eq!(shown(&service, &one).await, all);
    // A further address is no identity: with the same name it may be somebody else's.
    import(&service, "name,email\nAna Example,ana@example.org\n", "fill").await;
    let found = get(&service, &format!("{CONTACTS}?search=ana")).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
}

async fn a_contact_has_twenty_addresses_even_at_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    for number in 0..17 {
        add(&service, &one, "email", &format!("ana{number}@example.com")).await;
    }
    let below = format!("{}/addresses", path(&one));
    let body = |value: &str| json!({ "kind": "email", "value": value });
    let (first, second) = tokio::join!(
        service.post_json(&below, body("x@example.com")),
        service.post_json(&below, body("y@example.com"))
    );
    let mut ends = [first.status.as_u16(), second.status.as_u16()];
    ends.sort_unstable();
    assert_eq!(ends, [201, 422], "{} {}", first.text(), second.text());
    assert_eq!(shown(&service, &one).await.len(), 20);
    let refused = try_add(&service, &one, body("z@example.com")).await;
    assert!(refused.problem(422, "invalid-field").contains("20 addresses"));
    // What is said of one that is there takes no place.
    assert_eq!(try_add(&service, &one, body("ana@example.com")).await.status, StatusCode::CREATED);
}

async fn a_contact_is_found_and_suggested_by_every_address(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    add(&service, &one, "email", "amelie@example.org").await;
    add(&service, &one, "whatsapp", "+34600000077").await;
    add(&service, &one, "whatsapp", "US.13491208655302741918").await;
    let found = async |words: &str| {
        let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
        let found = get(&service, &format!("{CONTACTS}?search={words}")).await;
        found["items"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    for words in ["Amelie@Example.org", "0034 600 000 077", "US.13491208655302741918", "ana@example.com"] {
        assert_eq!(found(words).await, std::slice::from_ref(&one), "{words}");
    }
    assert_eq!(found("nobody@example.org").await, [] as [Value; 0]);
    let by_mail = make(&service, json!({ "name": "A. Example", "email": "amelie@example.org" })).await;
    let by_number = make(&service, json!({ "name": "B. Example", "phone": "+34600000077" })).await;
    let by_further = make(&service, json!({ "name": "C. Example", "email": "c@example.com" })).await;
    add(&service, &by_further, "email", "ana@example.com").await;
    add(&service, &by_further, "email", "amelie@example.org").await;
    add(&service, &by_further, "phone", "+34600000001").await;
    let suggested = async |id: &Value| {
        let found = get(&service, &format!("{}/duplicates", path(id))).await;
        let rows = found["items"].as_array().unwrap().iter();
        let mut rows: Vec<_> = rows.map(|row| (row["contact"]["id"].clone(), row["same"].clone())).collect();
        rows.sort_by_key(|(id, _)| id.to_string());
        rows
    };
    let expected = [
        (by_mail.clone(), json!(["email"])),
        (by_number, json!(["phone"])),
        (by_further.clone(), json!(["email", "phone"])),
    ];
    assert_eq!(suggested(&one).await, expected);
    assert_eq!(suggested(&by_mail).await, [(one, json!(["email"])), (by_further.clone(), json!(["email"]))]);
    Answer::to(service.request(Method::DELETE, &path(&by_further))).await;
    assert_eq!(suggested(&by_mail).await.len(), 1);
    assert!(found("amelie@example.org").await.len() == 2);
}

async fn merge(service: &Service, survivor: &Value, other: &Value, take: &[&str]) -> Value {
    service.db.clock().advance(Duration::from_secs(1));
    let body = json!({ "contact_id": other, "take": take });
    let merged = service.post_json(&format!("{}/merge", path(survivor)), body).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text());
    service.db.clock().advance(Duration::from_secs(1));
    merged.json()["merge"]["id"].clone()
}

async fn undo(service: &Service, survivor: &Value, merge: &Value) -> Value {
    let undone =
        service.post_json(&format!("{}/merges/{}/undo", path(survivor), merge.as_str().unwrap()), json!({})).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text());
    undone.json()
}

/// Two contacts with primary and further addresses, some of which both have.
async fn two(service: &Service) -> (Value, Value) {
    let one = ana(service).await;
    add(service, &one, "email", "both@example.com").await;
    add(service, &one, "whatsapp", "+34600000071").await;
    let body = json!({ "name": "Anna Example", "email": "anna@example.org", "phone": "+34600000002" });
    let other = make(service, body).await;
    let both = json!({ "kind": "email", "value": "both@example.com", "verified_how": "rang" });
    try_add(service, &other, both).await;
    add(service, &other, "email", "anna@example.net").await;
    add(service, &other, "phone", "+34600000001").await;
    let whatsapp = add(service, &other, "whatsapp", "+34600000072").await;
    add(service, &other, "whatsapp", "+34600000073").await;
    act(service, &other, &whatsapp["id"], "primary", json!({})).await;
    (one, other)
}

async fn a_merge_brings_all_addresses_together_and_its_undoing_parts_them(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = two(&service).await;
    let of_both = async || {
        let of = async |id: &Value| get(&service, &format!("{}/addresses", path(id))).await["items"].clone();
        (of(&one).await, of(&other).await)
    };
    let before = of_both().await;
    let plain = merge(&service, &one, &other, &[]).await;
    let all = shown(&service, &one).await;
    assert_eq!(all[0], "email ana@example.com*");
    let mut rest = all[1..].to_vec();
    rest.sort_unstable();
    let expected = [
        "email anna@example.net",
        "email anna@example.org",
        "email both@example.com✓",
        "phone +34600000001*",
        "phone +34600000002",
        "whatsapp +34600000071*",
        "whatsapp +34600000072",
        "whatsapp +34600000073",
    ];
    assert_eq!(rest, expected);
    let found = get(&service, &format!("{CONTACTS}?search=anna%40example.org")).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    // The other contact leads to it, and takes no addresses.
    try_add(&service, &other, json!({ "kind": "email", "value": "x@example.com" })).await.problem(409, "wrong-state");
    assert_eq!(undo(&service, &one, &plain).await["kept"], json!([]));
    assert_eq!(of_both().await, before);
    // Of what is taken over the survivor keeps its own as a further one.
    let taking = merge(&service, &one, &other, &["email"]).await;
    let all = shown(&service, &one).await;
    assert_eq!(all[0], "email anna@example.org*");
    assert!(all.contains(&"email ana@example.com".to_owned()), "{all:?}");
    undo(&service, &one, &taking).await;
    assert_eq!(of_both().await, before);
    let held = get(&service, &format!("{}/held", path(&one))).await;
    assert_eq!(held["records"]["addresses"], 4, "{held}");
}

async fn what_was_done_to_addresses_since_a_merge_stays(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (one, other) = two(&service).await;
    let merged = merge(&service, &one, &other, &[]).await;
    let all = get(&service, &format!("{}/addresses", path(&one))).await;
    let with = |value: &str| {
        let found = all["items"].as_array().unwrap().iter().find(|one| one["value"] == value);
        found.unwrap_or_else(|| panic!("{value}: {all}"))["id"].clone()
    };
    // One that came over is verified; one becomes what the other contact had; one is new.
    act(&service, &one, &with("anna@example.org"), "verify", json!({ "how": "rang" })).await;
    remove(&service, &one, &with("both@example.com")).await;
    let doubled = patch(&service, &at(&one, &with("anna@example.net")), json!({ "value": "both@example.com" })).await;
    assert_eq!(doubled.status, StatusCode::OK, "{}", doubled.text());
    add(&service, &one, "email", "since@example.com").await;
    undo(&service, &one, &merged).await;
    let mut own = shown(&service, &one).await;
    own.sort_unstable();
    let expected = [
        "email ana@example.com*",
        "email anna@example.org✓",
        "email both@example.com",
        "email since@example.com",
        "phone +34600000001*",
        "whatsapp +34600000071*",
    ];
    assert_eq!(own, expected);
    let mut theirs = shown(&service, &other).await;
    theirs.sort_unstable();
    let expected = [
        "email anna@example.org*",
        "email both@example.com✓",
        "phone +34600000001",
        "phone +34600000002*",
        "whatsapp +34600000072*",
        "whatsapp +34600000073",
    ];
    assert_eq!(theirs, expected);
}

async fn what_cannot_be_an_address_is_refused_with_the_cure(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    let long = "x".repeat(51);
    for (body, pointer, cure) in [
        (json!({ "kind": "email", "value": "ana" }), "/value", "ann@example.com"),
        (json!({ "kind": "email", "value": "" }), "/value", "ann@example.com"),
        (json!({ "kind": "phone", "value": "600 000 001" }), "/value", "country code"),
        (json!({ "kind": "whatsapp", "value": "4.47911E+11" }), "/value", "rounded"),
        (json!({ "kind": "email", "value": "a@example.com", "label": long }), "/label", "at most 50"),
    ] {
        let refused = try_add(&service, &one, body.clone()).await;
        let said = refused.problem(422, "invalid-field");
        assert!(said.contains(cure), "{body}: {said}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    let further = add(&service, &one, "email", "ana@example.org").await;
    let twice = try_add(&service, &one, json!({ "kind": "email", "value": "ANA@example.org" })).await;
    assert!(twice.problem(409, "wrong-state").contains("already"));
    let same = patch(&service, &at(&one, &further["id"]), json!({ "value": "ana@example.com" })).await;
    assert!(same.problem(409, "wrong-state").contains("already"));
    let unsaid = act(&service, &one, &further["id"], "verify", json!({})).await;
    assert!(unsaid.problem(422, "invalid-field").contains("how you made sure"));
    assert_eq!(unsaid.json()["errors"][0]["pointer"], "/how");
    assert_eq!(shown(&service, &one).await.len(), 3);
}

async fn addresses_of_another_workspace_are_not_there(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = ana(&service).await;
    let further = add(&service, &one, "email", "ana@example.org").await;
    let two = make(&service, json!({ "name": "Bo Example" })).await;
    let key = service.other_workspace().await;
    let ask = async |method: Method, path: String, body: Value| {
        Answer::to(service.open(method, &path).bearer_auth(&key).json(&body)).await
    };
    let new = json!({ "kind": "email", "value": "x@example.com" });
    let list = format!("{}/addresses", path(&one));
    ask(Method::GET, list.clone(), json!({})).await.problem(404, "not-found");
    ask(Method::POST, list, new).await.problem(404, "not-found");
    let this = at(&one, &further["id"]);
    ask(Method::PATCH, this.clone(), json!({ "label": "x" })).await.problem(404, "not-found");
    ask(Method::POST, format!("{this}/primary"), json!({})).await.problem(404, "not-found");
    ask(Method::POST, format!("{this}/verify"), json!({ "how": "x" })).await.problem(404, "not-found");
    ask(Method::DELETE, this, json!({})).await.problem(404, "not-found");
    // Nor below another contact.
    act(&service, &two, &further["id"], "primary", json!({})).await.problem(404, "not-found");
    remove(&service, &two, &further["id"]).await.problem(404, "not-found");
    assert_eq!(shown(&service, &one).await.len(), 3);
}
