//! What Mautic sends by itself when something happens.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{contacts, forms, state::State};

/// A request that Mautic would send, for the test to send.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, which the signature is over byte by byte.
    pub body: Bytes,
}

pub(super) fn signed(state: &State, secret: &str, event: &str, id: u64) -> Option<Webhook> {
    let submission = state.submissions.get(&id)?;
    let timestamp = state.clock.now().format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let what = if event.starts_with("mautic.lead_") {
        let contact = state.contacts.get(&submission.contact)?;
        json!({"contact": contacts::shown(state, submission.contact, contact, false), "timestamp": timestamp})
    } else {
        json!({"submission": forms::shown(state, id, submission), "timestamp": timestamp})
    };
    let body = as_php_writes(&json!({event: [what]}));
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-signature", signature(secret, body.as_bytes())),
        ("x-origin-base-url", state.origin.clone()),
    ];
    Some(Webhook { headers, body: body.into() })
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// JSON with `\/` for a slash and `\u` for what is not ASCII: who signs what it read and wrote again gets another
/// signature.
fn as_php_writes(value: &Value) -> String {
    let mut written = String::new();
    for letter in value.to_string().chars() {
        match letter {
            '/' => written.push_str("\\/"),
            letter if letter.is_ascii() => written.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_mautics() {
        let body = br#"{"mautic.form_on_submit":[{"submission":{"id":7}}]}"#;
        assert_eq!(signature("mautic-secret", body), "rIV5dwfMmwVQcGy6C9JIQu3YLnNG0PTn3NGwuhshJtg=");
    }

    #[test]
    fn json_is_written_as_php_does() {
        assert_eq!(as_php_writes(&json!({"a": "é/😀"})), r#"{"a":"\u00e9\/\ud83d\ude00"}"#);
    }
}
