//! Mautic's webhooks, which report events (<https://developer.mautic.org/#webhooks>).
//!
//! Delivery is not certain and may happen twice. So an event only says where to look, and the data are read from the
//! API.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use super::lenient::{entries, number};

/// The header with the signature.
pub const SIGNATURE: &str = "webhook-signature";

/// An event at Mautic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The type of the event, such as `mautic.form_on_submit`.
    pub kind: String,
    /// The form of the event.
    pub form_id: Option<u64>,
    /// The submission of the event.
    pub submission_id: Option<i64>,
    /// The contact of the event.
    pub contact_id: Option<i64>,
}

impl Event {
    /// The identity of the event: its submission. Without a submission, the whole body is the identity.
    pub fn name(&self, raw_body: &[u8]) -> Vec<u8> {
        match self.submission_id {
            Some(id) => format!("{}:submission:{id}", self.kind).into_bytes(),
            None => raw_body.to_vec(),
        }
    }
}

/// Checks that a body was signed with `secret`. The header is base64 of an HMAC-SHA256 over the body as it arrived. The
/// check takes the same time whichever part is wrong.
pub fn verify(secret: &SecretString, raw_body: &[u8], header: &str) -> bool {
    // With an empty secret, every sender could sign.
    if secret.expose_secret().is_empty() {
        return false;
    }
    let Ok(signature) = STANDARD.decode(header.trim()) else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("an HMAC takes any key");
    mac.update(raw_body);
    mac.verify_slice(&signature).is_ok()
}

/// Returns the events in a body, or none if it cannot be read.
pub fn events(raw_body: &[u8]) -> Vec<Event> {
    let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(raw_body) else { return Vec::new() };
    let kinds = entries(&body).into_iter().filter(|(kind, _)| kind.starts_with("mautic."));
    let all = kinds.flat_map(|(kind, list)| {
        // A single event may come without a list around it.
        let list = if list.get("submission").or_else(|| contact(list)).is_some() { vec![list] } else { items(list) };
        list.into_iter().map(move |item| event(kind.clone(), item))
    });
    all.collect()
}

fn items(list: &Value) -> Vec<&Value> {
    entries(list).into_iter().map(|(_, item)| item).filter(|item| item.is_object()).collect()
}

fn contact(item: &Value) -> Option<&Value> {
    ["contact", "lead"].iter().find_map(|key| item.get(key)).filter(|contact| !contact.is_null())
}

fn event(kind: String, item: &Value) -> Event {
    let submission = item.get("submission");
    let id = |value: &Value| value.get("id").and_then(number).or_else(|| number(value));
    let form = submission.and_then(|submission| submission.get("form")).and_then(id);
    Event {
        kind,
        form_id: form.and_then(|form| u64::try_from(form).ok()),
        submission_id: submission.and_then(|submission| submission.get("id")).and_then(number),
        contact_id: submission.and_then(contact).or_else(|| contact(item)).and_then(id),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BODY: &[u8] = br#"{"mautic.form_on_submit":[{"submission":{"id":7}}]}"#;
    const SIGNED: &str = "rIV5dwfMmwVQcGy6C9JIQu3YLnNG0PTn3NGwuhshJtg=";

    #[test]
    fn only_the_secrets_own_signature_over_these_very_bytes_counts() {
        let secret = SecretString::from("mautic-secret");
        assert!(verify(&secret, BODY, SIGNED));
        assert!(verify(&secret, BODY, &format!(" {SIGNED}\r\n")));
        assert!(!verify(&"other".into(), BODY, SIGNED));
        assert!(!verify(&secret, &BODY[1..], SIGNED));
        for header in ["", "x", "rIV5dwfMmwVQcGy6C9JIQg==", "sha256=00", &SIGNED[..40]] {
            assert!(!verify(&secret, BODY, header), "{header}");
        }
        // HMAC accepts an empty key.
        let mac = Hmac::<Sha256>::new_from_slice(b"").unwrap().chain_update(BODY).finalize().into_bytes();
        assert!(!verify(&"".into(), BODY, &STANDARD.encode(mac)));
    }

    #[test]
    fn events_say_where_to_look() {
        let body = json!({
            "mautic.form_on_submit": [
                {"submission": {"id": "7", "form": {"id": 3}, "lead": {"id": "47"}, "results": {}},
                    "timestamp": "2026-11-26T05:00:00+00:00"},
                {"submission": {"id": 8, "form": null, "lead": null}},
            ],
            "mautic.lead_post_save_update": {"0": {"contact": {"id": 48}}},
            "mautic.lead_post_save_new": {"lead": {"id": 49}},
            "timestamp": "x",
        });
        let event = |kind: &str, form_id, submission_id, contact_id| Event {
            kind: format!("mautic.{kind}"),
            form_id,
            submission_id,
            contact_id,
        };
        let mut read = events(body.to_string().as_bytes());
        read.sort_by_key(|event| (event.kind.clone(), event.submission_id));
        let expected = [
            event("form_on_submit", Some(3), Some(7), Some(47)),
            event("form_on_submit", None, Some(8), None),
            event("lead_post_save_new", None, None, Some(49)),
            event("lead_post_save_update", None, None, Some(48)),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_submission_told_again_at_another_time_has_the_same_name() {
        let told = |id: u64, at: &str| {
            let item = json!({"submission": {"id": id, "form": {"id": 3}}, "timestamp": at});
            let body = json!({"mautic.form_on_submit": [item]}).to_string();
            events(body.as_bytes()).remove(0).name(body.as_bytes())
        };
        assert_eq!(told(7, "2026-11-26T05:00:00+00:00"), told(7, "2026-11-26T05:09:00+00:00"));
        assert_ne!(told(7, ""), told(8, ""));
        let nameless =
            Event { kind: "mautic.form_on_submit".into(), form_id: Some(3), submission_id: None, contact_id: None };
        assert_ne!(nameless.name(b"one"), nameless.name(b"two"));
    }

    #[test]
    fn what_is_no_event_is_nothing() {
        for body in [
            &b""[..],
            b"[]",
            b"{}",
            b"no json",
            b"{\"mautic.form_on_submit\":null}",
            b"{\"mautic.form_on_submit\":[1,\"a\"]}",
        ] {
            assert_eq!(events(body), []);
        }
    }
}
