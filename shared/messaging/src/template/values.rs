//! What a template can read of a contact.

use std::collections::BTreeMap;

use herald_contacts::Contact;

/// The values that every contact can have; every other one is a field of the workspace's own.
pub const CONTACT_VALUES: [&str; 10] = [
    "first_name",
    "last_name",
    "name",
    "email",
    "phone",
    "external_id",
    "country",
    "locale",
    "time_zone",
    "invitation_link",
];

/// The values of a contact: their own fields, and those that every contact has. First and last name fall back to the
/// first word of the name and the rest.
#[must_use]
pub fn contact_values(contact: &Contact) -> BTreeMap<String, String> {
    let mut values = contact.fields.0.clone();
    let (first, last) = contact.name.split_once(' ').unwrap_or((&contact.name, ""));
    for (key, value) in [("first_name", first), ("last_name", last)] {
        let own = values.entry(key.to_owned()).or_default();
        if own.trim().is_empty() {
            value.trim().clone_into(own);
        }
    }
    let own = [
        ("name", Some(&contact.name)),
        ("email", contact.email.as_ref()),
        ("phone", contact.phone.as_ref()),
        ("external_id", contact.external_id.as_ref()),
        ("country", contact.country.as_ref()),
        ("locale", contact.locale.as_ref()),
        ("time_zone", contact.time_zone.as_ref()),
        ("invitation_link", contact.invitation_link.as_ref()),
    ];
    values.extend(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone()))));
    values
}

/// A value of somebody who has one in every field.
#[must_use]
pub fn sample_value(field: &str) -> String {
    match field {
        "first_name" => "Robin".to_owned(),
        "last_name" => "Example".to_owned(),
        "name" => "Robin Example".to_owned(),
        "email" => "robin@example.com".to_owned(),
        "phone" => "+12025550123".to_owned(),
        field if field.contains("url") || field.contains("link") => "https://example.com/".to_owned(),
        field => format!("[{field}]"),
    }
}
