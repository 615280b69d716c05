//! A contact of Mautic.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lenient::{entries, number, text, texts};

/// A contact: every field that has a value, by its alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MauticContact {
    /// The id of the contact.
    pub id: i64,
    /// The fields as text. A field without a value is absent.
    pub fields: BTreeMap<String, String>,
}

impl MauticContact {
    /// Reads a contact. Returns `None` for a value without an id.
    pub(super) fn read(contact: &Value) -> Option<Self> {
        let id = contact.get("id").and_then(number)?;
        Some(Self { id, fields: fields(contact).unwrap_or_default() })
    }

    /// The name of the contact: first and last name, else the e-mail address, else the id.
    pub fn name(&self) -> String {
        let names: Vec<&str> = ["firstname", "lastname"].iter().filter_map(|field| self.value(field)).collect();
        match (names.is_empty(), self.value("email")) {
            (false, _) => names.join(" "),
            (true, Some(email)) => email.to_owned(),
            (true, None) => format!("Contact {}", self.id),
        }
    }

    /// The contact's e-mail address, in lower case.
    pub fn email(&self) -> Option<String> {
        self.value("email").map(str::to_lowercase)
    }

    /// The contact's mobile number, else the other number, as it was entered.
    pub fn phone(&self) -> Option<&str> {
        self.value("mobile").or_else(|| self.value("phone"))
    }

    /// A field's value, without surrounding space; `None` if it is empty.
    pub fn value(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// Reads the fields of a contact: the flat list that Mautic adds for convenience, else the groups.
fn fields(contact: &Value) -> Option<BTreeMap<String, String>> {
    let groups = contact.get("fields")?;
    if let Some(all) = groups.get("all") {
        return Some(texts(all));
    }
    let fields = entries(groups).into_iter().flat_map(|(_, group)| entries(group));
    Some(fields.filter_map(|(alias, field)| Some((alias, text(field.get("value")?)?))).collect())
}

/// Whether Mautic knows the field at all, with or without a value.
pub(super) fn has_field(contact: &Value, alias: &str) -> bool {
    let Some(groups) = contact.get("fields") else { return false };
    entries(groups).into_iter().any(|(_, group)| group.get(alias).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contact(fields: Value) -> MauticContact {
        MauticContact::read(&json!({"id": "47", "fields": {"all": fields}})).unwrap()
    }

    #[test]
    fn fields_are_text_and_null_is_no_value() {
        let read = contact(json!({"id": 47, "firstname": "Ann", "points": 0, "title": null, "link": ""}));
        let expected = [("firstname", "Ann"), ("id", "47"), ("link", ""), ("points", "0")];
        assert_eq!(read.fields, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        assert_eq!(read.id, 47);
        assert_eq!(read.value("link"), None);
    }

    #[test]
    fn without_the_flat_list_the_groups_are_read() {
        let groups = json!({"core": {"firstname": {"id": "2", "alias": "firstname", "value": "Ann"},
            "link": {"value": null}}, "social": []});
        let raw = json!({"id": 47, "fields": groups});
        let read = MauticContact::read(&raw).unwrap();
        assert_eq!(read.fields, BTreeMap::from([("firstname".to_owned(), "Ann".to_owned())]));
        assert!(has_field(&raw, "link"));
        assert!(!has_field(&raw, "other"));
        assert_eq!(MauticContact::read(&json!({"id": 1, "fields": []})).unwrap().fields, BTreeMap::new());
        assert_eq!(MauticContact::read(&json!({"fields": {}})), None);
    }

    #[test]
    fn a_contact_is_called_by_name_else_by_address_else_by_number() {
        assert_eq!(
            contact(json!({"firstname": " Ann ", "lastname": "Example", "email": "a@example.com"})).name(),
            "Ann Example"
        );
        assert_eq!(contact(json!({"firstname": "", "lastname": "Example"})).name(), "Example");
        assert_eq!(
            contact(json!({"firstname": null, "email": "ann@example.com", "company": "X"})).name(),
            "ann@example.com"
        );
        assert_eq!(contact(json!([])).name(), "Contact 47");
    }

    #[test]
    fn addresses_are_lower_case_and_the_mobile_number_goes_first() {
        let read = contact(json!({"email": " Ann@Example.com ", "phone": "1", "mobile": "2"}));
        assert_eq!(read.email().as_deref(), Some("ann@example.com"));
        assert_eq!(read.phone(), Some("2"));
        let read = contact(json!({"email": "", "phone": "1", "mobile": " "}));
        assert_eq!((read.email(), read.phone()), (None, Some("1")));
    }
}
