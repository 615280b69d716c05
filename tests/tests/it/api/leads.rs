//! Leads over HTTP.

use std::time::Duration;

use chrono::TimeDelta;
use herald_leads::{LeadFilter, list_leads};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Service, console::Browser, service::Answer};

on_both_engines! {
    a_lead_is_made_changed_and_followed_up,
    a_lead_that_comes_again_is_the_first_one,
    a_known_contact_gains_what_it_lacks,
    leads_of_one_person_and_need_are_shown_as_duplicates,
    follow_ups_are_due_by_the_clocks_of_their_zone,
    lists_and_their_numbers_agree,
    numbers_are_those_of_the_list_under_every_filter,
    days_and_answers_are_counted_by_the_clock,
    the_page_of_numbers_shows_them,
    steps_are_the_workspaces_own,
    what_is_wrong_with_a_lead_is_pointed_at,
    another_workspace_finds_no_lead,
    two_requests_with_one_key_make_one_lead,
}

const LEADS: &str = "/api/v1/leads";

fn order(name: &str, need: &str) -> Value {
    let email = format!("{}@example.com", name.to_lowercase());
    json!({ "contact": { "name": format!("{name} Example"), "email": email }, "lead": { "need": need } })
}

async fn make(service: &Service, body: Value) -> Value {
    let made = service.post_json(LEADS, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()
}

fn path(lead: &Value) -> String {
    format!("{LEADS}/{}", lead["id"].as_str().unwrap())
}

async fn patch(service: &Service, lead: &Value, body: Value) -> Answer {
    Answer::to(service.request(Method::PATCH, &path(lead)).json(&body)).await
}

fn needs(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|one| one["need"].as_str().unwrap()).collect()
}

async fn a_lead_is_made_changed_and_followed_up(database: &TestDatabase) {
    let service = Service::start(database).await;
    let mut new = order("Ann", "Dinner for 40");
    new["lead"]["follow_up_at"] = json!("2026-03-02T09:30");
    new["lead"]["follow_up_zone"] = json!("Europe/Madrid");
    (new["lead"]["value_minor"], new["lead"]["currency"]) = (json!(250_000), json!("eur"));
    let lead = make(&service, new).await;
    assert_eq!(
        (&lead["status"], &lead["stands_for"], &lead["name"]),
        (&json!("New"), &json!("open"), &json!("Ann Example"))
    );
    assert_eq!((&lead["follow_up_at"], &lead["currency"]), (&json!("2026-03-02T08:30:00Z"), &json!("EUR")));
    assert_eq!((&lead["first_answer_at"], &lead["duplicates"]), (&Value::Null, &json!(0)));
    assert_eq!(service.get(&path(&lead)).await.json(), lead);
    service.db.clock().advance(Duration::from_secs(60));
    let note = service.post_json(&format!("{}/notes", path(&lead)), json!({ "text": " Called, likes fish. " })).await;
    assert_eq!((note.status, &note.json()["text"]), (StatusCode::CREATED, &json!("Called, likes fish.")));
    let won = patch(&service, &lead, json!({ "status": "WON", "follow_up_at": "", "source": "website" })).await;
    assert_eq!(won.status, StatusCode::OK, "{}", won.text());
    let won = won.json();
    assert_eq!(
        (&won["status"], &won["stands_for"], &won["follow_up_at"]),
        (&json!("Won"), &json!("won"), &Value::Null)
    );
    assert_eq!(
        (&won["closed_at"], &won["first_answer_at"]),
        (&json!("2026-03-01T09:01:00Z"), &json!("2026-03-01T09:01:00Z"))
    );
    assert_eq!((&won["value_minor"], &won["need"]), (&lead["value_minor"], &lead["need"]));
    let again = patch(&service, &lead, json!({ "status": "contacted" })).await.json();
    assert_eq!((&again["closed_at"], &again["stands_for"]), (&Value::Null, &json!("open")));
    let contact = lead["contact_id"].as_str().unwrap();
    let timeline = service.get(&format!("/api/v1/contacts/{contact}/activities")).await.json();
    let mut kinds: Vec<_> =
        timeline["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    let told = [
        "contact.created",
        "lead.changed",
        "lead.created",
        "lead.followed_up",
        "lead.note",
        "lead.status",
        "lead.status",
    ];
    assert_eq!(kinds, told);
    let tag = service.get(&path(&lead)).await.header("etag").to_owned();
    patch(&service, &lead, json!({ "need": "Lunch" })).await;
    let late = service.request(Method::PATCH, &path(&lead)).header("if-match", tag).json(&json!({ "need": "Tea" }));
    Answer::to(late).await.problem(412, "precondition-failed");
}

