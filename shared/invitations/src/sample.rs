//! The guest in whose name a template is tried out: a contact, a guest of a run, or a person who does not exist.

use std::collections::BTreeMap;

use crate::{Invitation, fields_of};
use herald_contacts::Contact;

/// The values in place of those that the guest has only with an invitation.
const NUMBER: &str = "0042";
const LINK: &str = "https://invites.example.com/i/this-is-where-the-link-of-the-guest-will-be";
const EVENT: &str = "Sample Event";
const NAME: &str = "Alex Example";
const EMAIL: &str = "alex@example.com";

/// The guest of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The guest's fields.
    pub fields: BTreeMap<String, String>,
    /// The lucky number in its visible form.
    pub number: String,
    /// The content of the QR code.
    pub link: String,
}

impl Sample {
    /// A person who does not exist, with this name or a usual one.
    pub fn nobody(name: Option<&str>) -> Self {
        let fields = fields_of(name.unwrap_or(NAME), Some(EMAIL), None, None, &BTreeMap::new());
        Self { fields, number: NUMBER.to_owned(), link: LINK.to_owned() }
    }

    /// A contact.
    pub fn contact(contact: &Contact) -> Self {
        let fields = fields_of(
            &contact.name,
            contact.email.as_deref(),
            contact.phone.as_deref(),
            contact.external_id.as_deref(),
            &contact.fields.0,
        );
        let number = contact.lucky_number.clone().unwrap_or_else(|| NUMBER.to_owned());
        Self { fields, number, link: LINK.to_owned() }
    }

    /// A guest of a run.
    pub fn guest(invitation: &Invitation) -> Self {
        let mut fields = fields_of(
            &invitation.name,
            invitation.email.as_deref(),
            invitation.phone.as_deref(),
            invitation.external_id.as_deref(),
            &invitation.fields.0,
        );
        fields.entry("event".to_owned()).or_insert_with(|| invitation.event_name.clone());
        Self { fields, number: invitation.lucky_number.clone(), link: invitation.link.clone() }
    }

    /// The same guest with other values for some fields, and a value for each of `read`: a field without one shows its
    /// own name, so that its place is visible.
    #[must_use]
    pub fn with<'r>(mut self, given: BTreeMap<String, String>, read: impl IntoIterator<Item = &'r String>) -> Self {
        self.fields.entry("event".to_owned()).or_insert_with(|| EVENT.to_owned());
        self.fields.extend(given);
        for field in read {
            self.fields.entry(field.clone()).or_insert_with(|| field.clone());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_without_a_value_shows_its_name_and_a_given_one_wins() {
        let given = BTreeMap::from([("last_name".to_owned(), "Okafor".to_owned())]);
        let sample = Sample::nobody(Some("Ada Lovelace")).with(given, &["table".to_owned(), "first_name".to_owned()]);
        let of = |field: &str| sample.fields[field].as_str();
        assert_eq!([of("first_name"), of("last_name"), of("table")], ["Ada", "Okafor", "table"]);
        assert_eq!((of("event"), sample.number.as_str()), (EVENT, NUMBER));
    }
}
