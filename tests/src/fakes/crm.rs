//! An agency's CRM for tests: people with versions, a login, a list in pages, and signed webhooks.
//!
//! No product in particular: the shape of `docs/crm.md`, with what makes such a CRM hard to follow. Its list may be cut
//! short or empty, its events come late, twice and in any order, and it answers a wrong password as it does an unknown
//! address.

use std::{collections::BTreeMap, sync::MutexGuard};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use herald_base::clock::Clock;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    faults::{Fault, Faults},
    http::{Answered, Asked},
    server::{Place, Provider, Server},
};

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeCrm(Server<State>);

/// A person of the CRM's.
#[derive(Clone, Debug)]
struct Person {
    email: String,
    name: String,
    role: String,
    password: String,
    active: bool,
    version: i64,
    updated_at: DateTime<Utc>,
}

/// A request that the CRM would send, for the test to send.
#[derive(Clone, Debug)]
pub struct CrmWebhook {
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, which the signature is over byte by byte.
    pub body: Bytes,
}

#[derive(Debug)]
struct State {
    clock: Clock,
    people: BTreeMap<u64, Person>,
    requests: BTreeMap<&'static str, usize>,
    /// Passwords that were sent here, as they came.
    passwords: Vec<String>,
    page: usize,
    sent: usize,
}

impl FakeCrm {
    /// Opens its API.
    pub const TOKEN: &str = "a token of the test";
    /// What it signs with: 24 bytes.
    pub const SECRET: &str = "whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3QgIDEy";
    /// Asks whether a password is right.
    pub const LOGIN: &str = "crm login";
    /// Lists people.
    pub const USERS: &str = "crm users";

    /// A CRM without people in which nothing fails.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start_at(place: &Place) -> Self {
        let clock = place.clock.clone();
        let state = |_| State {
            clock,
            people: BTreeMap::new(),
            requests: BTreeMap::new(),
            passwords: Vec::new(),
            page: 100,
            sent: 0,
        };
        Self(Server::start(place, state).await)
    }

    /// Its API's address.
    pub fn url(&self) -> String {
        format!("{}/api", self.0.origin())
    }

    /// How its requests fail.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Lets the next `times` requests of a kind fail.
    pub fn fail_next(&self, call: &'static str, fault: Fault, times: usize) {
        self.0.faults.fail_next(Some(call), fault, times);
    }

    /// How often it was asked something.
    pub fn requests(&self, call: &'static str) -> usize {
        self.state().requests.get(call).copied().unwrap_or_default()
    }

    /// The passwords it was sent.
    pub fn passwords(&self) -> Vec<String> {
        self.state().passwords.clone()
    }

    /// How many people a page of its list has.
    pub fn set_page(&self, people: usize) {
        self.state().page = people;
    }

    /// Adds a person; their id.
    pub fn add(&self, email: &str, role: &str, password: &str) -> u64 {
        let mut state = self.state();
        let id = state.people.keys().last().map_or(1, |last| last + 1);
        let updated_at = state.clock.now();
        let (email, role, password) = (email.to_owned(), role.to_owned(), password.to_owned());
        let name = format!("Person {id}");
        state.people.insert(id, Person { email, name, role, password, active: true, version: 1, updated_at });
        id
    }

    /// Changes a person.
    ///
    /// # Panics
    /// When there is no such person.
    pub fn change(&self, id: u64, email: Option<&str>, role: Option<&str>, active: Option<bool>) {
        let mut state = self.state();
        let now = state.clock.now();
        let person = state.people.get_mut(&id).expect("the test names a person who is there");
        if let Some(email) = email {
            email.clone_into(&mut person.email);
        }
        if let Some(role) = role {
            role.clone_into(&mut person.role);
        }
        person.active = active.unwrap_or(person.active);
        person.version += 1;
        person.updated_at = now;
    }

    /// Takes a person off without a word.
    pub fn remove(&self, id: u64) {
        self.state().people.remove(&id);
    }

    /// The webhook that says how a person is now; `kind` is such as `user_updated`.
    ///
    /// # Panics
    /// When there is no such person.
    pub fn event(&self, kind: &str, id: u64) -> CrmWebhook {
        let mut state = self.state();
        let now = state.clock.now();
        let person = shown(id, &state.people[&id]);
        state.sent += 1;
        let body = json!({ "type": kind, "timestamp": now.to_rfc3339_opts(SecondsFormat::Secs, true), "data": person });
        signed(&format!("msg_{}", state.sent), now, body.to_string())
    }

    /// A webhook with any body, signed at a time.
    pub fn sign(id: &str, at: DateTime<Utc>, body: &str) -> CrmWebhook {
        signed(id, at, body.to_owned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

fn signed(id: &str, at: DateTime<Utc>, body: String) -> CrmWebhook {
    let key = STANDARD.decode(&FakeCrm::SECRET["whsec_".len()..]).expect("it is base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key may have any length");
    let timestamp = at.timestamp().to_string();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))),
    ];
    CrmWebhook { headers, body: body.into() }
}

