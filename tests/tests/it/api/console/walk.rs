//! A walk over every page, in every role: each link leads to a page, each form may be sent, and what one person is not
//! offered is closed to them.

use std::collections::{BTreeMap, BTreeSet};

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::Attempt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Browser, campaigns};
use crate::api::{Answer, Form, Service, worker};

on_both_engines! { every_page_in_every_role }

/// Pages that everybody reaches who has an account, whatever their role.
const OPEN: &[&str] = &["/", "/sign-in", "/account", "/welcome"];
/// A person follows at most so many links: lists of lists would never end.
const MOST: usize = 400;

/// The values of an attribute in a page, as they are meant.
fn values<'a>(text: &'a str, attribute: &'a str) -> impl Iterator<Item = String> + 'a {
    let start = format!(" {attribute}=\"");
    let parts: Vec<_> = text.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    parts.into_iter().map(|value| value.replace("&amp;", "&").replace("&quot;", "\"").replace("&#39;", "'"))
}

/// What a person saw.
#[derive(Default)]
struct Seen {
    /// The pages, by the path.
    pages: BTreeSet<String>,
    /// The operations of the forms.
    acts: BTreeSet<String>,
}

async fn walk(browser: &Browser<'_>) -> Seen {
    let mut seen = Seen::default();
    let mut to_see = vec!["/w/default/search?q=a".to_owned(), "/w/default".to_owned()];
    let mut addresses = BTreeSet::new();
    while let Some(address) = to_see.pop() {
        let path = address.split(['?', '#']).next().unwrap().to_owned();
        if addresses.len() >= MOST || !addresses.insert(address.clone()) {
            continue;
        }
        let page = browser.get(&address).await;
        assert!(page.status.is_success(), "{address} is offered and answers {}: {}", page.status, page.text);
        let kind = page.header("content-type").to_owned();
        seen.pages.insert(path);
        if !kind.starts_with("text/html") {
            continue;
        }
        assert!(page.text.contains("<h1"), "{address} has a heading");
        for action in values(&page.text, "action") {
            if let Some((_, act)) = action.split_once("/acts/") {
                seen.acts.insert(act.to_owned());
            }
        }
        let streams = page.text.split("data-stream=\"").count();
        assert!(streams <= 2, "{address} opens one stream at most");
        // No worker draws here or writes results.
        let is_page = |link: &String| {
            (link.starts_with("/w/") || link == "/account")
                && !["/preview", "results.csv", "results.zip"].iter().any(|made| link.contains(made))
        };
        for link in values(&page.text, "href").filter(is_page) {
            // Of a list in many orders and with many filters a few are enough.
            let others = addresses.iter().filter(|known| known.split('?').next() == link.split('?').next()).count();
            if others < 4 {
                to_see.push(link);
            }
        }
    }
    seen
}