async fn a_lead_that_comes_again_is_the_first_one(database: &TestDatabase) {
    let service = Service::start(database).await;
    let mut new = order("Bo", "Party");
    new["key"] = json!("form 7");
    let first = make(&service, new.clone()).await;
    new["lead"]["need"] = json!("Something else");
    let second = service.post_json(LEADS, new).await;
    assert_eq!((second.status, second.json()), (StatusCode::OK, first));
    assert_eq!(needs(&service.get(LEADS).await.json()), ["Party"]);
}

async fn a_known_contact_gains_what_it_lacks(database: &TestDatabase) {
    let service = Service::start(database).await;
    let known = json!({ "name": "Cy Example", "email": "cy@example.com", "country": "ES", "tags": ["VIP"] });
    let known = service.post_json("/api/v1/contacts", known).await.json();
    let mut new = order("Cy", "Party");
    new["contact"]["phone"] = json!("+34600000001");
    new["contact"]["country"] = json!("FR");
    new["contact"]["tags"] = json!(["website"]);
    let lead = make(&service, new).await;
    assert_eq!(lead["contact_id"], known["id"]);
    let now = service.get(&format!("/api/v1/contacts/{}", known["id"].as_str().unwrap())).await.json();
    assert_eq!((&now["country"], &now["phone"]), (&json!("ES"), &json!("+34600000001")));
    assert_eq!(now["tags"], json!(["VIP", "website"]));
}

async fn leads_of_one_person_and_need_are_shown_as_duplicates(database: &TestDatabase) {
    let service = Service::start(database).await;
    let one = make(&service, order("Dee", "A  party")).await;
    let two = make(&service, order("Dee", "a PARTY")).await;
    let other = make(&service, order("Dee", "Lunch")).await;
    let shown = async |lead: &Value| service.get(&path(lead)).await.json()["duplicates"].clone();
    assert_eq!((shown(&one).await, shown(&two).await, shown(&other).await), (json!(1), json!(1), json!(0)));
    patch(&service, &two, json!({ "status": "Lost" })).await;
    assert_eq!((shown(&one).await, shown(&two).await), (json!(0), json!(1)));
}

