//! The way of a campaign from draft to sent, step by step: when each was taken, and by whom.

use serde_json::{Value, json};

/// The steps, and the event of the log that leads to each.
const STEPS: [(&str, &str, &str); 6] = [
    ("draft", "Draft", "created"),
    ("in_review", "In review", "submitted"),
    ("approved", "Approved", "approved"),
    ("scheduled", "Scheduled", "scheduled"),
    ("sending", "Being sent", "started"),
    ("sent", "Sent", "sent"),
];
/// Events that make a campaign a draft again. What was before them does not count.
const BACK: [&str; 2] = ["changed", "rejected"];

/// The steps of a campaign with its log, the newest first. `name` says who an actor is.
pub(super) fn of(campaign: &Value, log: &Value, name: impl Fn(&Value) -> Option<String>) -> Vec<Value> {
    let log: Vec<&Value> = log.as_array().into_iter().flatten().collect();
    let since = log.iter().take_while(|event| !BACK.iter().any(|kind| event["kind"] == *kind));
    let since: Vec<&Value> = since.copied().collect();
    let event = |kind: &str| since.iter().find(|event| event["kind"] == kind).copied();
    let state = campaign["state"].as_str().unwrap_or_default();
    let at = reached(campaign, state);
    let step = |(number, (id, word, kind)): (usize, &(&str, &str, &str))| {
        let stands = match (number < at, number == at) {
            // Whoever sends at once leaves a step out.
            (true, _) if *id == "scheduled" && event(kind).is_none() => "none",
            (true, _) => "done",
            (_, true) => here(state),
            _ if matches!(state, "cancelled" | "failed") => "none",
            _ => "waiting",
        };
        let word = match (number == at, state) {
            (true, "paused") => "Paused",
            (true, "cancelled") => "Cancelled",
            (true, "failed") => "Failed",
            _ => word,
        };
        let is_taken = matches!(stands, "done" | "now" | "help" | "failed");
        let event = event(kind).filter(|_| is_taken);
        let when = match *id {
            "draft" => &campaign["created_at"],
            // The hour for which it waits says more than the hour at which it was told to.
            "scheduled" if is_taken => &campaign["send_at"],
            "sending" => &campaign["started_at"],
            "sent" => &campaign["finished_at"],
            _ => event.map_or(&Value::Null, |event| &event["at"]),
        };
        let who =
            if *id == "draft" { name(&campaign["created_by"]) } else { event.and_then(|event| name(&event["who"])) };
        let when = if is_taken { when.clone() } else { Value::Null };
        json!({ "id": id, "word": word, "stands": stands, "at": when, "who": who.filter(|_| is_taken) })
    };
    STEPS.iter().enumerate().map(step).collect()
}

/// The step at which a campaign is. One that ended early stands where it ended.
fn reached(campaign: &Value, state: &str) -> usize {
    let is = |name: &str| STEPS.iter().position(|(id, ..)| *id == name).unwrap_or_default();
    let has = |name: &str| !campaign[name].is_null();
    match state {
        "paused" => is("sending"),
        "cancelled" | "failed" if has("started_at") => is("sending"),
        "failed" => is("scheduled"),
        "cancelled" if has("approved_at") => is("approved"),
        "cancelled" if has("submitted_by") => is("in_review"),
        "cancelled" => is("draft"),
        state => is(state),
    }
}

/// How the step looks at which a campaign is.
fn here(state: &str) -> &'static str {
    match state {
        "sent" => "done",
        "in_review" | "paused" => "help",
        "cancelled" | "failed" => "failed",
        _ => "now",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str) -> Value {
        json!({ "kind": kind, "who": "user:1", "at": "2026-03-01T12:00:00Z" })
    }

    fn stands(campaign: &Value, kinds: &[&str]) -> Vec<String> {
        let log: Vec<Value> = kinds.iter().rev().map(|kind| event(kind)).collect();
        let steps = of(campaign, &log.into(), |who| who.as_str().map(str::to_owned));
        steps.iter().map(|step| step["stands"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_campaign_stands_at_one_step() {
        let draft = json!({ "state": "draft", "created_at": "2026-03-01T12:00:00Z", "created_by": "user:1" });
        assert_eq!(stands(&draft, &["created"]), ["now", "waiting", "waiting", "waiting", "waiting", "waiting"]);
        let sending = json!({ "state": "sending", "started_at": "2026-03-01T12:00:00Z" });
        let at_once = ["created", "submitted", "approved", "started"];
        assert_eq!(stands(&sending, &at_once), ["done", "done", "done", "none", "now", "waiting"]);
        let at_its_time = ["created", "submitted", "approved", "scheduled", "started"];
        assert_eq!(stands(&sending, &at_its_time)[3], "done");
    }

    #[test]
    fn a_campaign_that_was_changed_begins_again() {
        let again = json!({ "state": "in_review", "created_by": "user:1" });
        let log: Vec<Value> = ["submitted", "changed", "approved", "submitted", "created"].map(event).into();
        let steps = of(&again, &log.into(), |who| who.as_str().map(str::to_owned));
        assert_eq!((&steps[1]["stands"], &steps[1]["who"]), (&json!("help"), &json!("user:1")));
        assert_eq!((&steps[2]["stands"], &steps[2]["who"]), (&json!("waiting"), &Value::Null));
    }

    #[test]
    fn a_cancelled_campaign_ends_where_it_was() {
        let cancelled = json!({ "state": "cancelled", "approved_at": "2026-03-01T12:00:00Z", "started_at": null });
        let steps = of(&cancelled, &json!([]), |_| None);
        assert_eq!((&steps[2]["word"], &steps[2]["stands"]), (&json!("Cancelled"), &json!("failed")));
        assert_eq!(steps[4]["stands"], "none");
    }
}
