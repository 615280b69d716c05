//! Saved views: kept by one person, in one workspace, under one name.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::{Person, Service};
use crate::api::console::Browser;

on_both_engines! {
    a_person_keeps_views_that_nobody_else_sees,
    what_is_no_view_is_refused,
    a_list_offers_its_views_and_keeps_its_filters,
}

const VIEWS: &str = "/api/v1/me/views";

async fn a_person_keeps_views_that_nobody_else_sees(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (ann, bo) = (Person::new(&service, "ann@example.com").await, Person::new(&service, "bo@example.com").await);
    ann.workspace(&service, "north").await;
    ann.workspace(&service, "south").await;
    let view = |workspace: &str, name: &str, query: &str| {
        let place = "jobs";
        json!({ "workspace": workspace, "place": place, "name": name, "query": query })
    };
    for (workspace, name, query) in
        [("north", "Zero", "state=dead"), ("north", "  all   dead ", "state=ready"), ("south", "Other", "queue=cpu")]
    {
        let saved = ann.send(&service, Method::POST, VIEWS, view(workspace, name, query)).await;
        assert_eq!(saved.status, 201, "{}", saved.text());
    }
    // The same name in other letters is the same view.
    ann.send(&service, Method::POST, VIEWS, view("north", "All Dead", "state=dead&kind=a.b")).await;
    let kept = ann.get(&service, &format!("{VIEWS}?workspace=north&place=jobs")).await.json();
    let names: Vec<_> =
        kept["items"].as_array().unwrap().iter().map(|one| (one["name"].clone(), one["query"].clone())).collect();
    assert_eq!(names, [(json!("All Dead"), json!("state=dead&kind=a.b")), (json!("Zero"), json!("state=dead"))]);
    assert_eq!(ann.get(&service, &format!("{VIEWS}?workspace=north&place=audit")).await.json()["items"], json!([]));
    bo.get(&service, &format!("{VIEWS}?workspace=north")).await.problem(404, "not-found");
    let path = format!("{VIEWS}/{}", kept["items"][0]["id"].as_str().unwrap());
    bo.send(&service, Method::DELETE, &path, json!(null)).await.problem(404, "not-found");
    assert_eq!(ann.send(&service, Method::DELETE, &path, json!(null)).await.status, 204);
    ann.send(&service, Method::DELETE, &path, json!(null)).await.problem(404, "not-found");
    assert_eq!(
        ann.get(&service, &format!("{VIEWS}?workspace=north")).await.json()["items"].as_array().unwrap().len(),
        1
    );
}

async fn what_is_no_view_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    ann.workspace(&service, "north").await;
    let right = json!({ "workspace": "north", "place": "jobs", "name": "Dead", "query": "state=dead" });
    for (field, value) in [
        ("place", json!("Jobs")),
        ("place", json!("")),
        ("name", json!(" ")),
        ("name", json!("x".repeat(61))),
        ("query", json!("a b")),
        ("query", json!("a=".repeat(1_001))),
    ] {
        let mut wrong = right.clone();
        wrong[field] = value;
        let refused = ann.send(&service, Method::POST, VIEWS, wrong).await;
        refused.problem(422, "invalid-field");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
    }
    let mut elsewhere = right.clone();
    elsewhere["workspace"] = json!("south");
    ann.send(&service, Method::POST, VIEWS, elsewhere).await.problem(404, "not-found");
    for number in 0..50 {
        let mut one = right.clone();
        one["name"] = json!(format!("View {number}"));
        assert_eq!(ann.send(&service, Method::POST, VIEWS, one).await.status, 201);
    }
    ann.send(&service, Method::POST, VIEWS, right).await.problem(422, "invalid-field");
}

async fn a_list_offers_its_views_and_keeps_its_filters(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let plain = browser.get("/w/default/jobs").await.text;
    assert!(!plain.contains("Keep these filters"), "there is nothing to keep: {plain}");
    let list = "/w/default/jobs?state=dead&kind=a%26b&within=9&cursor=01a22cfb-8917-75b1-b9fa-82894ed79c0c";
    let text = browser.get(list).await.text;
    let hidden = |name: &str| {
        let from = text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {text}"));
        from.split('"').next().unwrap().replace("&amp;", "&")
    };
    assert_eq!((hidden("place").as_str(), hidden("query").as_str()), ("jobs", "state=dead&kind=a%26b"));
    let (token, once, query) = (hidden("form_token"), hidden("once"), hidden("query"));
    let fields = [
        ("form_token", token.as_str()),
        ("once", once.as_str()),
        ("back", "/w/default/jobs"),
        ("workspace", "default"),
        ("place", "jobs"),
        ("query", query.as_str()),
        ("name", "<Dead> ones"),
    ];
    let kept = browser.send("/acts/saveView", &fields).await;
    assert_eq!(kept.status, 303, "{}", kept.text);
    let offered = browser.get("/w/default/jobs").await.text;
    assert!(offered.contains("href=\"/w/default/jobs?state=dead&amp;kind=a%26b\""), "{offered}");
    assert!(offered.contains("&lt;Dead&gt; ones"), "{offered}");
    assert!(!browser.get("/w/default/contacts").await.text.contains("Dead&gt; ones"), "of another list");
}
