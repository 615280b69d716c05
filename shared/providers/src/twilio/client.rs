//! Requests to Twilio: signing in, handing a message over, and the meaning of answers.

use std::{fmt, sync::Arc};

use herald_base::boxed;
use reqwest::{RequestBuilder, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{TwilioPlaces, TwilioSecret, TwilioSettings, codes::meaning};
use crate::{
    Class, Finding, Http, ProviderError, Result,
    http::Reply,
    whatsapp::{Accepted, Content, Meaning, Outgoing, SendError},
};

/// The provider's name in metrics.
pub(super) const PROVIDER: &str = "twilio";
/// The provider's name in messages to people.
pub(super) const WHO: &str = "Twilio";

/// A client for an account at Twilio. Cheap to clone.
#[derive(Clone)]
pub struct Twilio(Arc<Inner>);

struct Inner {
    http: Http,
    settings: TwilioSettings,
    secret: TwilioSecret,
    places: TwilioPlaces,
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio").field("account", &self.0.settings.account_sid).finish_non_exhaustive()
    }
}

impl Twilio {
    /// A client for an account.
    pub fn new(http: Http, settings: TwilioSettings, secret: TwilioSecret, places: TwilioPlaces) -> Self {
        Self(Arc::new(Inner { http, settings, secret, places }))
    }

    pub(super) fn places(&self) -> &TwilioPlaces {
        &self.0.places
    }

    /// An address of the account, below its API.
    pub(super) fn address(&self, parts: &[&str]) -> Url {
        let account = ["2010-04-01", "Accounts", self.0.settings.account_sid.as_str()];
        below(&self.0.places.api, account.iter().chain(parts))
    }

    fn signed_in(&self, request: RequestBuilder) -> RequestBuilder {
        let (user, token) = (&self.0.settings.account_sid, self.0.secret.auth_token.expose_secret());
        request.basic_auth(user, Some(token)).header(header::ACCEPT, "application/json")
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
    /// [`SendError`]; of class [`Class::Unknown`] if Twilio may have it all the same.
    pub async fn send(&self, message: &Outgoing<'_>) -> std::result::Result<Accepted, SendError> {
        let body = self.form(message);
        let request = self.signed_in(self.0.http.client().post(self.address(&["Messages.json"])));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
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

    fn form(&self, message: &Outgoing<'_>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", &format!("whatsapp:{}", message.to));
        match &self.0.settings.messaging_service_sid {
            Some(service) => form.append_pair("MessagingServiceSid", service),
            None => form.append_pair("From", &format!("whatsapp:{}", message.from)),
        };
        match message.content {
            Content::Text(text) => {
                form.append_pair("Body", text);
            }
            Content::Template(template) => {
                form.append_pair("ContentSid", &template.template.provider_id);
                let names = template.template.variables.iter().map(|variable| variable.name.clone());
                let values = template.values.iter().map(|value| Value::from(value.as_str()));
                let variables: Map<String, Value> = names.zip(values).collect();
                if !variables.is_empty() {
                    form.append_pair("ContentVariables", &Value::from(variables).to_string());
                }
            }
        }
        if let Some(address) = message.report_to {
            // The query is signed with the rest, so it proves whose report it is.
            form.append_pair("StatusCallback", &format!("{address}?m={}", message.id));
        }
        form.finish()
    }

    /// Whether the account can be used.
    #[boxed]
    pub async fn check(&self) -> Vec<Finding> {
        let mut url = self.address(&[]);
        let path = format!("{}.json", url.path());
        url.set_path(&path);
        let account = match self.get(url).await {
            Ok(account) => account,
            Err(error) => return vec![Finding::failed(error)],
        };
        let state = account.get("status").and_then(Value::as_str).unwrap_or("active");
        let mut findings = vec![match state {
            "active" => Finding::ok("Twilio lets Herald in"),
            _ => Finding::wrong("Twilio has suspended or closed the account: look at the Twilio console"),
        }];
        findings.push(match self.templates().await {
            Ok(all) => {
                let approved = all.iter().filter(|one| one.state == crate::whatsapp::ApprovalState::Approved).count();
                Finding::ok(format!("it has {} templates, of which {approved} are approved for WhatsApp", all.len()))
            }
            Err(error) => Finding::failed(error),
        });
        findings
    }
}

/// An address below another one; every part is escaped.
pub(super) fn below<I: AsRef<str>>(base: &Url, parts: impl IntoIterator<Item = I>) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
    url
}

fn accepted(reply: &Reply) -> Result<Accepted> {
    // Twilio took it, whatever it says: it must not be sent again.
    let unknown = |error: ProviderError| ProviderError { class: Class::Unknown, ..error };
    let answer: Value = reply.json(WHO).map_err(unknown)?;
    let word = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let sid = word("sid").filter(|sid| sid.len() <= 64 && sid.chars().all(|c| c.is_ascii_alphanumeric()));
    let lacking = || ProviderError::new(Class::Unknown, "Twilio took a message without giving it a SID");
    let provider_id = sid.ok_or_else(lacking)?;
    Ok(Accepted { said: word("status").unwrap_or_else(|| "accepted".to_owned()), provider_id })
}

/// The meaning of an answer other than success.
fn refusal(reply: &Reply) -> SendError {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_i64);
    if let Some(code) = code {
        let mut refused = SendError::of(meaning(code));
        refused.error.retry_after = reply.retry_after().or(refused.error.retry_after);
        return refused;
    }
    let status = reply.status;
    let (class, said) = match status.as_u16() {
        401 | 403 => return SendError::of(meaning(20_003)),
        429 => {
            return SendError { error: SendError::of(meaning(20_429)).error.after(reply.retry_after()), meaning: None };
        }
        503 => (Class::Down, "Twilio is not available".to_owned()),
        500.. => (Class::Unknown, format!("Twilio failed (status {status}) and did not say what it did")),
        _ if status == StatusCode::NOT_FOUND => {
            (Class::Config, "there is no such account at Twilio: check its SID".to_owned())
        }
        _ => (Class::Config, format!("Twilio answered with status {status}, as it never does: check [whatsapp]")),
    };
    ProviderError::new(class, said).after(reply.retry_after()).into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::{
        HttpSettings,
        whatsapp::{ApprovalState, ProviderTemplate, TemplateUse, TemplateVariable},
    };

