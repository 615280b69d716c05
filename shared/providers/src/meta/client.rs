//! Requests to Meta: signing in, handing a message over, and the meaning of answers.

use std::{fmt, sync::Arc};

use herald_base::boxed;
use reqwest::{RequestBuilder, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{MetaSecret, MetaSettings, codes::meaning, template::components};
use crate::{
    Class, Finding, Http, ProviderError, Result,
    http::Reply,
    whatsapp::{Accepted, Content, Meaning, Outgoing, SendError},
};

/// The provider's name in metrics.
const PROVIDER: &str = "meta";
/// The provider's name in messages to people.
pub(super) const WHO: &str = "Meta";

/// A client for a number at Meta. Cheap to clone.
#[derive(Clone)]
pub struct Meta(Arc<Inner>);

struct Inner {
    http: Http,
    settings: MetaSettings,
    secret: MetaSecret,
    /// The address of the Graph API, with its version.
    graph: Url,
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meta").field("number", &self.0.settings.phone_number_id).finish_non_exhaustive()
    }
}

impl Meta {
    /// A client for a number. `graph` is the address of the Graph API, with its version.
    pub fn new(http: Http, settings: MetaSettings, secret: MetaSecret, graph: Url) -> Self {
        Self(Arc::new(Inner { http, settings, secret, graph }))
    }

    pub(super) fn settings(&self) -> &MetaSettings {
        &self.0.settings
    }

    /// An address of the Graph API.
    pub(super) fn address(&self, parts: &[&str]) -> Url {
        let mut url = self.0.graph.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    fn signed_in(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.0.secret.access_token.expose_secret()).header(header::ACCEPT, "application/json")
    }

    /// Reads an object. It may be read again.
    pub(super) async fn get(&self, url: Url) -> Result<Value> {
        let request = self.signed_in(self.0.http.client().get(url));
        let read = |reply: Reply| if reply.status.is_success() { reply.json(WHO) } else { Err(refusal(&reply).error) };
        self.0.http.call(PROVIDER, WHO, request, read).await
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// [`SendError`]; of class [`Class::Unknown`] if Meta may have it all the same.
    pub async fn send(&self, message: &Outgoing<'_>) -> std::result::Result<Accepted, SendError> {
        let url = self.address(&[&self.0.settings.phone_number_id, "messages"]);
        let request = self.signed_in(self.0.http.client().post(url));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body(message).to_string());
        let mut found: Option<Meaning> = None;
        let read = |reply: Reply| {
            if reply.status.is_success() {
                return accepted(&reply);
            }
            let SendError { error, meaning } = refusal(&reply);
            found = meaning;
            Err(error)
        };
        let sent = self.0.http.call_once(PROVIDER, WHO, request, read).await;
        sent.map_err(|error| SendError { error, meaning: found })
    }

    /// Whether the number can be used.
    #[boxed]
    pub async fn check(&self) -> Vec<Finding> {
        let mut url = self.address(&[&self.0.settings.phone_number_id]);
        url.query_pairs_mut().append_pair("fields", "display_phone_number,quality_rating,verified_name");
        let number = match self.get(url).await {
            Ok(number) => number,
            Err(error) => return vec![Finding::failed(error)],
        };
        let shown = number.get("display_phone_number").and_then(Value::as_str).unwrap_or_default();
        // The text comes from outside, so only what a number consists of is repeated.
        let shown: String = shown.chars().filter(|c| c.is_ascii_digit() || "+ -()".contains(*c)).take(32).collect();
        let mut findings = vec![Finding::ok(format!("Meta lets Herald in, and sends from {shown}"))];
        findings.push(match self.templates().await {
            Ok(all) => {
                let approved = all.iter().filter(|one| one.state == crate::whatsapp::ApprovalState::Approved).count();
                Finding::ok(format!("it has {} templates, of which {approved} are approved", all.len()))
            }
            Err(error) => Finding::failed(error),
        });
        findings
    }
}

