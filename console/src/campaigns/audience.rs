//! Whom a campaign writes to: as its form has it, in words, and counted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{act, form::Form, visit::Visit};

/// The audience that a form names.
///
/// # Errors
/// What is wrong with its rule.
pub(super) fn typed(values: &BTreeMap<String, String>) -> Result<Value, String> {
    let text = |name: &str| values.get(name).map_or("", String::as_str);
    let ticked = |name: &str| -> Vec<&str> { text(name).lines().filter(|line| !line.is_empty()).collect() };
    let mut audience = json!({
        "everybody": values.contains_key("audience.everybody"),
        "segments": ticked("audience.segments"),
        "tags": act::words(text("audience.tags")),
        "events": ticked("audience.events"),
        "without_segments": ticked("audience.without_segments"),
        "without_tags": act::words(text("audience.without_tags")),
    });
    let rule = text("audience.rule").trim();
    if !rule.is_empty() {
        audience["rule"] = serde_json::from_str(rule).map_err(|error| format!("the rule is not JSON: {error}"))?;
    }
    Ok(audience)
}

/// Whether it means nobody at all.
pub(super) fn is_empty(audience: &Value) -> bool {
    let some = |name: &str| audience[name].as_array().is_some_and(|all| !all.is_empty());
    audience["everybody"] != true && !some("segments") && !some("tags") && !some("events") && audience["rule"].is_null()
}

/// How many people an audience means now. None, if the person may not know; an error, if the audience has a fault.
pub(super) async fn count(visit: &Visit, channel: &str, audience: &Value) -> Option<Result<Value, String>> {
    let operation = visit.console.description.operation("countAudience").filter(|_| visit.may("countAudience"))?;
    let body = json!({ "channel": channel, "audience": audience });
    match visit.call(operation, &Form::default(), Some(&body)).await {
        Ok(answer) => Some(Ok(answer.body)),
        Err(refusal) if refusal.status.as_u16() == 422 => Some(Err(refusal.detail)),
        Err(_) => None,
    }
}

/// The audience in a few words: `VIP guests, tag customer; without tag press`.
pub(super) fn words(audience: &Value, segments: &[Value]) -> String {
    let segment = |id: &Value| {
        let found = segments.iter().find(|one| one["id"] == *id);
        found.and_then(|one| one["name"].as_str()).unwrap_or("a segment").to_owned()
    };
    let tag = |tag: &Value| format!("tag {}", tag.as_str().unwrap_or_default());
    let all = |segments: &str, tags: &str| -> Vec<String> {
        let list = |name: &str| audience[name].as_array().into_iter().flatten();
        list(segments).map(segment).chain(list(tags).map(tag)).collect()
    };
    let mut meant = all("segments", "tags");
    match audience["events"].as_array().map_or(0, Vec::len) {
        0 => {}
        1 => meant.push("the guests of an event".to_owned()),
        many => meant.push(format!("the guests of {many} events")),
    }
    if !audience["rule"].is_null() {
        meant.push("a rule".to_owned());
    }
    let meant = match (audience["everybody"] == true, meant.is_empty()) {
        (true, _) => "everybody".to_owned(),
        (false, true) => return "nobody yet".to_owned(),
        (false, false) => meant.join(", "),
    };
    match all("without_segments", "without_tags") {
        none if none.is_empty() => meant,
        without => format!("{meant}; without {}", without.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_said_in_a_few_words() {
        let segments = [json!({ "id": "1", "name": "VIP guests" })];
        let said = |audience: Value| words(&audience, &segments);
        assert_eq!(said(json!({})), "nobody yet");
        assert_eq!(said(json!({ "everybody": true, "without_tags": ["press"] })), "everybody; without tag press");
        let whole =
            json!({ "segments": ["1", "2"], "tags": ["vip"], "rule": { "tag": "a" }, "without_segments": ["1"] });
        assert_eq!(said(whole), "VIP guests, a segment, tag vip, a rule; without VIP guests");
    }

    #[test]
    fn a_form_names_an_audience() {
        let values = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        // An empty box stands before the ticked ones.
        let form = values(&[("audience.segments", "\n1\n2"), ("audience.tags", "vip, press"), ("audience.rule", " ")]);
        let audience = typed(&form).unwrap();
        assert_eq!(audience["segments"], json!(["1", "2"]));
        assert_eq!((&audience["tags"], &audience["everybody"]), (&json!(["vip", "press"]), &json!(false)));
        assert!(!is_empty(&audience) && is_empty(&typed(&values(&[("audience.segments", "")])).unwrap()));
        assert!(typed(&values(&[("audience.rule", "{")])).unwrap_err().contains("not JSON"));
    }
}