/// Something of each kind, so that the pages have rows.
async fn furnish(service: &Service) {
    service.leaves(&["connection.test", "invitation.render", "invitation.summary", "invitation.start", "probe.run"]);
    service.leaves(&["import.forget", "export.forget", "export.run"]);
    for (what, rows) in [
        ("contacts", "name,email,table\nDi Example,di@example.com,7\nBad,nowhere,\n"),
        ("leads", "name,email,need,budget\nEd Example,ed@example.com,A dinner,2500\nFi Example,,A lunch,lots\n"),
    ] {
        let list = Form::default().file("file", "list.csv", rows).text("what", what);
        assert_eq!(service.post_form("/api/v1/imports", list).await.status, 201);
        let job = worker::lease_next(service, "control").await;
        let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
        service.handlers()(attempt).await.unwrap();
        worker::commit(service, job, worker::done()).await;
    }
    let rule = json!({ "all": [{ "tag": "vip" }, { "not": { "lead": { "stands_for": "lost" } } }] });
    let segment = json!({ "name": "VIP", "rule": rule });
    assert_eq!(service.post_json("/api/v1/segments", segment).await.status, 201);
    for field in [
        json!({ "label": "Table", "type": "number" }),
        json!({ "label": "Diet", "type": "choice", "choices": ["Vegan", "None"] }),
        json!({ "label": "Site", "type": "url" }),
        json!({ "label": "Member", "type": "yes_no" }),
        json!({ "label": "Born", "type": "date" }),
    ] {
        assert_eq!(service.post_json("/api/v1/contact-fields", field).await.status, 201);
    }
    let said = json!({ "en": { "subject": "Hi {{ first_name }}", "body": "{{> hours }}" },
        "de": { "subject": "Hallo", "body": "{{ nobody_has_it }} ![](x)" } });
    let letter = json!({ "format": "markdown", "default_language": "en", "languages": said });
    let letter = json!({ "name": "Letter", "content": letter });
    assert_eq!(service.post_json("/api/v1/message-templates", letter).await.status, 201);
    let hours = json!({ "format": "markdown", "default_language": "en", "languages": { "en": "Nine to five" } });
    let hours = json!({ "name": "hours", "content": hours });
    assert_eq!(service.post_json("/api/v1/message-blocks", hours).await.status, 201);
    let export = json!({ "what": "contacts", "format": "csv" });
    assert_eq!(service.post_json("/api/v1/exports", export).await.status, 202);
    campaigns::a_draft(service, "Spring").await;
    service.template().await;
    let run = service.run("name,email,table\nAmélie,amelie@example.com,1\nBjörn,bjorn@example.com,2\n").await;
    worker::import(service, run, &["Amélie", "Björn"]).await;
    worker::finish(service, &[Ok(()), Err("the picture is broken: send another one")]).await;
    let account = json!({ "provider": "mautic", "url": "https://crm.example.com", "user": "herald", "password": "x" });
    let put = service.request(Method::PUT, "/api/v1/connections/crm").json(&account);
    assert!(Answer::to(put).await.status.is_success());
    service.post_json("/api/v1/connections/crm/test", json!({ "target": "7" })).await;
    let lead = json!({
        "contact": { "name": "Cy Example", "email": "cy@example.com", "tags": ["VIP"], "fields": { "table": "7" } },
        "lead": { "need": "Party", "follow_up_at": "2026-03-01T08:00", "value_minor": 100, "currency": "EUR" },
    });
    let lead = service.post_json("/api/v1/leads", lead).await.json();
    let consent = json!({ "channel": "email", "given": true, "wording": "News", "source": "form" });
    let contact = lead["contact_id"].as_str().unwrap();
    assert_eq!(service.post_json(&format!("/api/v1/contacts/{contact}/consents"), consent).await.status, 201);
    for address in [
        json!({ "kind": "email", "value": "cy@example.org", "label": "work" }),
        json!({ "kind": "whatsapp", "value": "+34600000009", "verified_how": "rang" }),
    ] {
        assert_eq!(service.post_json(&format!("/api/v1/contacts/{contact}/addresses"), address).await.status, 201);
    }
    // One who may be the same person, and one who was.
    let mut twins = Vec::new();
    for name in ["C. Example", "Cyan Example"] {
        let twin = service.post_json("/api/v1/contacts", json!({ "name": name, "email": "cy@example.com" })).await;
        assert_eq!(twin.status, 201, "{}", twin.text());
        twins.push(twin.json()["id"].clone());
    }
    let merge = json!({ "contact_id": twins[1] });
    assert_eq!(service.post_json(&format!("/api/v1/contacts/{contact}/merge"), merge).await.status, 200);
    let relay = json!({ "provider": "smtp", "host": "smtp.example.com", "user": "herald", "password": "x" });
    let relay = Answer::to(service.request(Method::PUT, "/api/v1/connections/relay").json(&relay)).await;
    for over in [Value::Null, relay.json()["id"].clone()] {
        let sender = json!({ "name": format!("News {over}"), "from_name": "Spring", "from_address": "news@example.com",
            "postal_address": "1 Example Street", "connection_id": over, "warm_up": [50, 100],
            "quiet": { "from": "21:00", "to": "08:00" } });
        assert_eq!(service.post_json("/api/v1/senders", sender).await.status, 201);
    }
    for address in ["cy@example.com", "nobody@example.com"] {
        let suppression = json!({ "channel": "email", "address": address, "note": "asked us to" });
        assert_eq!(service.post_json("/api/v1/suppressions", suppression).await.status, 201);
    }
    let made = service.post_json("/api/v1/keys", json!({ "name": "report", "role": "viewer" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

async fn every_page_in_every_role(database: &TestDatabase) {
    let service = Service::start(database).await;
    furnish(&service).await;
    let document = Answer::to(service.open(Method::GET, "/api/v1/openapi.json")).await.json();
    let needs = needs(&document);
    // All are there before the first one looks: people are listed, too.
    let mut browsers = Vec::new();
    for role in [Role::Viewer, Role::Staff, Role::Agency, Role::Owner] {
        browsers.push((role, Browser::member(&service, &format!("{}@example.com", role.name()), role).await));
    }
    let mut seen = BTreeMap::new();
    for (role, browser) in browsers {
        let mine = walk(&browser).await;
        for act in &mine.acts {
            let needed = needs.get(act.as_str()).unwrap_or_else(|| panic!("the API has no operation {act}"));
            let may = match needed.as_str() {
                "person" => true,
                "platform-admin" => false,
                needed => needed.parse::<Role>().unwrap() <= role,
            };
            assert!(may, "{role} is offered {act}, which needs {needed}");
        }
        seen.insert(role, (browser, mine));
    }
    // What only somebody above is offered is closed to those below.
    let (_, owner) = &seen[&Role::Owner];
    assert!(owner.pages.len() > 12, "{:?}", owner.pages);
    for role in [Role::Viewer, Role::Staff, Role::Agency] {
        let (browser, mine) = &seen[&role];
        for path in owner.pages.difference(&mine.pages).filter(|path| !OPEN.contains(&path.as_str())) {
            let page = browser.get(path).await;
            assert!(page.status.is_client_error(), "{role} is not offered {path}, and it answers {}", page.status);
        }
    }
}

fn needs(document: &Value) -> BTreeMap<&str, String> {
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let named = operations.filter_map(|operation| {
        let needed = operation["x-needs"].as_str().unwrap_or("person");
        Some((operation["operationId"].as_str()?, needed.to_owned()))
    });
    named.collect()
}
