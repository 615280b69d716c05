//! Links and pictures in messages: they lead where they were written, and what recipients do with them is counted.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use herald_db::query;
use herald_messaging::{TrackedPlace, find_campaign, recount_tracking, tracked_url, unsubscribe_token};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, Service,
    campaigns::{Stage, id, work},
    notifications::outbox,
};

on_both_engines! {
    a_link_leads_exactly_where_it_was_written,
    links_that_are_no_pages_and_links_with_values_are_left_alone,
    who_only_looks_ahead_counts_as_nobody,
    a_name_is_kept_only_of_who_agreed,
    the_first_of_many_clicks_at_once_is_one,
    no_token_leads_anywhere_else,
    a_recipient_says_it_on_the_page_of_preferences,
    an_erased_reader_is_only_counted,
    a_campaign_without_tracking_has_its_own_links,
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// A mail as it was written, without the form in which it travels.
fn decoded(mail: &str) -> String {
    let mut out = Vec::with_capacity(mail.len());
    let mut rest = mail.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'=', Some(byte)) => {
                out.push(byte);
                rest = &behind[2..];
            }
            _ => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What stands between two texts, each time.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

async fn template(service: &Service, format: &str, body: &str) -> Value {
    let content = json!({ "format": format, "default_language": "en",
        "languages": { "en": { "subject": "News", "body": body } } });
    let template = json!({ "name": service.db.new_id().to_string(), "content": content });
    let made = service.post_json("/api/v1/message-templates", template).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].clone()
}

/// A campaign that was sent to one contact, with their message. A minute has passed since.
struct Sent {
    stage: Stage,
    campaign: Value,
    contact: Value,
    message: Uuid,
}

impl Sent {
    async fn with(database: &TestDatabase, body: &str, settings: Value) -> Self {
        let stage = Stage::set(database).await;
        let contact = stage.guest("Ana Example", Some("ana@example.com"), json!({})).await;
        Self::on(stage, contact, body, settings).await
    }

    async fn on(stage: Stage, contact: Value, body: &str, settings: Value) -> Self {
        let template = template(&stage.service, "html", body).await;
        let campaign = stage.begun(json!({ "template_id": template, "settings": settings })).await;
        work(&stage.service).await;
        stage.service.db.clock().advance(Duration::from_secs(60));
        let found = stage.service.get(&format!("/api/v1/messages?campaign={}", id(&campaign))).await.json();
        let message = found["items"][0]["id"].as_str().unwrap().parse().unwrap();
        Self { stage, campaign, contact, message }
    }

    fn service(&self) -> &Service {
        &self.stage.service
    }

    fn ask(&self, method: Method, place: TrackedPlace, agent: &str) -> RequestBuilder {
        let url = tracked_url(&self.service().api.links, self.message, place);
        let path = &url[url.find("/t/").unwrap()..];
        self.service().open(method, path).header("user-agent", agent)
    }

    async fn get(&self, place: TrackedPlace) -> Answer {
        Answer::to(self.ask(Method::GET, place, BROWSER)).await
    }

    async fn numbers(&self) -> Value {
        self.service().get(&format!("/api/v1/campaigns/{}/tracking", id(&self.campaign))).await.json()
    }

    /// Requests, those of people, and known people: of openings and of clicks.
    async fn counts(&self) -> [[i64; 3]; 2] {
        let numbers = self.numbers().await;
        let of = |what: &str| ["requests", "human", "people"].map(|name| numbers[what][name].as_i64().unwrap());
        [of("opens"), of("clicks")]
    }

    async fn message(&self) -> Value {
        self.service().get(&format!("/api/v1/messages/{}", self.message)).await.json()
    }

    async fn agree(&self, given: bool) {
        let consent = json!({ "given": given, "wording": "You may see what I open.", "source": "a form" });
        let path = format!("/api/v1/contacts/{}/tracking-consents", id(&self.contact));
        let added = self.service().post_json(&path, consent).await;
        assert_eq!(added.status, 201, "{}", added.text());
        self.service().db.clock().advance(Duration::from_secs(1));
    }

    /// Puts the counts right. Returns whether they were wrong.
    async fn recount(&self) -> bool {
        let (db, workspace) = (&self.service().db, self.service().workspace);
        let campaign = find_campaign(db, workspace, id(&self.campaign).parse().unwrap()).await.unwrap().unwrap();
        let mut tx = db.begin().await.unwrap();
        let were_wrong = recount_tracking(&mut tx, workspace, &campaign).await.unwrap();
        tx.commit().await.unwrap();
        were_wrong
    }
}

