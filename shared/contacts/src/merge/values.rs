//! The values of a contact by the names of their fields: what is chosen in a merge, and what an undoing compares.

use std::collections::BTreeMap;

use crate::{Contact, ContactError};

/// The values of a contact, by the names of the fields that have one.
pub(super) type Values = BTreeMap<String, String>;

/// Before the name of a field of the workspace's own.
const OWN: &str = "fields.";

/// The fields that every contact has.
pub(super) const FIXED: [&str; 11] = [
    "name",
    "email",
    "phone",
    "external_id",
    "locale",
    "time_zone",
    "country",
    "preferred_channel",
    "picture",
    "invitation_link",
    "lucky_number",
];

fn place<'a>(contact: &'a mut Contact, name: &str) -> Option<&'a mut Option<String>> {
    Some(match name {
        "email" => &mut contact.email,
        "phone" => &mut contact.phone,
        "external_id" => &mut contact.external_id,
        "locale" => &mut contact.locale,
        "time_zone" => &mut contact.time_zone,
        "country" => &mut contact.country,
        "preferred_channel" => &mut contact.preferred_channel,
        "picture" => &mut contact.picture,
        "invitation_link" => &mut contact.invitation_link,
        "lucky_number" => &mut contact.lucky_number,
        _ => return None,
    })
}

/// The values of a contact.
pub(super) fn values(contact: &Contact) -> Values {
    let mut contact = contact.clone();
    let mut values = Values::from([("name".to_owned(), contact.name.clone())]);
    for name in FIXED {
        if let Some(value) = place(&mut contact, name).and_then(Option::take) {
            values.insert(name.to_owned(), value);
        }
    }
    values.extend(contact.fields.0.into_iter().map(|(name, value)| (format!("{OWN}{name}"), value)));
    values
}

/// Gives a contact a value, or takes it.
pub(super) fn put(contact: &mut Contact, name: &str, value: Option<String>) {
    if name == "name" {
        contact.name = value.unwrap_or_else(|| contact.name.clone());
    } else if let Some(place) = place(contact, name) {
        *place = value;
    } else if let Some(own) = name.strip_prefix(OWN) {
        match value {
            Some(value) => drop(contact.fields.0.insert(own.to_owned(), value)),
            None => drop(contact.fields.0.remove(own)),
        }
    }
}

/// What the survivor of a merge is like: its own values, those of the other where it has none, and those of the other
/// that are taken.
///
/// # Errors
/// [`ContactError::Field`] if a field is taken that no contact can have.
pub(super) fn combined(survivor: &Contact, other: &Contact, take: &[String]) -> Result<Contact, ContactError> {
    for name in take {
        if !FIXED.contains(&name.as_str()) && !name.starts_with(OWN) {
            let detail = format!("there is no field {name:?}: use {}, or {OWN} and a name", FIXED.join(", "));
            return Err(ContactError::field("take", detail));
        }
    }
    let (own, theirs) = (values(survivor), values(other));
    let mut after = survivor.clone();
    for (name, value) in &theirs {
        if take.contains(name) || own.get(name).is_none_or(String::is_empty) {
            put(&mut after, name, Some(value.clone()));
        }
    }
    Ok(after)
}
