//! The public page of a campaign, and the domain of links.

use std::time::Duration;

use herald_ledger::Outcome;
use herald_messaging::{TrackedPlace, archive_url, tracked_url};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Service,
    campaigns::{Stage, id, run, work},
    notifications::outbox,
    worker,
};

on_both_engines! {
    a_public_page_has_nothing_of_anybody,
    a_page_is_public_only_if_the_campaign_says_so,
    the_domain_of_links_has_nothing_else,
    links_of_the_footer_count_and_those_of_a_test_do_not,
    subjects_that_are_tried_have_their_counted_openings,
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

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
    service.leaves(&["campaign.dispatch"]);
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

/// Asks for a place in a message a minute later, as a person does.
async fn reached(service: &Service, message: &Value, place: TrackedPlace) -> Answer {
    service.db.clock().advance(Duration::from_secs(60));
    let url = tracked_url(&service.api.links, id(message).parse::<Uuid>().unwrap(), place);
    let asked = service.open(Method::GET, &url[url.find("/t/").unwrap()..]).header("user-agent", BROWSER);
    Answer::to(asked).await
}

async fn links_of_the_footer_count_and_those_of_a_test_do_not(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Ana Example", Some("ana@example.com"), json!({})).await;
    let footer = async |footer: &str| {
        let fields = json!({ "name": "News", "from_name": "Example Agency", "from_address": "news@example.com",
            "postal_address": "1 Example Street, 28001 Madrid", "footer": footer });
        let path = format!("/api/v1/senders/{}", id(&stage.sender));
        let changed = Answer::to(service.request(Method::PUT, &path).json(&fields)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    };
    footer("[Our site](https://old.test/)").await;
    let template = template(service, "Hello, [read](https://x.test/).").await;
    let campaign = stage.campaign(json!({ "template_id": template })).await;
    let tested = stage.by(&stage.ann, &format!("/{}/test", id(&campaign)), json!({})).await;
    assert_eq!(tested.status, 202, "{}", tested.text());
    for job in worker::lease(service, "email").await {
        assert!(matches!(run(service, job).await, Outcome::Done { .. }));
    }
    let test = outbox(service).into_iter().find(|mail| mail.contains("[Test]")).unwrap().replace("=\r\n", "");
    assert!(test.contains("https://x.test/") && test.contains("https://old.test/"), "{test}");
    assert!(!test.contains("/t/"), "{test}");
    // Another footer may be approved than was submitted: it is looked through again.
    stage.does(&stage.ann, &campaign, "submit").await;
    footer("[Our site](https://y.test/?a=1&b=2)").await;
    let again = stage.act(&stage.ann, &campaign, "check").await;
    assert!(again.status.is_success(), "{}", again.text());
    stage.does(&stage.bo, &campaign, "approve").await;
    stage.does(&stage.bo, &campaign, "send").await;
    work(service).await;
    let mails = outbox(service);
    let mail = mails.iter().find(|mail| mail.contains("Subject: News for Ana")).unwrap();
    assert!(!mail.contains("https://y.test") && !mail.contains("https://x.test"), "{mail}");
    let found = service.get(&format!("/api/v1/messages?campaign={}", id(&campaign))).await.json();
    let site = reached(service, &found["items"][0], TrackedPlace::Link(3)).await;
    let numbers = service.get(&format!("/api/v1/campaigns/{}/tracking", id(&campaign))).await.json();
    let links: Vec<(&str, &str)> = numbers["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["language"].as_str().unwrap(), one["target"].as_str().unwrap()))
        .collect();
    let wanted = [("de", "https://y.test/?a=1&b=2"), ("en", "https://x.test/"), ("en", "https://y.test/?a=1&b=2")];
    assert_eq!(links, wanted);
    assert_eq!((site.status.as_u16(), site.header("location")), (302, "https://y.test/?a=1&b=2"));
    assert_eq!(numbers["links"][2]["human"], 1, "{numbers}");
}

async fn subjects_that_are_tried_have_their_counted_openings(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    service.leaves(&["campaign.winner"]);
    for number in 0..20 {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
    let ab = json!({ "subjects": ["First", "Second"], "split_percent": 100, "winner_by": "opens", "after_hours": 4 });
    let campaign = stage.begun(json!({ "settings": { "ab": ab } })).await;
    work(service).await;
    let found = service.get(&format!("/api/v1/messages?campaign={}", id(&campaign))).await.json();
    for message in found["items"].as_array().unwrap().iter().take(10) {
        assert_eq!(reached(service, message, TrackedPlace::Pixel).await.status, 200);
    }
    let now = service.get(&format!("/api/v1/messages?campaign={}", id(&campaign))).await.json();
    assert!(now["items"].as_array().unwrap().iter().all(|message| message["opened_at"].is_null()), "{now}");
    let sides = service.get(&format!("/api/v1/campaigns/{}/variants", id(&campaign))).await.json();
    let numbers = service.get(&format!("/api/v1/campaigns/{}/tracking", id(&campaign))).await.json();
    let mut all = 0;
    for side in sides["items"].as_array().unwrap() {
        let name = side["variant"].to_string();
        let same = |one: &&Value| one["variant"] == name.as_str();
        let counted = numbers["variants"].as_array().unwrap().iter().find(same);
        let counted = counted.map_or(0, |one| one["opens"]["human"].as_i64().unwrap());
        assert_eq!(side["opened"], counted, "{sides} {numbers}");
        all += counted;
    }
    assert_eq!(all, 10, "{numbers}");
}
