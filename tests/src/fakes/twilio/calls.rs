//! What requests are about, and who may ask.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    super::{
        faults::Fault,
        http::{Answered, Asked},
        server::Provider,
    },
    FakeTwilio,
    state::{State, shown},
};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TwilioCall {
    /// Reads the account.
    Account,
    /// Sends a message.
    Send,
    /// Lists messages.
    Messages,
    /// Reads one.
    Message,
    /// Lists templates.
    Templates,
    /// Anything else.
    Unknown,
}

impl TwilioCall {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Account => "twilio account",
            Self::Send => "twilio send",
            Self::Messages => "twilio messages",
            Self::Message => "twilio message",
            Self::Templates => "twilio templates",
            Self::Unknown => "twilio unknown",
        }
    }

    fn of(asked: &Asked) -> Self {
        match (asked.method.as_str(), asked.words().as_slice()) {
            ("POST", ["2010-04-01", "Accounts", _, "Messages.json"]) => Self::Send,
            ("GET", ["2010-04-01", "Accounts", _, "Messages.json"]) => Self::Messages,
            ("GET", ["2010-04-01", "Accounts", _, "Messages", _]) => Self::Message,
            ("GET", ["2010-04-01", "Accounts", _]) => Self::Account,
            ("GET", ["v1", "ContentAndApprovals"]) => Self::Templates,
            _ => Self::Unknown,
        }
    }
}

impl Provider for State {
    const TOKENS: bool = false;

    fn call(&self, asked: &Asked) -> Option<&'static str> {
        Some(TwilioCall::of(asked).name())
    }

    fn act(&mut self, asked: &Asked) -> Answered {
        let call = TwilioCall::of(asked);
        *self.requests.entry(call).or_default() += 1;
        let words = asked.header("authorization").strip_prefix("Basic ").unwrap_or_default().trim();
        let told = STANDARD.decode(words).unwrap_or_default();
        if told != format!("{}:{}", FakeTwilio::ACCOUNT_SID, FakeTwilio::AUTH_TOKEN).as_bytes() {
            return Answered::json(401, &FakeTwilio::error(401, 20_003, "Authenticate"));
        }
        if !self.quota.grants(1) {
            return Answered::json(429, &FakeTwilio::error(429, 20_429, "Too Many Requests"));
        }
        match call {
            TwilioCall::Account => {
                Answered::json(200, &json!({"sid": FakeTwilio::ACCOUNT_SID, "status": "active", "type": "Full"}))
            }
            TwilioCall::Send => self.send(asked),
            TwilioCall::Messages => self.list(asked),
            TwilioCall::Message => {
                let sid = asked.path.get(4).map_or("", |word| word.trim_end_matches(".json"));
                match self.messages.iter().find(|one| one.sid == sid) {
                    Some(message) => Answered::json(200, &shown(message)),
                    None => not_found(),
                }
            }
            TwilioCall::Templates => self.list_templates(asked),
            TwilioCall::Unknown => not_found(),
        }
    }

    fn refuse(&mut self, asked: &Asked, fault: Fault) -> Answered {
        *self.requests.entry(TwilioCall::of(asked)).or_default() += 1;
        match fault {
            Fault::TooMany { retry_after } => {
                let answered = Answered::json(429, &FakeTwilio::error(429, 20_429, "Too Many Requests"));
                match retry_after {
                    Some(seconds) => answered.with("retry-after", seconds.to_string()),
                    None => answered,
                }
            }
            Fault::Expired => Answered::json(401, &FakeTwilio::error(401, 20_003, "Authenticate")),
            Fault::Reason(reason) => {
                let code = reason.parse().unwrap_or(63_012);
                Answered::json(400, &FakeTwilio::error(400, code, "The message was refused"))
            }
            Fault::Server(status) => Answered::html(status, format!("<html><body>{status}</body></html>")),
            _ => Answered::html(500, "<html></html>"),
        }
    }
}

fn not_found() -> Answered {
    Answered::json(404, &FakeTwilio::error(404, 20_404, "The requested resource was not found"))
}
