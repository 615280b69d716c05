//! The fields contacts have, and what each makes of a value.

use serde_json::{Map, Value, json};

use super::{
    super::http::{Answered, Asked},
    contacts,
    state::State,
};

/// A field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) alias: String,
    pub(super) kind: String,
    pub(super) group: &'static str,
    /// The most characters it keeps.
    pub(super) length: Option<usize>,
    pub(super) unique: bool,
    /// Mautic's own.
    fixed: bool,
}

impl Field {
    pub(super) fn new(alias: &str, kind: &str, group: &'static str, length: usize) -> Self {
        // These are columns without a length.
        let length =
            (!matches!(kind, "textarea" | "html" | "number" | "boolean" | "date" | "datetime")).then_some(length);
        Self { alias: alias.to_owned(), kind: kind.to_owned(), group, length, unique: false, fixed: false }
    }

    /// What is kept of a value, and whether that is less than what came.
    pub(super) fn kept(&self, value: &str) -> (String, bool) {
        if self.kind == "number" {
            // A number has no leading zeros; what is none is 0.
            return (value.trim().parse::<f64>().unwrap_or(0.0).to_string(), false);
        }
        match self.length {
            Some(length) if value.chars().count() > length => (value.chars().take(length).collect(), true),
            _ => (value.to_owned(), false),
        }
    }

    pub(super) fn label(&self) -> String {
        let mut words = self.alias.replace('_', " ");
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        words
    }

    /// As it stands in a contact, with its value.
    pub(super) fn with_value(&self, id: usize, value: Option<&String>) -> Value {
        json!({
            "id": id.to_string(), "label": self.label(), "alias": self.alias, "type": self.kind, "group": self.group,
            "object": "lead", "is_fixed": if self.fixed { "1" } else { "0" }, "properties": "a:0:{}",
            "default_value": null, "value": value, "normalizedValue": value,
        })
    }

    fn listed(&self, id: usize) -> Value {
        json!({
            "isPublished": true, "id": id, "label": self.label(), "alias": self.alias, "type": self.kind,
            "group": self.group, "object": "lead", "order": id, "defaultValue": null, "isRequired": false,
            "isFixed": self.fixed, "isPubliclyUpdatable": false, "isUniqueIdentifer": self.unique,
            "charLengthLimit": self.length, "properties": [],
        })
    }
}

/// Those every Mautic has.
pub(super) fn mautics_own() -> Vec<Field> {
    let own = [
        ("title", "lookup", "core"),
        ("firstname", "text", "core"),
        ("lastname", "text", "core"),
        ("company", "text", "core"),
        ("position", "text", "core"),
        ("email", "email", "core"),
        ("mobile", "tel", "core"),
        ("phone", "tel", "core"),
        ("address1", "text", "core"),
        ("address2", "text", "core"),
        ("city", "text", "core"),
        ("state", "region", "core"),
        ("zipcode", "text", "core"),
        ("country", "country", "core"),
        ("preferred_locale", "locale", "core"),
        ("timezone", "timezone", "core"),
        ("website", "url", "core"),
        ("facebook", "text", "social"),
        ("instagram", "text", "social"),
        ("linkedin", "text", "social"),
        ("twitter", "text", "social"),
    ];
    let field = |(alias, kind, group)| {
        let length = if kind == "email" { 191 } else { 64 };
        Field { unique: alias == "email", fixed: true, ..Field::new(alias, kind, group, length) }
    };
    own.into_iter().map(field).collect()
}

/// `GET /api/fields/contact`: pages of 30, as everywhere.
pub(super) fn list(state: &State, asked: &Asked) -> Answered {
    let search = asked.word("search").to_lowercase();
    let listed: Vec<(u64, Value)> = state
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| search.is_empty() || field.alias.contains(&search))
        .map(|(at, field)| (at as u64 + 1, field.listed(at + 1)))
        .collect();
    let total = listed.len();
    let rows: Vec<Value> = contacts::page(listed, asked).into_iter().map(|(_, row)| row).collect();
    let mut body = Map::new();
    body.insert("total".to_owned(), json!(total));
    body.insert("fields".to_owned(), json!(rows));
    Answered::json(200, &Value::Object(body))
}
