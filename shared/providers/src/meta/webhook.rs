//! Meta's webhooks: whether one is genuine, and what it says. One body may hold many reports, twice, and in any order.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use crate::whatsapp::{Inbound, Report, ReportState, Told};

/// The header with the signature.
pub const SIGNATURE: &str = "x-hub-signature-256";
/// What is read of one body, at most.
const MOST: usize = 10_000;

/// Whether a body was signed with the app's secret. Meta writes other letters than ASCII as escapes, so only the very
/// bytes count.
pub fn verify(secret: &SecretString, raw_body: &[u8], header: &str) -> bool {
    // With an empty secret, every sender could sign.
    if secret.expose_secret().is_empty() {
        return false;
    }
    let Some(signature) = header.trim().strip_prefix("sha256=").and_then(|text| hex::decode(text).ok()) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    mac.update(raw_body);
    mac.verify_slice(&signature).is_ok()
}

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What is told of messages, each with the id of the number that it is about.
    pub told: Vec<(Option<String>, Told)>,
    /// Whether a template changed, so that the templates should be read again.
    pub templates_changed: bool,
}

/// Reads a body. What Herald does not know is left out; a body that is no notice of WhatsApp is `None`.
pub fn read(raw_body: &[u8]) -> Option<Notice> {
    let body: Value = serde_json::from_slice(raw_body).ok()?;
    if body.get("object").and_then(Value::as_str) != Some("whatsapp_business_account") {
        return None;
    }
    let mut notice = Notice::default();
    let changes = list(&body, "entry").flat_map(|entry| list(entry, "changes"));
    for change in changes {
        let field = change.get("field").and_then(Value::as_str).unwrap_or_default();
        let Some(value) = change.get("value") else { continue };
        if field.starts_with("message_template_") || field.starts_with("template_") {
            notice.templates_changed = true;
        }
        if !matches!(field, "messages" | "user_preferences") {
            continue;
        }
        let number = value.get("metadata").and_then(|metadata| text(metadata, "phone_number_id"));
        let reports = list(value, "statuses").filter_map(report).map(Told::Report);
        let messages = list(value, "messages").filter_map(|message| inbound(value, message)).map(Told::Inbound);
        let wishes = list(value, "user_preferences").filter_map(preference);
        let room = MOST.saturating_sub(notice.told.len());
        notice.told.extend(reports.chain(messages).chain(wishes).take(room).map(|told| (number.clone(), told)));
    }
    Some(notice)
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    let stamp = value.get("timestamp")?;
    let seconds = stamp.as_i64().or_else(|| stamp.as_str()?.parse().ok())?;
    DateTime::from_timestamp(seconds, 0)
}

fn report(status: &Value) -> Option<Report> {
    let state = match status.get("status").and_then(Value::as_str)? {
        "accepted" | "pending" => ReportState::Accepted,
        "sent" => ReportState::Sent,
        "delivered" => ReportState::Delivered,
        "read" | "played" => ReportState::Read,
        "failed" => ReportState::Failed,
        _ => return None,
    };
    let code = list(status, "errors").find_map(|error| error.get("code").and_then(Value::as_i64));
    Some(Report {
        provider_id: text(status, "id")?,
        message_id: text(status, "biz_opaque_callback_data").and_then(|id| id.parse().ok()),
        state,
        code,
        at: time(status),
    })
}

fn preference(told: &Value) -> Option<Told> {
    let wants = match text(told, "value")?.as_str() {
        "stop" => false,
        "resume" | "signup" => true,
        _ => return None,
    };
    Some(Told::Preference { from: number(&text(told, "wa_id")?)?, wants })
}

