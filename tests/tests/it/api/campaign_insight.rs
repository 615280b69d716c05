//! What is known of a campaign besides its messages: tests, footers, causes, and when it will be sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_ledger::Outcome;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Answer, Service,
    campaigns::{Stage, id, run, work},
    notifications::outbox,
    worker,
};

on_both_engines! {
    a_test_is_the_real_mail_and_counts_nowhere,
    a_test_says_why_there_is_no_such_mail,
    the_footer_of_the_sender_is_approved_with_the_campaign,
    every_cause_is_counted_over_all_messages,
    the_time_at_which_a_campaign_will_be_sent_holds,
    the_whole_audience_is_looked_through_before_the_approval,
    a_campaign_that_stops_for_a_value_is_not_approved_without_it,
    a_large_audience_is_looked_through_by_a_job,
    the_subject_that_wins_goes_to_the_rest,
    too_few_recipients_decide_for_the_first_subject,
    a_winner_that_nobody_chose_is_told_and_chosen_after_all,
    the_guests_of_an_event_are_an_audience,
    bad_addresses_and_large_mails_are_found,
}

async fn tested(service: &Service) -> Value {
    let mut jobs = worker::lease(service, "email").await;
    jobs.retain(|job| job.kind == "campaign.test");
    assert_eq!(jobs.len(), 1);
    match run(service, jobs.remove(0)).await {
        Outcome::Done { result, .. } => result.unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn a_test_is_the_real_mail_and_counts_nowhere(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let amelie = stage.guest("Amy Example", Some("amelie@example.com"), json!({ "fields": { "table": "7" } })).await;
    let campaign = stage.campaign(json!({})).await;
    let path = format!("/{}/test", id(&campaign));
    let asked = stage.by(&stage.ann, &path, json!({ "contact_id": amelie["id"] })).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    assert_eq!(tested(service).await["ok"], true);
    let mails = outbox(service);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("To: ann@example.com") || mails[0].contains("<ann@example.com>"), "{}", mails[0]);
    assert!(mails[0].contains("Subject: [Test] News for"), "{}", mails[0]);
    assert!(mails[0].contains("your table is 7."), "{}", mails[0]);
    // Its way out leads to nobody's message.
    let link = mails[0].split("List-Unsubscribe: <").nth(1).unwrap().replace("\r\n ", "");
    let link = link.split('>').next().unwrap().split("/u/").nth(1).unwrap().to_owned();
    let left = Answer::to(service.request(Method::POST, &format!("/u/{link}"))).await;
    assert!(left.text().contains("a test"), "{}", left.text());
    assert_eq!(stage.now(&campaign).await["counts"]["planned"], 0);
    let found = service.get(&format!("/api/v1/messages?campaign={}", id(&campaign))).await.json();
    assert_eq!(found["items"], json!([]));
    // Another member gets it, and nobody else's address can be guessed by their id.
    let to_bo = stage.by(&stage.ann, &path, json!({ "user_id": stage.bo.id })).await;
    assert_eq!(to_bo.status, 202, "{}", to_bo.text());
    assert_eq!(tested(service).await["ok"], true);
    assert!(outbox(service).iter().any(|mail| mail.contains("bo@example.com") && mail.contains("[table]")));
    let stranger = json!({ "user_id": service.db.new_id() });
    assert_eq!(stage.by(&stage.ann, &path, stranger).await.status, 404);
}

async fn a_test_says_why_there_is_no_such_mail(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": {
        "subject": "Table", "body": "Your table is {{ table }}." } } });
    let template = service.post_json("/api/v1/message-templates", json!({ "name": "Table", "content": content })).await;
    let cy = stage.guest("Cy", Some("cy@example.com"), json!({})).await;
    let campaign = stage.campaign(json!({ "template_id": template.json()["id"] })).await;
    let path = format!("/{}/test", id(&campaign));
    let asked = stage.by(&stage.ann, &path, json!({ "contact_id": cy["id"], "to": "ann@example.org" })).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let result = tested(service).await;
    assert_eq!(result["ok"], false);
    assert!(result["findings"][0]["text"].as_str().unwrap().contains("no value for \"table\""), "{result}");
    assert_eq!(outbox(service).len(), 0);
    // What cannot be tested at all is refused at once.
    let bare = stage.by(&stage.ann, "", json!({ "channel": "email", "name": "Bare" })).await.json();
    let refused = stage.by(&stage.ann, &format!("/{}/test", id(&bare)), json!({})).await;
    refused.problem(422, "invalid-field");
    let off = json!({ "channel": "email", "address": "off@example.org", "note": "asked" });
    assert!(service.post_json("/api/v1/suppressions", off).await.status.is_success());
    stage.by(&stage.ann, &path, json!({ "to": "off@example.org" })).await.problem(409, "wrong-state");
}