async fn a_link_leads_exactly_where_it_was_written(database: &TestDatabase) {
    const WRITTEN: [(&str, &str); 9] = [
        ("https://x.test", "https://x.test"),
        ("https://x.test/?a=1&amp;b=2&c=3", "https://x.test/?a=1&b=2&c=3"),
        ("https://x.test/?a=&amp;amp;#top", "https://x.test/?a=&amp;#top"),
        ("https://x.test/%7Ea%20b/%e4?q=%2F%zz+x#a%23b", "https://x.test/%7Ea%20b/%e4?q=%2F%zz+x#a%23b"),
        ("HTTPS://X.test:443/../a/./b?", "HTTPS://X.test:443/../a/./b?"),
        ("https://x.test/?next=https://y.test/?z=1&amp;w=[2]", "https://x.test/?next=https://y.test/?z=1&w=[2]"),
        ("https://b\u{fc}cher.example/\u{e4}?q=\u{df}", "https://xn--bcher-kva.example/%C3%A4?q=%C3%9F"),
        ("http://user:pw@x.test/a;b=c|d", "http://user:pw@x.test/a;b=c|d"),
        ("https://x.test/?utm_source=news&amp;utm_medium=email", "https://x.test/?utm_source=news&utm_medium=email"),
    ];
    let links: String = WRITTEN.iter().map(|(href, _)| format!("<p><a href=\"{href}\">Read</a></p>\n")).collect();
    let outlook = "<!--[if mso]><v:roundrect href=\"https://x.test/button?a=1&amp;b=2\"><![endif]-->";
    let sent = Sent::with(database, &format!("{links}{outlook}"), json!({})).await;
    let mail = decoded(&outbox(sent.service())[0]);
    let followed: Vec<&str> = between(&mail, "href=\"", "\"").into_iter().filter(|url| url.contains("/t/")).collect();
    // The first one is seen by no person.
    let targets = WRITTEN.iter().map(|(_, target)| *target).chain(["https://x.test/button?a=1&b=2"]);
    assert_eq!(followed.len(), WRITTEN.len() + 2, "{mail}");
    for (url, target) in followed[1..].iter().zip(targets) {
        assert!(url.len() <= 80, "{url}");
        // One a minute, as a person does.
        sent.service().db.clock().advance(Duration::from_secs(60));
        let request = sent.service().open(Method::GET, &url[url.find("/t/").unwrap()..]).header("user-agent", BROWSER);
        let answer = Answer::to(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, target));
        assert_eq!((answer.header("referrer-policy"), answer.header("cache-control")), ("no-referrer", "no-store"));
    }
    // The text part has the same links.
    let text = mail.split("text/html").next().unwrap();
    let in_text: Vec<&str> = between(text, "Read (", ")").into_iter().collect();
    assert_eq!(in_text.len(), WRITTEN.len(), "{text}");
    assert!(in_text.iter().zip(&followed[1..]).all(|(one, other)| one == other), "{in_text:?}");
    let numbers = sent.numbers().await;
    let listed: Vec<(&str, i64)> = numbers["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["target"].as_str().unwrap(), one["human"].as_i64().unwrap()))
        .collect();
    assert_eq!(listed[1], ("https://x.test/?a=1&b=2&c=3", 1));
    assert_eq!(listed.len(), WRITTEN.len() + 1);
    assert!(!sent.recount().await);
}

async fn links_that_are_no_pages_and_links_with_values_are_left_alone(database: &TestDatabase) {
    let body = "<a href=\"mailto:a@x.test?subject=Hi\">Write</a> <a href=\"tel:+34600000001\">Call</a> \
        <a href=\"sms:+34600000001\">Text</a> <a href=\"#top\">Up</a> \
        <a href=\"https://x.test/?name={{ first_name }}&amp;a=1\">Yours</a> <a href=\"https://x.test/\">Ours</a> \
        <a href='{{ unsubscribe_url }}'>Leave</a> {{ postal_address }}";
    let sent = Sent::with(database, body, json!({})).await;
    let mail = decoded(&outbox(sent.service())[0]);
    for kept in [
        "href=\"mailto:a@x.test?subject=Hi\"",
        "href=\"tel:+34600000001\"",
        "href=\"sms:+34600000001\"",
        "href=\"#top\"",
        "href=\"https://x.test/?name=Ana&amp;a=1\"",
    ] {
        assert!(mail.contains(kept), "{kept}: {mail}");
    }
    assert!(!mail.contains("href=\"https://x.test/\"") && mail.contains("/u/"), "{mail}");
    let listed = sent.numbers().await["links"].clone();
    assert_eq!(
        listed,
        json!([{ "number": 1, "language": "en", "target": "https://x.test/", "requests": 0, "human": 0 }])
    );
}

