//! A Twilio for tests: messages over WhatsApp, templates with their approval, and the reports that it sends by itself.
//!
//! It keeps Twilio's traps: there is no key against sending twice, a list is filtered by days, a message is taken
//! before anybody knows whether it can be delivered, and reports come twice and in any order. Shapes follow
//! <https://www.twilio.com/docs>.

mod calls;
mod state;
mod webhook;

use std::{sync::MutexGuard, time::Duration};

use serde_json::{Value, json};

use self::state::State;
pub use self::{calls::TwilioCall, state::TwilioMessage};
use super::{
    Report,
    faults::{Fault, Faults},
    quota::Quota,
    server::{Place, Server},
};

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeTwilio(Server<State>);

impl FakeTwilio {
    /// The SID of the account that it knows.
    pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
    /// The account's token.
    pub const AUTH_TOKEN: &str = "12345";
    /// The number that may send.
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

    /// Its address.
    pub fn origin(&self) -> String {
        self.0.origin()
    }

    /// The address of its API of templates.
    pub fn content(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// How its requests fail.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Lets the next `times` requests of a kind fail.
    pub fn fail_next(&self, call: TwilioCall, fault: Fault, times: usize) {
        self.0.faults.fail_next(Some(call.name()), fault, times);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// Adds a template with a text, whose variables have these examples, in a state of approval; its SID.
    pub fn add_template(&self, name: &str, language: &str, body: &str, status: &str) -> String {
        let mut state = self.state();
        let sid = state.sid("HX");
        let template = json!({
            "sid": sid, "friendly_name": name, "language": language, "variables": {},
            "types": {"twilio/text": {"body": body}},
            "approval_requests": {"name": name, "category": "MARKETING", "status": status, "rejection_reason": ""},
        });
        state.templates.push(template);
        sid
    }

    /// Gives a template's approval another state.
    ///
    /// # Panics
    /// When there is no such template.
    pub fn set_approval(&self, sid: &str, status: &str) {
        let mut state = self.state();
        let template = state.templates.iter_mut().find(|one| one["sid"] == sid);
        template.expect("the test names a template that is there")["approval_requests"]["status"] = status.into();
    }

    /// Removes a template.
    pub fn remove_template(&self, sid: &str) {
        self.state().templates.retain(|one| one["sid"] != sid);
    }

    /// Refuses messages to a number with a code, at once.
    pub fn refuse(&self, number: &str, code: i64) {
        self.state().refused.insert(number.to_owned(), code);
    }

    /// Lets a number be written to with free text from now on, as if its person had written.
    pub fn open_window(&self, number: &str) {
        let mut state = self.state();
        let now = state.clock.now();
        state.windows.insert(number.to_owned(), now);
    }

    /// Lets `limit` requests through per window.
    pub fn limit(&self, limit: Option<u64>, window: Duration) {
        let mut state = self.state();
        state.quota = Quota::new(limit, window, state.clock.clone());
    }

    /// The messages that it took, oldest first.
    pub fn messages(&self) -> Vec<TwilioMessage> {
        self.state().messages.clone()
    }

    /// How many requests of a kind were handled.
    pub fn requests(&self, call: TwilioCall) -> usize {
        self.state().requests.get(&call).copied().unwrap_or(0)
    }

    /// Moves a message on to a status, and returns the report that Twilio sends of it, if it was asked to.
    ///
    /// # Panics
    /// When there is no such message.
    pub fn report(&self, sid: &str, status: &str, code: Option<i64>) -> Option<Report> {
        let mut state = self.state();
        let message = state.messages.iter_mut().find(|one| one.sid == sid);
        let message = message.expect("the test names a message that is there");
        message.status = status.to_owned();
        message.error_code = code;
        webhook::report(message)
    }

    /// The request that Twilio sends when somebody writes to the number.
    pub fn inbound(&self, address: &str, from: &str, text: &str) -> Report {
        self.open_window(from);
        let sid = self.state().sid("SM");
        webhook::inbound(address, &sid, from, text)
    }

    /// Signs parameters for an address as Twilio does.
    pub fn signed(address: &str, parameters: &[(&str, &str)]) -> Report {
        webhook::signed(address, parameters)
    }

    /// Twilio's own error body.
    pub(super) fn error(status: u16, code: i64, message: &str) -> Value {
        json!({
            "code": code, "message": message, "status": status,
            "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        })
    }
}
