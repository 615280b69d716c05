//! The public page of a campaign, and the domain of links.

use herald_messaging::archive_url;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Service,
    campaigns::{Stage, id, work},
    notifications::outbox,
};

on_both_engines! {
    a_public_page_has_nothing_of_anybody,
    a_page_is_public_only_if_the_campaign_says_so,
    the_domain_of_links_has_nothing_else,
}

fn place(service: &Service, campaign: &Value) -> String {
    let url = archive_url(&service.api.links, id(campaign).parse::<Uuid>().unwrap());
    url[url.find("/a/").unwrap()..].to_owned()
}

async fn template(service: &Service, body: &str) -> Value {
    let part = |body: &str| json!({ "subject": "News for {{ first_name }}", "body": body });
    let content = json!({ "format": "markdown", "default_language": "en",
        "languages": { "en": part(body), "de": part("Hallo {{ first_name }}") } });
    let template = json!({ "name": service.db.new_id().to_string(), "content": content });
    let made = service.post_json("/api/v1/message-templates", template).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].clone()
}

async fn a_public_page_has_nothing_of_anybody(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Amelie Secret", Some("amelie@example.com"), json!({ "fields": { "table": "77" } })).await;
    let body = "Dear {{ first_name | default('friend') }}, table {{ table }}. [Read](https://x.test/?a=1&b=2) \
        [In the browser]({{ archive_url }})";
    let template = template(service, body).await;
    let campaign = stage.begun(json!({ "template_id": template, "settings": { "archive": true } })).await;
    work(service).await;
    let path = place(service, &campaign);
    let mail = outbox(service).remove(0).replace("=3D", "=");
    assert!(mail.contains(&path) && mail.contains("Dear Amelie, table 77."), "{mail}");
    let page = Answer::to(service.open(Method::GET, &path)).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    assert!(text.contains("Dear friend, table ."), "{text}");
    for secret in ["Amelie", "Secret", "amelie@", "77", "/t/"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("href=\"https://x.test/?a=1&amp;b=2\""), "{text}");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("sandbox") && policy.contains("default-src 'none'") && !policy.contains("script"));
    assert_eq!((page.header("x-robots-tag"), page.header("content-language")), ("noindex", "en"));
    let german = Answer::to(service.open(Method::GET, &path).header("accept-language", "de-AT,en;q=0.5")).await;
    assert!(german.text().contains("Hallo") && german.header("content-language") == "de", "{}", german.text());
    // Nothing on it unsubscribes anybody.
    let leave = text.split("href=\"").find(|part| part.contains("/u/")).unwrap().split('"').next().unwrap();
    let leave = Answer::to(service.open(Method::GET, &leave[leave.find("/u/").unwrap()..])).await;
    assert_eq!(leave.status, 404);
    let numbers = service.get(&format!("/api/v1/campaigns/{}/tracking", id(&campaign))).await.json();
    assert!(numbers["archive_url"].as_str().unwrap().ends_with(&path), "{numbers}");
}

async fn a_page_is_public_only_if_the_campaign_says_so(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Amelie Example", Some("amelie@example.com"), json!({})).await;
    let at = async |campaign: &Value| Answer::to(service.open(Method::GET, &place(service, campaign))).await.status;
    let closed = stage.begun(json!({})).await;
    work(service).await;
    assert_eq!(at(&closed).await, 404);
    // What has not begun is not read either.
    let open = stage.campaign(json!({ "name": "Open", "settings": { "archive": true } })).await;
    stage.does(&stage.ann, &open, "submit").await;
    assert_eq!(at(&open).await, 404);
    stage.does(&stage.bo, &open, "approve").await;
    stage.does(&stage.bo, &open, "send").await;
    assert_eq!(at(&open).await, 200);
    for path in ["/a/x", "/a/%FF"] {
        assert_eq!(Answer::to(service.open(Method::GET, path)).await.status, 404, "{path}");
    }
    // A template cannot lead to a page that is not there.
    let template = template(service, "[In the browser]({{ archive_url }})").await;
    let wrong = stage.campaign(json!({ "template_id": template })).await;
    let refused = stage.act(&stage.ann, &wrong, "submit").await;
    assert!(refused.problem(422, "invalid-field").contains("archive"), "{}", refused.text());
}

async fn the_domain_of_links_has_nothing_else(database: &TestDatabase) {
    let service =
        Service::start_with(database, |settings| settings.http.tracking_url = "https://t.example.com".to_owned()).await;
    let asked = async |host: &str, path: &str| {
        let request = service.request(Method::GET, path).header("host", host);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for path in ["/api/v1/campaigns", "/", "/sign-in", "/docs", "/metrics"] {
        let (status, text) = asked("t.example.com", path).await;
        assert!(status == 404 && text.contains("There is nothing here"), "{path}: {status} {text}");
    }
    for path in ["/t/x", "/a/x", "/u/x"] {
        let (status, text) = asked("t.example.com", path).await;
        assert!(status == 404 && !text.contains("There is nothing here"), "{path}: {status} {text}");
    }
    assert_eq!(asked("h.example.com", "/api/v1/campaigns").await.0, 200);
    let campaign = json!({ "id": Uuid::from_u128(7).to_string() });
    let url = archive_url(&service.api.links, id(&campaign).parse::<Uuid>().unwrap());
    assert!(url.starts_with("https://t.example.com/a/"), "{url}");
}
