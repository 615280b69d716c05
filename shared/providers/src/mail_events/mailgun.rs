//! Mailgun's webhooks, which carry the signature in the body.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use super::{MailEvent, MailTold, NotTaken, bounced, cut, json, seconds, text, texts};

/// Mailgun sends a webhook again for eight hours, with the first signature.
const TOLERANCE: TimeDelta = TimeDelta::hours(12);

/// Reads the webhooks of a Mailgun account.
#[derive(Clone, Debug)]
pub struct Mailgun {
    key: SecretString,
}

impl Mailgun {
    /// Reads webhooks that are signed with this key: the "HTTP webhook signing key".
    ///
    /// # Errors
    /// When it cannot be such a key.
    pub fn new(key: &SecretString) -> Result<Self, &'static str> {
        match key.expose_secret().len() {
            16.. => Ok(Self { key: key.clone() }),
            _ => Err("use the HTTP webhook signing key that Mailgun shows"),
        }
    }

    /// Reads a webhook.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn read(&self, body: &[u8], now: DateTime<Utc>) -> Result<Vec<MailEvent>, NotTaken> {
        let body = json(body).map_err(|_| NotTaken::NotGenuine("it is not JSON, so it has no signature"))?;
        let part = |path| text(&body, path).ok_or(NotTaken::NotGenuine("it has no signature"));
        let (at, token) = (part("/signature/timestamp")?, part("/signature/token")?);
        let signature = hex::decode(part("/signature/signature")?).unwrap_or_default();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.expose_secret().as_bytes()).expect("an HMAC takes any key");
        mac.update(at.as_bytes());
        mac.update(token.as_bytes());
        mac.verify_slice(&signature).map_err(|_| NotTaken::NotGenuine("the signature does not match"))?;
        let sent = seconds(&Value::String(at.to_owned())).ok_or(NotTaken::NotGenuine("its time is not a time"))?;
        if (now - sent).abs() > TOLERANCE {
            return Err(NotTaken::NotGenuine("it is too old"));
        }
        Ok(body.get("event-data").and_then(event).into_iter().collect())
    }
}

fn event(one: &Value) -> Option<MailEvent> {
    let status = text(one, "/delivery-status/enhanced-code");
    let said = text(one, "/delivery-status/message").or(text(one, "/delivery-status/description")).unwrap_or_default();
    let what = match (text(one, "/event")?, text(one, "/severity")) {
        ("delivered", _) => MailTold::Delivered,
        ("complained", _) => MailTold::Complained,
        // It goes on trying.
        ("failed", Some("temporary")) => return None,
        // It did not try: the address is on a list of its own.
        ("failed", _) if text(one, "/reason").is_some_and(|why| why.starts_with("suppress-")) => MailTold::Dropped,
        ("failed", _) => bounced(status, said, None),
        _ => return None,
    };
    Some(MailEvent {
        key: cut(text(one, "/id")?),
        named: texts(one, &["/message/headers/message-id", "/envelope/sender"]),
        what,
        status: status.map(cut),
        said: cut(said),
        at: one.get("timestamp").and_then(seconds),
        raw: one.to_string(),
    })
}
