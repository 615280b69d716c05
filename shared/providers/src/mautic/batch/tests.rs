use chrono::DateTime;
use serde_json::json;
use url::Url;

use super::*;
use crate::Class;

fn items(ids: &[i64]) -> Vec<WriteBack> {
    let item = |id: &i64| WriteBack {
        contact_id: *id,
        link: format!("https://drive.example.com/{id}"),
        number: format!("00{id}"),
    };
    ids.iter().map(item).collect()
}

fn fields() -> Fields {
    Fields::new("invitation_link", Some("lucky_number".to_owned())).unwrap()
}

fn contact(id: i64) -> Value {
    let all = json!({"firstname": "Ann", "invitation_link": format!("https://drive.example.com/{id}"),
        "lucky_number": format!("00{id}")});
    json!({"id": id, "fields": {"core": {}, "all": all}})
}

fn outcomes(ids: &[i64], answer: &Value) -> Vec<Outcome> {
    let (site, items) = (Url::parse("https://crm.example.com").unwrap(), items(ids));
    let context = Context { site: &site, basic: true, about: About::Api, now: DateTime::UNIX_EPOCH };
    read(answer, &items.iter().collect::<Vec<_>>(), &fields(), &context).unwrap()
}

fn class(outcome: &Outcome) -> Option<Class> {
    match outcome {
        Outcome::Said(result) => result.as_ref().err().map(|error| error.class),
        Outcome::Unclear => panic!("it says something"),
    }
}

#[test]
fn only_the_id_and_the_two_fields_are_sent() {
    let items = items(&[47, 48]);
    let sent = body(&items.iter().collect::<Vec<_>>(), &fields());
    let expected = json!([
        {"id": 47, "invitation_link": "https://drive.example.com/47", "lucky_number": "0047"},
        {"id": 48, "invitation_link": "https://drive.example.com/48", "lucky_number": "0048"},
    ]);
    assert_eq!(sent, expected);
}

#[test]
fn an_answer_is_read_by_position_in_both_of_its_shapes() {
    let error = json!({"message": "Item was not found.", "code": 404, "type": "api"});
    for answer in [
        json!({"contacts": [contact(47), null, contact(49)], "statusCodes": [200, 404, 200], "errors": {"1": error}}),
        json!({"contacts": {"0": contact(47), "2": contact(49)}, "statusCodes": {"0": "200", "1": 404, "2": 200},
            "errors": {"1": error}}),
        json!({"contacts": {"2": contact(49), "0": contact(47)}, "statusCodes": {"0": 200, "2": 200},
            "errors": {"1": error}}),
    ] {
        let read = outcomes(&[47, 48, 49], &answer);
        assert_eq!((&read[0], &read[2]), (&Outcome::Said(Ok(())), &Outcome::Said(Ok(()))), "{answer}");
        assert_eq!(class(&read[1]), Some(Class::Recipient));
    }
}

#[test]
fn each_contact_has_the_error_that_is_its_own() {
    let error =
        |code: u16, details: Value| json!({"message": "Ann Example", "code": code, "details": details, "type": null});
    let answer = json!({
        "contacts": [],
        "statusCodes": [400, 403, 500, 404, 400],
        "errors": [
            error(400, json!({"birthday": ["x"]})),
            error(403, json!([])),
            error(500, json!([])),
            error(404, json!([])),
            error(400, json!({"invitation_link": ["too long"]})),
        ],
    });
    let read = outcomes(&[1, 2, 3, 4, 5], &answer);
    let classes: Vec<_> = read.iter().map(class).collect();
    let expected = [Class::Recipient, Class::Config, Class::Transient, Class::Recipient, Class::Config];
    assert_eq!(classes, expected.map(Some));
    assert!(!format!("{read:?}").contains("Ann"));
}

#[test]
fn a_shifted_answer_is_no_success_and_no_refusal() {
    // Each contact is one place too early, and the last one is reported as missing.
    let answer = json!({
        "contacts": [contact(48), contact(49)],
        "statusCodes": [200, 200, 404],
        "errors": {"2": {"message": "Item was not found.", "code": 404}},
    });
    assert_eq!(outcomes(&[47, 48, 49], &answer), [Outcome::Unclear, Outcome::Unclear, Outcome::Unclear]);
    // A contact that is in its place and holds the sent values still counts.
    let answer = json!({"contacts": [contact(47), contact(49), contact(48)], "statusCodes": [200, 200, 200]});
    let read = outcomes(&[47, 48, 49], &answer);
    assert_eq!(read, [Outcome::Said(Ok(())), Outcome::Unclear, Outcome::Unclear]);
}

#[test]
fn silence_about_a_contact_is_not_success() {
    for answer in [
        json!({"contacts": [], "statusCodes": []}),
        json!({"contacts": {}, "statusCodes": {"0": 200}}),
        json!({"contacts": [{"fields": {}}], "statusCodes": [200]}),
    ] {
        assert_eq!(outcomes(&[47], &answer), [Outcome::Unclear], "{answer}");
    }
    let refused = json!({"contacts": [contact(47)], "statusCodes": [400]});
    assert_eq!(class(&outcomes(&[47], &refused)[0]), Some(Class::Recipient));
}

#[test]
fn what_was_cut_is_not_written() {
    let mut cut = contact(47);
    cut["fields"]["all"]["invitation_link"] = json!("https://drive.exam");
    let answer = json!({"contacts": [cut, contact(48)], "statusCodes": [200, 200]});
    let read = outcomes(&[47, 48], &answer);
    assert_eq!(class(&read[0]), Some(Class::Config));
    assert_eq!(read[1], Outcome::Said(Ok(())));
}
