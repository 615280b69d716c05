//! Campaigns as people go through them: written in the form, counted, approved by somebody else, and sent.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::{Value, json};

use super::{Browser, Page};
use crate::api::Service;

on_both_engines! {
    a_campaign_goes_from_the_form_to_its_sending,
    the_form_counts_whom_it_means_before_it_saves,
    a_change_of_an_approved_campaign_says_what_it_costs,
    what_strangers_wrote_is_text_on_the_pages_of_campaigns,
}

/// A sender and a message template, by their ids.
pub(super) async fn sender_and_template(service: &Service) -> (String, String) {
    let sender = json!({ "name": "Newsletter", "from_name": "Example Agency", "from_address": "news@example.com",
        "postal_address": "Example Agency, 1 Example Street, 28001 Madrid" });
    let part = json!({ "subject": "Spring", "body": "Hello {{ name | default(\"friend\") }}" });
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": part } });
    let mut ids = Vec::new();
    for (path, body) in
        [("senders", sender), ("message-templates", json!({ "name": "Spring letter", "content": content }))]
    {
        let made = service.post_json(&format!("/api/v1/{path}"), body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    let template = ids.pop().unwrap();
    (ids.pop().unwrap(), template)
}

/// A draft to everybody, by its id.
pub(super) async fn a_draft(service: &Service, name: &str) -> String {
    let (sender, template) = sender_and_template(service).await;
    let campaign = json!({ "channel": "email", "name": name, "sender_id": sender, "template_id": template,
        "audience": { "everybody": true }, "settings": { "time_zone": "Europe/Madrid" } });
    let made = service.post_json("/api/v1/campaigns", campaign).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn a_contact(service: &Service, name: &str) {
    let contact = json!({ "name": name, "email": "ada@example.com", "tags": ["vip"] });
    assert_eq!(service.post_json("/api/v1/contacts", contact).await.status, 201);
}

/// Sends a form of the page of a campaign.
async fn act(browser: &Browser<'_>, at: &str, operation: &str, more: &[(&str, &str)]) -> Page {
    let page = browser.get(at).await;
    let (token, once) = (page.hidden("form_token"), page.hidden("once"));
    let id = at.rsplit('/').next().unwrap();
    let mut fields = vec![("form_token", token.as_str()), ("once", &once), ("back", at), ("id", id)];
    fields.extend_from_slice(more);
    browser.send(&format!("/w/default/acts/{operation}"), &fields).await
}

async fn state(service: &Service, at: &str) -> Value {
    let id = at.rsplit('/').next().unwrap();
    service.get(&format!("/api/v1/campaigns/{id}")).await.json()["state"].clone()
}

fn offers(page: &Page, operation: &str) -> bool {
    page.text.contains(&format!("/acts/{operation}\""))
}

async fn a_campaign_goes_from_the_form_to_its_sending(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["campaign.dispatch"]);
    a_contact(&service, "Ada Example").await;
    let (sender, template) = sender_and_template(&service).await;
    let staff = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let agency = Browser::member(&service, "ann@example.com", Role::Agency).await;
    let other = Browser::member(&service, "bea@example.com", Role::Agency).await;
    let form = agency.get("/w/default/campaigns/new").await;
    assert!(form.text.contains("Newsletter") && form.text.contains("Spring letter"), "{}", form.text);
    let (token, once) = (form.hidden("form_token"), form.hidden("once"));
    let fields = [
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", "/w/default/campaigns/new"),
        ("name", "Spring"),
        ("channel", "email"),
        ("sender_id", &sender),
        ("template_id", &template),
        ("audience.everybody", "true"),
        ("audience.without_tags", "press, staff"),
        ("settings.time_zone", "Europe/Madrid"),
        ("settings.hours.from", "00:00"),
        ("settings.hours.to", "23:59"),
        ("settings.expires_at", ""),
        ("settings.pause_at_percent", "30"),
        ("send_at", "2036-07-01T09:30"),
    ];
    let made = agency.send("/w/default/acts/createCampaign", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let at = made.header("location").to_owned();
    let id = at.rsplit('/').next().unwrap();
    let stored = service.get(&format!("/api/v1/campaigns/{id}")).await.json();
    assert_eq!(stored["send_at"], "2036-07-01T07:30:00Z", "the time is of the zone of the form");
    assert_eq!(stored["audience"]["without_tags"], json!(["press", "staff"]));
    assert_eq!(stored["settings"]["hours"]["to"], "23:59");

    let page = agency.get(&at).await;
    assert!(page.text.contains("everybody; without tag press, tag staff"), "{}", page.text);
    assert!(offers(&page, "submitCampaign") && !offers(&page, "sendCampaign"), "{}", page.text);
    assert_eq!(act(&agency, &at, "submitCampaign", &[]).await.header("location"), at);
    // Its maker does not approve it, nor does staff.
    let page = agency.get(&at).await;
    assert!(!offers(&page, "approveCampaign") && page.text.contains("It is your own"), "{}", page.text);
    assert!(!offers(&staff.get(&at).await, "approveCampaign"));
    let refused = act(&agency, &at, "approveCampaign", &[]).await;
    assert_eq!(refused.status, 409, "what is not offered is closed");
    assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);

    // Sent back with a reason, submitted again, approved.
    let empty = act(&other, &at, "rejectCampaign", &[("reason", " ")]).await;
    assert_eq!(empty.status, 422, "{}", empty.text);
    act(&other, &at, "rejectCampaign", &[("reason", "Say 2036 in the subject")]).await;
    assert!(agency.get(&at).await.text.contains("Say 2036 in the subject"));
    act(&agency, &at, "submitCampaign", &[]).await;
    assert!(offers(&other.get(&at).await, "approveCampaign"));
    act(&other, &at, "approveCampaign", &[]).await;
    assert_eq!(state(&service, &at).await, "approved");
    assert!(!offers(&staff.get(&at).await, "sendCampaign"), "staff schedules, and does not send at once");
    let page = agency.get(&at).await;
    assert!(offers(&page, "scheduleCampaign") && page.text.contains("Send to 1 contact"), "{}", page.text);
    act(&agency, &at, "sendCampaign", &[]).await;
    assert_eq!(state(&service, &at).await, "sending");
    let page = agency.get(&at).await;
    assert!(page.text.contains("Being sent") && offers(&page, "pauseCampaign"), "{}", page.text);
    act(&agency, &at, "pauseCampaign", &[]).await;
    assert!(offers(&agency.get(&at).await, "resumeCampaign"));
    let messages = agency.get(&format!("{at}/messages?state=failed&address=ada@example.com")).await;
    assert_eq!(messages.status, 200, "{}", messages.text);
    act(&agency, &at, "cancelCampaign", &[]).await;
    assert_eq!(state(&service, &at).await, "cancelled");
    let copy = act(&agency, &at, "duplicateCampaign", &[]).await;
    assert_ne!(copy.header("location"), at);
    assert!(agency.get(copy.header("location")).await.text.contains("Copy of Spring"));
    let list = agency.get("/w/default/campaigns?state=cancelled&search=spr").await;
    assert!(list.text.contains(&at) && !list.text.contains("Copy of Spring"), "{}", list.text);
}

async fn the_form_counts_whom_it_means_before_it_saves(database: &TestDatabase) {
    let service = Service::start(database).await;
    a_contact(&service, "Ada Example").await;
    let browser = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let path = "/w/default/campaigns/new";
    let form = browser.get(path).await;
    assert!(form.text.contains("Nobody is meant yet."), "{}", form.text);
    let token = form.hidden("form_token");
    let typed = |tags: &'static str| {
        [("form_token", token.clone()), ("name", "Summer".to_owned()), ("audience.tags", tags.to_owned())]
    };
    for (tags, said) in [("vip", ">1</strong> contact now"), ("", "Nobody is meant yet.")] {
        let typed = typed(tags);
        let fields: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let counted = browser.send(path, &fields).await;
        assert_eq!(counted.status, 200, "{}", counted.text);
        assert!(counted.text.contains(said) && counted.text.contains("value=\"Summer\""), "{}", counted.text);
    }
    let foreign = browser.send(path, &[("form_token", "0"), ("name", "Summer")]).await;
    assert_eq!(foreign.status, 409);
    assert_eq!(service.get("/api/v1/campaigns").await.json()["items"], json!([]), "nothing is stored");
    // Who may not write campaigns is not let to count either.
    let viewer = Browser::member(&service, "vic@example.com", Role::Viewer).await;
    assert_eq!(viewer.get(path).await.status, 403);
}

async fn a_change_of_an_approved_campaign_says_what_it_costs(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["campaign.dispatch"]);
    let id = a_draft(&service, "Autumn").await;
    let browser = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let at = format!("/w/default/campaigns/{id}");
    act(&browser, &at, "submitCampaign", &[]).await;
    let edit = browser.get(&format!("{at}/edit")).await;
    assert!(edit.text.contains("Saving makes it a draft again"), "{}", edit.text);
    let (token, version) = (edit.hidden("form_token"), edit.hidden("version").replace("&quot;", "\""));
    let back = format!("{at}/edit");
    let fields = [
        ("form_token", token.as_str()),
        ("back", &back),
        ("id", &id),
        ("version", &version),
        ("name", "Late autumn"),
        ("audience.everybody", "true"),
        ("settings.time_zone", "Europe/Madrid"),
    ];
    assert_eq!(browser.send("/w/default/acts/changeCampaign", &fields).await.header("location"), at);
    assert_eq!(state(&service, &at).await, "draft");
    // The same form once more is of a version that is not there any more.
    let stale = browser.send("/w/default/acts/changeCampaign", &fields).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(stale.text.contains("Somebody else changed this campaign meanwhile"), "{}", stale.text);
    act(&browser, &at, "cancelCampaign", &[]).await;
    assert_eq!(browser.get(&back).await.status, 409, "what has ended has no form");
}

async fn what_strangers_wrote_is_text_on_the_pages_of_campaigns(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = a_draft(&service, "\"><script>alert(1)</script>").await;
    let browser = Browser::member(&service, "sam@example.com", Role::Staff).await;
    let at = format!("/w/default/campaigns/{id}");
    let paths = [
        "/w/default/campaigns?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        at.clone(),
        format!("{at}/edit"),
        format!("{at}/messages"),
    ];
    for path in paths {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(!page.text.contains("<script>alert") && page.text.contains("alert(1)"), "{path}: {}", page.text);
    }
}