async fn with_footer(stage: &Stage, footer: &str) {
    let path = format!("/api/v1/senders/{}", id(&stage.sender));
    let fields = json!({ "name": "News", "from_name": "Example Agency", "from_address": "news@example.com",
        "postal_address": "1 Example Street, 28001 Madrid", "footer": footer });
    let changed = Answer::to(stage.service.request(Method::PUT, &path).json(&fields)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

async fn the_footer_of_the_sender_is_approved_with_the_campaign(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Cy Example", Some("cy@example.com"), json!({})).await;
    with_footer(&stage, "Register **B 1234**, {{ name }}").await;
    let campaign = stage.campaign(json!({})).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    with_footer(&stage, "Another register").await;
    let refused = stage.act(&stage.bo, &campaign, "send").await;
    assert!(refused.problem(409, "wrong-state").contains("footer"));
    with_footer(&stage, "Register **B 1234**, {{ name }}").await;
    stage.does(&stage.bo, &campaign, "send").await;
    work(service).await;
    let mails = outbox(service);
    assert_eq!(mails.len(), 1);
    let at = |what: &str| mails[0].find(what).unwrap_or_else(|| panic!("{what}: {}", mails[0]));
    assert!(at("Hello Cy Example") < at("Register"), "{}", mails[0]);
    assert!(at("Register") < at("1 Example Street"), "{}", mails[0]);
    assert!(mails[0].contains("<strong>B 1234</strong>, {{ name }}"), "{}", mails[0]);
}

async fn every_cause_is_counted_over_all_messages(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    for number in 0..7 {
        stage.guest(&format!("Guest {number}"), None, json!({})).await;
    }
    let off = json!({ "channel": "email", "address": "off@example.org", "note": "asked" });
    assert!(service.post_json("/api/v1/suppressions", off).await.status.is_success());
    stage.guest("Off", Some("off@example.org"), json!({})).await;
    stage.guest("Cy", Some("cy@example.org"), json!({})).await;
    let campaign = stage.begun(json!({})).await;
    work(service).await;
    let causes = service.get(&format!("/api/v1/campaigns/{}/causes", id(&campaign))).await.json();
    let told = |number: usize| {
        let one = &causes["items"][number];
        (one["state"].clone(), one["cause"].clone(), one["messages"].clone())
    };
    assert_eq!(told(0), (json!("suppressed"), json!("no_address"), json!(7)));
    assert_eq!(told(1), (json!("suppressed"), json!("suppressed"), json!(1)));
    assert_eq!(causes["items"].as_array().unwrap().len(), 2);
    assert_eq!(causes["items"][0]["example"], "the contact has no e-mail address");
    service.get(&format!("/api/v1/campaigns/{}/causes", service.db.new_id())).await.problem(404, "not-found");
}

/// Does the jobs that are due, and goes on to the time of the next one.
async fn to_the_next(service: &Service, leave: &dyn Fn(&Value) -> bool, stage: &Stage, campaign: &Value) {
    for _ in 0..20_000 {
        work(service).await;
        if leave(&stage.now(campaign).await) {
            return;
        }
        let next: Option<(DateTime<Utc>,)> =
            herald_db::query("select min(run_at) from jobs where state = 'ready' and queue in ('bulk', 'control')")
                .optional(&service.db)
                .await
                .unwrap();
        let (at,) = next.expect("a job waits");
        let wait = (at - service.db.now()).to_std().unwrap_or_default().max(Duration::from_millis(1));
        service.db.clock().advance(wait);
    }
    panic!("the campaign does not end");
}

async fn the_time_at_which_a_campaign_will_be_sent_holds(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    for number in 0..37 {
        let zone = if number % 3 == 0 { "America/New_York" } else { "Europe/Madrid" };
        let more = json!({ "time_zone": zone });
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), more).await;
    }
    let path = format!("/api/v1/senders/{}", id(&stage.sender));
    let fields = json!({ "name": "News", "from_name": "Example Agency", "from_address": "news@example.com",
        "postal_address": "1 Example Street", "daily_cap": 9, "warm_up": [3, 6],
        "quiet": { "from": "20:00", "to": "09:00" } });
    let changed = Answer::to(service.request(Method::PUT, &path).json(&fields)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let campaign = stage.begun(json!({})).await;
    // The first messages tell the speed.
    to_the_next(service, &|now| !now["eta"].is_null(), &stage, &campaign).await;
    let (told, began) = (stage.now(&campaign).await, service.db.now());
    let told: DateTime<Utc> = told["eta"].as_str().unwrap().parse().unwrap();
    to_the_next(service, &|now| now["state"] == "sent", &stage, &campaign).await;
    let ended = service.db.now();
    let off = (told - ended).as_seconds_f64().abs() / (ended - began).as_seconds_f64();
    assert!(off < 0.1, "from {began} on {told} was told, and it was {ended}");
    assert_eq!(stage.now(&campaign).await["eta"], Value::Null);
}

/// A template that needs a table, and greets by the first name.
async fn strict(stage: &Stage) -> Value {
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": {
        "subject": "Table", "body": "Hi {{ first_name }}, your table is {{ table }}." } } });
    let made =
        stage.service.post_json("/api/v1/message-templates", json!({ "name": "Table", "content": content })).await;
    made.json()["id"].clone()
}

