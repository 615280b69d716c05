//! The links of messages: pages for recipients, who unsubscribe or say what they want.

use herald_contacts::Channel;
use herald_db::query;
use herald_messaging::{preferences_url, suppression_of, unsubscribe_token};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Service};

on_both_engines! {
    a_link_asks_and_a_post_unsubscribes_for_good,
    the_button_of_a_mail_program_works_in_both_forms_and_at_once,
    a_page_is_in_the_recipients_language_and_shows_no_address,
    what_is_wanted_is_chosen_channel_by_channel,
    an_owner_undoes_what_a_stranger_did,
    a_link_that_leads_to_no_message_says_so,
}

/// Writes a message down that went to a contact, as a campaign does.
async fn message(service: &Service, contact: Option<&str>, language: Option<&str>) -> Uuid {
    let id = service.db.new_id();
    super::worker::message(service, id, contact.map(|id| id.parse().unwrap()), "Ana.Example@example.com", language)
        .await;
    id
}

async fn contact(service: &Service, more: Value) -> String {
    let mut body = json!({ "name": "Ana Example", "email": "ana.example@example.com" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = service.post_json("/api/v1/contacts", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn open(service: &Service, method: Method, id: Uuid, below: &str) -> RequestBuilder {
    service.open(method, &format!("/u/{}{below}", unsubscribe_token(&service.api.links, id)))
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn is_suppressed(service: &Service, channel: Channel, address: &str) -> bool {
    let mut tx = service.db.begin().await.unwrap();
    suppression_of(&mut tx, service.workspace, channel, address).await.unwrap().is_some()
}

async fn kinds(service: &Service, contact: &str) -> Vec<String> {
    let told = service.get(&format!("/api/v1/contacts/{contact}/activities")).await.json();
    let kinds = told["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap().to_owned());
    let mut kinds: Vec<String> = kinds.collect();
    kinds.sort_unstable();
    kinds
}

async fn consents(service: &Service, contact: &str) -> Vec<Value> {
    let all = service.get(&format!("/api/v1/contacts/{contact}/consents")).await.json();
    all["items"].as_array().unwrap().clone()
}

async fn a_link_asks_and_a_post_unsubscribes_for_good(database: &TestDatabase) {
    let service = Service::start(database).await;
    let contact = contact(&service, json!({})).await;
    let id = message(&service, Some(&contact), None).await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let asked = Answer::to(open(&service, method, id, "")).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.text());
    }
    assert!(!is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
    let page = Answer::to(open(&service, Method::GET, id, "")).await;
    assert!(page.text().contains("<form method=\"post\">") && !page.text().contains("<script"), "{}", page.text());
    for (header, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex")]
    {
        assert_eq!(page.header(header), value);
    }
    assert!(page.header("set-cookie").is_empty());
    for _ in 0..2 {
        let done = Answer::to(open(&service, Method::POST, id, "")).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
        assert!(done.text().contains("You have unsubscribed"), "{}", done.text());
    }
    assert!(is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
    let [consent] = &consents(&service, &contact).await[..] else { panic!("one withdrawal") };
    assert_eq!((&consent["given"], &consent["channel"]), (&json!(false), &json!("email")));
    assert_eq!(consent["proof"], format!("message:{id}"));
    assert_eq!(kinds(&service, &contact).await, ["consent.withdrawn", "contact.created", "unsubscribed"]);
    let (at,): (Option<chrono::DateTime<chrono::Utc>>,) =
        query("select unsubscribed_at from messages where workspace_id = $1 and id = $2")
            .bind(service.workspace)
            .bind(id)
            .one(&service.db)
            .await
            .unwrap();
    assert!(at.is_some());
}

async fn the_button_of_a_mail_program_works_in_both_forms_and_at_once(database: &TestDatabase) {
    let service = Service::start(database).await;
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for (at, (kind, body)) in [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click".to_owned()),
        ("multipart/form-data; boundary=b", multipart.to_owned()),
        ("text/plain", "x".repeat(200_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let name = json!({ "name": format!("Ana {at}"), "email": "ana.example@example.com" });
        let contact = contact(&service, name).await;
        let id = message(&service, Some(&contact), None).await;
        // Some press twice, and some programs as well.
        let press = || Answer::to(open(&service, Method::POST, id, "").header("content-type", kind).body(body.clone()));
        let (one, other) = tokio::join!(press(), press());
        assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK), "{kind}: {}", one.text());
        if at == 0 {
            let told = service.get(&format!("/api/v1/contacts/{contact}/activities")).await.json();
            let told = told["items"].as_array().unwrap();
            let through = told.iter().find(|one| one["kind"] == "unsubscribed").unwrap();
            assert_eq!(through["detail"]["through"], "one_click");
            assert_eq!(consents(&service, &contact).await.len(), 1);
        }
    }
    assert!(is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
}

async fn a_page_is_in_the_recipients_language_and_shows_no_address(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (at, (locale, language, accept, tag, direction, words)) in [
        (Some("de-AT"), Some("en"), "fr", "de", "ltr", "Ja, abmelden"),
        (None, Some("es"), "fr", "es", "ltr", "Sí, darme de baja"),
        (Some("nl"), None, "nl, fr;q=0.8", "fr", "ltr", "Oui, me désabonner"),
        (Some("ar-EG"), None, "en", "ar", "rtl", "نعم"),
        (Some("ur"), Some("ur"), "", "ur", "rtl", "جی ہاں"),
        (None, None, "zz", "en", "ltr", "Yes, unsubscribe"),
    ]
    .into_iter()
    .enumerate()
    {
        let contact = contact(&service, json!({ "name": format!("Ana {at}"), "locale": locale.unwrap_or("") })).await;
        let id = message(&service, Some(&contact), language).await;
        let asked = open(&service, Method::GET, id, "").header("accept-language", accept);
        let page = Answer::to(asked).await;
        let head = format!("<html lang=\"{tag}\" dir=\"{direction}\">");
        assert!(page.text().contains(&head) && page.text().contains(words), "{tag}: {}", page.text());
        assert!(page.text().contains("A…@example.com"), "{}", page.text());
        for secret in ["Ana.Example", "ana.example", "Ana 0", &contact] {
            assert!(!page.text().contains(secret), "{secret}: {}", page.text());
        }
    }
}

async fn what_is_wanted_is_chosen_channel_by_channel(database: &TestDatabase) {
    let service = Service::start(database).await;
    let contact = contact(&service, json!({ "phone": "+34600000001" })).await;
    let id = message(&service, Some(&contact), None).await;
    assert!(preferences_url(&service.api.links, id).ends_with("/preferences"));
    let page = Answer::to(open(&service, Method::GET, id, "/preferences")).await;
    assert!(page.text().contains("A…@example.com") && page.text().contains("…001"), "{}", page.text());
    let save = async |fields: &[(&str, &str)]| {
        let saved = Answer::to(open(&service, Method::POST, id, "/preferences").body(form(fields))).await;
        assert_eq!(saved.status, StatusCode::OK, "{}", saved.text());
        saved.text()
    };
    let shown = [("shown", "email"), ("shown", "phone")];
    save(&shown).await;
    assert!(is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
    assert!(is_suppressed(&service, Channel::Phone, "+34600000001").await);
    // The reader has proved to get mails, and nothing about the phone. Of one instant, no consent is the newest.
    service.db.clock().advance(std::time::Duration::from_secs(1));
    let both = [shown[0], shown[1], ("wanted", "email"), ("wanted", "phone")];
    let page = save(&both).await;
    assert!(!is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
    assert!(is_suppressed(&service, Channel::Phone, "+34600000001").await);
    assert!(page.contains("cannot be switched on here"), "{page}");
    let newest = &consents(&service, &contact).await[0];
    assert_eq!((&newest["given"], &newest["channel"]), (&json!(true), &json!("email")));
    assert!(newest["wording"].as_str().unwrap().starts_with("I want to get e-mails"), "{newest}");
    // What was not shown stays, and so does what is no channel.
    save(&[("shown", "fax"), ("wanted", "fax")]).await;
    assert!(!is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
}

async fn an_owner_undoes_what_a_stranger_did(database: &TestDatabase) {
    let service = Service::start(database).await;
    let contact = contact(&service, json!({})).await;
    let agreed = json!({ "channel": "email", "given": true, "wording": "Write to me.", "source": "form" });
    service.post_json(&format!("/api/v1/contacts/{contact}/consents"), agreed).await;
    let id = message(&service, Some(&contact), None).await;
    Answer::to(open(&service, Method::POST, id, "")).await;
    let found = service.get("/api/v1/suppressions").await.json();
    let path = format!("/api/v1/suppressions/{}", found["items"][0]["id"].as_str().unwrap());
    let why = json!({ "why": "the mail was forwarded" });
    service.post_json(&format!("{path}/lift"), why.clone()).await.problem(409, "wrong-state");
    let undone = service.post_json(&format!("{path}/undo"), why).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text());
    assert!(!is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
    // What held before holds again.
    let [consent] = &consents(&service, &contact).await[..] else { panic!("the consent alone") };
    assert_eq!(consent["given"], true);
    // And the person can still do it.
    Answer::to(open(&service, Method::POST, id, "")).await;
    assert!(is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
}

async fn a_link_that_leads_to_no_message_says_so(database: &TestDatabase) {
    let service = Service::start(database).await;
    let id = Uuid::from_u128(42);
    for (method, below) in [(Method::GET, ""), (Method::POST, ""), (Method::GET, "/preferences")] {
        let page = Answer::to(open(&service, method.clone(), id, below)).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("nothing to unsubscribe from"), "{}", page.text());
        let wrong = Answer::to(service.open(method, &format!("/u/x{below}"))).await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND);
        assert!(wrong.text().contains("not complete"), "{}", wrong.text());
    }
    // Without the contact the address alone is suppressed.
    let id = message(&service, None, None).await;
    Answer::to(open(&service, Method::POST, id, "")).await;
    assert!(is_suppressed(&service, Channel::Email, "ana.example@example.com").await);
}
