//! Why messages failed or were not sent: each cause in words, and what to do about it.

use serde_json::{Value, json};

/// A cause as the API names it, what it means, and what to do.
const KNOWN: &[(&str, &str, &str)] = &[
    // Failed.
    ("no_such_address", "The address does not exist", "Ask the contact for another one. Nothing is sent there again."),
    ("mailbox_full", "The mailbox is full", "Try again in some days."),
    (
        "policy",
        "The other side does not want mails of this sender",
        "Look at what it answered, and at the sender's standing, before you try again.",
    ),
    ("refused", "The other side refused the message", "Look at what it answered, and try again."),
    ("put_off", "The other side put it off too often", "Try again later."),
    ("bad_address", "The address cannot be written to", "Correct it at the contact."),
    ("template", "The template could not be filled in", "Correct the template, and make a copy of the campaign."),
    ("bounced", "The message came back", "Look at what was told, and try again later."),
    ("dropped", "The mail service did not try", "Take the address off the service's own list if that is wrong."),
    ("lost", "A person says that it did not arrive", "Try again if it is still wanted."),
    // Not sent.
    ("no_address", "The contact has no address", "Add one to the contact."),
    ("missing_field", "The template needs a value that the contact does not have", "Add the value, or a default."),
    ("same_address", "Another contact has the same address and gets the message", "Merge them if they are one."),
    ("suppressed", "The address is suppressed", "It unsubscribed, complained, or came back."),
    ("consent_withdrawn", "The contact took the consent back", "Nothing: they do not want it."),
    ("no_consent", "The contact has not agreed", "Ask for the consent first."),
    ("trashed", "The contact is in the trash", "Take it out if it should get messages."),
    ("erased", "The contact was erased", "Nothing: nobody is left to write to."),
    ("expired", "The time was over", "Allow more time in a copy of the campaign."),
    ("cancelled", "The campaign was cancelled", "Make a copy of it to send it after all."),
    // Unknown.
    ("unanswered", "The connection was lost after the message was handed over", "Decide whether it arrived."),
    ("process_ended", "The process ended while the message was handed over", "Decide whether it arrived."),
];

/// The causes of messages in a state among those of all states, as the API counts them. Null if there are none.
pub(super) fn of(causes: &Value, state: &str) -> Value {
    let rows = causes.as_array().into_iter().flatten().filter(|one| one["state"] == *state);
    let rows: Vec<Value> = rows
        .map(|one| {
            let (what, now) = said(one["cause"].as_str().unwrap_or_default());
            json!({ "cause": one["cause"], "what": what, "now": now, "messages": one["messages"],
                "example": one["example"] })
        })
        .collect();
    if rows.is_empty() {
        return Value::Null;
    }
    let all: i64 = rows.iter().filter_map(|one| one["messages"].as_i64()).sum();
    json!({ "causes": rows, "all": all })
}

/// What a cause means, and what to do.
fn said(cause: &str) -> (&'static str, &'static str) {
    let known = KNOWN.iter().find(|(name, ..)| *name == cause);
    known.map_or(("For another reason", "Look at the reason of each message."), |(_, what, now)| (what, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_a_state_is_said_in_words() {
        let one = |state: &str, cause: Value, messages: i64| {
            let mut one = json!({ "state": state, "cause": cause, "messages": messages });
            one["example"] = "552 newest".into();
            one
        };
        let causes = json!([
            one("failed", json!("mailbox_full"), 2),
            one("suppressed", json!("no_address"), 7),
            one("failed", Value::Null, 1),
        ]);
        let failed = of(&causes, "failed");
        assert_eq!(failed["all"], 3);
        assert_eq!(failed["causes"][0]["what"], "The mailbox is full");
        assert_eq!(failed["causes"][0]["example"], "552 newest");
        assert_eq!(failed["causes"][1]["what"], "For another reason");
        assert_eq!(of(&causes, "unknown"), Value::Null);
    }
}