async fn the_whole_audience_is_looked_through_before_the_approval(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let with = |table: &str| json!({ "fields": { "table": table } });
    stage.guest("Amélie Example", Some("amelie@example.com"), with("7")).await;
    stage.guest("Bea Example", None, with("8")).await;
    stage.guest("Cy Example", Some("cy@example.com"), json!({})).await;
    stage.guest("Di Example", Some("di@exämple.com"), with(" ")).await;
    stage.guest("Ed Example", Some("ed@example.com"), with("9")).await;
    let campaign = stage.campaign(json!({ "template_id": strict(&stage).await })).await;
    let path = format!("/api/v1/campaigns/{}/check", id(&campaign));
    assert_eq!(service.get(&path).await.status, 404);
    stage.does(&stage.ann, &campaign, "submit").await;
    let check = service.get(&path).await.json();
    assert_eq!((&check["state"], &check["contacts"], &check["looked_at"]), (&json!("done"), &json!(5), &json!(5)));
    assert_eq!(
        check["found"],
        json!([
            { "cause": "missing_field", "field": "table", "contacts": 2 },
            { "cause": "no_address", "field": "", "contacts": 1 },
        ])
    );
    let listed = service.get(&format!("{path}/contacts?cause=missing_field&field=table&limit=1")).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let next = listed["next_cursor"].as_str().unwrap();
    let more = format!("{path}/contacts?cause=missing_field&field=table&limit=1&cursor={next}");
    let more = service.get(&more).await.json();
    let names = [&listed["items"][0]["name"], &more["items"][0]["name"]];
    assert!(names.contains(&&json!("Cy Example")) && names.contains(&&json!("Di Example")), "{names:?}");
    let file = service.get(&format!("{path}/contacts.csv")).await.text();
    assert_eq!(file.lines().count(), 4, "{file}");
    assert!(file.contains("\"missing_field\",\"table\"") && file.contains("\"no_address\",\"\""), "{file}");
    // What was looked through is what is approved, and sent.
    stage.does(&stage.bo, &campaign, "approve").await;
    stage.does(&stage.bo, &campaign, "send").await;
    work(service).await;
    let ends = stage.ends(&campaign).await;
    let left: Vec<_> = ends.iter().filter(|(_, state, _)| state == "suppressed").map(|(_, _, cause)| cause).collect();
    assert_eq!(left, ["no_address", "missing_field", "missing_field"]);
    assert!(outbox(service).iter().all(|mail| !mail.contains("Hi ,")));
}

