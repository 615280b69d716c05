//! Twilio's webhooks: whether one is genuine, and what it says.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::whatsapp::{Inbound, Report, ReportState, Told};

/// The header with the signature.
pub const SIGNATURE: &str = "x-twilio-signature";
/// The header that says how the signature is made, if not in the usual way.
pub const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// What a webhook came with.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The whole public address, with its query.
    pub url: &'a str,
    /// The body as it arrived: a form.
    pub body: &'a [u8],
    /// The signature.
    pub signature: &'a str,
    /// How it is made, if the webhook says so.
    pub settings: Option<&'a str>,
}

/// Whether a webhook was signed with the account's token. The address may be signed with the usual port or without it.
pub fn verify(token: &SecretString, signed: &Signed<'_>) -> bool {
    // With an empty token, every sender could sign. Other ways to sign have other keys, which Herald does not have.
    if token.expose_secret().is_empty() || signed.settings.is_some() {
        return false;
    }
    let Ok(signature) = STANDARD.decode(signed.signature.trim()) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.expose_secret().as_bytes());
    let parameters = parameters(signed.body);
    spellings(signed.url).iter().any(|url| {
        let mut text = url.clone();
        for (name, values) in &parameters {
            for value in values {
                text.push_str(name);
                text.push_str(value);
            }
        }
        hmac::verify(&key, text.as_bytes(), &signature).is_ok()
    })
}

/// The parameters by name, each with its values: sorted, and each value once.
fn parameters(body: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        all.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    all
}

/// The address as it is, and with or without the usual port.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let Ok(parsed) = Url::parse(url) else { return all };
    let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else { return all };
    let Some((scheme, rest)) = url.split_once("://") else { return all };
    let behind = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default();
    for authority in [host.to_owned(), format!("{host}:{port}")] {
        let other = format!("{scheme}://{authority}{behind}");
        if !all.contains(&other) {
            all.push(other);
        }
    }
    all
}

/// Reads a webhook. `query` is that of its address. None: it is neither a report nor a message.
pub fn read(query: &str, body: &[u8]) -> Option<Told> {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let word = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let provider_id = word("MessageSid").or_else(|| word("SmsSid"))?.to_owned();
    let state = word("MessageStatus").or_else(|| word("SmsStatus"));
    if let Some(state) = state.filter(|state| *state != "received") {
        let message_id = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "m")
            .and_then(|(_, id)| id.parse::<Uuid>().ok());
        let code = word("ErrorCode").and_then(|code| code.parse().ok());
        return Some(Told::Report(Report { provider_id, message_id, state: self::state(state)?, code, at: None }));
    }
    let number = |text: &str| text.strip_prefix("whatsapp:").unwrap_or(text).to_owned();
    let button = word("ButtonPayload").or_else(|| word("ButtonText"));
    Some(Told::Inbound(Inbound {
        provider_id,
        from: word("From").map(number).filter(|number| number.starts_with('+')),
        user_id: word("ExternalUserId").map(str::to_owned),
        to: word("To").map(number),
        name: word("ProfileName").map(str::to_owned),
        kind: if button.is_some() { "button" } else { word("MessageType").unwrap_or("text") }.to_owned(),
        text: word("Body").or(word("ButtonText")).unwrap_or_default().to_owned(),
        files: word("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0),
    }))
}

