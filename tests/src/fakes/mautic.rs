//! A Mautic 5 for tests: contacts, their fields, segments, forms with submissions and files, and webhooks.
//!
//! It keeps Mautic's traps: a unique field in an edit merges contacts, a text longer than its field is cut without a
//! word, a batch row without an id shifts the rows after it, PUT wipes what it does not name, an empty list is `[]`
//! and a filled one is an object. What happened of these is counted.
//!
//! Shapes follow <https://developer.mautic.org/> and Mautic's own source of version 5.

mod access;
mod calls;
mod contacts;
mod edit;
mod fields;
mod forms;
mod page;
mod search;
mod state;
mod webhook;

use std::{collections::BTreeMap, sync::MutexGuard, time::Duration};

use bytes::Bytes;

pub use self::{calls::MauticCall, state::Writes, webhook::Webhook};
use self::{
    fields::Field,
    forms::{Form, FormField, StoredFile, Submission},
    state::State,
};
use super::{
    faults::{Fault, Faults},
    quota::Quota,
    server::{Place, Server},
};

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeMautic(Server<State>);

impl FakeMautic {
    /// The user it knows, for Basic.
    pub const USER: &str = "herald";
    /// That user's password.
    pub const PASSWORD: &str = "a password of the test";
    /// The client it knows, for OAuth 2.
    pub const CLIENT_ID: &str = "1_herald-test-client";
    /// That client's secret.
    pub const CLIENT_SECRET: &str = "a client secret of the test";

    /// A server on any free port in which nothing fails.
    pub async fn start() -> Self {
        Self::start_at(&Place::default()).await
    }