async fn a_campaign_that_stops_for_a_value_is_not_approved_without_it(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    stage.guest("Amélie Example", Some("amelie@example.com"), json!({ "fields": { "table": "7" } })).await;
    let cy = stage.guest("Cy Example", Some("cy@example.com"), json!({})).await;
    let rules = |policy: Value| json!({ "settings": { "missing": { "table": policy } } });
    let mut more = rules(json!({ "policy": "stop" }));
    more["template_id"] = strict(&stage).await;
    let campaign = stage.campaign(more).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    let refused = stage.act(&stage.bo, &campaign, "approve").await.problem(409, "wrong-state");
    assert!(refused.contains("1 contacts have no table"), "{refused}");
    // The value is added, and the audience is looked through again.
    let path = format!("/api/v1/contacts/{}", id(&cy));
    let filled = json!({ "fields": { "table": "8" } });
    let changed = Answer::to(service.request(Method::PATCH, &path).json(&filled)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    stage.act(&stage.bo, &campaign, "approve").await.problem(409, "wrong-state");
    let checked = stage.does(&stage.ann, &campaign, "check").await;
    assert_eq!(checked["found"], json!([]));
    stage.does(&stage.bo, &campaign, "approve").await;
    // With a value instead, the contact gets the message.
    let emptied = Answer::to(service.request(Method::PATCH, &path).json(&json!({ "fields": { "table": "" } }))).await;
    assert_eq!(emptied.status, 200, "{}", emptied.text());
    let mine = format!("/api/v1/campaigns/{}", id(&campaign));
    let rules = rules(json!({ "policy": "default", "value": "the bar" }));
    assert_eq!(Answer::to(service.request(Method::PATCH, &mine).json(&rules)).await.status, 200);
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    stage.does(&stage.bo, &campaign, "send").await;
    work(service).await;
    assert!(outbox(service).iter().any(|mail| mail.contains("your table is the bar.")));
}

/// Writes contacts as they are, without the checks of the doors that they come by: name, address and fields.
async fn written(service: &Service, people: Vec<(String, Option<String>, Value)>) {
    let mut tx = service.db.begin().await.unwrap();
    for (name, email, fields) in people {
        herald_db::query(
            "insert into contacts (id, workspace_id, dedupe_key, email, name, name_key, fields, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        )
        .bind(service.db.new_id())
        .bind(service.workspace)
        .bind(format!("written:{name}"))
        .bind(email)
        .bind(name.as_str())
        .bind(name.to_lowercase())
        .bind(fields)
        .bind(service.db.now())
        .execute(&mut tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn bad_addresses_and_large_mails_are_found(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let body = "Table {{ table }}.\n\n".repeat(30);
    let content = json!({ "format": "markdown", "default_language": "en", "languages": {
        "en": { "subject": "Table", "body": body } } });
    let template = service.post_json("/api/v1/message-templates", json!({ "name": "Long", "content": content })).await;
    let person =
        |name: &str, email: &str, table: &str| (name.to_owned(), Some(email.to_owned()), json!({ "table": table }));
    let long = format!("{}@example.com", "x".repeat(300));
    let people = vec![
        person("Control", "bell\u{7}@example.com", "1"),
        person("Header", "a@example.com\r\nBcc: b@example.com", "2"),
        person("Long", &long, "3"),
        person("Idn", "zoe@bücher.example", "4"),
        person("Large", "large@example.com", &"x".repeat(3_900)),
    ];
    written(service, people).await;
    let more = json!({ "template_id": template.json()["id"], "audience": { "everybody": true } });
    let campaign = stage.campaign(more).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    let check = service.get(&format!("/api/v1/campaigns/{}/check", id(&campaign))).await.json();
    assert_eq!(
        check["found"],
        json!([
            { "cause": "bad_address", "field": "", "contacts": 3 },
            { "cause": "too_large", "field": "", "contacts": 1 },
        ])
    );
}

async fn a_large_audience_is_looked_through_by_a_job(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    let rows = 2_345_usize;
    let people = (0..rows).map(|number| {
        let email = (number % 5 != 0).then(|| format!("guest{number}@example.com"));
        (format!("Guest {number}"), email, json!({}))
    });
    written(service, people.collect()).await;
    let campaign = stage.campaign(json!({ "audience": { "everybody": true } })).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    let path = format!("/api/v1/campaigns/{}/check", id(&campaign));
    assert_eq!(service.get(&path).await.json()["state"], "running");
    let refused = stage.act(&stage.bo, &campaign, "approve").await.problem(409, "wrong-state");
    assert!(refused.contains("0 of 2345 contacts"), "{refused}");
    // Killed in the middle, it goes on where it was, and counts nobody twice.
    let jobs = worker::lease(service, "control").await;
    assert_eq!(jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), ["campaign.check"]);
    let args = jobs[0].args.0.clone();
    let (campaign_id, text) = (args["campaign_id"].as_str().unwrap(), args["hash"].as_str().unwrap());
    let part = herald_messaging::check_next(&service.db, service.workspace, campaign_id.parse().unwrap(), text).await;
    assert_eq!(part.unwrap(), herald_messaging::Checked::More);
    assert_eq!(service.get(&path).await.json()["looked_at"], 1_000);
    for job in jobs {
        run(service, job).await;
    }
    let check = service.get(&path).await.json();
    assert_eq!((&check["state"], &check["looked_at"]), (&json!("done"), &json!(rows)));
    assert_eq!(check["found"], json!([{ "cause": "no_address", "field": "", "contacts": 469 }]));
    stage.does(&stage.bo, &campaign, "approve").await;
}

/// Marks messages with a subject as opened: as many as are named, of each subject.
async fn opened(service: &Service, campaign: &Value, variant: &str, many: i64) {
    let mut tx = service.db.begin().await.unwrap();
    herald_db::query(
        "update messages set opened_at = $4 where workspace_id = $1 and id in
           (select id from messages where workspace_id = $1 and campaign_id = $2 and variant = $3
            order by id limit $5)",
    )
    .bind(service.workspace)
    .bind(id(campaign).parse::<uuid::Uuid>().unwrap())
    .bind(variant)
    .bind(service.db.now())
    .bind(many)
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn guests(stage: &Stage, many: usize) {
    for number in 0..many {
        stage.guest(&format!("Guest {number}"), Some(&format!("guest{number}@example.com")), json!({})).await;
    }
}

fn tried(percent: u8) -> Value {
    json!({ "settings": { "ab": { "subjects": ["First for {{ first_name }}", "Second, {{ first_name }}"],
        "split_percent": percent, "winner_by": "opens", "after_hours": 4 } } })
}

async fn the_subject_that_wins_goes_to_the_rest(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    guests(&stage, 120).await;
    let campaign = stage.begun(tried(70)).await;
    work(service).await;
    let path = format!("/api/v1/campaigns/{}/variants", id(&campaign));
    let sides = service.get(&path).await.json()["items"].clone();
    let sent = |number: usize| sides[number]["sent"].as_i64().unwrap();
    let in_test = usize::try_from(sent(0) + sent(1)).unwrap();
    assert!(sent(0) >= 20 && sent(1) >= 20 && in_test < 110, "{sides}");
    let with =
        |subject: &str| outbox(service).iter().filter(|mail| mail.contains(&format!("Subject: {subject}"))).count();
    assert_eq!((with("First"), with("Second")), (sent(0).try_into().unwrap(), sent(1).try_into().unwrap()));
    let now = stage.now(&campaign).await;
    assert_eq!((&now["state"], &now["eta"]), (&json!("sending"), &Value::Null));
    // The second is opened more often.
    opened(service, &campaign, "1", 2).await;
    opened(service, &campaign, "2", 15).await;
    service.db.clock().advance(Duration::from_secs(3 * 3_600));
    work(service).await;
    assert_eq!(outbox(service).len(), in_test);
    service.db.clock().advance(Duration::from_secs(3_700));
    work(service).await;
    // The job that sends looks again after a while.
    service.db.clock().advance(Duration::from_secs(400));
    work(service).await;
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], &done["ab_winner"]), (&json!("sent"), &json!(2)));
    assert_eq!((outbox(service).len(), with("Second")), (120, 120 - usize::try_from(sent(0)).unwrap()));
    let log = service.get(&format!("/api/v1/campaigns/{}/log", id(&campaign))).await.json();
    let chosen: Vec<&Value> =
        log["items"].as_array().unwrap().iter().filter(|one| one["kind"] == "winner_chosen").collect();
    assert_eq!((chosen.len(), &chosen[0]["detail"]["winner"]), (1, &json!(2)));
    assert_eq!(service.get(&path).await.json()["items"][1]["is_winner"], true);
}

async fn too_few_recipients_decide_for_the_first_subject(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    guests(&stage, 8).await;
    let two = json!({ "format": "markdown", "default_language": "en", "languages": {
        "en": { "subject": "A", "body": "a" }, "de": { "subject": "B", "body": "b" } } });
    let two = service.post_json("/api/v1/message-templates", json!({ "name": "Two", "content": two })).await.json();
    let mut more = tried(50);
    more["template_id"] = two["id"].clone();
    let refused = stage.campaign(more).await;
    stage.act(&stage.ann, &refused, "submit").await.problem(422, "invalid-field");
    let campaign = stage.begun(tried(20)).await;
    work(service).await;
    opened(service, &campaign, "2", 8).await;
    for _ in 0..3 {
        service.db.clock().advance(Duration::from_secs(4 * 3_600));
        work(service).await;
    }
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], &done["ab_winner"]), (&json!("sent"), &json!(1)));
    assert_eq!(outbox(service).len(), 8);
}

