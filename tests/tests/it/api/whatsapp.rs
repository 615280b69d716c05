//! Campaigns over WhatsApp, by Twilio and by Meta: templates that were approved, one message to each who agreed, and
//! what the providers report of it.

use std::time::Duration;

use herald_tests::{
    App, TestDatabase,
    fakes::{FakeMeta, FakeTwilio, Fault, MetaCall, Report, TwilioCall},
    on_both_engines,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Answer, Service,
    campaigns::{counts, id, run, work},
    notifications::member,
    people::Person,
    worker,
};

on_both_engines! {
    templates_of_twilio_are_read_with_their_approval,
    templates_of_meta_are_read_with_their_approval,
    a_campaign_needs_an_approved_template_and_a_value_for_each_variable,
    a_campaign_by_twilio_is_sent_once_to_each_who_agreed,
    a_campaign_by_meta_is_sent_once_to_each_who_agreed,
    what_twilio_may_have_taken_is_not_sent_again,
    what_twilio_lists_was_sent_and_what_it_does_not_list_waits_for_a_person,
    an_account_that_wants_less_gets_the_rest_later,
    a_template_that_cannot_be_sent_any_more_pauses_the_campaign,
    reports_come_twice_and_in_any_order,
    a_person_who_answers_stop_is_not_written_to_any_more,
    only_genuine_webhooks_are_believed,
    who_writes_becomes_a_contact_and_their_words_stand_in_the_timeline,
}

const CAMPAIGNS: &str = "/api/v1/campaigns";

/// Which provider.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Twilio,
    Meta,
}

/// A workspace with an account, a template of it, a sender, and two people who may approve.
struct Stage {
    service: Service,
    by: By,
    ann: Person,
    bo: Person,
    connection: String,
    sender: String,
}

impl Stage {
    async fn set(database: &TestDatabase, by: By) -> Self {
        let service = Service::start_on(App::on(database).whatsapp(), |_| {}).await;
        service.leaves(&["notification.mail", "whatsapp.templates", "message.reconcile"]);
        let ann = member(&service, "ann@example.com", "agency").await;
        let bo = member(&service, "bo@example.com", "agency").await;
        let typed = match by {
            By::Twilio => json!({ "provider": "twilio", "account_sid": FakeTwilio::ACCOUNT_SID,
                "auth_token": FakeTwilio::AUTH_TOKEN }),
            By::Meta => json!({ "provider": "meta", "phone_number_id": FakeMeta::PHONE_NUMBER_ID,
                "business_account_id": FakeMeta::BUSINESS_ACCOUNT_ID, "access_token": FakeMeta::ACCESS_TOKEN,
                "app_secret": FakeMeta::APP_SECRET, "verify_token": FakeMeta::VERIFY_TOKEN }),
        };
        let saved = Answer::to(service.request(Method::PUT, "/api/v1/connections/whatsapp").json(&typed)).await;
        assert_eq!(saved.status, 201, "{}", saved.text());
        let connection = id(&saved.json()).to_owned();
        let sender = json!({ "name": "WhatsApp", "channel": "whatsapp", "connection_id": connection,
            "from_name": "Example Agency", "from_address": FakeTwilio::NUMBER });
        let sender = service.post_json("/api/v1/senders", sender).await;
        assert_eq!(sender.status, 201, "{}", sender.text());
        let sender = id(&sender.json()).to_owned();
        Self { service, by, ann, bo, connection, sender }
    }

    /// Makes a template at the provider; its id there.
    fn made_there(&self, name: &str, body: &str, state: &str) -> String {
        match self.by {
            By::Twilio => self.service.twilio().add_template(name, "es", body, &state.to_lowercase()),
            By::Meta => self.service.meta().add_template(name, "es", body, &state.to_uppercase()),
        }
    }

