//! The editor of a template, as a browser without scripts uses it.

use herald_people::Role;
use herald_tests::{TestDatabase, app::Work, on_both_engines, wait_until};
use herald_worker::runner::QueueShare;
use serde_json::Value;
use uuid::Uuid;

use super::{Browser, Page};
use crate::api::{Form, Service, service::MANIFEST};

on_both_engines! {
    what_is_typed_is_drawn_and_a_slot_is_moved,
    any_guest_is_found_for_the_sample,
    a_problem_stands_at_its_line,
    a_save_makes_a_version_and_an_overtaken_one_shows_both_texts,
    an_earlier_version_is_restored,
    nobody_edits_who_only_looks,
}

fn address(template: Uuid) -> String {
    format!("/w/default/templates/{template}/edit")
}

/// The text as the page shows it.
fn shown(manifest: &str) -> String {
    manifest.replace('"', "&quot;")
}

async fn editor(service: &Service) -> (Browser<'_>, Uuid, Page) {
    let template = service.template().await;
    let browser = Browser::member(service, "ann@example.com", Role::Staff).await;
    let page = browser.get(&address(template)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    (browser, template, page)
}

/// The address of the drawn sample.
fn picture(page: &Page) -> String {
    let rest = page.text.split_once("<img id=\"drawn\" src=\"").unwrap_or_else(|| panic!("not drawn: {}", page.text)).1;
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

/// Saves what is typed in a page.
async fn save(browser: &Browser<'_>, page: &Page, manifest: &str) -> Page {
    let id = page.hidden("id");
    let back = format!("/w/default/templates/{id}/edit");
    let mut form = Form::default();
    for (name, value) in [
        ("form_token", page.hidden("form_token")),
        ("once", page.hidden("once")),
        ("back", back),
        ("id", id),
        ("after", page.hidden("after")),
    ] {
        form = form.text(name, &value);
    }
    // A browser sends the fields of the sample along, and CR LF at line ends.
    let form = form.text("field.name", "Ana").text("slot", "1").text("manifest", &manifest.replace('\n', "\r\n"));
    browser.send_files("/w/default/uploads/saveTemplate", form).await
}

async fn versions(service: &Service, template: Uuid) -> Vec<Value> {
    let list = service.get(&format!("/api/v1/templates/{template}/versions")).await.json();
    list["items"].as_array().unwrap().clone()
}

async fn what_is_typed_is_drawn_and_a_slot_is_moved(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (browser, template, page) = editor(&service).await;
    assert!(page.text.contains(&shown(MANIFEST)) && page.text.contains("Drawn in"));
    let drawn = browser.get(&picture(&page)).await;
    assert_eq!((drawn.status.as_u16(), drawn.header("content-type")), (200, "image/jpeg"));
    let token = page.hidden("form_token");
    let typed = MANIFEST.replace("name = \"gala\"", "name = \"gala\" # ours").replace('\n', "\r\n");
    let fields = [
        ("form_token", token.as_str()),
        ("manifest", &typed),
        ("move", "1"),
        ("slot", "1"),
        ("x", "40"),
        ("height", "70"),
        ("format", "png"),
        ("field.name", "Björn"),
    ];
    let moved = browser.send(&address(template), &fields).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert!(moved.text.contains("box = [40, 10, 380, 70]") && moved.text.contains("# ours"));
    // 40 + 380 is more than the background is wide.
    assert!(moved.text.contains("20 px right") && moved.text.contains("data-line=\"8\""), "{}", moved.text);
    let typed = typed.replace("380, 60", "300, 60");
    let mut fields = fields;
    fields[1].1 = &typed;
    let moved = browser.send(&address(template), &fields).await;
    assert!(moved.text.contains("box = [40, 10, 300, 70]") && moved.text.contains("value=\"Björn\""));
    let drawn = browser.get(&picture(&moved)).await;
    assert_eq!((drawn.status.as_u16(), drawn.header("content-type")), (200, "image/png"));
    assert_eq!(versions(&service, template).await.len(), 1, "nothing is stored");
    let foreign = browser.send(&address(template), &[("form_token", "x"), ("manifest", MANIFEST)]).await;
    assert_eq!(foreign.status, 409);
}

async fn any_guest_is_found_for_the_sample(database: &TestDatabase) {
    let service = Service::start(database).await;
    // It stops at the end of the run, whose summary may wait then.
    service.leaves(&["invitation.summary"]);
    let (browser, template, page) = editor(&service).await;
    let queues = ["control", "cpu", "sync"].map(|queue| QueueShare::new(queue, 1)).to_vec();
    let process = service.work(Work::on(queues, service.handlers()));
    let run = service.run("name,table\nAna Example,1\nBo Sample,2\n").await;
    let run = format!("/api/v1/invitation-runs/{run}");
    wait_until("the run has ended", async || service.get(&run).await.json()["state"] == "complete").await;
    let token = page.hidden("form_token");
    let find = async |words: &str| {
        let fields = [("form_token", token.as_str()), ("manifest", MANIFEST), ("find", words), ("seek", "1")];
        browser.send(&address(template), &fields).await.text
    };
    let found = find("bo").await;
    let (_, found) = found.split_once("label=\"Found\"").unwrap_or_else(|| panic!("nobody is found: {found}"));
    let (found, _) = found.split_once("</optgroup>").unwrap();
    assert!(found.contains("Bo Sample, No. ") && !found.contains("Ana Example"), "{found}");
    assert!(find("zoe").await.contains("label=\"Nobody was found\""));
    process.stop().await;
}

async fn a_problem_stands_at_its_line(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (browser, template, page) = editor(&service).await;
    let token = page.hidden("form_token");
    let send = async |manifest: &str| {
        browser.send(&address(template), &[("form_token", token.as_str()), ("manifest", manifest)]).await
    };
    let wrong = send(&MANIFEST.replace("size = 30", "sise = 30 # <b>")).await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.text.contains("data-line=\"9\"") && wrong.text.contains("did you mean"), "{}", wrong.text);
    assert!(wrong.text.contains("sise = 30 # &lt;b&gt;") && wrong.text.matches("class=\"wrong\"").count() == 1);
    let empty = send("").await;
    assert!(empty.text.contains("background") && empty.text.contains("problems:"), "{}", empty.text);
    let long = send(&"x".repeat(2 << 20)).await;
    assert_eq!(long.status, 413);
}

async fn a_save_makes_a_version_and_an_overtaken_one_shows_both_texts(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (browser, template, page) = editor(&service).await;
    let saved = save(&browser, &page, &MANIFEST.replace("30", "31")).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let all = versions(&service, template).await;
    assert_eq!((all.len(), &all[0]["is_current"]), (2, &Value::Bool(true)));
    assert!(all[0]["made_by"].as_str().unwrap().starts_with("user:"));
    let stored = service.get(&format!("/api/v1/templates/{}", all[0]["id"].as_str().unwrap())).await.json();
    assert_eq!(stored["manifest"], MANIFEST.replace("30", "31"), "as it was typed, to the last line end");
    let next = browser.get(saved.header("location")).await;
    assert!(next.text.contains("The version is saved.") && next.text.contains("Version 2"));
    // The first page is still open elsewhere.
    let late = save(&browser, &page, &MANIFEST.replace("30", "32")).await;
    assert_eq!(late.status, 412, "{}", late.text);
    assert!(late.text.contains("size = 31") && late.text.contains("size = 32"), "both texts: {}", late.text);
    assert_eq!(late.hidden("after"), all[0]["id"].as_str().unwrap());
    assert_eq!(versions(&service, template).await.len(), 2);
    let again = save(&browser, &late, &MANIFEST.replace("30", "32")).await;
    assert_eq!(again.status, 303, "{}", again.text);
    assert_eq!(versions(&service, template).await.len(), 3);
    let wrong = save(&browser, &browser.get(again.header("location")).await, "name = 1").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("name = 1") && wrong.text.contains("things are wrong"), "{}", wrong.text);
}

