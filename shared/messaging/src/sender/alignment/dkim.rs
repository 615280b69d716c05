//! Keys that signatures are checked with (RFC 6376, 3.6.1).

use super::{Records, Standing, tags};

/// A key that was given.
pub(super) struct Key {
    /// The domain for which it signs.
    pub(super) domain: String,
    pub(super) standing: Standing,
    pub(super) text: String,
}

/// The length in base64 below which a key of RSA has fewer than 1,024 or 2,048 bits.
const RSA_1024: usize = 210;
const RSA_2048: usize = 380;
/// A key of Ed25519 has 32 bytes.
const ED25519: usize = 44;

/// All keys among the records.
pub(super) fn keys(records: &Records) -> Vec<Key> {
    let of_name = |(name, texts): (&String, &Vec<String>)| {
        let (selector, domain) = name.split_once("._domainkey.")?;
        let (standing, text) = judged(selector, texts);
        Some(Key { domain: domain.to_owned(), standing, text })
    };
    records.0.iter().filter_map(of_name).collect()
}

fn judged(selector: &str, texts: &[String]) -> (Standing, String) {
    use Standing::{Fails, Holds};
    let [record] = texts else {
        return (Fails, format!("the selector {selector} has {} records: keep one", texts.len()));
    };
    let tags = tags(record);
    if tags.get("v").is_some_and(|version| version != "DKIM1") {
        return (Fails, format!("the record of {selector} has another version than DKIM1"));
    }
    let key: String = tags.get("p").map(|key| key.chars().filter(|c| !c.is_whitespace()).collect()).unwrap_or_default();
    if key.is_empty() {
        return (Fails, format!("the key of {selector} was withdrawn: its p is empty"));
    }
    let is_base64 = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
    let kind = tags.get("k").map_or("rsa", String::as_str);
    match (kind, key.len()) {
        _ if !is_base64 => (Fails, format!("the key of {selector} is not base64: copy it again, whole")),
        ("ed25519", ED25519) => {
            (Holds, format!("the key of {selector} works; not every receiver checks Ed25519, so sign with RSA, too"))
        }
        ("ed25519", _) => (Fails, format!("the key of {selector} is not one of Ed25519: copy it again, whole")),
        ("rsa", ..RSA_1024) => (Fails, format!("the key of {selector} is too short: use one of 2,048 bits")),
        ("rsa", RSA_1024..RSA_2048) => {
            (Holds, format!("the key of {selector} works, but is short: use one of 2,048 bits"))
        }
        ("rsa", _) => (Holds, format!("the key of {selector} works")),
        (other, _) => (Fails, format!("the key of {selector} is of the unknown kind {other:?}: use rsa")),
    }
}