async fn follow_ups_are_due_by_the_clocks_of_their_zone(database: &TestDatabase) {
    let service = Service::start(database).await;
    // It is 9:00 on 1 March in London, 18:00 in Tokyo and 4:00 in New York.
    for (need, at, zone) in [
        ("overdue", "2026-03-01T08:00", "UTC"),
        ("tonight", "2026-03-01T23:00", "UTC"),
        ("tokyo tomorrow", "2026-03-02T00:30", "Asia/Tokyo"),
        ("new york tonight", "2026-03-01T23:30", "America/New_York"),
        ("later", "2026-03-09T09:00", "UTC"),
    ] {
        let mut new = order("Eve", need);
        (new["lead"]["follow_up_at"], new["lead"]["follow_up_zone"]) = (json!(at), json!(zone));
        make(&service, new).await;
    }
    let mut lost = order("Eve", "lost");
    (lost["lead"]["follow_up_at"], lost["lead"]["status"]) = (json!("2026-03-01T08:30"), json!("Lost"));
    make(&service, lost).await;
    let due = async |what: &str| service.get(&format!("{LEADS}/follow-ups?due={what}")).await.json();
    assert_eq!(needs(&due("overdue").await), ["overdue"]);
    assert_eq!(needs(&due("today").await), ["overdue", "tonight", "new york tonight"]);
    assert_eq!(needs(&due("all").await), ["overdue", "tokyo tomorrow", "tonight", "new york tonight", "later"]);
    let (mut walked, mut page) = (Vec::new(), service.get(&format!("{LEADS}/follow-ups?limit=2")).await.json());
    loop {
        walked.extend(needs(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { break };
        page = service.get(&format!("{LEADS}/follow-ups?limit=2&cursor={next}")).await.json();
    }
    assert_eq!(walked, ["overdue", "tokyo tomorrow", "tonight", "new york tonight", "later"]);
    service.get(&format!("{LEADS}/follow-ups?due=soon")).await.problem(422, "invalid-field");
}

async fn lists_and_their_numbers_agree(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (name, need, status, value, source) in [
        ("Ann", "Party", "New", 100, "website"),
        ("Bo", "Lunch", "New", 250, "website"),
        ("Cy", "Party", "Won", 1_000, "fair"),
        ("Dee", "Dinner", "Lost", 0, ""),
    ] {
        let mut new = order(name, need);
        (new["lead"]["status"], new["lead"]["source"]) = (json!(status), json!(source));
        (new["lead"]["value_minor"], new["lead"]["currency"]) = (json!(value), json!("EUR"));
        make(&service, new).await;
        service.db.clock().advance(Duration::from_millis(2));
    }
    let list = async |query: &str| service.get(&format!("{LEADS}?{query}")).await.json();
    assert_eq!(needs(&list("").await), ["Dinner", "Party", "Lunch", "Party"]);
    for query in ["status=new", "outcome=won", "source=website", "search=party", "search=bo@example.com", "search=cy"] {
        let rows = list(query).await;
        let counted = service.get(&format!("{LEADS}/counts?{query}")).await.json();
        let number: i64 = counted["items"].as_array().unwrap().iter().map(|one| one["leads"].as_i64().unwrap()).sum();
        let rows = rows["items"].as_array().unwrap().len();
        assert!(rows > 0 && i64::try_from(rows).unwrap() == number, "{query}: {rows} rows, {counted}");
    }
    let counts = service.get(&format!("{LEADS}/counts?by=source")).await.json();
    let website = json!({ "of": "website", "currency": "EUR", "leads": 2, "value_minor": 350 });
    assert_eq!(counts["items"][0], website);
    assert_eq!(needs(&list("owner=none&status=Won").await), ["Party"]);
    for (query, field) in
        [("outcome=great", "outcome"), ("owner=ann", "owner"), ("created_after=soon", "created_after")]
    {
        let refused = service.get(&format!("{LEADS}?{query}")).await;
        refused.problem(422, "invalid-field");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
    }
    let day = LeadFilter { created_before: Some(service.db.now() - TimeDelta::seconds(1)), ..LeadFilter::default() };
    assert!(list_leads(&service.db, service.workspace, &day, None, 10).await.unwrap().is_empty());
}

async fn steps_are_the_workspaces_own(database: &TestDatabase) {
    let service = Service::start(database).await;
    let address = format!("{LEADS}/statuses");
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&service.get(&address).await.json()), ["New", "Contacted", "Qualified", "Won", "Lost"]);
    let lead = make(&service, order("Ann", "Party")).await;
    let put = async |statuses: Value| {
        Answer::to(service.request(Method::PUT, &address).json(&json!({ "statuses": statuses }))).await
    };
    let own = json!([
        { "name": "Asked", "stands_for": "open" },
        { "name": "Signed", "stands_for": "won" },
        { "name": "Gone", "stands_for": "lost" },
    ]);
    assert!(put(own.clone()).await.problem(409, "wrong-state").contains("\"New\""));
    let mut with_new = own.clone();
    with_new.as_array_mut().unwrap().push(json!({ "name": "new", "stands_for": "open" }));
    assert_eq!(names(&put(with_new).await.json()), ["Asked", "Signed", "Gone", "new"]);
    assert_eq!(patch(&service, &lead, json!({ "status": "signed" })).await.json()["stands_for"], "won");
    assert_eq!(names(&put(own).await.json()), ["Asked", "Signed", "Gone"]);
    let refused = patch(&service, &lead, json!({ "status": "Contacted" })).await;
    assert!(refused.problem(422, "invalid-field").contains("Asked, Signed, Gone"));
    put(json!([{ "name": "Asked", "stands_for": "open" }])).await.problem(422, "invalid-field");
}

