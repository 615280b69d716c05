//! Who may ask, how often, and what is said to others. Errors have the shape of Mautic's API library.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    super::{
        faults::Fault,
        http::{Answered, Asked},
    },
    FakeMautic,
    state::State,
};

/// Who may ask.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) api_enabled: bool,
    pub(super) basic_enabled: bool,
    pub(super) token_lifetime: Duration,
    pub(super) tokens: BTreeMap<String, DateTime<Utc>>,
    given: usize,
}

impl Access {
    pub(super) fn new() -> Self {
        Self {
            api_enabled: true,
            basic_enabled: true,
            token_lifetime: Duration::from_secs(3600),
            tokens: BTreeMap::new(),
            given: 0,
        }
    }
}

/// `POST /oauth/v2/token`.
pub(super) fn token(state: &mut State, asked: &Asked) -> Answered {
    let form = asked.form();
    let word = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if word("grant_type") != "client_credentials" {
        let message = "Invalid grant_type parameter or parameter missing";
        return error(400, message, "invalid_request");
    }
    if word("client_id") != FakeMautic::CLIENT_ID || word("client_secret") != FakeMautic::CLIENT_SECRET {
        return error(400, "The client credentials are invalid", "invalid_client");
    }
    state.access.given += 1;
    let token = format!("mautic-token-{}", state.access.given);
    let lifetime = state.access.token_lifetime;
    let ends = state.clock.now() + TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX / 4);
    state.access.tokens.insert(token.clone(), ends);
    let body = json!({"access_token": token, "expires_in": lifetime.as_secs(), "token_type": "bearer", "scope": null});
    Answered::json(200, &body)
}

/// Why a request below `/api` is not looked at.
pub(super) fn refusal(state: &mut State, asked: &Asked) -> Option<Answered> {
    if !state.access.api_enabled {
        let message = "API disabled. You need to enable the API in the API settings of Mautic's Configuration.";
        return Some(error(403, message, "api_disabled"));
    }
    let authorization = asked.header("authorization");
    if let Some(token) = asked.bearer() {
        let lives = state.access.tokens.get(token).is_some_and(|ends| *ends > state.clock.now());
        if !lives {
            return Some(error(401, "The access token provided is invalid.", "invalid_grant"));
        }
    } else if let Some(words) = authorization.strip_prefix("Basic ") {
        if !state.access.basic_enabled {
            return Some(error(403, "API authorization denied.", "access_denied"));
        }
        let told = STANDARD.decode(words.trim()).unwrap_or_default();
        if told != format!("{}:{}", FakeMautic::USER, FakeMautic::PASSWORD).as_bytes() {
            return Some(error(401, "API authorization denied.", "access_denied"));
        }
    } else {
        return Some(error(401, "API authorization denied.", "access_denied"));
    }
    (!state.quota.grants(1)).then(|| too_many(state))
}

/// What a fault says.
pub(super) fn refused_by(state: &State, fault: Fault) -> Answered {
    match fault {
        Fault::TooMany { retry_after } => match retry_after {
            Some(seconds) => too_many(state).with("retry-after", seconds.to_string()),
            None => too_many(state),
        },
        Fault::Reason("api_disabled") => error(403, "API disabled.", "api_disabled"),
        Fault::Reason(reason) => error(403, "API authorization denied.", reason),
        Fault::Expired => error(401, "The access token provided has expired.", "invalid_grant"),
        // What stands before Mautic speaks HTML.
        Fault::Server(status @ 502..) => {
            let title = format!("<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center>");
            Answered::html(status, format!("{title}<hr><center>nginx</center></body></html>\n"))
        }
        _ => internal(),
    }
}

/// Mautic's answer to whatever it did not expect.
pub(super) fn internal() -> Answered {
    let message = "Looks like I encountered an error (error #500). If I do it again, please report me to the system \
        administrator!";
    let body = json!({"errors": [{"message": message, "code": 500, "type": null}]});
    Answered::json(500, &body)
}

pub(super) fn not_found() -> Answered {
    Answered::json(
        404,
        &json!({"errors": [{"code": 404, "message": "Item was not found.", "details": {}, "type": null}]}),
    )
}

/// Fields that were not accepted.
pub(super) fn invalid(details: &Value) -> Answered {
    let body = json!({"errors": [{"code": 400, "message": "Bad request.", "details": details, "type": null}]});
    Answered::json(400, &body)
}

/// Puts the limit's headers on an answer.
pub(super) fn with_limits(state: &mut State, answered: Answered) -> Answered {
    let Some(limit) = state.quota.limit() else { return answered };
    let reset = state.clock.now() + TimeDelta::from_std(state.quota.window()).unwrap_or_default();
    answered
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-remaining", state.quota.left().to_string())
        .with("x-ratelimit-reset", reset.timestamp().to_string())
}

fn too_many(state: &State) -> Answered {
    let limit = state.quota.limit().unwrap_or(1000);
    let message = format!("You exceeded the rate limit of {limit} API calls per hour.");
    Answered::json(429, &json!({"errors": [{"code": 429, "message": message, "details": []}]}))
}

fn error(status: u16, message: &str, kind: &str) -> Answered {
    Answered::json(status, &json!({"errors": [{"message": message, "code": status, "type": kind}]}))
}