    /// Reads the templates; the id here of the one with this name.
    async fn synchronised(&self, name: &str) -> String {
        let body = json!({ "connection": "whatsapp" });
        let asked = self.service.post_json("/api/v1/whatsapp-templates/synchronise", body).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        for job in worker::lease(&self.service, "sync").await {
            run(&self.service, job).await;
        }
        let found = self.service.get("/api/v1/whatsapp-templates").await.json();
        let all = found["items"].as_array().unwrap();
        id(all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {found}"))).to_owned()
    }

    /// A template with two variables that was approved.
    async fn template(&self) -> String {
        self.made_there("invite", "Hola {{1}}, te esperamos el {{2}}.", "approved");
        self.synchronised("invite").await
    }

    async fn by_person(&self, who: &Person, method: Method, path: &str, body: Value) -> Answer {
        let request = who.request(&self.service, method, &format!("{CAMPAIGNS}{path}"));
        Answer::to(request.header("herald-workspace", "default").json(&body)).await
    }

    /// A draft to everybody with the tag `guest`.
    async fn draft(&self, template: &str) -> Value {
        let campaign = json!({ "channel": "whatsapp", "name": "Spring", "sender_id": self.sender,
            "audience": { "tags": ["guest"] } });
        let made = self.by_person(&self.ann, Method::POST, "", campaign).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let content = json!({ "template_id": template,
            "variables": { "1": "{{ first_name | default(\"amigo\") }}", "2": "3 de mayo" } });
        let path = format!("/{}/whatsapp", id(&made.json()));
        let set = self.by_person(&self.ann, Method::PUT, &path, content).await;
        assert_eq!(set.status, 200, "{}", set.text());
        set.json()
    }

    async fn act(&self, who: &Person, campaign: &Value, act: &str) -> Answer {
        self.by_person(who, Method::POST, &format!("/{}/{act}", id(campaign)), json!({})).await
    }

    async fn does(&self, who: &Person, campaign: &Value, act: &str) -> Value {
        let answer = self.act(who, campaign, act).await;
        assert_eq!(answer.status, 200, "{act}: {}", answer.text());
        answer.json()
    }

    /// A campaign that is being sent.
    async fn begun(&self) -> Value {
        let template = self.template().await;
        let campaign = self.draft(&template).await;
        self.does(&self.ann, &campaign, "submit").await;
        self.does(&self.bo, &campaign, "approve").await;
        self.does(&self.bo, &campaign, "send").await
    }

    async fn now(&self, campaign: &Value) -> Value {
        self.service.get(&format!("{CAMPAIGNS}/{}", id(campaign))).await.json()
    }

    /// Somebody with the tag `guest`, who has agreed or not.
    async fn guest(&self, name: &str, phone: Option<&str>, agreed: bool) -> String {
        let contact = json!({ "name": name, "phone": phone, "tags": ["guest"] });
        let made = self.service.post_json("/api/v1/contacts", contact).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let contact = id(&made.json()).to_owned();
        if agreed {
            let consent = json!({ "channel": "whatsapp", "given": true, "wording": "Yes.", "source": "form" });
            let path = format!("/api/v1/contacts/{contact}/consents");
            let given = self.service.post_json(&path, consent).await;
            assert!(given.status.is_success(), "{}", given.text());
        }
        contact
    }

    /// What became of the messages, by name: state and cause.
    async fn ends(&self, campaign: &Value) -> Vec<(String, String, String)> {
        let mut ends: Vec<_> = self
            .messages(campaign)
            .await
            .iter()
            .map(|one| {
                let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
                (text("name"), text("state"), text("cause"))
            })
            .collect();
        ends.sort();
        ends
    }

    async fn messages(&self, campaign: &Value) -> Vec<Value> {
        let path = format!("/api/v1/messages?campaign={}&limit=500", id(campaign));
        self.service.get(&path).await.json()["items"].as_array().unwrap().clone()
    }

    /// Where the provider reports to.
    fn address(&self) -> String {
        let provider = if self.by == By::Twilio { "twilio" } else { "meta" };
        format!("http://{}/webhooks/{provider}/{}", self.service.address, self.connection)
    }

    /// Sends what a provider sends.
    async fn sends(&self, report: Report) -> Answer {
        let mut request = self.service.client.post(&report.address).body(report.body);
        for (name, value) in report.headers {
            request = request.header(name, value);
        }
        Answer::to(request).await
    }

    /// Somebody writes to the number.
    async fn hears(&self, from: &str, text: &str) {
        let report = match self.by {
            By::Twilio => self.service.twilio().inbound(&self.address(), from, text),
            By::Meta => self.service.meta().inbound(&self.address(), from, text),
        };
        let answer = self.sends(report).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }
}

fn end(name: &str, state: &str, cause: &str) -> (String, String, String) {
    (name.to_owned(), state.to_owned(), cause.to_owned())
}

async fn read_with_approval(database: &TestDatabase, by: By) {
    let stage = Stage::set(database, by).await;
    let first = stage.made_there("invite", "Hola {{1}}", "approved");
    stage.made_there("offer", "Oferta {{1}}", "pending");
    // More than the provider lists at once.
    stage.made_there("old", "Adiós", "rejected");
    stage.synchronised("old").await;
    let states = async || -> Vec<String> {
        let found = stage.service.get("/api/v1/whatsapp-templates").await.json();
        let of = |one: &Value| format!("{} {}", one["name"].as_str().unwrap(), one["state"].as_str().unwrap());
        found["items"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(states().await, ["invite approved", "offer pending", "old rejected"]);
    match by {
        By::Twilio => stage.service.twilio().remove_template(&first),
        By::Meta => stage.service.meta().set_status(&first, "PENDING_DELETION"),
    }
    stage.synchronised("old").await;
    // Campaigns name it, so it stays.
    assert_eq!(states().await, ["invite deleted", "offer pending", "old rejected"]);
    let pending = stage.service.get("/api/v1/whatsapp-templates?state=pending").await.json();
    let variables = &pending["items"][0]["content"]["variables"];
    assert_eq!((pending["items"].as_array().unwrap().len(), &variables[0]["name"]), (1, &json!("1")));
}

async fn templates_of_twilio_are_read_with_their_approval(database: &TestDatabase) {
    read_with_approval(database, By::Twilio).await;
}

async fn templates_of_meta_are_read_with_their_approval(database: &TestDatabase) {
    read_with_approval(database, By::Meta).await;
}

async fn a_campaign_needs_an_approved_template_and_a_value_for_each_variable(database: &TestDatabase) {
    let stage = Stage::set(database, By::Meta).await;
    stage.made_there("offer", "Oferta {{1}} del {{2}}", "pending");
    let pending = stage.synchronised("offer").await;
    let campaign = stage.draft(&pending).await;
    let refused = stage.act(&stage.ann, &campaign, "submit").await.problem(422, "invalid-field");
    assert!(refused.contains("only an approved one"), "{refused}");
    let template = stage.template().await;
    let path = format!("/{}/whatsapp", id(&campaign));
    for (variables, said) in [
        (json!({ "1": "Ana" }), "variable 2"),
        (json!({ "1": "Ana", "2": "x", "3": "y" }), "no variable 3"),
        (json!({ "1": "{{ nickname | default(\"\") }}", "2": "x" }), "may become empty"),
    ] {
        let content = json!({ "template_id": template, "variables": variables });
        assert_eq!(stage.by_person(&stage.ann, Method::PUT, &path, content).await.status, 200);
        let refused = stage.act(&stage.ann, &campaign, "submit").await.problem(422, "invalid-field");
        assert!(refused.contains(said), "{refused}");
    }
    let content = json!({ "template_id": template, "variables": { "1": "{{ nobody", "2": "x" } });
    stage.by_person(&stage.ann, Method::PUT, &path, content).await.problem(422, "invalid-field");
    // A preview shows what somebody would read, and who would read nothing.
    let contact = stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    let asked = json!({ "contact_id": contact, "variables": { "1": "{{ first_name }}", "2": "3 de mayo" } });
    let shown = stage.service.post_json(&format!("/api/v1/whatsapp-templates/{template}/preview"), asked).await.json();
    assert_eq!(shown["text"], "Hola Ana, te esperamos el 3 de mayo.", "{shown}");
    let asked = json!({ "contact_id": contact, "variables": { "1": "{{ nickname }}", "2": "3 de mayo" } });
    let shown = stage.service.post_json(&format!("/api/v1/whatsapp-templates/{template}/preview"), asked).await.json();
    assert_eq!((&shown["text"], shown["problems"].as_array().unwrap().len()), (&Value::Null, 1));
}

async fn sent_once_to_each(database: &TestDatabase, by: By) {
    let stage = Stage::set(database, by).await;
    let service = &stage.service;
    stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    stage.guest("Bo Ejemplo", Some("+34600111223"), false).await;
    stage.guest("Cy Ejemplo", None, true).await;
    stage.guest("Di Ejemplo", Some("+34600111225"), true).await;
    stage.guest("Ed Ejemplo", Some("+34600111226"), true).await;
    match by {
        By::Twilio => {
            service.twilio().refuse("+34600111225", 63_024);
            service.twilio().refuse("+34600111226", 21_610);
        }
        By::Meta => {
            service.meta().refuse("+34600111225", 131_026);
            service.meta().refuse("+34600111226", 131_050);
        }
    }
    let campaign = stage.begun().await;
    work(service).await;
    let texts: Vec<String> = match by {
        By::Twilio => service.twilio().messages().into_iter().map(|one| one.body).collect(),
        By::Meta => {
            let all = service.meta().messages().into_iter();
            all.map(|one| one.body["template"]["components"][0]["parameters"][0]["text"].to_string()).collect()
        }
    };
    let expected = if by == By::Twilio { "Hola Ana, te esperamos el 3 de mayo." } else { "\"Ana\"" };
    assert_eq!(texts, [expected]);
    let (gone, out) =
        if by == By::Twilio { ("no_such_address", "opted_out") } else { ("undeliverable", "no_advertising") };
    let ends = [
        end("Ana Ejemplo", "sent", ""),
        end("Bo Ejemplo", "suppressed", "no_consent"),
        end("Cy Ejemplo", "suppressed", "no_address"),
        end("Di Ejemplo", "failed", gone),
        end("Ed Ejemplo", "failed", out),
    ];
    assert_eq!(stage.ends(&campaign).await, ends);
    let found = service.get("/api/v1/suppressions?channel=whatsapp").await.json();
    let mut reasons: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    let expected: &[&str] = if by == By::Twilio { &["hard_bounce", "stop"] } else { &["unsubscribed"] };
    assert_eq!(reasons, expected);
    // Nothing goes out again, whoever asks.
    stage.act(&stage.ann, &campaign, "retry").await;
    work(service).await;
    let taken = if by == By::Twilio { service.twilio().messages().len() } else { service.meta().messages().len() };
    assert_eq!(taken, 1);
}

async fn a_campaign_by_twilio_is_sent_once_to_each_who_agreed(database: &TestDatabase) {
    sent_once_to_each(database, By::Twilio).await;
}

async fn a_campaign_by_meta_is_sent_once_to_each_who_agreed(database: &TestDatabase) {
    sent_once_to_each(database, By::Meta).await;
}

async fn what_twilio_may_have_taken_is_not_sent_again(database: &TestDatabase) {
    let stage = Stage::set(database, By::Twilio).await;
    let service = &stage.service;
    stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    service.twilio().fail_next(TwilioCall::Send, Fault::LostAnswer, 1);
    let campaign = stage.begun().await;
    work(service).await;
    service.db.clock().advance(Duration::from_secs(60));
    work(service).await;
    assert_eq!(service.twilio().messages().len(), 1);
    assert_eq!(stage.ends(&campaign).await, [end("Ana Ejemplo", "unknown", "unanswered")]);
    // The report names our message, which settles it.
    let sid = service.twilio().messages()[0].sid.clone();
    let report = service.twilio().report(&sid, "delivered", None).unwrap();
    assert_eq!(stage.sends(report).await.status, 204);
    assert_eq!(stage.ends(&campaign).await, [end("Ana Ejemplo", "delivered", "")]);
}

async fn what_twilio_lists_was_sent_and_what_it_does_not_list_waits_for_a_person(database: &TestDatabase) {
    let stage = Stage::set(database, By::Twilio).await;
    let service = &stage.service;
    stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    service.twilio().fail_next(TwilioCall::Send, Fault::LostAnswer, 1);
    let first = stage.begun().await;
    work(service).await;
    service.twilio().fail_next(TwilioCall::Send, Fault::Server(502), 1);
    let copy = stage.act(&stage.ann, &first, "duplicate").await.json();
    stage.does(&stage.ann, &copy, "submit").await;
    stage.does(&stage.bo, &copy, "approve").await;
    service.db.clock().advance(Duration::from_secs(3_600));
    // A session does not last for an hour.
    let bo = Person::sign_in(service, "bo@example.com").await;
    stage.does(&bo, &copy, "send").await;
    work(service).await;
    assert_eq!(stage.ends(&copy).await, [end("Ana Ejemplo", "unknown", "unanswered")]);
    for _ in 0..8 {
        service.db.clock().advance(Duration::from_secs(125));
        for job in worker::lease(service, "sync").await {
            run(service, job).await;
        }
    }
    assert_eq!(stage.ends(&first).await, [end("Ana Ejemplo", "sent", "")]);
    assert_eq!(stage.ends(&copy).await, [end("Ana Ejemplo", "unknown", "not_found")]);
    // The jobs that waited after the silence find nothing left to send.
    work(service).await;
    assert_eq!(service.twilio().messages().len(), 1);
}

async fn an_account_that_wants_less_gets_the_rest_later(database: &TestDatabase) {
    let stage = Stage::set(database, By::Meta).await;
    let service = &stage.service;
    for number in 0..5 {
        stage.guest(&format!("Ana {number}"), Some(&format!("+3460011122{number}")), true).await;
    }
    service.meta().limit(Some(2), Duration::from_secs(1));
    let campaign = stage.begun().await;
    for _ in 0..10 {
        work(service).await;
        service.db.clock().advance(Duration::from_secs(2));
    }
    assert_eq!(service.meta().messages().len(), 5);
    assert_eq!(counts(&stage.now(&campaign).await), [5, 0, 5, 0, 0, 0]);
    let asked = service.meta().requests(MetaCall::Send);
    assert!(asked > 5, "{asked}");
}

async fn a_template_that_cannot_be_sent_any_more_pauses_the_campaign(database: &TestDatabase) {
    let stage = Stage::set(database, By::Meta).await;
    let service = &stage.service;
    stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    let there = stage.made_there("invite", "Hola {{1}}, te esperamos el {{2}}.", "approved");
    let template = stage.synchronised("invite").await;
    let campaign = stage.draft(&template).await;
    stage.does(&stage.ann, &campaign, "submit").await;
    stage.does(&stage.bo, &campaign, "approve").await;
    service.meta().set_status(&there, "PAUSED");
    stage.does(&stage.bo, &campaign, "send").await;
    work(service).await;
    let paused = stage.now(&campaign).await;
    assert_eq!((&paused["state"], counts(&paused)), (&json!("paused"), [1, 1, 0, 0, 0, 0]));
    assert!(paused["reason"].as_str().unwrap().contains("paused the template"), "{paused}");
    service.meta().set_status(&there, "APPROVED");
    stage.does(&stage.bo, &campaign, "resume").await;
    work(service).await;
    assert_eq!(stage.ends(&campaign).await, [end("Ana Ejemplo", "sent", "")]);
}

async fn reports_come_twice_and_in_any_order(database: &TestDatabase) {
    let stage = Stage::set(database, By::Meta).await;
    let service = &stage.service;
    stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    stage.guest("Bo Ejemplo", Some("+34600111223"), true).await;
    let campaign = stage.begun().await;
    work(service).await;
    let taken = service.meta().messages();
    let of = |digits: &str| taken.iter().find(|one| one.to == digits).unwrap().id.clone();
    let (ana, bo) = (of("34600111222"), of("34600111223"));
    let all = [(ana.as_str(), "read", None), (bo.as_str(), "failed", Some(131_049)), (ana.as_str(), "sent", None)];
    for _ in 0..2 {
        let report = service.meta().report(&stage.address(), &all);
        assert_eq!(stage.sends(report).await.status, 200);
    }
    let late =
        service.meta().report(&stage.address(), &[(ana.as_str(), "delivered", None), (bo.as_str(), "sent", None)]);
    assert_eq!(stage.sends(late).await.status, 200);
    let ends = [end("Ana Ejemplo", "delivered", ""), end("Bo Ejemplo", "failed", "not_today")];
    assert_eq!(stage.ends(&campaign).await, ends);
    let messages = stage.messages(&campaign).await;
    let seen = messages.iter().find(|one| one["name"] == "Ana Ejemplo").unwrap();
    assert!(!seen["opened_at"].is_null() && !seen["delivered_at"].is_null(), "{seen}");
    // Advertising that Meta holds back is nobody's wish.
    let found = service.get("/api/v1/suppressions?channel=whatsapp").await.json();
    assert_eq!(found["items"], json!([]));
    assert_eq!(counts(&stage.now(&campaign).await)[3], 1);
}

async fn a_person_who_answers_stop_is_not_written_to_any_more(database: &TestDatabase) {
    let stage = Stage::set(database, By::Twilio).await;
    let service = &stage.service;
    stage.guest("Ana Ejemplo", Some("+34600111222"), true).await;
    stage.hears("+34600111222", "¡Baja!").await;
    stage.hears("+34600111229", "STOP").await;
    let campaign = stage.begun().await;
    work(service).await;
    assert_eq!(stage.ends(&campaign).await, [end("Ana Ejemplo", "suppressed", "suppressed")]);
    let found = service.get("/api/v1/suppressions?channel=whatsapp").await.json();
    let reasons: Vec<&Value> = found["items"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(reasons, [&json!("stop"), &json!("stop")]);
    // Who only says that they want nothing becomes no contact.
    assert_eq!(service.get("/api/v1/contacts").await.json()["items"].as_array().unwrap().len(), 1);
    stage.hears("+34600111222", "start").await;
    let copy = stage.act(&stage.ann, &campaign, "duplicate").await.json();
    stage.does(&stage.ann, &copy, "submit").await;
    stage.does(&stage.bo, &copy, "approve").await;
    stage.does(&stage.bo, &copy, "send").await;
    work(service).await;
    assert_eq!(stage.ends(&copy).await, [end("Ana Ejemplo", "sent", "")]);
}

async fn only_genuine_webhooks_are_believed(database: &TestDatabase) {
    let stage = Stage::set(database, By::Meta).await;
    let service = &stage.service;
    let body = json!({ "object": "whatsapp_business_account", "entry": [] });
    let genuine = FakeMeta::signed(&stage.address(), &body);
    assert_eq!(stage.sends(genuine.clone()).await.status, 200);
    let unsigned = Report { headers: vec![("content-type", "application/json".to_owned())], ..genuine.clone() };
    stage.sends(unsigned).await.problem(401, "unauthorized");
    let other = Report {
        body: b"{\"object\":\"whatsapp_business_account\",\"entry\":[1]}".as_slice().into(),
        ..genuine.clone()
    };
    stage.sends(other).await.problem(401, "unauthorized");
    // Nobody learns which connections there are.
    let nowhere = format!("http://{}/webhooks/meta/{}", service.address, service.db.new_id());
    stage.sends(Report { address: nowhere, ..genuine.clone() }).await.problem(401, "unauthorized");
    let twilio = format!("http://{}/webhooks/twilio/{}", service.address, stage.connection);
    stage.sends(FakeTwilio::signed(&twilio, &[("MessageSid", "SM1")])).await.problem(401, "unauthorized");
    let large = Report { body: vec![b' '; (1 << 20) + 1].into(), ..genuine };
    stage.sends(large).await.problem(413, "too-large");
    let asks = async |word: &str| {
        let word = word.replace(' ', "%20");
        let query = format!("hub.mode=subscribe&hub.verify_token={word}&hub.challenge=1158201444");
        Answer::to(service.client.get(format!("{}?{query}", stage.address()))).await
    };
    let answered = asks(FakeMeta::VERIFY_TOKEN).await;
    assert_eq!((answered.status.as_u16(), answered.text().as_str()), (200, "1158201444"));
    asks("another word").await.problem(403, "forbidden");
}

async fn who_writes_becomes_a_contact_and_their_words_stand_in_the_timeline(database: &TestDatabase) {
    let stage = Stage::set(database, By::Meta).await;
    let service = &stage.service;
    let report = service.meta().inbound(&stage.address(), "+34600111222", "¿A qué hora?");
    for _ in 0..2 {
        assert_eq!(stage.sends(report.clone()).await.status, 200);
    }
    let found = service.get("/api/v1/contacts").await.json();
    let [contact] = found["items"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!((&contact["name"], &contact["phone"]), (&json!("Ána Ejemplo"), &json!("+34600111222")));
    let told = service.get(&format!("/api/v1/contacts/{}/activities", id(contact))).await.json();
    let received: Vec<&Value> =
        told["items"].as_array().unwrap().iter().filter(|one| one["kind"] == "message.received").collect();
    assert_eq!(received.len(), 1, "{told}");
    assert_eq!(received[0]["detail"]["text"], "¿A qué hora?");
}