async fn who_only_looks_ahead_counts_as_nobody(database: &TestDatabase) {
    let body = "<a href=\"https://x.test/1\">1</a><a href=\"https://x.test/2\">2</a><a href=\"https://x.test/3\">3</a>\
        <a href=\"https://x.test/4\">4</a>";
    let sent = Sent::with(database, body, json!({})).await;
    let clock = sent.service().db.clock().clone();
    let head = sent.ask(Method::HEAD, TrackedPlace::Link(1), BROWSER).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["location"].to_str().unwrap()), (302, "https://x.test/1"));
    for agent in ["", "curl/8.5.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"] {
        let answer = Answer::to(sent.ask(Method::GET, TrackedPlace::Link(1), agent)).await;
        assert_eq!(answer.status, 302, "{agent}");
        clock.advance(Duration::from_secs(60));
    }
    let ahead = sent.ask(Method::GET, TrackedPlace::Link(1), BROWSER).header("sec-purpose", "prefetch;prerender");
    assert_eq!(Answer::to(ahead).await.status, 302);
    assert_eq!(sent.counts().await, [[0; 3], [5, 0, 0]]);
    // A person, and the picture.
    clock.advance(Duration::from_secs(60));
    let pixel = sent.get(TrackedPlace::Pixel).await;
    assert_eq!((pixel.status.as_u16(), pixel.header("content-type")), (200, "image/gif"));
    assert_eq!((pixel.header("cache-control"), &pixel.body[..6]), ("no-store", &b"GIF89a"[..]));
    assert_eq!(sent.get(TrackedPlace::Link(1)).await.status, 302);
    assert_eq!(sent.counts().await, [[1, 1, 0], [6, 1, 0]]);
    // Whoever follows every link: from the third on, it is no person.
    clock.advance(Duration::from_secs(60));
    for number in 1..=4 {
        sent.get(TrackedPlace::Link(number)).await;
    }
    assert_eq!(sent.counts().await[1], [10, 3, 0]);
    // Whoever follows the link that no person sees, is none for a while.
    clock.advance(Duration::from_secs(60));
    assert_eq!(sent.get(TrackedPlace::Trap).await.status, 200);
    sent.get(TrackedPlace::Link(2)).await;
    assert_eq!(sent.counts().await[1], [12, 3, 0]);
    clock.advance(Duration::from_secs(600));
    sent.get(TrackedPlace::Link(2)).await;
    assert_eq!(sent.counts().await[1], [13, 4, 0]);
    let rows: Vec<(Option<String>, i64)> =
        query("select robot, count(*) from tracking_events where workspace_id = $1 and kind = 'click' group by robot")
            .bind(sent.service().workspace)
            .all(&sent.service().db)
            .await
            .unwrap();
    let rows: BTreeMap<String, i64> = rows.into_iter().map(|(why, n)| (why.unwrap_or_default(), n)).collect();
    let why =
        [("", 4), ("agent", 2), ("head", 1), ("hidden_link", 2), ("many_links", 2), ("no_agent", 1), ("prefetch", 1)];
    assert_eq!(rows, why.map(|(why, n)| (why.to_owned(), n)).into());
    assert!(!sent.recount().await);
}

