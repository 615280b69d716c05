use chrono::TimeZone;
use serde_json::json;

use super::*;

fn site() -> Url {
    Url::parse("https://crm.example.com/mautic").unwrap()
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 26, 5, 0, 0).unwrap()
}

fn reply(status: u16, headers: &[(&'static str, &str)], body: impl ToString) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect();
    Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_string().into() }
}

fn read(about: About<'_>, basic: bool, reply: &Reply) -> ProviderError {
    refusal(reply, &Context { site: &site(), basic, about, now: now() })
}

fn error(code: u16, kind: Option<&str>, details: Value) -> Value {
    json!({"errors": [{"message": "Ann Example <ann@example.com>", "code": code, "type": kind, "details": details}]})
}

#[test]
fn every_refusal_has_one_meaning_and_says_what_to_do() {
    let fields = Fields::new("invitation_link", None).unwrap();
    let contact = About::Write { contact: 47, fields: &fields };
    let html = "<html><body>Not Found</body></html>";
    let none = Value::Null;
    for (about, basic, answer, class, says) in [
        (
            contact,
            true,
            reply(401, &[], error(401, Some("access_denied"), none.clone())),
            Class::Auth,
            "user or password",
        ),
        (contact, false, reply(401, &[], error(401, Some("invalid_grant"), none.clone())), Class::Auth, "token"),
        (
            About::Token,
            false,
            reply(400, &[], error(400, Some("invalid_client"), none.clone())),
            Class::Auth,
            "secret key",
        ),
        (
            contact,
            true,
            reply(403, &[], error(403, Some("api_disabled"), none.clone())),
            Class::Config,
            "turn on the API",
        ),
        (contact, true, reply(403, &[], error(403, Some("access_denied"), none.clone())), Class::Config, "basic auth"),
        (contact, true, reply(403, &[], error(403, None, json!([]))), Class::Config, "role"),
        (contact, false, reply(403, &[], error(403, None, json!([]))), Class::Config, "role of the client's user"),
        (contact, true, reply(403, &[], "<html>Forbidden</html>"), Class::Config, "firewall"),
        (contact, true, reply(404, &[], error(404, None, json!({}))), Class::Recipient, "contact 47 no longer exists"),
        (About::Form(3), true, reply(404, &[], error(404, None, json!([]))), Class::Config, "no form 3"),
        (About::Api, true, reply(404, &[], error(404, None, json!([]))), Class::Config, "no Mautic API"),
        (contact, true, reply(404, &[], html), Class::Config, "no Mautic API at https://crm.example.com/mautic"),
        (contact, true, reply(405, &[], html), Class::Config, "no Mautic API"),
        (contact, true, reply(400, &[], error(400, None, json!({"birthday": ["x"]}))), Class::Recipient, "contact 47"),
        (contact, true, reply(422, &[], error(422, None, json!({"birthday": ["x"]}))), Class::Recipient, "contact 47"),
        (contact, true, reply(400, &[], error(400, None, json!([]))), Class::Recipient, "contact 47"),
        (About::Api, true, reply(400, &[], error(400, None, json!([]))), Class::Config, "version 4"),
        (contact, true, reply(409, &[], error(409, None, json!([]))), Class::Transient, "409"),
        (contact, true, reply(500, &[], error(500, None, json!([]))), Class::Transient, "500"),
        (contact, true, reply(500, &[], "<h1>Maintenance</h1>"), Class::Down, "maintenance"),
        (contact, true, reply(502, &[], html), Class::Down, "502"),
        (contact, true, reply(503, &[], html), Class::Down, "503"),
        (contact, true, reply(504, &[], html), Class::Down, "504"),
        (contact, true, reply(418, &[], html), Class::Config, "418"),
    ] {
        let error = read(about, basic, &answer);
        assert_eq!(error.class, class, "{answer:?}: {error}");
        assert!(error.message.contains(says), "{error}");
        assert!(!error.message.contains("Ann") && !error.message.contains("example.com>"), "{error}");
    }
}

#[test]
fn older_shapes_of_an_error_are_read_too() {
    for body in [
        json!({"errors": [{"code": "403", "message": "x", "type": "api_disabled"}]}),
        json!({"errors": {"0": {"code": 403, "type": "api_disabled"}}}),
        json!({"error": {"code": 403, "message": "x", "type": "api_disabled"}}),
        json!({"error": "api_disabled", "error_description": "x"}),
    ] {
        let error = read(About::Api, true, &reply(403, &[], &body));
        assert!(error.message.starts_with("turn on the API"), "{body}: {error}");
    }
}

#[test]
fn a_field_that_is_written_for_everybody_is_a_matter_of_the_field() {
    let fields = Fields::new("invitation_link", Some("lucky_number".to_owned())).unwrap();
    let written = |details: Value| {
        let about = About::Write { contact: 47, fields: &fields };
        read(about, true, &reply(400, &[], error(400, None, details)))
    };
    let link = written(json!({"invitation_link": ["This value is too long."]}));
    assert_eq!(link.class, Class::Config);
    assert!(link.message.contains("«invitation_link»") && link.message.contains("191"), "{link}");
    let number = written(json!({"lucky_number": ["This value should be a number."]}));
    assert_eq!(number.class, Class::Config);
    assert!(number.message.contains("«lucky_number»"), "{number}");
    assert_eq!(written(json!({"birthday": ["x"]})).class, Class::Recipient);
}

#[test]
fn nothing_of_a_refusal_is_quoted() {
    let details = json!({"ann@example.com": ["x"], "photo_url": ["https://example.com/ann"], "aws_secret": ["x"]});
    let fields = Fields::new("invitation_link", None).unwrap();
    let contact = About::Write { contact: 47, fields: &fields };
    for (about, status) in [(contact, 400), (About::Api, 400), (About::Token, 401), (About::Form(3), 500)] {
        let told = read(about, true, &reply(status, &[], error(status, Some("aws_secret"), details.clone()))).message;
        assert!(!["ann", "photo", "aws", "example.com/ann"].iter().any(|word| told.contains(word)), "{told}");
    }
}

#[test]
fn a_limit_says_how_long_it_holds() {
    let wait = |headers: &[(&'static str, &str)]| {
        let error = read(About::Api, true, &reply(429, headers, error(429, None, json!([]))));
        assert_eq!(error.class, Class::Rate);
        error.retry_after.unwrap().as_secs()
    };
    let at = |seconds: i64| (now().timestamp() + seconds).to_string();
    assert_eq!(wait(&[]), 60);
    assert_eq!(wait(&[("retry-after", "7"), ("x-ratelimit-reset", "1800")]), 7);
    assert_eq!(wait(&[("x-ratelimit-reset", "1800")]), 1800);
    assert_eq!(wait(&[("x-ratelimit-reset", &at(900))]), 900);
    // The server's clock is five minutes late, and its reset refers to its own clock.
    assert_eq!(wait(&[("x-ratelimit-reset", &at(600)), ("date", "Thu, 26 Nov 2026 04:55:00 GMT")]), 900);
    assert_eq!(wait(&[("x-ratelimit-reset", &at(-10))]), 1);
    assert_eq!(wait(&[("x-ratelimit-reset", "soon")]), 60);
    assert_eq!(wait(&[("x-ratelimit-reset", &at(10_000_000))]), 24 * 60 * 60);
}

#[test]
fn where_a_redirect_leads_is_not_repeated() {
    let redirect = |to: &str| read(About::Api, true, &reply(301, &[("location", to)], ""));
    let moved = redirect("https://new.example.net/mautic/api/contacts?token=hunter2");
    assert_eq!(moved.class, Class::Config);
    assert_eq!(
        moved.message,
        "https://crm.example.com/mautic sends Herald on to another address: open it in a browser, \
         and enter the address where you arrive"
    );
    assert!(redirect("/mautic/s/login").message.starts_with("there is no Mautic API"));
    assert!(redirect("").message.starts_with("there is no Mautic API"));
    let plain = Url::parse("http://crm.example.com/mautic").unwrap();
    let context = Context { site: &plain, basic: true, about: About::Api, now: now() };
    let secure = refusal(&reply(301, &[("location", "https://crm.example.com/mautic/api")], ""), &context);
    assert!(secure.message.ends_with("enter the address with https://"), "{secure}");
}
