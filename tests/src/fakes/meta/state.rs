//! What Meta holds.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::clock::Clock;
use serde_json::{Value, json};

use super::{
    super::{
        http::{Answered, Asked},
        quota::Quota,
    },
    calls::{MetaCall, error},
};

/// The least time between two messages to one person.
const PAIR: TimeDelta = TimeDelta::seconds(6);

/// A message that Meta took.
#[derive(Clone, Debug)]
pub struct MetaMessage {
    /// Its id.
    pub id: String,
    /// The number it goes to: digits.
    pub to: String,
    /// What was sent, as it came.
    pub body: Value,
    /// The id that the sender gave it.
    pub callback_data: Option<String>,
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
    pub(super) messages: Vec<MetaMessage>,
    /// By number: the code with which messages to it are refused.
    pub(super) refused: BTreeMap<String, i64>,
    /// By number: when its person last wrote.
    pub(super) windows: BTreeMap<String, DateTime<Utc>>,
    pub(super) requests: BTreeMap<MetaCall, usize>,
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

    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// `POST /{number}/messages`
    pub(super) fn send(&mut self, asked: &Asked) -> Answered {
        let Some(body) = asked.json() else { return error(400, 100, "Invalid parameter") };
        if body["messaging_product"] != "whatsapp" {
            return error(400, 100, "The parameter messaging_product is required.");
        }
        let to = body["to"].as_str().unwrap_or_default().to_owned();
        if to.len() < 7 || !to.chars().all(|c| c.is_ascii_digit()) {
            return error(400, 131_009, "Parameter value is not valid");
        }
        if !self.quota.grants(1) {
            return error(400, 130_429, "Rate limit hit");
        }
        if let Some(code) = self.refused.get(&to) {
            return error(400, *code, "The message was refused");
        }
        let now = self.clock.now();
        if self.messages.iter().rev().take(100).any(|one| one.to == to && now - one.created < PAIR) {
            return error(400, 131_056, "(Business Account, Consumer Account) pair rate limit hit");
        }
        match body["type"].as_str().unwrap_or_default() {
            "template" => {
                if let Some(refused) = self.misfit(&body["template"]) {
                    return refused;
                }
            }
            "text" => {
                let open = self.windows.get(&to).is_some_and(|at| now - *at < TimeDelta::hours(24));
                if !open {
                    return error(400, 131_047, "Re-engagement message");
                }
            }
            _ => return error(400, 131_051, "Message type unknown"),
        }
        let id = format!("wamid.{}", self.number());
        let callback_data = body["biz_opaque_callback_data"].as_str().map(str::to_owned);
        self.messages.push(MetaMessage { id: id.clone(), to: to.clone(), body, callback_data, created: now });
        let answer = json!({
            "messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}],
            "messages": [{"id": id, "message_status": "accepted"}],
        });
        Answered::json(200, &answer)
    }

    /// Why a template does not fit.
    fn misfit(&self, used: &Value) -> Option<Answered> {
        let is_it = |one: &&Value| one["name"] == used["name"] && one["language"] == used["language"]["code"];
        let Some(template) = self.templates.iter().find(is_it) else {
            return Some(error(404, 132_001, "Template name does not exist in the translation"));
        };
        match template["status"].as_str() {
            Some("APPROVED") => {}
            Some("PAUSED") => return Some(error(400, 132_015, "Template is Paused")),
            _ => return Some(error(400, 132_016, "Template is Disabled")),
        }
        let text = template["components"][0]["text"].as_str().unwrap_or_default();
        let wanted = (1..).take_while(|number| text.contains(&format!("{{{{{number}}}}}"))).count();
        let parts = used["components"].as_array().cloned().unwrap_or_default();
        let body = parts.iter().find(|part| part["type"] == "body");
        let given = body.and_then(|part| part["parameters"].as_array().cloned()).unwrap_or_default();
        if given.len() != wanted {
            return Some(error(400, 132_000, "Number of parameters does not match the expected number of params"));
        }
        let is_text = |one: &Value| one["text"].as_str().is_some_and(|text| !text.is_empty() && !text.contains('\n'));
        (!given.iter().all(is_text)).then(|| error(400, 132_018, "There was an issue with the parameters"))
    }

    /// `GET /{account}/message_templates`, two of a page.
    pub(super) fn list_templates(&self, asked: &Asked) -> Answered {
        let from: usize = asked.word("after").parse().unwrap_or(0);
        let data: Vec<&Value> = self.templates.iter().skip(from).take(2).collect();
        let to = from + data.len();
        let mut paging = json!({"cursors": {"before": from.to_string(), "after": to.to_string()}});
        if to < self.templates.len() {
            paging["next"] = format!("{}/v23.0/next?after={to}", self.origin).into();
        }
        Answered::json(200, &json!({"data": data, "paging": paging}))
    }
}
