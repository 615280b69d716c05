//! A rule as rows of a form: what, how it is compared, and with what. A rule with rules inside of rules has no such
//! form, and is edited as JSON.

use serde_json::{Value, json};

/// Rows of the form.
pub(super) const ROWS: usize = 8;

/// The rule of a form. `get` gives a field of it; `segments` are those that a row can name.
pub(super) fn rule_of(get: impl Fn(&str) -> Option<String>, segments: &Value) -> Result<Value, String> {
    let mut rules = Vec::new();
    for at in 0..ROWS {
        let of = |name: &str| get(&format!("{name}_{at}")).map(|text| text.trim().to_owned()).unwrap_or_default();
        let what = of("what");
        if !what.is_empty() {
            rules.push(row_rule(&what, &of("is"), &of("value"), &of("days"), segments)?);
        }
    }
    if rules.is_empty() {
        return Err("there is no rule: say in the first row who belongs to the segment".to_owned());
    }
    let with = if get("match").as_deref() == Some("any") { "any" } else { "all" };
    Ok(json!({ with: rules }))
}

fn row_rule(what: &str, is: &str, value: &str, days: &str, segments: &Value) -> Result<Value, String> {
    let (negative, is) = match is {
        "not_equal" => (true, "equal"),
        "not_contains" => (true, "contains"),
        is => (false, is),
    };
    let rule = match what.to_lowercase().as_str() {
        "tag" => json!({ "tag": value }),
        "consent" => json!({ "consent": { "channel": value.to_lowercase(), "given": true } }),
        "lead" => lead(value),
        "activity" => {
            let mut activity = json!({ "kind": value });
            if !days.is_empty() {
                let days: u32 = days.parse().map_err(|_| format!("{days:?} is not a number of days"))?;
                activity["within_days"] = days.into();
            }
            json!({ "activity": activity })
        }
        "segment" => {
            let all = segments.as_array().into_iter().flatten();
            let found = all
                .into_iter()
                .find(|one| one["name"].as_str().is_some_and(|name| name.to_lowercase() == value.to_lowercase()));
            let found = found.ok_or_else(|| format!("there is no segment {value:?}: write the name of one"))?;
            json!({ "segment": found["id"] })
        }
        _ if matches!(is, "filled" | "empty") => json!({ "field": { "name": what, "is": is } }),
        _ => json!({ "field": { "name": what, "is": is, "value": value } }),
    };
    Ok(if negative { json!({ "not": rule }) } else { rule })
}

/// A lead: by what its status counts as, by the name of a status, or any.
fn lead(value: &str) -> Value {
    match value.to_lowercase().as_str() {
        "" => json!({ "lead": {} }),
        outcome @ ("open" | "won" | "lost") => json!({ "lead": { "stands_for": outcome } }),
        _ => json!({ "lead": { "status": value } }),
    }
}

/// The rows of a rule; none if it has no such form.
pub(super) fn rows_of(rule: &Value) -> Option<Vec<Value>> {
    if rule.is_null() {
        return Some(Vec::new());
    }
    let rules = match (&rule["all"], &rule["any"]) {
        (Value::Array(rules), _) | (_, Value::Array(rules)) => rules.clone(),
        _ => vec![rule.clone()],
    };
    if rules.len() > ROWS {
        return None;
    }
    rules.iter().map(row_of).collect()
}

fn row_of(rule: &Value) -> Option<Value> {
    let (negative, rule) = match rule.get("not") {
        Some(inner) => (true, inner),
        None => (false, rule),
    };
    let (kind, body) = rule.as_object()?.iter().next()?;
    let mut row = match kind.as_str() {
        "tag" => json!({ "what": "tag", "is": "equal", "value": body }),
        "segment" => json!({ "what": "segment", "is": "equal", "value": body }),
        "consent" if body["given"] == true => json!({ "what": "consent", "is": "equal", "value": body["channel"] }),
        "activity" if body["at_least"].as_i64().unwrap_or(1) == 1 => {
            let days = body["within_days"].as_i64().map(|days| days.to_string()).unwrap_or_default();
            json!({ "what": "activity", "is": "equal", "value": body["kind"], "days": days })
        }
        "lead" => match (&body["status"], &body["stands_for"]) {
            (Value::Null, outcome) => {
                json!({ "what": "lead", "is": "equal", "value": outcome.as_str().unwrap_or_default() })
            }
            (status, Value::Null) => json!({ "what": "lead", "is": "equal", "value": status }),
            _ => return None,
        },
        "field" => {
            json!({ "what": body["name"], "is": body["is"], "value": body["value"].as_str().unwrap_or_default() })
        }
        _ => return None,
    };
    if negative {
        row["is"] = match row["is"].as_str()? {
            "equal" => "not_equal".into(),
            "contains" => "not_contains".into(),
            _ => return None,
        };
    }
    if row.get("days").is_none() {
        row["days"] = "".into();
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<Value, String> {
        let fields: BTreeMap<String, String> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        rule_of(|name| fields.get(name).cloned(), &json!([{ "id": "7", "name": "VIP guests" }]))
    }

    #[test]
    fn rows_become_a_rule_and_come_back() {
        let rule = form(&[
            ("match", "any"),
            ("what_0", "country"),
            ("is_0", "equal"),
            ("value_0", "ES"),
            ("what_1", "Tag"),
            ("is_1", "not_equal"),
            ("value_1", "press"),
            ("what_3", "Seats"),
            ("is_3", "filled"),
            ("value_3", "left over"),
            ("what_4", "activity"),
            ("is_4", "equal"),
            ("value_4", "lead.created"),
            ("days_4", "30"),
            ("what_5", "lead"),
            ("is_5", "equal"),
            ("value_5", "Open"),
            ("what_6", "segment"),
            ("is_6", "equal"),
            ("value_6", "vip guests"),
        ])
        .unwrap();
        assert_eq!(
            rule,
            json!({ "any": [
                { "field": { "name": "country", "is": "equal", "value": "ES" } },
                { "not": { "tag": "press" } },
                { "field": { "name": "Seats", "is": "filled" } },
                { "activity": { "kind": "lead.created", "within_days": 30 } },
                { "lead": { "stands_for": "open" } },
                { "segment": "7" },
            ] })
        );
        let rows = rows_of(&rule).unwrap();
        assert_eq!(rows[1], json!({ "what": "tag", "is": "not_equal", "value": "press", "days": "" }));
        assert_eq!(rows[3]["days"], "30");
    }

    #[test]
    fn what_has_no_form_of_rows_is_left_to_json() {
        assert_eq!(rows_of(&json!({ "all": [{ "any": [{ "tag": "x" }] }] })), None);
        assert_eq!(rows_of(&json!({ "not": { "field": { "name": "x", "is": "at_least", "value": "3" } } })), None);
        assert_eq!(rows_of(&json!({ "tag": "x" })).unwrap().len(), 1);
    }

    #[test]
    fn a_row_that_cannot_be_says_so() {
        assert!(form(&[("match", "all")]).unwrap_err().contains("no rule"));
        let unknown = form(&[("what_0", "segment"), ("value_0", "Nobody")]).unwrap_err();
        assert!(unknown.contains("no segment \"Nobody\""));
        let days = form(&[("what_0", "activity"), ("value_0", "x"), ("days_0", "many")]).unwrap_err();
        assert!(days.contains("number of days"));
    }
}
