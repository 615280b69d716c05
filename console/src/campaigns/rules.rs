//! Fields of the form of a campaign that say several things at once: what happens to missing values, and subjects that
//! are tried.

use serde_json::{Map, Value, json};

use crate::form::Form;

/// What happens to contacts who lack a value, from lines such as `table: stop` and `first_name: default friend`.
///
/// # Errors
/// Which line says nothing, and what to write.
pub(crate) fn missing(text: &str) -> Result<Value, String> {
    let mut rules = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let wrong = || format!("{line:?} is not a rule: write a variable, and skip, stop or default with the value");
        let (field, rule) = line.split_once(':').ok_or_else(wrong)?;
        let (policy, value) = rule.trim().split_once(' ').unwrap_or((rule.trim(), ""));
        let rule = match (policy, value.trim()) {
            ("skip" | "stop", "") => json!({ "policy": policy }),
            ("default", value) if !value.is_empty() => json!({ "policy": policy, "value": value }),
            _ => return Err(wrong()),
        };
        rules.insert(field.trim().to_owned(), rule);
    }
    Ok(Value::Object(rules))
}

/// The same rules as lines.
pub(super) fn missing_lines(rules: &Value) -> String {
    let line = |(field, rule): (&String, &Value)| {
        let text = |name: &str| rule[name].as_str().unwrap_or_default();
        format!("{field}: {} {}", text("policy"), text("value")).trim_end().to_owned()
    };
    rules.as_object().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

/// A test of subjects; null without subjects.
///
/// # Errors
/// The field that is wrong, and how.
pub(crate) fn subjects(form: &Form, name: &str) -> Result<Value, (String, String)> {
    let text = form.raw(&format!("{name}.subjects")).unwrap_or_default();
    let subjects: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if subjects.is_empty() {
        return Ok(Value::Null);
    }
    let whole = |part: &str| {
        let field = format!("{name}.{part}");
        let text = form.get(&field).unwrap_or_default();
        text.parse::<u16>().map_err(|_| (field, format!("{text:?} is not a whole number")))
    };
    Ok(json!({ "subjects": subjects, "split_percent": whole("split_percent")?, "after_hours": whole("after_hours")?,
        "winner_by": form.get(&format!("{name}.winner_by")).unwrap_or("opens") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_missing_values_are_lines() {
        let lines = "first_name: default dear friend\ntable: stop";
        let rules = missing(&format!("\n {lines}\n")).unwrap();
        assert_eq!(rules["first_name"], json!({ "policy": "default", "value": "dear friend" }));
        assert_eq!(rules["table"], json!({ "policy": "stop" }));
        assert_eq!(missing_lines(&rules), lines);
        for wrong in ["table", "table: maybe", "table: default", "table: stop now"] {
            assert!(missing(wrong).unwrap_err().contains("is not a rule"), "{wrong}");
        }
        assert_eq!((missing("").unwrap(), missing_lines(&Value::Null)), (json!({}), String::new()));
    }
}
