use serde_json::json;

use super::*;

fn known() -> Vec<ContactField> {
    let field = |alias: &str, kind: &str, limit: u32, unique: bool| {
        json!({"alias": alias, "type": kind,
        "charLengthLimit": limit, "isUniqueIdentifer": unique})
    };
    let fields = json!({"total": "6", "fields": [
        field("email", "email", 191, true),
        field("invitation_link", "url", 191, false),
        field("short_link", "text", 64, false),
        field("long_link", "textarea", 64, false),
        field("member_link", "text", 191, true),
        field("lucky_number", "text", 64, false),
        field("lucky_count", "number", 0, false),
        field("tiny", "text", 8, false),
    ]});
    ContactField::list(&fields)
}

fn problems(link: &str, number: Option<&str>) -> Vec<String> {
    Fields::checked(link, number.map(str::to_owned), &known()).map_or_else(|problems| problems, |_| Vec::new())
}

#[test]
fn fields_that_can_take_a_link_and_a_number_are_fine() {
    for (link, number) in [
        ("invitation_link", Some("lucky_number")),
        ("invitation_link", None),
        // A text area has no limit, even if Mautic stores one.
        ("long_link", Some("short_link")),
    ] {
        assert_eq!(problems(link, number), Vec::<String>::new());
    }
    let fields = Fields::checked("invitation_link", Some("lucky_number".to_owned()), &known()).unwrap();
    assert_eq!((fields.link(), fields.number()), ("invitation_link", Some("lucky_number")));
}

#[test]
fn each_problem_is_named_with_its_field_and_what_to_do() {
    for (link, number, says) in [
        ("nowhere", None, "there is no contact field «nowhere»"),
        ("short_link", None, "accepts only 64 characters: set its length to 191"),
        ("member_link", None, "«member_link» is a unique identifier"),
        ("lucky_count", None, "of the type number"),
        ("invitation_link", Some("lucky_count"), "of the type number"),
        ("invitation_link", Some("tiny"), "accepts only 8 characters"),
        ("invitation_link", Some("invitation_link"), "cannot both"),
    ] {
        let found = problems(link, number);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(says), "{found:?}");
    }
    assert_eq!(problems("nowhere", Some("tiny")).len(), 2);
}

#[test]
fn what_says_who_a_contact_is_is_never_written() {
    for alias in [
        "email",
        "Email",
        "id",
        "firstname",
        "phone",
        "website",
        "tags",
        "owner",
        "overwriteWithBlank",
        "ids",
        "",
        "a b",
        "a[b]",
    ] {
        assert!(Fields::new(alias, None).is_err(), "{alias}");
        assert!(Fields::new("invitation_link", Some(alias.to_owned())).is_err(), "{alias}");
        let stored = json!({"link": alias, "number": null});
        assert!(serde_json::from_value::<Fields>(stored).is_err(), "{alias}");
    }
    let stored = json!({"link": "invitation_link"});
    let fields: Fields = serde_json::from_value(stored).unwrap();
    assert_eq!(serde_json::to_value(&fields).unwrap(), json!({"link": "invitation_link", "number": null}));
}

#[test]
fn both_lists_of_fields_are_read() {
    // The format of `contacts/list/fields`: by id, without lengths.
    let listed = json!({"1": {"alias": "email", "type": "email", "label": "E-mail"}, "30": {"alias": "x",
        "type": "text"}, "31": {"type": "text"}});
    let fields = ContactField::list(&listed);
    assert_eq!(fields.len(), 2);
    let expected = ContactField { alias: "x".to_owned(), kind: "text".to_owned(), char_limit: None, unique: false };
    assert!(fields.contains(&expected));
    let either =
        |key: &str, value: Value| ContactField::read(&json!({"alias": "x", "type": "text", key: value})).unwrap();
    assert!(either("isUniqueIdentifier", json!(true)).unique);
    assert!(either("isUniqueIdentifer", json!("1")).unique);
    assert_eq!(either("charLengthLimit", json!("64")).char_limit, Some(64));
    assert_eq!(ContactField::list(&json!({"total": 0, "fields": []})), []);
    let others = json!([{"alias": "x", "type": "text", "isPublished": false}, {"alias": "y", "type": "text",
        "object": "company"}]);
    assert_eq!(ContactField::list(&others), []);
}