fn shown(id: u64, person: &Person) -> Value {
    json!({
        "id": id, "email": person.email, "name": person.name, "role": person.role, "active": person.active,
        "version": person.version, "updated_at": person.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}

impl Provider for State {
    const TOKENS: bool = false;

    fn call(&self, asked: &Asked) -> Option<&'static str> {
        match (asked.method.as_str(), asked.words().as_slice()) {
            ("POST", ["api", "auth", "login"]) => Some(FakeCrm::LOGIN),
            ("POST", ["api", "oauth", "token"]) => Some("crm token"),
            ("GET", ["api", "me"]) => Some("crm me"),
            ("GET", ["api", "users"]) => Some(FakeCrm::USERS),
            _ => None,
        }
    }

    fn act(&mut self, asked: &Asked) -> Answered {
        let Some(call) = self.call(asked) else { return error(404, "not found") };
        *self.requests.entry(call).or_default() += 1;
        match call {
            FakeCrm::LOGIN => self.login(asked),
            "crm token" => self.token(asked),
            "crm me" => self.me(asked),
            _ if asked.bearer() != Some(FakeCrm::TOKEN) => error(401, "unauthorized"),
            _ => self.list(asked),
        }
    }

    fn refuse(&mut self, asked: &Asked, fault: Fault) -> Answered {
        if let Some(call) = self.call(asked) {
            *self.requests.entry(call).or_default() += 1;
        }
        match fault {
            Fault::TooMany { retry_after: Some(seconds) } => {
                error(429, "slow down").with("retry-after", seconds.to_string())
            }
            Fault::TooMany { .. } => error(429, "slow down"),
            Fault::Server(status) => error(status, "it failed"),
            _ => error(401, "unauthorized"),
        }
    }
}

impl State {
    fn with_password(&mut self, email: &str, password: &str) -> Option<(u64, Person)> {
        self.passwords.push(password.to_owned());
        let fits = |person: &&Person| person.active && person.password == password && !password.is_empty();
        let found = self.people.iter().find(|(_, person)| person.email.eq_ignore_ascii_case(email) && fits(person));
        found.map(|(id, person)| (*id, person.clone()))
    }

    fn login(&mut self, asked: &Asked) -> Answered {
        let Some(body) = asked.json() else { return error(400, "no JSON") };
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match self.with_password(&word("email"), &word("password")) {
            Some((id, person)) => Answered::json(200, &json!({ "user": shown(id, &person) })),
            None => error(401, "wrong credentials"),
        }
    }

    fn token(&mut self, asked: &Asked) -> Answered {
        let form: BTreeMap<String, String> = asked.form().into_iter().collect();
        let word = |name: &str| form.get(name).cloned().unwrap_or_default();
        if word("grant_type") != "password"
            || word("client_id") != "herald"
            || word("client_secret") != "a client secret"
        {
            return Answered::json(401, &json!({ "error": "invalid_client" }));
        }
        match self.with_password(&word("username"), &word("password")) {
            Some((id, _)) => {
                Answered::json(200, &json!({ "access_token": format!("person-{id}"), "token_type": "Bearer" }))
            }
            None => Answered::json(400, &json!({ "error": "invalid_grant" })),
        }
    }

    fn me(&self, asked: &Asked) -> Answered {
        let id = asked.bearer().and_then(|token| token.strip_prefix("person-")).and_then(|id| id.parse::<u64>().ok());
        match id.and_then(|id| Some((id, self.people.get(&id)?))) {
            Some((id, person)) => Answered::json(200, &json!({ "data": shown(id, person) })),
            None => error(401, "unauthorized"),
        }
    }

    fn list(&self, asked: &Asked) -> Answered {
        let after: u64 = asked.word("cursor").parse().unwrap_or_default();
        let since = DateTime::parse_from_rfc3339(asked.word("updated_since")).ok();
        let limit = self.page.min(asked.word("limit").parse().unwrap_or(usize::MAX));
        let found = self
            .people
            .iter()
            .filter(|(id, person)| **id > after && since.is_none_or(|since| person.updated_at >= since));
        let mut found: Vec<_> = found.take(limit + 1).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(id, _)| id.to_string());
        let data: Vec<Value> = found.iter().map(|(id, person)| shown(**id, person)).collect();
        Answered::json(200, &json!({ "data": data, "next_cursor": next }))
    }
}

fn error(status: u16, message: &str) -> Answered {
    Answered::json(status, &json!({ "error": message }))
}
