//! Why messages failed or were not sent: each cause in words, and what to do about it.

use std::collections::BTreeMap;

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

/// The causes of messages, the most frequent first, with the reason of the newest.
pub(super) fn of(messages: &[Value]) -> Vec<Value> {
    let mut causes: BTreeMap<&str, (i64, &Value)> = BTreeMap::new();
    for message in messages {
        let cause = message["cause"].as_str().unwrap_or_default();
        causes.entry(cause).or_insert((0, &message["reason"])).0 += 1;
    }
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(_, (messages, _))| -messages);
    let said = |(cause, (messages, example)): (&str, (i64, &Value))| {
        let (what, now) = said(cause);
        json!({ "cause": cause, "what": what, "now": now, "messages": messages, "example": example })
    };
    causes.into_iter().map(said).collect()
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
    fn the_most_frequent_cause_comes_first_with_the_newest_reason() {
        let message = |cause: Value, reason: &str| json!({ "cause": cause, "reason": reason });
        let causes = of(&[
            message(json!("policy"), "550 5.7.1"),
            message(json!("mailbox_full"), "552 newest"),
            message(json!("mailbox_full"), "552 older"),
            message(Value::Null, "odd"),
        ]);
        assert_eq!((&causes[0]["cause"], &causes[0]["messages"]), (&json!("mailbox_full"), &json!(2)));
        assert_eq!((&causes[0]["what"], &causes[0]["example"]), (&json!("The mailbox is full"), &json!("552 newest")));
        assert!(causes.iter().any(|cause| cause["what"] == "For another reason"));
    }
}
