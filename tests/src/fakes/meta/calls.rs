//! What requests are about, and who may ask.

use serde_json::json;

use super::{
    super::{
        faults::Fault,
        http::{Answered, Asked},
        server::Provider,
    },
    FakeMeta,
    state::State,
};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetaCall {
    /// Reads the number.
    Number,
    /// Sends a message.
    Send,
    /// Lists templates.
    Templates,
    /// Anything else.
    Unknown,
}

impl MetaCall {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number => "meta number",
            Self::Send => "meta send",
            Self::Templates => "meta templates",
            Self::Unknown => "meta unknown",
        }
    }

    fn of(asked: &Asked) -> Self {
        match (asked.method.as_str(), asked.words().as_slice()) {
            ("POST", [_, FakeMeta::PHONE_NUMBER_ID, "messages"]) => Self::Send,
            ("GET", [_, FakeMeta::PHONE_NUMBER_ID]) => Self::Number,
            ("GET", [_, FakeMeta::BUSINESS_ACCOUNT_ID, "message_templates"]) => Self::Templates,
            _ => Self::Unknown,
        }
    }
}

impl Provider for State {
    const TOKENS: bool = false;

    fn call(&self, asked: &Asked) -> Option<&'static str> {
        Some(MetaCall::of(asked).name())
    }

    fn act(&mut self, asked: &Asked) -> Answered {
        let call = MetaCall::of(asked);
        *self.requests.entry(call).or_default() += 1;
        if asked.bearer() != Some(FakeMeta::ACCESS_TOKEN) {
            return error(401, 190, "Invalid OAuth access token - Cannot parse access token");
        }
        match call {
            MetaCall::Number => {
                let number = json!({
                    "id": FakeMeta::PHONE_NUMBER_ID, "display_phone_number": "+1 415-523-8886",
                    "verified_name": "Example", "quality_rating": "GREEN",
                });
                Answered::json(200, &number)
            }
            MetaCall::Send => self.send(asked),
            MetaCall::Templates => self.list_templates(asked),
            MetaCall::Unknown => error(400, 100, "Unsupported get request."),
        }
    }

    fn refuse(&mut self, asked: &Asked, fault: Fault) -> Answered {
        *self.requests.entry(MetaCall::of(asked)).or_default() += 1;
        match fault {
            Fault::TooMany { retry_after } => {
                let answered = error(400, 80_007, "Rate limit issues");
                match retry_after {
                    Some(seconds) => answered.with("retry-after", seconds.to_string()),
                    None => answered,
                }
            }
            Fault::Expired => error(401, 190, "Error validating access token: Session has expired"),
            Fault::Reason(reason) => error(400, reason.parse().unwrap_or(131_000), "The message was refused"),
            Fault::Server(status) => Answered::html(status, format!("<html><body>{status}</body></html>")),
            _ => error(500, 131_000, "Something went wrong"),
        }
    }
}

/// Meta's own error body.
pub(super) fn error(status: u16, code: i64, message: &str) -> Answered {
    let body = json!({"error": {
        "message": format!("(#{code}) {message}"), "type": "OAuthException", "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": message}, "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
    }});
    Answered::json(status, &body)
}
