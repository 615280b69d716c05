//! Templates of messages, as a browser without scripts uses them.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use serde_json::json;

use super::Browser;
use crate::api::Service;

on_both_engines! {
    a_template_is_written_looked_at_and_saved,
    what_was_typed_stays_when_it_is_refused,
    a_mail_stands_in_a_frame_that_runs_nothing,
    a_block_is_made_and_changed,
}

const LIST: &str = "/w/default/message-templates";
const BODY: &str = "Hello {{ first_name }},\n\nsee [this](https://x.test/).";

async fn a_template_is_written_looked_at_and_saved(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    assert!(browser.get(LIST).await.text.contains("No template yet"));
    let new = format!("{LIST}/new");
    let page = browser.get(&new).await;
    let (token, once) = (page.hidden("form_token"), page.hidden("once"));
    let typed = BODY.replace('\n', "\r\n");
    let mut fields = vec![
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", &new),
        ("name", "Spring"),
        ("format", "markdown"),
        ("default_language", "en"),
        ("language_0", "en"),
        ("subject_0", "Hi {{ first_nam }}{{"),
        ("body_0", &typed),
        ("language_1", ""),
        ("subject_1", ""),
        ("body_1", ""),
    ];
    // A look stores nothing, and says what is wrong.
    let looked = browser.send(&new, &fields).await;
    assert_eq!(looked.status, 200, "{}", looked.text);
    assert!(looked.text.contains("en, subject"), "{}", looked.text);
    assert!(looked.text.contains("see [this](https://x.test/)."), "what was typed stays");
    assert!(browser.get(LIST).await.text.contains("No template yet"));
    fields[7].1 = "Hi {{ first_name }}";
    let saved = browser.send("/w/default/acts/createMessageTemplate", &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let at = saved.header("location").to_owned();
    let page = browser.get(&at).await;
    assert!(page.text.contains("Hi Robin") && page.text.contains("Hello Robin,"), "{}", page.text);
    assert!(page.text.contains("<iframe name=\"mail\"") && page.text.contains(&format!("{at}/mail?")), "{}", page.text);
    assert!(page.text.contains("without &quot;first_name&quot;"), "{}", page.text);
    // Another version, by the form of the stored one.
    let edit = format!("{at}/edit");
    let page = browser.get(&edit).await;
    let (id, version, once) = (page.hidden("id"), page.hidden("version").replace("&quot;", "\""), page.hidden("once"));
    fields[1].1 = &once;
    fields[2].1 = &edit;
    fields[7].1 = "Hello {{ first_name }}";
    fields.extend([("id", id.as_str()), ("version", version.as_str())]);
    let saved = browser.send("/w/default/acts/changeMessageTemplate", &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert!(browser.get(&at).await.text.contains("saved as version 2"));
    // The same form once more is based on what stands no more: what was typed is shown, and nothing is overwritten.
    fields[1].1 = "00000000-0000-7000-8000-000000000009";
    let late = browser.send("/w/default/acts/changeMessageTemplate", &fields).await;
    assert_eq!(late.status, 412, "{}", late.text);
    assert!(late.text.contains("Somebody else saved version 2"), "{}", late.text);
    let restored = [("form_token", token.as_str()), ("back", &at), ("id", &id), ("to_version", "1")];
    assert_eq!(browser.send("/w/default/acts/restoreMessageTemplate", &restored).await.status, 303);
    assert!(browser.get(&at).await.text.contains("version 3"));
    let viewer = Browser::member(&service, "vic@example.com", Role::Viewer).await;
    for path in [LIST.to_owned(), new, at, edit] {
        assert_eq!(viewer.get(&path).await.status, 403, "{path}");
    }
}

async fn what_was_typed_stays_when_it_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let content = json!({ "format": "markdown", "default_language": "en",
        "languages": { "en": { "subject": "S", "body": "x" } } });
    let made = json!({ "name": "Spring", "content": content });
    assert_eq!(service.post_json("/api/v1/message-templates", made).await.status, 201);
    let new = format!("{LIST}/new");
    let page = browser.get(&new).await;
    let (token, once) = (page.hidden("form_token"), page.hidden("once"));
    let fields = [
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", &new),
        ("name", "spring"),
        ("format", "html"),
        ("default_language", "de"),
        ("language_0", "de"),
        ("subject_0", "Betreff <b>"),
        ("body_0", "<p>ein\r\nText</p>"),
    ];
    let refused = browser.send("/w/default/acts/createMessageTemplate", &fields).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("already a template of messages"), "{}", refused.text);
    assert!(refused.text.contains("value=\"Betreff &lt;b&gt;\"") && refused.text.contains("&lt;p&gt;ein\nText"));
}