async fn a_name_is_kept_only_of_who_agreed(database: &TestDatabase) {
    let body = "<a href=\"https://x.test/1\">1</a>";
    let sent = Sent::with(database, body, json!({ "tracking": "personal" })).await;
    let service = sent.service();
    let clock = service.db.clock().clone();
    let nobody = async || {
        let rows: Vec<(Uuid,)> =
            query("select message_id from tracking_events where workspace_id = $1 and message_id is not null")
                .bind(service.workspace)
                .all(&service.db)
                .await
                .unwrap();
        let message = sent.message().await;
        rows.is_empty() && message["opened_at"].is_null() && message["clicked_at"].is_null()
    };
    sent.get(TrackedPlace::Pixel).await;
    sent.get(TrackedPlace::Link(1)).await;
    assert_eq!(sent.counts().await, [[1, 1, 0], [1, 1, 0]]);
    assert!(nobody().await, "who did not agree is only counted");
    // A refusal is one, too.
    sent.agree(true).await;
    sent.agree(false).await;
    clock.advance(Duration::from_secs(60));
    sent.get(TrackedPlace::Link(1)).await;
    assert!(nobody().await);
    sent.agree(true).await;
    clock.advance(Duration::from_secs(60));
    let at = service.db.now();
    sent.get(TrackedPlace::Pixel).await;
    sent.get(TrackedPlace::Link(1)).await;
    clock.advance(Duration::from_secs(60));
    sent.get(TrackedPlace::Link(1)).await;
    assert_eq!(sent.counts().await, [[2, 2, 1], [4, 4, 1]]);
    let message = sent.message().await;
    for moment in ["opened_at", "clicked_at"] {
        let when: chrono::DateTime<chrono::Utc> = message[moment].as_str().unwrap().parse().unwrap();
        assert_eq!(when, at, "{moment}: the first one stays");
    }
    let told = service.get(&format!("/api/v1/contacts/{}/activities", id(&sent.contact))).await.json();
    let told: Vec<&Value> = told["items"].as_array().unwrap().iter().collect();
    let clicks: Vec<_> = told.iter().filter(|one| one["kind"] == "message.clicked").collect();
    assert_eq!((clicks.len(), &clicks[0]["detail"]["target"]), (1, &json!("https://x.test/1")));
    assert_eq!(told.iter().filter(|one| one["kind"] == "message.opened").count(), 1);
    // So a segment can mean them.
    let rule = json!({ "activity": { "kind": "message.clicked", "within_days": 7 } });
    let counted = json!({ "channel": "email", "audience": { "rule": rule } });
    let counted = service.post_json("/api/v1/campaigns/audience", counted).await;
    assert_eq!(counted.json()["contacts"], 1, "{}", counted.text());
    let path = format!("/api/v1/contacts/{}/tracking-consents", id(&sent.contact));
    let consents = service.get(&path).await.json();
    assert_eq!(consents["items"].as_array().unwrap().len(), 3);
    assert_eq!(consents["items"][0]["given"], true);
    service
        .post_json(&path, json!({ "given": true, "wording": " ", "source": "x" }))
        .await
        .problem(422, "invalid-field");
    assert!(!sent.recount().await);
}

async fn the_first_of_many_clicks_at_once_is_one(database: &TestDatabase) {
    let sent = Sent::with(database, "<a href=\"https://x.test/1\">1</a>", json!({ "tracking": "personal" })).await;
    sent.agree(true).await;
    let answers = join_all((0..40).map(|_| sent.get(TrackedPlace::Link(1)))).await;
    assert!(answers.iter().all(|answer| answer.header("location") == "https://x.test/1"));
    assert_eq!(sent.counts().await[1], [40, 40, 1]);
    assert!(!sent.recount().await);
    // What is counted can be counted anew.
    let mut tx = sent.service().db.begin().await.unwrap();
    query("update tracking_counts set human = human + 7 where workspace_id = $1")
        .bind(sent.service().workspace)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sent.counts().await[1], [40, 47, 1]);
    assert!(sent.recount().await);
    assert_eq!(sent.counts().await[1], [40, 40, 1]);
    let hours = sent.numbers().await["hours"].clone();
    assert_eq!(hours.as_array().unwrap().iter().map(|one| one["clicks"].as_i64().unwrap()).sum::<i64>(), 40);
}

async fn no_token_leads_anywhere_else(database: &TestDatabase) {
    let sent = Sent::with(database, "<a href=\"https://x.test/1\">1</a>", json!({})).await;
    let service = sent.service();
    let of = |message: Uuid, place| {
        let url = tracked_url(&service.api.links, message, place);
        url[url.find("/t/").unwrap()..].to_owned()
    };
    let good = of(sent.message, TrackedPlace::Link(1));
    let mut forged = good.clone().into_bytes();
    forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
    for path in [
        String::from_utf8(forged).unwrap(),
        format!("{good}.gif"),
        format!("{good}%2F..%2Fhttps:%2F%2Fevil.test"),
        format!("/t/{}", unsubscribe_token(&service.api.links, sent.message)),
        "/t/https:%2F%2Fevil.test".to_owned(),
        "/t/%FF".to_owned(),
        "/t/x".to_owned(),
        // Signed, but there is no such link, or no such message.
        of(sent.message, TrackedPlace::Link(2)),
        of(Uuid::from_u128(7), TrackedPlace::Link(1)),
    ] {
        let answer = Answer::to(service.open(Method::GET, &path).header("user-agent", BROWSER)).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.headers.get("location").is_none() && answer.text().contains("not complete"), "{path}");
    }
    // What else stands in the address changes nothing.
    for query in ["?url=https://evil.test", "?u=//evil.test#x"] {
        let answer = Answer::to(service.open(Method::GET, &format!("{good}{query}")).header("host", "evil.test")).await;
        assert_eq!(answer.header("location"), "https://x.test/1");
    }
    assert_eq!(Answer::to(service.open(Method::GET, &of(Uuid::from_u128(7), TrackedPlace::Pixel))).await.status, 200);
    assert_eq!(sent.counts().await, [[0; 3], [2, 0, 0]]);
}

