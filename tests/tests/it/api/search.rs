//! Searching: what is found, by whom.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Service, people::Person, worker};

on_both_engines! {
    guests_are_found_by_first_and_last_name_number_and_id,
    a_viewer_finds_nobody_by_address_and_nothing_they_may_not_list,
    other_things_are_found_by_a_part_of_their_name,
    what_is_wrong_with_the_words_is_said,
}

async fn found(service: &Service, query: &str) -> Value {
    let answer = service.get(&format!("/api/v1/search?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["groups"].clone()
}

fn names(groups: &Value, kind: &str) -> Vec<String> {
    let group = groups.as_array().unwrap().iter().find(|group| group["kind"] == kind);
    let items = group.map(|group| group["items"].as_array().unwrap().clone()).unwrap_or_default();
    items.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

async fn furnish(service: &Service, guests: &[&str]) {
    service.template().await;
    let run = service.run("name,table\nAmélie,1\n").await;
    worker::import(service, run, guests).await;
    worker::finish(service, &guests.iter().map(|_| Ok(())).collect::<Vec<_>>()).await;
}

async fn guests_are_found_by_first_and_last_name_number_and_id(database: &TestDatabase) {
    let service = Service::start(database).await;
    furnish(&service, &["Amélie Fauçonnier-Brûlé", "Анна Заречная", "Björn Ames", "100% Carl", "Øyvind Ö"]).await;
    let guests = async |words: &str| names(&found(&service, &format!("q={words}")).await, "guests");
    assert_eq!(guests("amelie").await, ["Amélie Fauçonnier-Brûlé"]);
    assert_eq!(guests("FAUC").await, ["Amélie Fauçonnier-Brûlé"]);
    assert_eq!(guests("ame").await, ["Amélie Fauçonnier-Brûlé", "Björn Ames"]);
    assert_eq!(guests("%D0%97%D0%B0%D1%80").await, ["Анна Заречная"]);
    assert_eq!(guests("100%25").await, ["100% Carl"]);
    // Neither the middle of a name nor a wildcard.
    for nobody in ["melie", "%25", "_", "zz"] {
        assert_eq!(guests(nobody).await, Vec::<String>::new(), "{nobody}");
    }
    let all = found(&service, "q=ame&kind=guests").await;
    let number = all[0]["items"][0]["detail"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!(guests(&number).await, ["Amélie Fauçonnier-Brûlé"]);
    assert_eq!(all[0]["items"][0]["state"], "made");
}

async fn a_viewer_finds_nobody_by_address_and_nothing_they_may_not_list(database: &TestDatabase) {
    let service = Service::start(database).await;
    furnish(&service, &["Amélie"]).await;
    let mut tx = service.db.begin().await.unwrap();
    herald_db::query("update contacts set email = 'amelie@example.com' where workspace_id = $1")
        .bind(service.workspace)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let viewer = Person::new(&service, "vera@example.com").await;
    let made = service.post_json("/api/v1/workspace-invitations", json!({ "role": Role::Viewer })).await;
    let link = made.json()["link"].as_str().unwrap().to_owned();
    assert!(link.contains("/join-workspace/"), "{link}");
    viewer.join(&service, link.rsplit_once('/').unwrap().1).await;
    let search = async |words: &str| {
        let request = service.open(Method::GET, &format!("/api/v1/search?q={words}")).bearer_auth(&viewer.access);
        Answer::to(request).await.json()["groups"].clone()
    };
    assert_eq!(names(&search("amelie").await, "guests"), ["Amélie"]);
    assert!(!search("amelie").await.to_string().contains("example.com"));
    assert_eq!(search("amelie@example.com").await, json!([]));
    assert_eq!(search("vera").await, json!([]), "a viewer does not list members");
    let own = found(&service, "q=amelie%40example.com").await;
    assert_eq!(names(&own, "guests"), ["Amélie"]);
    for kind in ["members", "users"] {
        assert_eq!(names(&found(&service, "q=VERA").await, kind), ["vera@example.com"]);
    }
    // Another workspace finds nothing of this one.
    let other = service.other_workspace().await;
    let request = service.open(Method::GET, "/api/v1/search?q=amelie").bearer_auth(other);
    assert_eq!(Answer::to(request).await.json()["groups"], json!([]));
}

async fn other_things_are_found_by_a_part_of_their_name(database: &TestDatabase) {
    let service = Service::start(database).await;
    furnish(&service, &["Amélie"]).await;
    let made = service.post_json("/api/v1/keys", json!({ "name": "Nightly report", "role": "viewer" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(names(&found(&service, "q=gal").await, "runs"), ["Gala"]);
    assert_eq!(names(&found(&service, "q=ALA").await, "templates"), ["gala"]);
    assert_eq!(names(&found(&service, "q=report").await, "keys"), ["Nightly report"]);
    assert_eq!(names(&found(&service, "q=fet").await, "queues"), Vec::<String>::new(), "no queue was used");
    let jobs = service.get("/api/v1/jobs?limit=1").await.json();
    let id = jobs["items"][0]["id"].as_str().unwrap();
    let groups = found(&service, &format!("q={id}")).await;
    assert_eq!((&groups[0]["kind"], &groups[0]["items"][0]["id"]), (&json!("jobs"), &json!(id)));
    // A key sees what its scopes name.
    let key = json!({ "name": "finder", "role": "owner", "scopes": ["search:read", "templates:read"] });
    let token = service.post_json("/api/v1/keys", key).await.json()["key"].as_str().unwrap().to_owned();
    let groups = Answer::to(service.open(Method::GET, "/api/v1/search?q=gala").bearer_auth(token)).await.json();
    let kinds: Vec<&Value> = groups["groups"].as_array().unwrap().iter().map(|group| &group["kind"]).collect();
    assert_eq!(kinds, ["templates"]);
}

async fn what_is_wrong_with_the_words_is_said(database: &TestDatabase) {
    let service = Service::start(database).await;
    let long = "x".repeat(201);
    service.get(&format!("/api/v1/search?q={long}")).await.problem(422, "invalid-field");
    service.get("/api/v1/search?q=a&kind=secrets").await.problem(422, "invalid-field");
    assert_eq!(found(&service, "q=%20").await, json!([]));
    Answer::to(service.open(Method::GET, "/api/v1/search?q=a")).await.problem(401, "unauthorized");
}
