//! Lenient readers for Mautic's JSON. Its shapes depend on how PHP serialised an array: a list may be an object and the
//! other way round, an empty object is `[]`, a number may be text.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Class, ProviderError, Result};

/// Returns the entries of an object by name, or of an array by position.
pub(super) fn entries(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    }
}

/// Returns the entry at a position of an array, or of an object whose keys are positions.
pub(super) fn at(value: &Value, position: usize) -> Option<&Value> {
    match value {
        Value::Object(map) => map.get(&position.to_string()),
        Value::Array(items) => items.get(position),
        _ => None,
    }
    .filter(|value| !value.is_null())
}

/// Returns the required value under `key` of an answer.
///
/// # Errors
/// [`Class::Config`] when the key is missing: another server than Mautic answered.
pub(super) fn part<'a>(answer: &'a Value, key: &str) -> Result<&'a Value> {
    answer.get(key).ok_or_else(|| {
        let message = format!("Mautic's answer has no \"{key}\": check its address, and that it is version 4 or later");
        ProviderError::new(Class::Config, message)
    })
}

/// Reads a whole number, even if it is written as text.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Reads a boolean, in any of its notations.
pub(super) fn flag(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.trim(), "" | "0" | "false" | "no"),
        _ => false,
    }
}

/// Reads a value as text. Several values, as of a multiple choice, are joined with commas. Returns `None` for null.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        // Mautic itself stores booleans in this way.
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Array(_) | Value::Object(_) => {
            Some(entries(value).into_iter().filter_map(|(_, value)| text(value)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Returns the entries that are not null, as text.
pub(super) fn texts(value: &Value) -> BTreeMap<String, String> {
    entries(value).into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_may_be_an_object_or_an_array_or_nothing() {
        let [object, array] = [json!({"0": "a", "2": "c"}), json!(["a", null, "c"])];
        for list in [&object, &array] {
            assert_eq!(at(list, 0), Some(&json!("a")));
            assert_eq!(at(list, 1), None);
            assert_eq!(at(list, 2), Some(&json!("c")));
            assert_eq!(at(list, 3), None);
        }
        assert_eq!(entries(&object).len(), 2);
        assert!(entries(&json!([])).is_empty());
        assert!(entries(&json!({})).is_empty());
        assert!(entries(&json!(null)).is_empty());
    }

    #[test]
    fn numbers_and_flags_are_read_from_text_too() {
        for value in [json!(47), json!("47"), json!(" 47 ")] {
            assert_eq!(number(&value), Some(47), "{value}");
        }
        for value in [json!(null), json!("x"), json!({}), json!(4.5)] {
            assert_eq!(number(&value), None, "{value}");
        }
        for value in [json!(true), json!(1), json!("1"), json!("yes")] {
            assert!(flag(&value), "{value}");
        }
        for value in [json!(false), json!(0), json!("0"), json!(""), json!(null), json!([])] {
            assert!(!flag(&value), "{value}");
        }
    }

    #[test]
    fn every_value_becomes_text_and_null_nothing() {
        let fields = json!({"a": "x", "b": 3, "c": null, "d": true, "e": ["red", "blue"], "f": "", "g": 1.5});
        let expected = [("a", "x"), ("b", "3"), ("d", "1"), ("e", "red, blue"), ("f", ""), ("g", "1.5")];
        assert_eq!(texts(&fields), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        assert!(texts(&json!([])).is_empty());
    }

    #[test]
    fn an_answer_of_something_else_asks_for_the_address() {
        assert_eq!(part(&json!({"a": 1}), "a"), Ok(&json!(1)));
        assert_eq!(part(&json!({"a": 1}), "contacts").unwrap_err().class, Class::Config);
    }
}
