//! The weights of a sender's mail servers, as the form has them.

use serde_json::{Value, json};

use crate::form::Form;

/// The mail servers that have a weight, from the fields `<name>.<id of the connection>`; null if none has. The error
/// names the field.
///
/// # Errors
/// When a weight is not a whole number.
pub(crate) fn weights(form: &Form, name: &str) -> Result<Value, (String, String)> {
    let mut relays = Vec::new();
    for (field, text) in form.fields() {
        let Some(id) = field.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let weight = text.parse::<i64>().map_err(|_| (field.to_owned(), format!("{text:?} is not a whole number")))?;
        relays.push(json!({ "connection_id": id, "weight": weight }));
    }
    Ok(if relays.is_empty() { Value::Null } else { relays.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_with_a_weight_are_relays() {
        let form = |fields: &[(&str, &str)]| {
            Form::of(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let typed =
            form(&[("name", "News"), ("relays.a", " 3 "), ("relays.b", ""), ("relays.c", "1"), ("relaysd", "7")]);
        let relays = json!([{ "connection_id": "a", "weight": 3 }, { "connection_id": "c", "weight": 1 }]);
        assert_eq!(weights(&typed, "relays").unwrap(), relays);
        assert_eq!(weights(&form(&[("relays.a", "")]), "relays").unwrap(), Value::Null);
        let (field, said) = weights(&form(&[("relays.a", "much")]), "relays").unwrap_err();
        assert!(field == "relays.a" && said.contains("not a whole number"), "{field}: {said}");
    }
}
