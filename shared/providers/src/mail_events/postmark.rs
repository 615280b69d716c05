//! Postmark's webhooks, whose address in Postmark's settings holds a name and a password (basic authentication).

use base64::{Engine, engine::general_purpose::STANDARD};
use herald_bounces::Class;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{MailEvent, MailTold, NotTaken, bounced, cut, each, json, text, texts, time};

/// Reads the webhooks of a Postmark server.
#[derive(Clone, Debug)]
pub struct Postmark {
    user_and_password: SecretString,
}

impl Postmark {
    /// Reads webhooks that come with this `name:password`.
    ///
    /// # Errors
    /// When the password is so short that it can be guessed.
    pub fn new(user_and_password: &SecretString) -> Result<Self, &'static str> {
        match user_and_password.expose_secret().split_once(':') {
            Some((name, password)) if !name.is_empty() && password.len() >= 16 => {
                Ok(Self { user_and_password: user_and_password.clone() })
            }
            _ => Err("use name:password, with a password of at least 16 characters"),
        }
    }

    /// Reads a webhook.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<MailEvent>, NotTaken> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let given = given.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text.trim()).ok());
        let given = given.ok_or(NotTaken::NotGenuine("it has no name and password"))?;
        // Their marks are compared in constant time, and of texts of any length.
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.user_and_password.expose_secret().as_bytes());
        let mark = hmac::sign(&key, self.user_and_password.expose_secret().as_bytes());
        hmac::verify(&key, &given, mark.as_ref())
            .map_err(|_| NotTaken::NotGenuine("its name or its password is wrong"))?;
        Ok(each(json(body)?).iter().filter_map(event).collect())
    }
}

fn event(one: &Value) -> Option<MailEvent> {
    let kind = text(one, "/RecordType")?;
    let said = text(one, "/Details").or(text(one, "/Description")).unwrap_or_default();
    let (what, at) = match (kind, text(one, "/Type")) {
        ("Delivery", _) => (MailTold::Delivered, text(one, "/DeliveredAt")),
        ("SpamComplaint", _) | ("Bounce", Some("SpamComplaint")) => (MailTold::Complained, text(one, "/BouncedAt")),
        ("Bounce", Some(word)) => (bounced(None, said, class_of_word(word)?), text(one, "/BouncedAt")),
        _ => return None,
    };
    let id = match one.get("ID") {
        Some(Value::Number(number)) => number.to_string(),
        _ => format!("{}:{}", text(one, "/MessageID")?, text(one, "/Recipient").unwrap_or_default()),
    };
    Some(MailEvent {
        key: cut(&format!("{kind}:{id}")),
        named: texts(one, &["/Metadata/herald"]),
        what,
        status: None,
        said: cut(said),
        at: at.and_then(time),
        raw: one.to_string(),
    })
}

/// What a word of Postmark's means; the outer `None`: it is no bounce.
fn class_of_word(word: &str) -> Option<Option<Class>> {
    Some(match word {
        "HardBounce" | "BadEmailAddress" => Some(Class::Hard),
        "SoftBounce" | "Transient" | "DnsError" => Some(Class::Soft),
        "SpamNotification" | "Blocked" | "VirusNotification" | "DMARCPolicy" | "SMTPApiError" => Some(Class::Policy),
        "Undeliverable" | "Unknown" => None,
        _ => return None,
    })
}