/// How far a message is, by Twilio's word. None: the word says nothing of that.
pub(super) fn state(word: &str) -> Option<ReportState> {
    Some(match word {
        "accepted" | "scheduled" | "queued" | "sending" => ReportState::Accepted,
        "sent" => ReportState::Sent,
        "delivered" | "partially_delivered" => ReportState::Delivered,
        "read" => ReportState::Read,
        "undelivered" | "failed" | "canceled" => ReportState::Failed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
    }

    const STATUS: &[(&str, &str)] = &[
        ("To", "whatsapp:+34600111222"),
        ("AccountSid", "AC00000000000000000000000000000000"),
        ("ApiVersion", "2010-04-01"),
        ("From", "whatsapp:+14155238886"),
        ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
        ("MessageStatus", "delivered"),
    ];

    fn signed<'a>(url: &'a str, body: &'a [u8], signature: &'a str) -> Signed<'a> {
        Signed { url, body, signature, settings: None }
    }

    #[test]
    fn only_the_tokens_own_signature_over_address_and_parameters_counts() {
        let token = SecretString::from("12345");
        let call = form(&[
            ("Digits", "1234"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("To", "+18005551212"),
            ("From", "+14158675309"),
        ]);
        let address = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        assert!(verify(&token, &signed(address, &call, signature)));
        assert!(!verify(&token, &signed("https://mycompany.com/myapp.php?foo=1&bar=3", &call, signature)));
        assert!(!verify(&"other".into(), &signed(address, &call, signature)));
        assert!(!verify(&"".into(), &signed(address, &call, signature)));
        assert!(!verify(&token, &signed(address, &form(STATUS), signature)));
        for wrong in ["", "x", "RSOYDt4T1cUTdK1PDd93", "s+h5S8laYpoDIrF6MWF8HH7mcvpY3wEOrkMwMMoj0xY="] {
            assert!(!verify(&token, &signed(address, &call, wrong)), "{wrong}");
        }
    }

    #[test]
    fn an_address_is_signed_with_its_port_or_without_it() {
        let token = SecretString::from("12345");
        let body = form(STATUS);
        let address = "https://agency.example.com/hooks/twilio/status";
        for signature in ["KqJE/tlgYxjRZ1qFawCMfIeDdaY=", "k9q3lfn78CUttnHm3Ai16iVYzXM="] {
            assert!(verify(&token, &signed(address, &body, signature)), "{signature}");
            let with_port = "https://agency.example.com:443/hooks/twilio/status";
            assert!(verify(&token, &signed(with_port, &body, signature)), "{signature}");
        }
        // Another way to sign has a key of its own: without it nothing is believed.
        let settings = Some("key=1,algorithm=HMAC_SHA256");
        let sha256 = "s+h5S8laYpoDIrF6MWF8HH7mcvpY3wEOrkMwMMoj0xY=";
        assert!(!verify(&token, &Signed { settings, ..signed(address, &body, sha256) }));
        let sha1 = "KqJE/tlgYxjRZ1qFawCMfIeDdaY=";
        assert!(!verify(&token, &Signed { settings, ..signed(address, &body, sha1) }));
    }

    #[test]
    fn a_report_names_our_message_and_an_inbound_message_its_person() {
        let id = Uuid::from_u128(7);
        let read = |pairs: &[(&str, &str)]| super::read(&format!("x=1&m={id}"), &form(pairs));
        let Some(Told::Report(report)) = read(STATUS) else { panic!("it is a report") };
        assert_eq!((report.message_id, report.state, report.code), (Some(id), ReportState::Delivered, None));
        let failed = [("MessageSid", "SM1"), ("MessageStatus", "undelivered"), ("ErrorCode", "63016")];
        let Some(Told::Report(report)) = read(&failed) else { panic!("it is a report") };
        assert_eq!((report.state, report.code), (ReportState::Failed, Some(63_016)));
        let inbound = [
            ("MessageSid", "SM2"),
            ("SmsStatus", "received"),
            ("From", "whatsapp:+34600111222"),
            ("To", "whatsapp:+14155238886"),
            ("Body", "Baja"),
            ("ProfileName", "Ana"),
            ("NumMedia", "0"),
        ];
        let Some(Told::Inbound(message)) = read(&inbound) else { panic!("it is a message") };
        assert_eq!((message.from.as_deref(), message.text.as_str()), (Some("+34600111222"), "Baja"));
        assert_eq!((message.name.as_deref(), message.kind.as_str()), (Some("Ana"), "text"));
        assert_eq!(read(&[("MessageSid", "SM1"), ("MessageStatus", "flying")]), None);
        assert_eq!(read(&[("Body", "no id")]), None);
    }
}