async fn a_mail_stands_in_a_frame_that_runs_nothing(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let body = "<html><body><p style=\"color:red\">Hello {{ first_name }}</p></body></html>";
    let content = json!({ "format": "html", "default_language": "en",
        "languages": { "en": { "subject": "S", "body": body } } });
    let made = service.post_json("/api/v1/message-templates", json!({ "name": "Page", "content": content })).await;
    let contact = service.post_json("/api/v1/contacts", json!({ "name": "Amélie <i>" })).await.json();
    let at = format!("{LIST}/{}", made.json()["id"].as_str().unwrap());
    let mail = browser.get(&format!("{at}/mail?contact={}", contact["id"].as_str().unwrap())).await;
    assert_eq!(mail.status, 200);
    assert!(mail.text.contains("<p style=\"color:red\">Hello Amélie</p>"), "{}", mail.text);
    let page = browser.get(&new_form()).await;
    let token = page.hidden("form_token");
    let typed = [
        ("form_token", token.as_str()),
        ("format", "html"),
        ("default_language", "en"),
        ("language_0", "en"),
        ("subject_0", "S"),
        ("body_0", "<p>Draft {{ nothing }}</p>"),
    ];
    let draft = browser.send(&format!("{LIST}/mail"), &typed).await;
    assert!(draft.text.contains("<p>Draft [nothing]</p>"), "{}", draft.text);
    for answer in [&mail, &draft] {
        let policy = answer.header("content-security-policy");
        for part in ["sandbox;", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert!(!policy.contains("script-src") && !policy.contains("allow-"), "{policy}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    // The page around it is as strict as all others.
    let page = browser.get(&at).await;
    assert!(
        !page.header("content-security-policy").contains("unsafe") && !page.text.contains("style="),
        "{}",
        page.text
    );
    let foreign = browser.send(&format!("{LIST}/mail"), &[("form_token", "x"), ("body_0", "x")]).await;
    assert_eq!(foreign.status, 409);
}

fn new_form() -> String {
    format!("{LIST}/new")
}

async fn a_block_is_made_and_changed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let (list, new) = ("/w/default/message-blocks", "/w/default/message-blocks/new");
    let page = browser.get(new).await;
    let (token, once) = (page.hidden("form_token"), page.hidden("once"));
    let mut fields = vec![
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", new),
        ("name", "Hours"),
        ("format", "markdown"),
        ("default_language", "en"),
        ("language_0", "en"),
        ("body_0", "Nine to five"),
    ];
    let refused = browser.send("/w/default/acts/createMessageBlock", &fields).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("small letter") && refused.text.contains("Nine to five"), "{}", refused.text);
    let page = browser.get(new).await;
    let once = page.hidden("once");
    fields[1].1 = &once;
    fields[3].1 = "hours";
    assert_eq!(browser.send("/w/default/acts/createMessageBlock", &fields).await.status, 303);
    let page = browser.get(list).await;
    assert!(page.text.contains("{{&gt; hours }}"), "{}", page.text);
    let at = page.text.split_once("data-row href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let page = browser.get(&at).await;
    assert!(page.text.contains("Nine to five"));
    let (id, version, once) = (page.hidden("id"), page.hidden("version").replace("&quot;", "\""), page.hidden("once"));
    let fields = [
        ("form_token", token.as_str()),
        ("once", &once),
        ("back", &at),
        ("id", &id),
        ("version", &version),
        ("format", "markdown"),
        ("default_language", "en"),
        ("language_0", "en"),
        ("body_0", "Always"),
    ];
    assert_eq!(browser.send("/w/default/acts/changeMessageBlock", &fields).await.status, 303);
    assert!(browser.get(&at).await.text.contains("Always"));
}
