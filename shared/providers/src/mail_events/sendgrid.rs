//! SendGrid's event webhook, signed with ECDSA on P-256 over the time and the body.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use herald_bounces::Class;
use reqwest::header::HeaderMap;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{MailEvent, MailTold, NotTaken, bounced, cut, each, json, seconds, text, texts};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// SendGrid sends an event again for a day, signed anew each time.
const TOLERANCE: TimeDelta = TimeDelta::minutes(10);
/// The bytes of a point on P-256, which are the last of a public key in DER.
const POINT: usize = 65;

/// Reads the webhooks of a SendGrid account.
#[derive(Clone)]
pub struct SendGrid {
    point: Vec<u8>,
}

impl std::fmt::Debug for SendGrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendGrid").finish_non_exhaustive()
    }
}

impl SendGrid {
    /// Reads webhooks whose signatures this public key opens: as SendGrid shows it, in Base64.
    ///
    /// # Errors
    /// When it is not such a key.
    pub fn new(public_key: &str) -> Result<Self, &'static str> {
        let wrong = "use the verification key that SendGrid shows for its signed event webhook";
        let der = STANDARD.decode(public_key.trim()).map_err(|_| wrong)?;
        let point = der.len().checked_sub(POINT).and_then(|at| der.get(at..)).ok_or(wrong)?;
        match point.first() {
            Some(4) => Ok(Self { point: point.to_vec() }),
            _ => Err(wrong),
        }
    }

    /// Reads a webhook.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn read(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Vec<MailEvent>, NotTaken> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let at = header(TIMESTAMP).ok_or(NotTaken::NotGenuine("it has no time"))?;
        let signature = header(SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.ok_or(NotTaken::NotGenuine("it has no signature"))?;
        let mut signed = at.as_bytes().to_vec();
        signed.extend_from_slice(body);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point)
            .verify(&signed, &signature)
            .map_err(|_| NotTaken::NotGenuine("the signature does not match"))?;
        let sent = seconds(&Value::String(at.to_owned())).ok_or(NotTaken::NotGenuine("its time is not a time"))?;
        if (now - sent).abs() > TOLERANCE {
            return Err(NotTaken::NotGenuine("it is too old"));
        }
        Ok(each(json(body)?).iter().filter_map(event).collect())
    }
}

fn event(one: &Value) -> Option<MailEvent> {
    let (status, said) = (text(one, "/status"), text(one, "/reason").or(text(one, "/response")).unwrap_or_default());
    let what = match text(one, "/event")? {
        "delivered" => MailTold::Delivered,
        "spamreport" => MailTold::Complained,
        "bounce" => {
            // "blocked": the mail server did not like the sender, at least at that moment.
            let by_word = if text(one, "/type") == Some("blocked") { Class::Policy } else { Class::Hard };
            bounced(status, said, Some(by_word))
        }
        "dropped" => MailTold::Dropped,
        _ => return None,
    };
    Some(MailEvent {
        key: cut(text(one, "/sg_event_id")?),
        named: texts(one, &["/smtp-id"]),
        what,
        status: status.map(cut),
        said: cut(said),
        at: one.get("timestamp").and_then(seconds),
        raw: one.to_string(),
    })
}