/// A number in E.164; none, if the text is none.
fn number(text: &str) -> Option<String> {
    let digits = text.trim_start_matches('+');
    let is_one = (5..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    is_one.then(|| format!("+{digits}"))
}

fn inbound(value: &Value, message: &Value) -> Option<Inbound> {
    let kind = text(message, "type").unwrap_or_else(|| "unknown".to_owned());
    // Notices of the system, such as a changed number, were written by nobody.
    if kind == "system" {
        return None;
    }
    let (from, user_id) = (text(message, "from"), text(message, "from_user_id"));
    let is_theirs = |contact: &&Value| {
        (from.is_some() && text(contact, "wa_id") == from) || (user_id.is_some() && text(contact, "user_id") == user_id)
    };
    let contact = list(value, "contacts").find(is_theirs);
    let content = message.get(kind.as_str()).unwrap_or(&Value::Null);
    let said = match kind.as_str() {
        "text" => text(content, "body"),
        "button" => text(content, "text"),
        "interactive" => ["button_reply", "list_reply"].iter().find_map(|kind| text(content.get(kind)?, "title")),
        "reaction" => text(content, "emoji"),
        "location" => text(content, "name").or_else(|| text(content, "address")),
        _ => text(content, "caption"),
    };
    let is_file = matches!(kind.as_str(), "image" | "video" | "audio" | "document" | "sticker");
    Some(Inbound {
        provider_id: text(message, "id")?,
        from: from.as_deref().and_then(number),
        user_id: user_id.or_else(|| contact.and_then(|contact| text(contact, "user_id"))),
        to: value.get("metadata").and_then(|metadata| text(metadata, "display_phone_number")),
        name: contact.and_then(|contact| text(contact.get("profile")?, "name")),
        text: said.unwrap_or_default(),
        files: usize::from(is_file),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_secrets_own_signature_over_these_very_bytes_counts() {
        let secret = SecretString::from("app-secret");
        let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
        let signature = "sha256=d3e4f9da0ce6c71ab3dba55929b8eeeee2455349e534924ead19f98d143e904f";
        assert!(verify(&secret, body, signature));
        assert!(!verify(&secret, &body[1..], signature));
        assert!(!verify(&"other".into(), body, signature));
        assert!(!verify(&"".into(), body, signature));
        for wrong in ["", "sha256=", "sha1=00", &signature[7..], &signature[..70]] {
            assert!(!verify(&secret, body, wrong), "{wrong}");
        }
    }

    #[test]
    fn one_body_holds_reports_and_messages_of_several_people() {
        let id = Uuid::from_u128(7);
        let notice = read(
            json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
                {"field": "messages", "value": {
                    "metadata": {"display_phone_number": "14155238886", "phone_number_id": "55"},
                    "contacts": [{"profile": {"name": "Ana"}, "wa_id": "34600111222"}],
                    "messages": [{"id": "wamid.2", "from": "34600111222", "timestamp": "1700000000", "type": "text",
                        "text": {"body": "Baja"}}],
                    "statuses": [
                        {"id": "wamid.1", "status": "failed", "timestamp": "1700000000",
                            "biz_opaque_callback_data": id.to_string(), "errors": [{"code": 131_050, "title": "x"}]},
                        {"id": "wamid.1", "status": "flying"},
                        7],
                }},
                {"field": "message_template_status_update", "value": {"event": "PAUSED"}},
                {"field": "account_update", "value": {}},
            ]}, null]})
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        assert!(notice.templates_changed);
        let number = Some("55".to_owned());
        let report = Report {
            provider_id: "wamid.1".to_owned(),
            message_id: Some(id),
            state: ReportState::Failed,
            code: Some(131_050),
            at: DateTime::from_timestamp(1_700_000_000, 0),
        };
        let message = Inbound {
            provider_id: "wamid.2".to_owned(),
            from: Some("+34600111222".to_owned()),
            user_id: None,
            to: Some("14155238886".to_owned()),
            name: Some("Ana".to_owned()),
            kind: "text".to_owned(),
            text: "Baja".to_owned(),
            files: 0,
        };
        assert_eq!(notice.told, [(number.clone(), Told::Report(report)), (number, Told::Inbound(message))]);
    }

    #[test]
    fn somebody_who_hides_their_number_has_another_id() {
        let body = json!({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {
            "contacts": [{"profile": {"name": "Ana"}, "user_id": "US.1349"}],
            "messages": [{"id": "wamid.3", "from_user_id": "US.1349", "type": "image", "image": {"caption": "Mira"}}],
        }}]}]});
        let notice = read(body.to_string().as_bytes()).unwrap();
        let (None, Told::Inbound(message)) = &notice.told[0] else { panic!("it is a message") };
        assert_eq!((message.from.as_deref(), message.user_id.as_deref()), (None, Some("US.1349")));
        assert_eq!((message.text.as_str(), message.files, message.name.as_deref()), ("Mira", 1, Some("Ana")));
    }

    #[test]
    fn what_is_no_notice_is_nothing() {
        for body in ["", "[]", "{}", "no json", r#"{"object":"page","entry":[]}"#] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        let odd = read(br#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages"}]},1]}"#);
        assert_eq!(odd, Some(Notice::default()));
    }
}
