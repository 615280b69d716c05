//! What Twilio sends by itself, signed with HMAC-SHA1 over the address and the sorted parameters.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use url::form_urlencoded;

use super::{super::Report, FakeTwilio, state::TwilioMessage};
use crate::sha1::hmac_sha1;

/// The report of a message's status, if Twilio was asked for one.
pub(super) fn report(message: &TwilioMessage) -> Option<Report> {
    let to = format!("whatsapp:{}", message.to);
    let from = format!("whatsapp:{}", FakeTwilio::NUMBER);
    let code = message.error_code.map(|code| code.to_string());
    let mut parameters = vec![
        ("SmsSid", message.sid.as_str()),
        ("SmsStatus", message.status.as_str()),
        ("MessageStatus", message.status.as_str()),
        ("ChannelToAddress", to.as_str()),
        ("To", to.as_str()),
        ("ChannelPrefix", "whatsapp"),
        ("MessageSid", message.sid.as_str()),
        ("AccountSid", FakeTwilio::ACCOUNT_SID),
        ("From", from.as_str()),
        ("ApiVersion", "2010-04-01"),
    ];
    if let Some(code) = &code {
        parameters.push(("ErrorCode", code.as_str()));
    }
    Some(signed(message.status_callback.as_deref()?, &parameters))
}

/// A message that somebody wrote.
pub(super) fn inbound(address: &str, sid: &str, from: &str, text: &str) -> Report {
    let from_address = format!("whatsapp:{from}");
    let to = format!("whatsapp:{}", FakeTwilio::NUMBER);
    let parameters = [
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("ProfileName", "Ana Ejemplo"),
        ("MessageType", "text"),
        ("SmsSid", sid),
        ("WaId", from.trim_start_matches('+')),
        ("SmsStatus", "received"),
        ("Body", text),
        ("To", to.as_str()),
        ("NumSegments", "1"),
        ("MessageSid", sid),
        ("AccountSid", FakeTwilio::ACCOUNT_SID),
        ("From", from_address.as_str()),
        ("ApiVersion", "2010-04-01"),
    ];
    signed(address, &parameters)
}

pub(super) fn signed(address: &str, parameters: &[(&str, &str)]) -> Report {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let mut text = address.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    let signature = STANDARD.encode(hmac_sha1(FakeTwilio::AUTH_TOKEN.as_bytes(), text.as_bytes()));
    Report {
        address: address.to_owned(),
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
            ("x-twilio-signature", signature),
        ],
        body: body.into(),
    }
}