async fn a_winner_that_nobody_chose_is_told_and_chosen_after_all(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    guests(&stage, 8).await;
    let campaign = stage.begun(tried(20)).await;
    work(service).await;
    let jobs = service.get("/api/v1/jobs?kind=campaign.winner").await.json();
    let cancelled = service.post(&format!("/api/v1/jobs/{}/cancel", id(&jobs["items"][0]))).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text());
    let paused = stage.now(&campaign).await;
    assert_eq!(paused["state"], "paused", "{paused}");
    assert!(paused["reason"].as_str().unwrap().contains("a person cancelled it"), "{paused}");
    stage.does(&stage.bo, &campaign, "resume").await;
    for _ in 0..3 {
        service.db.clock().advance(Duration::from_secs(4 * 3_600));
        work(service).await;
    }
    let done = stage.now(&campaign).await;
    assert_eq!((&done["state"], &done["ab_winner"]), (&json!("sent"), &json!(1)));
    assert_eq!(outbox(service).len(), 8);
}

async fn the_guests_of_an_event_are_an_audience(database: &TestDatabase) {
    let stage = Stage::set(database).await;
    let service = &stage.service;
    service.leaves(&["invitation.render", "contacts.import", "invitation.summary"]);
    service.template().await;
    let run = service.run("name,table\nAna Example,1\nBo Example,2\n").await;
    worker::import(service, run, &["Ana Example", "Bo Example"]).await;
    stage.guest("Cy Example", Some("cy@example.com"), json!({})).await;
    let event = herald_db::query("select event_id from invitation_runs where workspace_id = $1 and id = $2");
    let (event,): (uuid::Uuid,) = event.bind(service.workspace).bind(run).one(&service.db).await.unwrap();
    let count = async |audience: Value| {
        let asked = json!({ "channel": "email", "audience": audience });
        let counted = service.post_json("/api/v1/campaigns/audience", asked).await;
        assert_eq!(counted.status, 200, "{}", counted.text());
        counted.json()["contacts"].clone()
    };
    assert_eq!(count(json!({ "events": [event] })).await, 2);
    assert_eq!(count(json!({ "events": [event], "tags": ["guest"] })).await, 3);
    assert_eq!(count(json!({ "events": [service.db.new_id()] })).await, 0);
    let segment = json!({ "name": "Without guests", "rule": { "not": { "guest": event } } });
    assert_eq!(service.post_json("/api/v1/segments", segment).await.status, 201);
}
