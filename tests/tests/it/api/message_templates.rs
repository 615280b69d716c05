//! Templates of messages over HTTP: versions, blocks, previews as a contact, and checks.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Service};

on_both_engines! {
    a_template_keeps_all_it_ever_said,
    two_who_change_a_template_do_not_overwrite_each_other,
    a_preview_is_the_mail_that_the_contact_gets,
    what_is_wrong_is_told_before_anybody_gets_a_mail,
    a_block_is_changed_for_all_templates_at_once,
    templates_are_listed_page_by_page,
}

const TEMPLATES: &str = "/api/v1/message-templates";
const BLOCKS: &str = "/api/v1/message-blocks";

fn content(subject: &str, body: &str) -> Value {
    let languages = json!({ "en": { "subject": subject, "body": body } });
    json!({ "format": "markdown", "default_language": "en", "languages": languages })
}

async fn make(service: &Service, name: &str, content: Value) -> Value {
    let made = service.post_json(TEMPLATES, json!({ "name": name, "content": content })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.header("location"), path(&made.json()));
    made.json()
}

fn path(template: &Value) -> String {
    format!("{TEMPLATES}/{}", template["id"].as_str().unwrap())
}

async fn patch(service: &Service, path: &str, change: Value) -> Answer {
    Answer::to(service.request(Method::PATCH, path).json(&change)).await
}

async fn preview(service: &Service, path: &str, reader: Value) -> Value {
    let shown = service.post_json(&format!("{path}/preview"), reader).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
    shown.json()
}

