//! Webhooks of any other sender, signed as Standard Webhooks have it.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::Value;

use super::{MailEvent, MailTold, NotTaken, bounced, cut, each, json, text, texts, time};
use crate::directory::{Scheme, Signature};

/// Reads webhooks in Herald's own form.
///
/// The body is an event or a list of them: `type` is `delivered`, `bounced` or `complained`; `message_id` is the
/// `Message-ID`, `sender` the envelope sender, one of them is enough; `status`, `reason` and `at` are optional.
#[derive(Clone, Debug)]
pub struct Generic {
    signature: Signature,
}

impl Generic {
    /// Reads webhooks that are signed with one of these secrets: `whsec_` and Base64, spaces between them.
    ///
    /// # Errors
    /// When one is no such secret.
    pub fn new(secrets: &SecretString) -> Result<Self, &'static str> {
        Ok(Self { signature: Signature::new(Scheme::Standard, secrets)? })
    }

    /// Reads a webhook.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn read(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Vec<MailEvent>, NotTaken> {
        let checked = self.signature.check(headers, body, now).map_err(|refused| NotTaken::NotGenuine(refused.0))?;
        let all = each(json(body)?);
        let events = all.iter().enumerate().map(|(number, one)| event(one, &format!("{}:{number}", checked.id)));
        events.collect::<Option<_>>().ok_or(NotTaken::Unreadable(
            "an event has no type of delivered, bounced or complained, or names no mail: give type, and message_id or \
             sender",
        ))
    }
}

fn event(one: &Value, key: &str) -> Option<MailEvent> {
    let (status, said) = (text(one, "/status"), text(one, "/reason").unwrap_or_default());
    let what = match text(one, "/type")? {
        "delivered" => MailTold::Delivered,
        "bounced" => bounced(status, said, None),
        "complained" => MailTold::Complained,
        _ => return None,
    };
    let named = texts(one, &["/message_id", "/sender"]);
    (!named.is_empty()).then(|| MailEvent {
        key: cut(key),
        named,
        what,
        status: status.map(cut),
        said: cut(said),
        at: text(one, "/at").and_then(time),
        raw: one.to_string(),
    })
}
