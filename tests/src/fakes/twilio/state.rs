//! What the Twilio holds.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::clock::Clock;
use serde_json::{Value, json};

use super::{
    super::{
        http::{Answered, Asked},
        quota::Quota,
    },
    FakeTwilio,
    calls::TwilioCall,
};

/// A message that Twilio took.
#[derive(Clone, Debug)]
pub struct TwilioMessage {
    /// Its SID.
    pub sid: String,
    /// The number it goes to, in E.164.
    pub to: String,
    /// What it says.
    pub body: String,
    /// The template, if there was one.
    pub content_sid: Option<String>,
    /// How far it is.
    pub status: String,
    /// Why it failed.
    pub error_code: Option<i64>,
    /// Where Twilio reports to.
    pub status_callback: Option<String>,
    /// When it came.
    pub created: DateTime<Utc>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) origin: String,
    pub(super) clock: Clock,
    pub(super) quota: Quota,
    pub(super) templates: Vec<Value>,
    pub(super) messages: Vec<TwilioMessage>,
    /// By number: the code with which messages to it are refused.
    pub(super) refused: BTreeMap<String, i64>,
    /// By number: when its person last wrote.
    pub(super) windows: BTreeMap<String, DateTime<Utc>>,
    pub(super) requests: BTreeMap<TwilioCall, usize>,
    last: u64,
}

impl State {
    pub(super) fn new(origin: String, clock: Clock) -> Self {
        Self {
            origin,
            quota: Quota::none(clock.clone()),
            clock,
            templates: Vec::new(),
            messages: Vec::new(),
            refused: BTreeMap::new(),
            windows: BTreeMap::new(),
            requests: BTreeMap::new(),
            last: 0,
        }
    }

    pub(super) fn sid(&mut self, begins: &str) -> String {
        self.last += 1;
        format!("{begins}{:032x}", self.last)
    }

    /// `POST Messages.json`
    pub(super) fn send(&mut self, asked: &Asked) -> Answered {
        let form = asked.form();
        let word = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let refused = |code: i64, message: &str| Answered::json(400, &FakeTwilio::error(400, code, message));
        let Some(to) = word("To").and_then(|to| to.strip_prefix("whatsapp:").map(str::to_owned)) else {
            return refused(21_211, "The 'To' number is not a valid phone number.");
        };
        if !to.starts_with('+') || to.len() < 8 || !to[1..].chars().all(|c| c.is_ascii_digit()) {
            return refused(21_211, "The 'To' number is not a valid phone number.");
        }
        let from = word("From").unwrap_or_default();
        if word("MessagingServiceSid").is_none() && from != format!("whatsapp:{}", FakeTwilio::NUMBER) {
            return refused(63_007, "Twilio could not find a Channel with the specified From address");
        }
        if let Some(code) = self.refused.get(&to) {
            return refused(*code, "The message was refused");
        }
        let body = match (word("ContentSid"), word("Body")) {
            (Some(sid), _) => match self.filled(&sid, word("ContentVariables").as_deref()) {
                Ok(body) => body,
                Err((code, message)) => return refused(code, message),
            },
            (None, Some(body)) if body.chars().count() <= 1_600 => body,
            (None, Some(_)) => {
                return refused(21_617, "The concatenated message body exceeds the 1600 character limit");
            }
            (None, None) => return refused(21_619, "A text message body or media urls must be specified."),
        };
        if let Some(address) = word("StatusCallback") {
            let host = url::Url::parse(&address).ok().and_then(|url| url.host_str().map(str::to_owned));
            if host.is_none_or(|host| host.contains('_')) {
                return refused(21_609, "The StatusCallback URL is not a valid URL.");
            }
        }
        // A message is taken before anybody knows whether the window is open.
        let now = self.clock.now();
        let open = self.windows.get(&to).is_some_and(|at| now - *at < TimeDelta::hours(24));
        let closed = word("ContentSid").is_none() && !open;
        let message = TwilioMessage {
            sid: self.sid("SM"),
            body,
            content_sid: word("ContentSid"),
            status: if closed { "undelivered" } else { "queued" }.to_owned(),
            error_code: closed.then_some(63_016),
            status_callback: word("StatusCallback"),
            created: now,
            to,
        };
        let mut shown = shown(&message);
        shown["status"] = "queued".into();
        shown["error_code"] = Value::Null;
        self.messages.push(message);
        Answered::json(201, &shown)
    }

    /// The text of a template with its values.
    fn filled(&self, sid: &str, variables: Option<&str>) -> Result<String, (i64, &'static str)> {
        let template = self.templates.iter().find(|one| one["sid"] == sid);
        let Some(template) = template else { return Err((21_655, "The ContentSid is Invalid")) };
        let given: BTreeMap<String, String> = match variables.map(serde_json::from_str) {
            None => BTreeMap::new(),
            Some(Ok(given)) => given,
            Some(Err(_)) => return Err((21_656, "The ContentVariables Parameter is invalid.")),
        };
        let mut body = template["types"]["twilio/text"]["body"].as_str().unwrap_or_default().to_owned();
        for (name, value) in &given {
            if value.is_empty() {
                return Err((21_656, "The ContentVariables Parameter is invalid."));
            }
            body = body.replace(&format!("{{{{{name}}}}}"), value);
        }
        if body.contains("{{") {
            return Err((63_028, "Number of parameters provided does not match the expected number of parameters"));
        }
        Ok(body)
    }

    /// `GET Messages.json`
    pub(super) fn list(&self, asked: &Asked) -> Answered {
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
        let (after, before) = (asked.word("DateSent>"), asked.word("DateSent<"));
        let most = asked.word("PageSize").parse().unwrap_or(50_usize).min(1_000);
        let fits = |one: &&TwilioMessage| {
            let (to, day) = (format!("whatsapp:{}", one.to), day(one.created));
            (asked.word("To").is_empty() || asked.word("To") == to)
                && (after.is_empty() || day.as_str() >= after)
                && (before.is_empty() || day.as_str() <= before)
        };
        let found: Vec<Value> = self.messages.iter().rev().filter(fits).take(most).map(shown).collect();
        Answered::json(200, &json!({"messages": found, "page": 0, "page_size": most, "next_page_uri": null}))
    }

    /// `GET ContentAndApprovals`, two of a page.
    pub(super) fn list_templates(&self, asked: &Asked) -> Answered {
        let page: usize = asked.word("Page").parse().unwrap_or(0);
        let contents: Vec<&Value> = self.templates.iter().skip(page * 2).take(2).collect();
        let next = (self.templates.len() > page * 2 + 2)
            .then(|| format!("{}/v1/ContentAndApprovals?PageSize=2&Page={}", self.origin, page + 1));
        let meta = json!({"page": page, "page_size": 2, "key": "contents", "next_page_url": next});
        Answered::json(200, &json!({"contents": contents, "meta": meta}))
    }
}

pub(super) fn shown(message: &TwilioMessage) -> Value {
    json!({
        "sid": message.sid, "account_sid": FakeTwilio::ACCOUNT_SID, "status": message.status,
        "to": format!("whatsapp:{}", message.to), "from": format!("whatsapp:{}", FakeTwilio::NUMBER),
        "body": message.body, "num_segments": "1", "num_media": "0", "price": null,
        "error_code": message.error_code, "error_message": null,
        "date_created": message.created.format("%a, %d %b %Y %H:%M:%S +0000").to_string(),
        "uri": format!("/2010-04-01/Accounts/{}/Messages/{}.json", FakeTwilio::ACCOUNT_SID, message.sid),
    })
}