async fn a_template_keeps_all_it_ever_said(database: &TestDatabase) {
    let service = Service::start(database).await;
    let first = content("One", "Hello");
    let made = make(&service, "  Spring   letter ", first.clone()).await;
    assert_eq!((&made["name"], &made["version"], &made["content"]), (&json!("Spring letter"), &json!(1), &first));
    let second = content("Two", "Hello again");
    let changed = patch(&service, &path(&made), json!({ "content": second })).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert_eq!((&changed.json()["version"], &changed.json()["content"]), (&json!(2), &second));
    // The same content is no new version, and another name is none either.
    let renamed = patch(&service, &path(&made), json!({ "name": "Letter", "content": second })).await.json();
    assert_eq!((&renamed["version"], &renamed["name"]), (&json!(2), &json!("Letter")));
    let before = service.get(&format!("{}?version=1", path(&made))).await.json();
    assert_eq!((&before["content"], &before["version"]), (&first, &json!(2)));
    service.get(&format!("{}?version=3", path(&made))).await.problem(404, "not-found");
    service.get(&format!("{}?version=0", path(&made))).await.problem(422, "invalid-field");
    let restored = service.post_json(&format!("{}/restore", path(&made)), json!({ "to_version": 1 })).await;
    assert_eq!(restored.status, StatusCode::OK, "{}", restored.text());
    assert_eq!((&restored.json()["version"], &restored.json()["content"]), (&json!(3), &first));
    let versions = service.get(&format!("{}/versions?limit=2", path(&made))).await.json();
    let numbers = |page: &Value| -> Vec<i64> {
        page["items"].as_array().unwrap().iter().map(|version| version["version"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers(&versions), [3, 2]);
    let cursor = versions["next_cursor"].as_str().unwrap();
    let rest = service.get(&format!("{}/versions?limit=2&cursor={cursor}", path(&made))).await.json();
    assert_eq!((numbers(&rest), &rest["next_cursor"]), (vec![1], &Value::Null));
    let gone = Answer::to(service.request(Method::DELETE, &path(&made))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    service.get(&path(&made)).await.problem(404, "not-found");
    let log = service.get("/api/v1/audit").await.json();
    let acts: Vec<&str> = log["items"].as_array().unwrap().iter().filter_map(|row| row["action"].as_str()).collect();
    for act in ["create", "change", "restore", "delete"] {
        assert!(acts.contains(&format!("message_template.{act}").as_str()), "{act}: {acts:?}");
    }
}

async fn two_who_change_a_template_do_not_overwrite_each_other(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = make(&service, "Letter", content("One", "Hello")).await;
    let tag = service.get(&path(&made)).await.header("etag").to_owned();
    let change = async |subject: &str| {
        let request = service.request(Method::PATCH, &path(&made)).header("if-match", &tag);
        Answer::to(request.json(&json!({ "content": content(subject, "Hello") }))).await
    };
    assert_eq!(change("Two").await.status, StatusCode::OK);
    change("Three").await.problem(412, "precondition-failed");
    let taken = service.post_json(TEMPLATES, json!({ "name": "LETTER", "content": content("One", "x") })).await;
    assert!(taken.problem(409, "wrong-state").contains("already a template of messages"), "{}", taken.text());
    let nameless = service.post_json(TEMPLATES, json!({ "name": " ", "content": content("One", "x") })).await;
    nameless.problem(422, "invalid-field");
    let mut other = content("One", "x");
    other["default_language"] = json!("de");
    let refused = service.post_json(TEMPLATES, json!({ "name": "Other", "content": other })).await;
    assert!(refused.problem(422, "invalid-field").contains("default language"), "{}", refused.text());
}

async fn a_preview_is_the_mail_that_the_contact_gets(database: &TestDatabase) {
    let service = Service::start(database).await;
    let contact = json!({ "name": "Amélie <Example>", "email": "amelie@example.com", "locale": "de-AT",
        "fields": { "seats": "4 & 2" } });
    let contact = service.post_json("/api/v1/contacts", contact).await.json()["id"].clone();
    let bare = service.post_json("/api/v1/contacts", json!({ "name": "Bo" })).await.json()["id"].clone();
    let mut said = content("Hi {{ first_name }}", "Seats: {{ seats }}");
    said["languages"]["de"] = json!({ "subject": "Hallo {{ first_name }}", "preheader": "Plätze: {{ seats }}",
        "body": "Plätze: **{{ seats }}**, [hier](https://x.test/?n={{ seats }})" });
    let made = make(&service, "Letter", said.clone()).await;
    let shown = preview(&service, &path(&made), json!({ "contact_id": contact })).await;
    assert_eq!((&shown["subject"], &shown["language"]), (&json!("Hallo Amélie"), &json!("de")));
    let (html, text) = (shown["html"].as_str().unwrap(), shown["text"].as_str().unwrap());
    assert!(html.contains("<strong>4 &amp; 2</strong>") && html.contains("?n=4%20%26%202"), "{html}");
    assert!(html.contains("lang=\"de\"") && html.contains("Abmelden"), "{html}");
    assert!(text.contains("Plätze: 4 & 2, hier (https://x.test/?n=4%20%26%202)"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("Abmelden: http")), "{text}");
    let english = preview(&service, &path(&made), json!({ "contact_id": contact, "language": "en" })).await;
    assert_eq!(english["subject"], json!("Hi Amélie"));
    let of_draft = json!({ "content": said, "contact_id": contact });
    assert_eq!(preview(&service, TEMPLATES, of_draft).await["html"], shown["html"]);
    // Nobody gets a mail with a gap.
    let gap = preview(&service, &path(&made), json!({ "contact_id": bare })).await;
    assert_eq!((&gap["subject"], &gap["html"]), (&Value::Null, &Value::Null));
    let errors: Vec<&Value> =
        gap["findings"].as_array().unwrap().iter().filter(|finding| finding["is_error"] == json!(true)).collect();
    assert!(errors[0]["cure"].as_str().unwrap().contains("\"seats\""), "{errors:?}");
    let filled = json!({ "contact_id": bare, "values": { "seats": "1" } });
    assert_eq!(preview(&service, &path(&made), filled).await["subject"], json!("Hi Bo"));
    let sample = preview(&service, &path(&made), json!({})).await;
    assert!(sample["text"].as_str().unwrap().contains("[seats]"), "{sample}");
    let nobody = json!({ "contact_id": "00000000-0000-7000-8000-000000000000" });
    service.post_json(&format!("{}/preview", path(&made)), nobody).await.problem(422, "invalid-field");
}

async fn what_is_wrong_is_told_before_anybody_gets_a_mail(database: &TestDatabase) {
    let service = Service::start(database).await;
    let contact = json!({ "name": "Bo", "fields": { "seats": "4" } });
    assert_eq!(service.post_json("/api/v1/contacts", contact).await.status, StatusCode::CREATED);
    // A draft with faults is kept.
    let made = make(&service, "Letter", content("Hi", "a\n\nb {{ seats | nothing }}")).await;
    let checks = service.get(&format!("{}/checks", path(&made))).await.json();
    assert_eq!(checks["is_ready"], json!(false), "{checks}");
    assert_eq!(checks["findings"][0]["place"], json!("body, line 3"), "{checks}");
    let shown = preview(&service, &path(&made), json!({})).await;
    assert_eq!((&shown["html"], &shown["findings"]), (&Value::Null, &checks["findings"]));
    let better = content("Hi", "{{ seats }} {{ seets }} {{ first_name | default(\"you\") }}");
    assert_eq!(patch(&service, &path(&made), json!({ "content": better })).await.status, StatusCode::OK);
    let checks = service.get(&format!("{}/checks", path(&made))).await.json();
    assert_eq!(checks["is_ready"], json!(true), "{checks}");
    assert_eq!(checks["fields"], json!(["first_name", "seats", "seets"]));
    assert_eq!(checks["required"], json!(["seats", "seets"]));
    let told: Vec<&str> =
        checks["findings"].as_array().unwrap().iter().map(|finding| finding["problem"].as_str().unwrap()).collect();
    assert!(told.iter().any(|told| told.contains("no contact has a value in the field \"seets\"")), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("no contact has a value in the field \"seats\"")), "{told:?}");
}

async fn a_block_is_changed_for_all_templates_at_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let says = |text: &str| json!({ "format": "markdown", "default_language": "en", "languages": { "en": text } });
    let made = service.post_json(BLOCKS, json!({ "name": "hours", "content": says("Nine to *five*") })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let (block, tag) = (made.json(), made.header("etag").to_owned());
    let at = format!("{BLOCKS}/{}", block["id"].as_str().unwrap());
    assert_eq!(made.header("location"), at);
    let page = json!({ "format": "html", "default_language": "en",
        "languages": { "en": { "subject": "S", "body": "<div>{{> hours }}</div>" } } });
    let template = make(&service, "Page", page).await;
    assert_eq!(template["blocks"], json!(["hours"]));
    let html = async || preview(&service, &path(&template), json!({})).await["html"].as_str().unwrap().to_owned();
    assert!(html().await.contains("Nine to <em>five</em>"));
    let change = async |text: &str| {
        let request = service.request(Method::PATCH, &at).header("if-match", &tag);
        Answer::to(request.json(&json!({ "content": says(text) }))).await
    };
    assert_eq!(change("Always").await.status, StatusCode::OK);
    assert!(html().await.contains("Always"));
    change("Never").await.problem(412, "precondition-failed");
    let used = Answer::to(service.request(Method::DELETE, &at)).await;
    assert!(used.problem(409, "wrong-state").contains("\"Page\""), "{}", used.text());
    let removed = Answer::to(service.request(Method::DELETE, &path(&template))).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(Answer::to(service.request(Method::DELETE, &at)).await.status, StatusCode::NO_CONTENT);
    for name in ["Hours", "1", "a-b", ""] {
        let refused = service.post_json(BLOCKS, json!({ "name": name, "content": says("x") })).await;
        refused.problem(422, "invalid-field");
    }
    let made = service.post_json(BLOCKS, json!({ "name": "a", "content": says("x") })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let twice = service.post_json(BLOCKS, json!({ "name": "a", "content": says("y") })).await;
    twice.problem(409, "wrong-state");
    assert_eq!(service.get(BLOCKS).await.json()["items"].as_array().unwrap().len(), 1);
}

async fn templates_are_listed_page_by_page(database: &TestDatabase) {
    let service = Service::start(database).await;
    for name in ["Spring", "Summer 50%", "Autumn"] {
        make(&service, name, content("S", "x")).await;
        service.db.clock().advance(std::time::Duration::from_secs(1));
    }
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = service.get(&format!("{TEMPLATES}?limit=2")).await.json();
    assert_eq!(names(&first), ["Autumn", "Summer 50%"]);
    assert!(first["items"][0].get("content").is_none());
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = service.get(&format!("{TEMPLATES}?limit=2&cursor={cursor}")).await.json();
    assert_eq!((names(&rest), &rest["next_cursor"]), (vec!["Spring".to_owned()], &Value::Null));
    assert_eq!(names(&service.get(&format!("{TEMPLATES}?text=50%25")).await.json()), ["Summer 50%"]);
    assert_eq!(names(&service.get(&format!("{TEMPLATES}?text=SUMM")).await.json()), ["Summer 50%"]);
    assert!(names(&service.get(&format!("{TEMPLATES}?text=winter")).await.json()).is_empty());
}