/// The JSON of a message.
fn body(message: &Outgoing<'_>) -> Value {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to.trim_start_matches('+'),
        "biz_opaque_callback_data": message.id.to_string(),
    });
    let (kind, content) = match message.content {
        Content::Text(text) => ("text", json!({ "body": text, "preview_url": false })),
        Content::Template(used) => {
            let mut template = json!({
                "name": used.template.name,
                "language": { "code": used.template.language },
            });
            let components = components(used.template, used.values);
            if !components.is_empty() {
                template["components"] = components.into();
            }
            ("template", template)
        }
    };
    body["type"] = kind.into();
    body[kind] = content;
    body
}

fn accepted(reply: &Reply) -> Result<Accepted> {
    // Meta took it, whatever it says: it must not be sent again.
    let unknown = |error: ProviderError| ProviderError { class: Class::Unknown, ..error };
    let answer: Value = reply.json(WHO).map_err(unknown)?;
    let message = answer.get("messages").and_then(|all| all.get(0)).unwrap_or(&Value::Null);
    let word = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let lacking = || ProviderError::new(Class::Unknown, "Meta took a message without giving it an id");
    let provider_id = word("id").filter(|id| !id.is_empty() && id.len() <= 256).ok_or_else(lacking)?;
    // A message that Meta holds back for a while is let go or dropped later, and a report says so.
    Ok(Accepted { said: word("message_status").unwrap_or_else(|| "accepted".to_owned()), provider_id })
}

/// The meaning of an answer other than success. The code decides, and no text of Meta's.
fn refusal(reply: &Reply) -> SendError {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.get("error").and_then(|error| error.get("code")).and_then(Value::as_i64);
    if let Some(code) = code {
        let mut refused = SendError::of(meaning(code));
        refused.error.retry_after = reply.retry_after().or(refused.error.retry_after);
        return refused;
    }
    let status = reply.status;
    let (class, said) = match status.as_u16() {
        401 | 403 => return SendError::of(meaning(190)),
        429 => (Class::Rate, "Meta gets too many requests: Herald goes on by itself".to_owned()),
        503 => (Class::Down, "Meta is not available".to_owned()),
        500.. => (Class::Unknown, format!("Meta failed (status {status}) and did not say what it did")),
        _ => (Class::Config, format!("Meta answered with status {status}, as it never does: check [whatsapp]")),
    };
    ProviderError::new(class, said).after(reply.retry_after()).into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::{StatusCode, header::HeaderMap};
    use uuid::Uuid;

    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        let status = StatusCode::from_u16(status).unwrap();
        Reply { status, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()) }
    }

    #[test]
    fn a_text_is_written_as_meta_reads_it() {
        let message = Outgoing {
            id: Uuid::nil(),
            from: "+14155238886",
            to: "+34600111222",
            content: Content::Text("Hola"),
            report_to: None,
        };
        let expected = json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "34600111222",
            "biz_opaque_callback_data": "00000000-0000-0000-0000-000000000000",
            "type": "text", "text": {"body": "Hola", "preview_url": false},
        });
        assert_eq!(body(&message), expected);
    }

    #[test]
    fn the_code_decides_and_without_one_the_status() {
        let error = |code: i64| format!(r#"{{"error":{{"message":"(#{code}) x","code":{code}}}}}"#);
        for (status, body, class) in [
            (400, error(131_056), Class::Recipient),
            (400, error(130_429), Class::Rate),
            (500, error(131_000), Class::Transient),
            (401, error(190), Class::Config),
            (401, String::new(), Class::Config),
            (429, String::new(), Class::Rate),
            (503, String::new(), Class::Down),
            (502, String::new(), Class::Unknown),
            (302, String::new(), Class::Config),
        ] {
            assert_eq!(refusal(&reply(status, &body)).error.class, class, "{status} {body}");
        }
        let taken = r#"{"messages":[{"id":"wamid.1","message_status":"held_for_quality_assessment"}]}"#;
        let taken = accepted(&reply(200, taken)).unwrap();
        assert_eq!((taken.provider_id.as_str(), taken.said.as_str()), ("wamid.1", "held_for_quality_assessment"));
        assert_eq!(accepted(&reply(200, "{}")).unwrap_err().class, Class::Unknown);
    }
}