    /// A server with Mautic's own fields, no contacts, and both ways to log in.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start_at(place: &Place) -> Self {
        let clock = place.clock.clone();
        Self(Server::start(place, |origin| State::new(origin, clock)).await)
    }

    /// The site's address; the API is below `/api`.
    pub fn url(&self) -> String {
        self.0.origin()
    }

    /// How its requests fail.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Lets the next `times` requests of a kind fail.
    pub fn fail_next(&self, call: MauticCall, fault: Fault, times: usize) {
        self.0.faults.fail_next(Some(call.name()), fault, times);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

/// What it holds, set by the test.
impl FakeMautic {
    /// Adds a contact, by the aliases of fields; its id.
    pub fn add_contact(&self, fields: &[(&str, &str)]) -> u64 {
        let mut state = self.state();
        let id = state.new_contact();
        let contact = state.contacts.get_mut(&id).expect("it was just made");
        contact.fields = fields.iter().map(|(alias, value)| ((*alias).to_owned(), (*value).to_owned())).collect();
        id
    }

    /// Changes a contact as a person would in Mautic's pages: no trap, no count.
    ///
    /// # Panics
    /// When there is no such contact.
    pub fn set_field(&self, contact: u64, alias: &str, value: &str) {
        let mut state = self.state();
        let now = state.clock.now();
        let contact = state.contacts.get_mut(&contact).expect("the test names a contact that is there");
        contact.fields.insert(alias.to_owned(), value.to_owned());
        contact.modified = now;
    }

    /// Removes a contact as a person would.
    pub fn delete_contact(&self, contact: u64) {
        self.state().remove(contact);
    }

    /// Gives a contact a tag.
    ///
    /// # Panics
    /// When there is no such contact.
    pub fn tag(&self, contact: u64, tag: &str) {
        let mut state = self.state();
        let contact = state.contacts.get_mut(&contact).expect("the test names a contact that is there");
        contact.tags.push(tag.to_owned());
    }

    /// Adds a custom field of a type (`text`, `url`, `textarea`, `number` …) and a length; its id. Mautic's own
    /// length for a new text field is 64, its greatest 191. A `textarea` has none.
    pub fn add_field(&self, alias: &str, kind: &str, length: usize) -> u64 {
        self.state().add_field(Field::new(alias, kind, "core", length))
    }

    /// Makes a field one that tells contacts apart. Of Mautic's own, `email` is.
    ///
    /// # Panics
    /// When there is no such field.
    pub fn make_unique(&self, alias: &str) {
        let mut state = self.state();
        state.field_mut(alias).expect("the test names a field that is there").unique = true;
    }

    /// Adds a form with fields by alias and type (`file` for a picture); its id is the one given.
    pub fn add_form(&self, id: u64, name: &str, fields: &[(&str, &str)]) {
        let fields =
            fields.iter().map(|(alias, kind)| FormField { alias: (*alias).to_owned(), kind: (*kind).to_owned() });
        let form = Form { name: name.to_owned(), fields: fields.collect() };
        self.state().forms.insert(id, form);
    }

    /// A contact sends in a form; the submission's id.
    pub fn submit(&self, form: u64, contact: u64, results: &[(&str, &str)]) -> u64 {
        let results = results.iter().map(|(alias, value)| ((*alias).to_owned(), (*value).to_owned())).collect();
        let mut state = self.state();
        let (id, now) = (state.next_submission(), state.clock.now());
        state.submissions.insert(id, Submission { form, contact, results, at: now });
        id
    }

    /// Stores the file of a submission's field. Unless it is public, whoever asks is sent to the login page.
    pub fn put_file(&self, submission: u64, alias: &str, bytes: impl Into<Bytes>, public: bool) {
        let file = StoredFile { bytes: bytes.into(), public };
        self.state().files.insert((submission, alias.to_owned()), file);
    }

    /// Adds a segment with those contacts, or some more to it; its id.
    pub fn add_segment(&self, alias: &str, contacts: &[u64]) -> u64 {
        self.state().add_segment(alias, contacts)
    }
}

/// How it behaves, set by the test.
impl FakeMautic {
    /// Switches the API on or off.
    pub fn enable_api(&self, enabled: bool) {
        self.state().access.api_enabled = enabled;
    }

    /// Switches Basic authentication on or off.
    pub fn enable_basic(&self, enabled: bool) {
        self.state().access.basic_enabled = enabled;
    }

    /// How long access tokens live from now on; an hour unless told.
    pub fn token_lifetime(&self, lifetime: Duration) {
        self.state().access.token_lifetime = lifetime;
    }

    /// Ends every access token.
    pub fn expire_tokens(&self) {
        self.state().access.tokens.clear();
    }

    /// Lets `limit` requests through per window, or any number. Mautic's own window is an hour.
    pub fn limit(&self, limit: Option<u64>, window: Duration) {
        let mut state = self.state();
        state.quota = Quota::new(limit, window, state.clock.clone());
    }

    /// The request Mautic sends when something happened to a submission (`mautic.form_on_submit`) or its contact
    /// (`mautic.lead_post_save_new`, `mautic.lead_post_save_update`), signed.
    ///
    /// # Panics
    /// When there is no such submission.
    pub fn webhook(&self, secret: &str, event: &str, submission: u64) -> Webhook {
        let state = self.state();
        webhook::signed(&state, secret, event, submission).expect("the test names a submission that is there")
    }
}

/// What became of it, for the test to read.
impl FakeMautic {
    /// A contact's fields that are not empty.
    pub fn contact(&self, id: u64) -> Option<BTreeMap<String, String>> {
        self.state().contacts.get(&id).map(|contact| contact.fields.clone())
    }

    /// All contacts' fields.
    pub fn contacts(&self) -> BTreeMap<u64, BTreeMap<String, String>> {
        self.state().contacts.iter().map(|(id, contact)| (*id, contact.fields.clone())).collect()
    }

    /// What was written to a field over the API, by the contact the request named.
    pub fn writes(&self, alias: &str) -> BTreeMap<u64, Writes> {
        let state = self.state();
        let of = |(key, writes): (&(u64, String), &Writes)| (key.1 == alias).then(|| (key.0, writes.clone()));
        state.writes.iter().filter_map(of).collect()
    }

    /// How often an edit merged two contacts.
    pub fn merges(&self) -> usize {
        self.state().merges
    }

    /// How often a PUT emptied fields it did not name.
    pub fn wipes(&self) -> usize {
        self.state().wipes
    }

    /// How often a value was cut to its field's length.
    pub fn truncations(&self) -> usize {
        self.state().truncations
    }

    /// How often a row of a batch was applied to a contact it did not name.
    pub fn shifted_rows(&self) -> usize {
        self.state().shifted_rows
    }

    /// Contacts that are gone, by merges or by hand, in that order.
    pub fn deleted(&self) -> Vec<u64> {
        self.state().deleted.clone()
    }

    /// How many requests of a kind were handled; one that is done twice counts twice.
    pub fn requests(&self, call: MauticCall) -> usize {
        self.state().requests.get(&call).copied().unwrap_or(0)
    }

    /// How many requests were refused for the limit.
    pub fn quota_exceeded(&self) -> usize {
        self.state().quota.exceeded()
    }

    /// The most requests within one window.
    pub fn busiest_window(&self) -> u64 {
        self.state().quota.busiest()
    }
}