async fn a_recipient_says_it_on_the_page_of_preferences(database: &TestDatabase) {
    let sent = Sent::with(database, "<a href=\"https://x.test/1\">1</a>", json!({ "tracking": "personal" })).await;
    let service = sent.service();
    let path = format!("/u/{}/preferences", unsubscribe_token(&service.api.links, sent.message));
    let page = Answer::to(service.open(Method::GET, &path)).await.text();
    assert!(page.contains("may see which messages I open") && !page.contains("value=\"yes\" checked"), "{page}");
    let save = async |body: &'static str| {
        let saved = Answer::to(service.open(Method::POST, &path).body(body)).await;
        assert_eq!(saved.status, 200, "{}", saved.text());
        service.db.clock().advance(Duration::from_secs(60));
        saved.text()
    };
    // Where the page did not ask, nothing is said.
    save("shown=email&wanted=email&tracking=yes").await;
    sent.get(TrackedPlace::Link(1)).await;
    assert_eq!(sent.counts().await[1], [1, 1, 0]);
    let page = save("shown=email&wanted=email&tracking_shown=asked&tracking=yes").await;
    assert!(page.contains("value=\"yes\" checked"), "{page}");
    sent.get(TrackedPlace::Link(1)).await;
    assert_eq!(sent.counts().await[1], [2, 2, 1]);
    save("shown=email&wanted=email&tracking_shown=asked&tracking=yes").await;
    save("shown=email&wanted=email&tracking_shown=asked").await;
    let consents = format!("/api/v1/contacts/{}/tracking-consents", id(&sent.contact));
    let consents = service.get(&consents).await.json();
    let said: Vec<(&Value, &Value)> =
        consents["items"].as_array().unwrap().iter().map(|one| (&one["given"], &one["source"])).collect();
    let (yes, no, page) = (json!(true), json!(false), json!("preference page"));
    assert_eq!(said, [(&no, &page), (&yes, &page)]);
    assert!(consents["items"][0]["wording"].as_str().unwrap().contains("may see which messages I open"));
}

async fn an_erased_reader_is_only_counted(database: &TestDatabase) {
    let sent = Sent::with(database, "<a href=\"https://x.test/1\">1</a>", json!({ "tracking": "personal" })).await;
    sent.agree(true).await;
    sent.get(TrackedPlace::Pixel).await;
    sent.get(TrackedPlace::Link(1)).await;
    let service = sent.service();
    let path = format!("/api/v1/contacts/{}", id(&sent.contact));
    let held = service.get(&format!("{path}/export")).await.json().to_string();
    assert!(held.contains("https://x.test/1") && held.contains("You may see what I open."), "{held}");
    service.leaves(&["contact.erase"]);
    let total = service.get(&format!("{path}/held")).await.json()["total"].clone();
    let gone = service.post_json(&format!("{path}/erase"), json!({ "records": total })).await;
    assert!(gone.status.is_success(), "{}", gone.text());
    let rows: Vec<(i64, i64)> = query(
        "select count(*), count(message_id) from tracking_events where workspace_id = $1
         union all select count(*), count(*) from tracking_consents where workspace_id = $1 order by 1 desc",
    )
    .bind(service.workspace)
    .all(&service.db)
    .await
    .unwrap();
    assert_eq!(rows, [(2, 0), (0, 0)]);
    assert_eq!(sent.counts().await, [[1, 1, 1], [1, 1, 1]]);
    // Their links still lead where they led.
    assert_eq!(sent.get(TrackedPlace::Link(1)).await.header("location"), "https://x.test/1");
    assert_eq!(sent.counts().await[1], [2, 2, 1]);
    assert!(!sent.recount().await);
}

async fn a_campaign_without_tracking_has_its_own_links(database: &TestDatabase) {
    let sent =
        Sent::with(database, "<a href=\"https://x.test/?a=1&amp;b=2\">1</a>", json!({ "tracking": "off" })).await;
    let mail = decoded(&outbox(sent.service())[0]);
    assert!(mail.contains("href=\"https://x.test/?a=1&amp;b=2\"") && !mail.contains("/t/"), "{mail}");
    assert!(!mail.contains("<img"), "{mail}");
    // A link that somebody made all the same is followed, and not counted.
    assert_eq!(sent.get(TrackedPlace::Link(1)).await.header("location"), "https://x.test/?a=1&b=2");
    assert_eq!(sent.counts().await, [[0; 3]; 2]);
}
