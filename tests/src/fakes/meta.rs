//! Meta's Cloud API for tests: messages over WhatsApp, templates with their approval, and the reports that it sends by
//! itself.
//!
//! It keeps Meta's traps: a success only means that the message was taken, a report escapes what is not ASCII, one body
//! holds many reports, and there is no list of what was sent. Shapes follow
//! <https://developers.facebook.com/docs/whatsapp/cloud-api>.

mod calls;
mod state;
mod webhook;

use std::{sync::MutexGuard, time::Duration};

use serde_json::{Value, json};

use self::state::State;
pub use self::{calls::MetaCall, state::MetaMessage};
use super::{
    Report,
    faults::{Fault, Faults},
    quota::Quota,
    server::{Place, Server},
};

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeMeta(Server<State>);

impl FakeMeta {
    /// The id of the number that sends.
    pub const PHONE_NUMBER_ID: &str = "1122334455667";
    /// The id of the business account.
    pub const BUSINESS_ACCOUNT_ID: &str = "5467539754836534";
    /// The token of its system user.
    pub const ACCESS_TOKEN: &str = "a token of the test";
    /// The secret of its app.
    pub const APP_SECRET: &str = "app-secret";
    /// The word that verifies the webhook.
    pub const VERIFY_TOKEN: &str = "a word of the test";
    /// The number that sends.
    pub const NUMBER: &str = "+14155238886";

    /// A server on any free port in which nothing fails.
    pub async fn start() -> Self {
        Self::start_at(&Place::default()).await
    }

    /// A server without messages and templates.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start_at(place: &Place) -> Self {
        let clock = place.clock.clone();
        Self(Server::start(place, |origin| State::new(origin, clock)).await)
    }

    /// The address of the Graph API, with its version.
    pub fn graph(&self) -> String {
        format!("{}/v23.0", self.0.origin())
    }

    /// How its requests fail.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Lets the next `times` requests of a kind fail.
    pub fn fail_next(&self, call: MetaCall, fault: Fault, times: usize) {
        self.0.faults.fail_next(Some(call.name()), fault, times);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// Adds a template with a text, in a state of approval; its id.
    pub fn add_template(&self, name: &str, language: &str, body: &str, status: &str) -> String {
        let mut state = self.state();
        let id = state.number().to_string();
        let template = json!({
            "id": id, "name": name, "language": language, "status": status, "category": "MARKETING",
            "rejected_reason": "NONE", "components": [{"type": "BODY", "text": body}],
        });
        state.templates.push(template);
        id
    }

    /// Gives a template another state.
    ///
    /// # Panics
    /// When there is no such template.
    pub fn set_status(&self, id: &str, status: &str) {
        let mut state = self.state();
        let template = state.templates.iter_mut().find(|one| one["id"] == id);
        template.expect("the test names a template that is there")["status"] = status.into();
    }

    /// Refuses messages to a number with a code, at once.
    pub fn refuse(&self, number: &str, code: i64) {
        self.state().refused.insert(number.trim_start_matches('+').to_owned(), code);
    }

    /// Lets a number be written to with free text from now on, as if its person had written.
    pub fn open_window(&self, number: &str) {
        let mut state = self.state();
        let now = state.clock.now();
        state.windows.insert(number.trim_start_matches('+').to_owned(), now);
    }

    /// Lets `limit` messages through per window. Meta's own limit is 80 a second.
    pub fn limit(&self, limit: Option<u64>, window: Duration) {
        let mut state = self.state();
        state.quota = Quota::new(limit, window, state.clock.clone());
    }

    /// The messages that it took, oldest first.
    pub fn messages(&self) -> Vec<MetaMessage> {
        self.state().messages.clone()
    }

    /// How many requests of a kind were handled.
    pub fn requests(&self, call: MetaCall) -> usize {
        self.state().requests.get(&call).copied().unwrap_or(0)
    }

    /// The report of several statuses at once, each of a message by its id, with a code if it failed.
    ///
    /// # Panics
    /// When there is no such message.
    pub fn report(&self, address: &str, statuses: &[(&str, &str, Option<i64>)]) -> Report {
        let state = self.state();
        let all = statuses.iter().map(|(id, status, code)| {
            let message = state.messages.iter().find(|one| one.id == *id);
            let message = message.expect("the test names a message that is there");
            webhook::status(message, status, *code, state.clock.now())
        });
        webhook::signed(address, &webhook::about(&json!({"statuses": all.collect::<Vec<Value>>()})))
    }

    /// The request that Meta sends when somebody writes to the number.
    pub fn inbound(&self, address: &str, from: &str, text: &str) -> Report {
        self.open_window(from);
        let mut state = self.state();
        let (id, now) = (format!("wamid.in{}", state.number()), state.clock.now());
        webhook::signed(address, &webhook::message(&id, from.trim_start_matches('+'), text, now))
    }

    /// Signs a body as Meta does.
    pub fn signed(address: &str, body: &Value) -> Report {
        webhook::signed(address, body)
    }
}
