//! Checks that a webhook comes from a sender who has the secret, by Standard Webhooks
//! (<https://www.standardwebhooks.com/>) or by the CRM's own scheme.
//!
//! All checks use the bytes as they arrived and take the same time whichever part is wrong. Without a secret no webhook
//! is genuine.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac, digest::KeyInit};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};

/// The largest allowed age of a webhook and difference between the clocks (the figure of Standard Webhooks).
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// The longest id of a webhook, in bytes.
const LONGEST_ID: usize = 200;

/// How a CRM signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>`; the secret is base64 after `whsec_`.
    Standard,
    /// An HMAC in a header of the CRM's own.
    Hmac {
        /// The header with the signature.
        header: String,
        /// The text before the signature, such as `sha256=`.
        prefix: String,
        /// The hash.
        hash: Hash,
        /// How the signature is written.
        encoding: Encoding,
        /// The template of the signed text: `{id}`, `{timestamp}` and `{body}` stand for the parts of the webhook.
        signed: String,
        /// The header with the webhook's id; empty if there is no such header.
        id_header: String,
        /// The header with the time of sending, in seconds since 1970; empty if there is no such header.
        timestamp_header: String,
    },
}

/// A hash for HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Two hexadecimal digits per byte.
    Hex,
    /// RFC 4648, 4.
    Base64,
}

/// Checks signatures.
#[derive(Clone)]
pub struct Signature {
    scheme: Scheme,
    /// All secrets in use: an old and a new one during a change of secrets.
    keys: Vec<Vec<u8>>,
}

/// The verified facts about a genuine webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The id of the webhook. A repeated webhook has the same id.
    pub id: String,
    /// The time of sending, if the sender's signature covers it.
    pub sent_at: Option<DateTime<Utc>>,
}

/// The webhook is not genuine, or it is too old. The reason is for Herald's log, not for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature").field("scheme", &self.scheme).field("secrets", &self.keys.len()).finish()
    }
}

impl Signature {
    /// Creates a check of this scheme. `secrets` are separated by spaces.
    ///
    /// # Errors
    /// When a secret does not fit the scheme. The error does not show the secret.
    pub fn new(scheme: Scheme, secrets: &SecretString) -> Result<Self, &'static str> {
        let words = secrets.expose_secret().split_whitespace();
        let keys = words.map(|secret| match scheme {
            Scheme::Standard => match STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)) {
                Ok(key) if key.len() >= 16 => Ok(key),
                _ => Err("use whsec_ and at least 16 bytes in Base64, as the CRM shows it"),
            },
            Scheme::Hmac { .. } if secret.len() >= 16 => Ok(secret.as_bytes().to_vec()),
            Scheme::Hmac { .. } => Err("use at least 16 characters"),
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Self { scheme, keys })
    }

    /// Checks a webhook as it arrived.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Checked, Refused> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let given = |name: &str| if name.is_empty() { None } else { header(name).filter(|value| !value.is_empty()) };
        let (id, timestamp, signatures, hash, signed) = match &self.scheme {
            Scheme::Standard => {
                let id = given("webhook-id").ok_or(Refused("it has no webhook-id"))?;
                let timestamp = given("webhook-timestamp").ok_or(Refused("it has no webhook-timestamp"))?;
                let words = header("webhook-signature").unwrap_or_default().split(' ');
                let v1 = words.filter_map(|word| STANDARD.decode(word.strip_prefix("v1,")?).ok());
                (Some(id), Some(timestamp), v1.collect::<Vec<_>>(), Hash::Sha256, "{id}.{timestamp}.{body}")
            }
            Scheme::Hmac { header: name, prefix, hash, encoding, signed, id_header, timestamp_header } => {
                let written = header(name).and_then(|value| value.strip_prefix(prefix.as_str()));
                let decoded = written.and_then(|written| match encoding {
                    Encoding::Hex => hex::decode(written).ok(),
                    Encoding::Base64 => STANDARD.decode(written).ok(),
                });
                // Without a timestamp, Herald cannot tell whether the webhook is an old one.
                let timestamp = given(timestamp_header);
                if !timestamp_header.is_empty() && timestamp.is_none() {
                    return Err(Refused("it has no time"));
                }
                (given(id_header), timestamp, decoded.into_iter().collect(), *hash, signed.as_str())
            }
        };
        let text = fill(signed, id.unwrap_or_default(), timestamp.unwrap_or_default(), body);
        // Every key is tried with every signature, so the duration reveals nothing.
        let mut genuine = false;
        for key in &self.keys {
            for signature in &signatures {
                genuine |= match hash {
                    Hash::Sha256 => is_signed::<Hmac<Sha256>>(key, &text, signature),
                    Hash::Sha512 => is_signed::<Hmac<Sha512>>(key, &text, signature),
                };
            }
        }
        if !genuine {
            return Err(Refused("its signature is not one of our secrets'"));
        }
        let sent_at = timestamp.map(|text| {
            let seconds = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            seconds.ok_or(Refused("its time is none"))
        });
        let sent_at = sent_at.transpose()?;
        if sent_at.is_some_and(|at| (now - at).abs() > TOLERANCE) {
            return Err(Refused("it is older than five minutes, or one of the two clocks is wrong"));
        }
        // An attacker who replays a webhook could change an id that the signature does not cover.
        let id = id.filter(|id| signed.contains("{id}") && id.len() <= LONGEST_ID);
        let id = id.map_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(body))), str::to_owned);
        Ok(Checked { id, sent_at: sent_at.filter(|_| signed.contains("{timestamp}")) })
    }
}

fn is_signed<M: Mac + KeyInit>(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    let mac = <M as Mac>::new_from_slice(key).expect("an HMAC takes any key");
    mac.chain_update(text).verify_slice(signature).is_ok()
}

/// Fills in the template of the signed text.
fn fill(template: &str, id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(template.len() + body.len() + 64);
    let mut rest = template;
    while !rest.is_empty() {
        let places: [(&str, &[u8]); 3] =
            [("{id}", id.as_bytes()), ("{timestamp}", timestamp.as_bytes()), ("{body}", body)];
        if let Some((place, value)) = places.into_iter().find(|(place, _)| rest.starts_with(place)) {
            text.extend_from_slice(value);
            rest = &rest[place.len()..];
        } else {
            let next = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
            text.extend_from_slice(&rest.as_bytes()[..next]);
            rest = &rest[next..];
        }
    }
    text
}

#[cfg(test)]
mod tests;