async fn what_is_wrong_with_a_lead_is_pointed_at(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.post_json(LEADS, json!({ "lead": {} })).await.problem(422, "invalid-field");
    let lead = make(&service, order("Ann", "Party")).await;
    for (body, field, part) in [
        (json!({ "follow_up_at": "2026-03-29T02:30", "follow_up_zone": "Europe/Madrid" }), "follow_up_at", "skip"),
        (json!({ "follow_up_at": "2026-10-25T02:30", "follow_up_zone": "Europe/Madrid" }), "follow_up_at", "twice"),
        (json!({ "owner_id": "0199c0de-0000-7000-8000-000000000000" }), "owner_id", "not a member"),
        (json!({ "currency": "EURO" }), "currency", "three letters"),
        (json!({ "value_minor": -1 }), "value_minor", "0 or more"),
    ] {
        let refused = patch(&service, &lead, body).await;
        let said = refused.problem(422, "invalid-field");
        assert!(said.contains(part), "{said}");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
    }
    let unknown = json!({ "contact_id": "0199c0de-0000-7000-8000-000000000000" });
    service.post_json(LEADS, unknown).await.problem(422, "invalid-field");
}

async fn another_workspace_finds_no_lead(database: &TestDatabase) {
    let service = Service::start(database).await;
    let lead = make(&service, order("Ann", "Party")).await;
    let other = service.other_workspace().await;
    let of_other = async |method: Method, path: &str| {
        Answer::to(service.open(method, path).bearer_auth(&other).json(&json!({ "text": "x" }))).await
    };
    of_other(Method::GET, &path(&lead)).await.problem(404, "not-found");
    of_other(Method::GET, &format!("{}/notes", path(&lead))).await.problem(404, "not-found");
    of_other(Method::POST, &format!("{}/notes", path(&lead))).await.problem(404, "not-found");
    let patch = service.open(Method::PATCH, &path(&lead)).bearer_auth(&other).json(&json!({ "need": "x" }));
    Answer::to(patch).await.problem(404, "not-found");
    let theirs = json!({ "contact_id": lead["contact_id"] });
    Answer::to(service.open(Method::POST, LEADS).bearer_auth(&other).json(&theirs)).await.problem(422, "invalid-field");
    assert_eq!(of_other(Method::GET, LEADS).await.json()["items"], json!([]));
}

