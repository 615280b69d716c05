//! What happens to contacts who lack a value that a campaign's template needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MessagingError, Result};

/// The variables that settings may name.
const MOST: usize = 50;
/// The longest value, in characters.
const LONGEST: usize = 500;

herald_base::text_enum! {
    /// What happens to a contact without a value.
    pub enum MissingPolicy, "there is no rule {:?} for missing values" {
        /// They get no message, and their row says why.
        Skip "skip",
        /// They get the message with another value.
        Default "default",
        /// The campaign is not approved while anybody lacks the value.
        Stop "stop",
    }
}

/// What happens to contacts without a value of one variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingValue {
    /// What happens.
    pub policy: MissingPolicy,
    /// The value instead, with the policy `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub value: Option<String>,
}

impl MissingValue {
    fn instead(&self) -> Option<&str> {
        let value = self.value.as_deref().map(str::trim).filter(|value| !value.is_empty());
        value.filter(|_| self.policy == MissingPolicy::Default)
    }
}

/// Whether the rules can be kept.
///
/// # Errors
/// [`MessagingError::Field`].
pub(super) fn check(rules: &BTreeMap<String, MissingValue>) -> Result<()> {
    if rules.len() > MOST {
        let detail = format!("missing names {} variables: name at most {MOST}", rules.len());
        return Err(MessagingError::field("settings", detail));
    }
    for (field, rule) in rules {
        let wrong = |what: String| Err(MessagingError::field("settings", format!("missing, {field:?}: {what}")));
        match (rule.policy, rule.instead()) {
            (MissingPolicy::Default, None) => return wrong("write the value that stands instead".to_owned()),
            (MissingPolicy::Default, Some(value)) if value.chars().count() > LONGEST => {
                return wrong(format!("the value is too long: use at most {LONGEST} characters"));
            }
            (MissingPolicy::Skip | MissingPolicy::Stop, _) if rule.value.is_some() => {
                return wrong("a value stands only with the policy default: leave it out".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts values in the places of those that a contact lacks.
pub(crate) fn fill<'f>(
    rules: &BTreeMap<String, MissingValue>,
    fields: impl Iterator<Item = &'f String>,
    params: &mut BTreeMap<String, String>,
) {
    for field in fields {
        let Some(value) = rules.get(field).and_then(MissingValue::instead) else { continue };
        let own = params.entry(field.clone()).or_default();
        if own.trim().is_empty() {
            value.clone_into(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: serde_json::Value) -> BTreeMap<String, MissingValue> {
        serde_json::from_value(rules).unwrap()
    }

    #[test]
    fn a_value_stands_only_where_there_is_none() {
        let rules = rules(serde_json::json!({
            "table": { "policy": "default", "value": "open" },
            "seat": { "policy": "default", "value": "free" },
            "name": { "policy": "stop" },
        }));
        let mut params = BTreeMap::from([("table".to_owned(), " ".to_owned()), ("seat".to_owned(), "7".to_owned())]);
        let fields = ["table", "seat", "name"].map(str::to_owned);
        fill(&rules, fields.iter(), &mut params);
        assert_eq!(
            params,
            BTreeMap::from([("table".to_owned(), "open".to_owned()), ("seat".to_owned(), "7".to_owned())])
        );
    }

    #[test]
    fn rules_that_say_nothing_are_refused() {
        for (rule, said) in [
            (serde_json::json!({ "policy": "default" }), "write the value"),
            (serde_json::json!({ "policy": "default", "value": " " }), "write the value"),
            (serde_json::json!({ "policy": "stop", "value": "x" }), "leave it out"),
            (serde_json::json!({ "policy": "default", "value": "x".repeat(501) }), "at most 500"),
        ] {
            let refused = check(&rules(serde_json::json!({ "table": rule }))).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(check(&rules(serde_json::json!({ "table": { "policy": "skip" } }))).is_ok());
    }
}