    fn twilio(messaging_service_sid: Option<&str>) -> Twilio {
        let url = |text: &str| Url::parse(text).unwrap();
        let settings = TwilioSettings {
            account_sid: "AC00000000000000000000000000000000".to_owned(),
            messaging_service_sid: messaging_service_sid.map(str::to_owned),
        };
        let places =
            TwilioPlaces { api: url("https://api.example.com"), content: url("https://content.example.com/v1") };
        let secret = TwilioSecret { auth_token: "hunter2".into() };
        Twilio::new(Http::new(&HttpSettings::default()).unwrap(), settings, secret, places)
    }

    #[test]
    fn a_message_names_its_template_its_values_and_where_to_report() {
        let variable = |name: &str| TemplateVariable { name: name.to_owned(), example: None };
        let template = ProviderTemplate {
            provider_id: "HX1".to_owned(),
            name: "invite".to_owned(),
            language: "es".to_owned(),
            category: None,
            state: ApprovalState::Approved,
            reason: None,
            header: None,
            body: "Hola {{1}}, {{2}}".to_owned(),
            footer: None,
            buttons: Vec::new(),
            variables: vec![variable("1"), variable("2")],
            unusable: None,
        };
        let values = ["Ana \"A\"".to_owned(), "3 nov".to_owned()];
        let mut message = Outgoing {
            id: uuid::Uuid::nil(),
            from: "+14155238886",
            to: "+34600111222",
            content: Content::Template(TemplateUse { template: &template, values: &values }),
            report_to: Some("https://x.example.com/webhooks/twilio/1"),
        };
        let form = |twilio: &Twilio, message: &Outgoing<'_>| -> Vec<(String, String)> {
            form_urlencoded::parse(twilio.form(message).as_bytes()).into_owned().collect()
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = [
            pair("To", "whatsapp:+34600111222"),
            pair("From", "whatsapp:+14155238886"),
            pair("ContentSid", "HX1"),
            pair("ContentVariables", r#"{"1":"Ana \"A\"","2":"3 nov"}"#),
            pair("StatusCallback", "https://x.example.com/webhooks/twilio/1?m=00000000-0000-0000-0000-000000000000"),
        ];
        assert_eq!(form(&twilio(None), &message), expected);
        message.content = Content::Text("Hola");
        message.report_to = None;
        let service = twilio(Some("MG1"));
        let expected = [pair("To", "whatsapp:+34600111222"), pair("MessagingServiceSid", "MG1"), pair("Body", "Hola")];
        assert_eq!(form(&service, &message), expected);
        assert!(!format!("{service:?}").contains("hunter2"));
    }

    #[test]
    fn an_answer_without_a_code_of_twilios_own_says_whether_the_message_may_be_there() {
        let reply = |status: u16, body: &'static str| Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        for (status, body, class) in [
            (429, "", Class::Rate),
            (429, r#"{"code":20429,"status":429}"#, Class::Rate),
            (401, "", Class::Config),
            (400, r#"{"code":21211,"status":400}"#, Class::Recipient),
            (500, "<html>", Class::Unknown),
            (502, "<html>", Class::Unknown),
            (503, "", Class::Down),
            (404, "", Class::Config),
            (302, "", Class::Config),
        ] {
            assert_eq!(refusal(&reply(status, body)).error.class, class, "{status} {body}");
        }
        // It was taken, so it must not be sent again.
        assert_eq!(accepted(&reply(201, "no json")).unwrap_err().class, Class::Unknown);
        assert_eq!(accepted(&reply(201, "{}")).unwrap_err().class, Class::Unknown);
        let taken = accepted(&reply(201, r#"{"sid":"SM1","status":"queued"}"#)).unwrap();
        assert_eq!(taken, Accepted { provider_id: "SM1".to_owned(), said: "queued".to_owned() });
    }
}
