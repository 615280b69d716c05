//! What Meta sends by itself, signed with HMAC-SHA256 over the very bytes.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{super::Report, FakeMeta, state::MetaMessage};

pub(super) fn status(message: &MetaMessage, status: &str, code: Option<i64>, at: DateTime<Utc>) -> Value {
    let mut all = json!({
        "id": message.id, "status": status, "timestamp": at.timestamp().to_string(), "recipient_id": message.to,
        "pricing": {"billable": true, "pricing_model": "CBP", "category": "marketing"},
    });
    if let Some(data) = &message.callback_data {
        all["biz_opaque_callback_data"] = data.as_str().into();
    }
    if let Some(code) = code {
        all["errors"] = json!([{"code": code, "title": "An error", "message": "An error",
            "error_data": {"details": "Details of the error"}}]);
    }
    all
}

pub(super) fn message(id: &str, from: &str, text: &str, at: DateTime<Utc>) -> Value {
    about(&json!({
        "contacts": [{"profile": {"name": "Ána Ejemplo"}, "wa_id": from}],
        "messages": [{"from": from, "id": id, "timestamp": at.timestamp().to_string(), "type": "text",
            "text": {"body": text}}],
    }))
}

/// The envelope around what is told of the number.
pub(super) fn about(what: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": FakeMeta::NUMBER.trim_start_matches('+'),
            "phone_number_id": FakeMeta::PHONE_NUMBER_ID},
    });
    if let (Some(value), Some(what)) = (value.as_object_mut(), what.as_object()) {
        value.extend(what.clone());
    }
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": FakeMeta::BUSINESS_ACCOUNT_ID, "changes": [{"value": value, "field": "messages"}]}],
    })
}

pub(super) fn signed(address: &str, body: &Value) -> Report {
    let body = escaped(body);
    let mut mac = Hmac::<Sha256>::new_from_slice(FakeMeta::APP_SECRET.as_bytes()).expect("a key may have any length");
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let headers = vec![("content-type", "application/json".to_owned()), ("x-hub-signature-256", signature)];
    Report { address: address.to_owned(), headers, body: body.into() }
}

/// JSON with `\u` for what is not ASCII, as Meta writes it.
fn escaped(value: &Value) -> String {
    let mut written = String::new();
    for letter in value.to_string().chars() {
        if letter.is_ascii() {
            written.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(written, "\\u{unit:04x}");
            }
        }
    }
    written
}
