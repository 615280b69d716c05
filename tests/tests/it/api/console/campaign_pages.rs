//! Pages beside a campaign's own: what was found in its audience, tests, comparisons, and the messages to a contact.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use super::{Browser, campaigns::sender_and_template};
use crate::api::{Service, campaigns::work};

on_both_engines! {
    what_is_missing_and_which_subjects_are_tried_is_typed_into_the_form,
    the_page_tells_what_was_found_in_the_audience,
    campaigns_stand_side_by_side_and_on_the_pages_of_their_contacts,
    a_test_is_sent_from_the_page,
}

async fn contact(service: &Service, name: &str, email: Option<&str>) -> String {
    let made = service.post_json("/api/v1/contacts", json!({ "name": name, "email": email })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn what_is_missing_and_which_subjects_are_tried_is_typed_into_the_form(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (sender, template) = sender_and_template(&service).await;
    let browser = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let form = browser.get("/w/default/campaigns/new").await;
    let (token, once) = (form.hidden("form_token"), form.hidden("once"));
    let mut fields = vec![
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", "/w/default/campaigns/new"),
        ("name", "Spring"),
        ("channel", "email"),
        ("sender_id", &sender),
        ("template_id", &template),
        ("audience.everybody", "true"),
        ("settings.time_zone", "Europe/Madrid"),
        ("settings.hours.from", "09:00"),
        ("settings.hours.to", "18:00"),
        ("settings.hours.days", ""),
        ("settings.hours.days", "mon"),
        ("settings.hours.days", "fri"),
        ("settings.missing", "name: default friend\ntable: stop"),
        ("settings.ab.subjects", "One\nTwo {{ name }}"),
        ("settings.ab.split_percent", "30"),
        ("settings.ab.winner_by", "clicks"),
        ("settings.ab.after_hours", "soon"),
    ];
    let refused = browser.send("/w/default/acts/createCampaign", &fields).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("not a whole number") && refused.text.contains("Two {{ name }}"), "{}", refused.text);
    let once = refused.hidden("once");
    *fields.last_mut().unwrap() = ("settings.ab.after_hours", "6");
    fields[1] = ("once", &once);
    let made = browser.send("/w/default/acts/createCampaign", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let at = made.header("location").to_owned();
    let id = at.rsplit('/').next().unwrap();
    let settings = service.get(&format!("/api/v1/campaigns/{id}")).await.json()["settings"].clone();
    assert_eq!(settings["missing"]["name"], json!({ "policy": "default", "value": "friend" }));
    assert_eq!(settings["missing"]["table"], json!({ "policy": "stop" }));
    assert_eq!(settings["hours"]["days"], json!(["mon", "fri"]));
    let ab = json!({ "subjects": ["One", "Two {{ name }}"], "split_percent": 30, "winner_by": "clicks",
        "after_hours": 6 });
    assert_eq!(settings["ab"], ab);
    // The form has it again, so that saving a name loses nothing.
    let edit = browser.get(&format!("{at}/edit")).await;
    assert!(edit.text.contains("table: stop") && edit.text.contains("Two {{ name }}"), "{}", edit.text);
    let page = browser.get(&at).await;
    assert!(page.text.contains("Subjects side by side") && page.text.contains("30 % of the audience"), "{}", page.text);
}

async fn the_page_tells_what_was_found_in_the_audience(database: &TestDatabase) {
    let service = Service::start(database).await;
    contact(&service, "Ada Example", Some("ada@example.com")).await;
    contact(&service, "Bea <b>Example", None).await;
    let (sender, template) = sender_and_template(&service).await;
    let campaign = json!({ "channel": "email", "name": "Spring", "sender_id": sender, "template_id": template,
        "audience": { "everybody": true } });
    let id = service.post_json("/api/v1/campaigns", campaign).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(service.post(&format!("/api/v1/campaigns/{id}/submit")).await.status, 200);
    let browser = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let at = format!("/w/default/campaigns/{id}");
    let page = browser.get(&at).await;
    assert!(page.text.contains("The audience, looked through"), "{}", page.text);
    assert!(page.text.contains("The message of each of 2 contacts was made."), "{}", page.text);
    assert!(page.text.contains("no address"), "{}", page.text);
    let file = browser.get(&format!("{at}/check.csv")).await;
    assert!(file.text.contains("\"no_address\"") && file.text.contains("Bea <b>Example"), "{}", file.text);
}

async fn campaigns_stand_side_by_side_and_on_the_pages_of_their_contacts(database: &TestDatabase) {
    let service = Service::start(database).await;
    // Who may approve is told of what waits.
    service.leaves(&["notification.mail"]);
    let ada = contact(&service, "Ada Example", Some("ada@example.com")).await;
    let (sender, template) = sender_and_template(&service).await;
    let ann = Browser::member(&service, "ann@example.com", Role::Agency).await;
    let mut ids = Vec::new();
    for name in ["Spring", "Autumn"] {
        let campaign = json!({ "channel": "email", "name": name, "sender_id": sender, "template_id": template,
            "audience": { "everybody": true } });
        let id = service.post_json("/api/v1/campaigns", campaign).await.json()["id"].as_str().unwrap().to_owned();
        let at = format!("/w/default/campaigns/{id}");
        assert_eq!(service.post(&format!("/api/v1/campaigns/{id}/submit")).await.status, 200);
        for act in ["approveCampaign", "sendCampaign"] {
            let page = ann.get(&at).await;
            let (token, once) = (page.hidden("form_token"), page.hidden("once"));
            let fields = [("form_token", token.as_str()), ("once", &once), ("back", &at), ("id", &id)];
            let done = ann.send(&format!("/w/default/acts/{act}"), &fields).await;
            assert_eq!(done.status, 303, "{}", done.text);
        }
        ids.push(id);
    }
    work(&service).await;
    let path = format!("/w/default/campaigns/compare?id={}&id={}", ids[0], ids[1]);
    let page = ann.get(&path).await;
    assert!(page.text.contains("Handed over") && page.text.contains("Autumn"), "{}", page.text);
    let of_one = ann.get(&format!("/w/default/campaigns/compare?id={}", ids[0])).await;
    assert!(of_one.text.contains("Choose one more."), "{}", of_one.text);
    let page = ann.get(&format!("/w/default/contacts/{ada}")).await;
    assert!(page.text.contains("Messages of campaigns"), "{}", page.text);
    assert!(ids.iter().all(|id| page.text.contains(&format!("/campaigns/{id}"))), "{}", page.text);
}

async fn a_test_is_sent_from_the_page(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["campaign.test"]);
    let ada = contact(&service, "Ada Example", Some("ada@example.com")).await;
    let (sender, template) = sender_and_template(&service).await;
    let campaign = json!({ "channel": "email", "name": "Spring", "sender_id": sender, "template_id": template });
    let id = service.post_json("/api/v1/campaigns", campaign).await.json()["id"].as_str().unwrap().to_owned();
    let browser = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let at = format!("/w/default/campaigns/{id}");
    assert!(browser.get(&at).await.text.contains(&format!("{at}/test\"")));
    let page = browser.get(&format!("{at}/test?q=ada")).await;
    assert!(page.text.contains(&ada), "{}", page.text);
    let (token, once) = (page.hidden("form_token"), page.hidden("once"));
    let back = format!("{at}/test");
    let fields = [
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", &back),
        ("id", &id),
        ("contact_id", &ada),
        ("to", ""),
    ];
    let sent = browser.send("/w/default/acts/testCampaign", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let tested = browser.get(sent.header("location")).await;
    assert!(tested.text.contains("Herald hands the mail over."), "{}", tested.text);
}