async fn an_earlier_version_is_restored(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (browser, template, page) = editor(&service).await;
    save(&browser, &page, &MANIFEST.replace("30", "31")).await;
    let back = format!("/w/default/templates/{template}");
    let page = browser.get(&back).await;
    assert!(page.text.contains("Version 1") && page.text.contains("ann@example.com"), "{}", page.text);
    let (token, id) = (page.hidden("form_token"), template.to_string());
    let fields = [("form_token", token.as_str()), ("once", "a"), ("back", back.as_str()), ("id", id.as_str())];
    let restored = browser.send("/w/default/acts/restoreTemplate", &fields).await;
    assert_eq!(restored.status, 303, "{}", restored.text);
    let all = versions(&service, template).await;
    assert_eq!((&all[0]["is_current"], &all[1]["is_current"]), (&Value::Bool(false), &Value::Bool(true)));
}

async fn nobody_edits_who_only_looks(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    let browser = Browser::member(&service, "vic@example.com", Role::Viewer).await;
    let page = browser.get(&format!("/w/default/templates/{template}")).await;
    assert!(page.text.contains("Version 1") && !page.text.contains("/edit") && !page.text.contains("restoreTemplate"));
    assert_eq!(browser.get(&address(template)).await.status, 403);
    let token = page.hidden("form_token");
    let sent = browser.send(&address(template), &[("form_token", token.as_str()), ("manifest", MANIFEST)]).await;
    assert_eq!(sent.status, 403);
}