async fn two_requests_with_one_key_make_one_lead(database: &TestDatabase) {
    let service = Service::start(database).await;
    let mut new = order("Ann", "Party");
    new["key"] = json!("once");
    let answers = futures::future::join_all((0..4).map(|_| service.post_json(LEADS, new.clone()))).await;
    let mut ids: Vec<String> = Vec::new();
    for answer in answers {
        // A person who is made twice at the same moment is refused once: the sender repeats the request.
        if answer.status == StatusCode::CONFLICT {
            continue;
        }
        assert!(answer.status.is_success(), "{}", answer.text());
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(needs(&service.get(LEADS).await.json()).len(), 1);
}

/// The sum of the leads in a list of counts.
fn sum(counts: &Value) -> i64 {
    counts.as_array().unwrap().iter().map(|one| one["leads"].as_i64().unwrap()).sum()
}

async fn numbers_are_those_of_the_list_under_every_filter(database: &TestDatabase) {
    let service = Service::start(database).await;
    let statuses = ["New", "Contacted", "Won", "Lost", "Won"];
    for number in 0..20 {
        let mut new = order(&format!("Guest{number}"), if number % 2 == 0 { "Dinner" } else { "Party" });
        new["lead"]["status"] = json!(statuses[number % 5]);
        if number % 3 != 0 {
            new["lead"]["source"] = json!(["website", "fair"][number % 2]);
        }
        (new["lead"]["value_minor"], new["lead"]["currency"]) = (json!(100), json!(["EUR", "USD"][number % 2]));
        make(&service, new).await;
    }
    for filter in [
        "",
        "status=won",
        "outcome=open",
        "source=fair",
        "owner=none",
        "search=party",
        "search=guest7",
        "outcome=lost&source=website",
        "created_before=2026-01-01T00:00:00Z",
    ] {
        let numbers = service.get(&format!("{LEADS}/numbers?{filter}")).await;
        assert_eq!(numbers.status, StatusCode::OK, "{}", numbers.text());
        let numbers = numbers.json();
        let list = service.get(&format!("{LEADS}?limit=500&{filter}")).await.json();
        let list = list["items"].as_array().unwrap();
        let count =
            |what: &str, value: &Value| i64::try_from(list.iter().filter(|lead| lead[what] == *value).count()).unwrap();
        let all = i64::try_from(list.len()).unwrap();
        assert_eq!(numbers["leads"], all, "{filter}");
        for list_of in ["by_status", "by_source", "by_day", "answers"] {
            assert_eq!(sum(&numbers[list_of]), all, "{filter}: {list_of}");
        }
        for (name, what) in [("by_status", "status"), ("by_source", "source")] {
            for share in numbers[name].as_array().unwrap() {
                assert_eq!(share["leads"], count(what, &share["of"]), "{filter}: {share}");
            }
        }
        let (won, lost) = (count("stands_for", &json!("won")), count("stands_for", &json!("lost")));
        assert_eq!((&numbers["won"], &numbers["lost"]), (&json!(won), &json!(lost)));
        match numbers["conversion"].as_f64() {
            None => assert_eq!(won + lost, 0),
            Some(share) => assert!((0.0..=1.0).contains(&share) && won + lost > 0, "{share}"),
        }
        assert!(!numbers.to_string().contains("Example"), "nobody is named: {numbers}");
    }
    let all = service.get(&format!("{LEADS}/numbers")).await.json();
    assert_eq!((&all["won"], &all["lost"], all["conversion"].as_f64()), (&json!(8), &json!(4), Some(8.0 / 12.0)));
    let other = service.other_workspace().await;
    let theirs = service.open(Method::GET, &format!("{LEADS}/numbers")).bearer_auth(&other);
    assert_eq!(Answer::to(theirs).await.json()["leads"], 0);
}

async fn days_and_answers_are_counted_by_the_clock(database: &TestDatabase) {
    let service = Service::start(database).await;
    // It is 9:00 on 1 March in London, and 18:00 in Tokyo.
    for (need, seconds) in [("a", 3_600), ("b", 3_601), ("c", 86_400), ("d", 10 * 86_400), ("e", 0)] {
        let lead = make(&service, order(&format!("Guest{need}"), need)).await;
        if seconds > 0 {
            service.db.clock().advance(Duration::from_secs(seconds));
            service.post_json(&format!("{}/notes", path(&lead)), json!({ "text": "Called" })).await;
        }
    }
    let numbers = service.get(&format!("{LEADS}/numbers?days=14&time_zone=Asia/Tokyo")).await.json();
    let answers: Vec<_> = numbers["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["within"].as_str().unwrap(), one["leads"].as_i64().unwrap()))
        .collect();
    let expected = [("hour", 1), ("four_hours", 1), ("day", 1), ("three_days", 0), ("later", 1), ("not_yet", 1)];
    assert_eq!(answers, expected);
    let days: Vec<_> = numbers["by_day"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["leads"] != 0)
        .map(|one| (one["day"].as_str().unwrap(), one["leads"].as_i64().unwrap()))
        .collect();
    assert_eq!(days, [("2026-03-01", 3), ("2026-03-02", 1), ("2026-03-12", 1)]);
    assert_eq!(numbers["by_day"].as_array().unwrap().len(), 14);
    for wrong in ["days=0", "days=93", "time_zone=Mars"] {
        service.get(&format!("{LEADS}/numbers?{wrong}")).await.problem(422, "invalid-field");
    }
}

async fn the_page_of_numbers_shows_them(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", herald_people::Role::Staff).await;
    let empty = browser.get("/w/default/leads/numbers").await;
    assert!(empty.status == 200 && empty.text.contains("No lead."), "{}", empty.text);
    let mut new = order("Bo", "Party");
    new["lead"]["source"] = json!("a <b> & c");
    make(&service, new).await;
    let page = browser.get("/w/default/leads/numbers?days=7&source=a+%3Cb%3E+%26+c").await.text;
    assert!(page.contains("a &lt;b&gt; &amp; c") && page.contains("2026-03-01: 1</title>"), "{page}");
    assert!(!page.contains("Bo Example"), "{page}");
}
