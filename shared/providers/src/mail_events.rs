//! What mail services tell of mails by webhook: that they arrived, came back, or annoyed somebody.
//!
//! Each service proves in its own way who it is, over the bytes as they arrived; without a secret in the settings none
//! is believed. What it tells becomes a [`MailEvent`]. The class of a bounce follows what the recipient's mail server
//! said, and the service's own word only where that says nothing: services call an address that does not exist
//! "transient", and a mailbox that is full "permanent".

mod generic;
mod mailgun;
mod postmark;
mod sendgrid;
mod ses;
mod sns;

use chrono::{DateTime, Utc};
use herald_bounces::{Class, class_of};
use serde_json::Value;

pub use self::{
    generic::Generic,
    mailgun::Mailgun,
    postmark::Postmark,
    sendgrid::SendGrid,
    ses::Ses,
    sns::{Certificates, Confirm},
};

/// The events of one webhook that are taken at most.
pub const MOST_EVENTS: usize = 10_000;
/// The longest text that is kept of an event, in characters.
const LONGEST: usize = 2_000;

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTold {
    /// The recipient's mail server has it.
    Delivered,
    /// The service did not try: the address is on a list of its own.
    Dropped,
    /// It came back.
    Bounced(Class),
    /// The recipient complained.
    Complained,
}

/// What a mail service tells of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEvent {
    /// The event's own name: told twice, it has the same.
    pub key: String,
    /// What may name the mail: its `Message-ID`, its envelope sender, or the id of the message.
    pub named: Vec<String>,
    /// What became of it.
    pub what: MailTold,
    /// The enhanced status code.
    pub status: Option<String>,
    /// What the recipient's mail server said, or the service.
    pub said: String,
    /// When, as the service says.
    pub at: Option<DateTime<Utc>>,
    /// The event as it came.
    pub raw: String,
}

/// A webhook cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is not genuine, or too old. The reason is for the log.
    #[error("{0}")]
    NotGenuine(&'static str),
    /// It is genuine and cannot be read.
    #[error("{0}")]
    Unreadable(&'static str),
}

/// The class of a bounce: by what was said, else by the service's word, else one that is only counted.
fn bounced(status: Option<&str>, said: &str, by_word: Option<Class>) -> MailTold {
    let by_server = class_of(status, said).filter(|class| class.is_bounce());
    // Of a reply code alone nothing follows, and the service may know more.
    let says_nothing = status.is_none_or(|status| status.ends_with(".0.0")) && is_bare(said);
    let class = if says_nothing { by_word.or(by_server) } else { by_server.or(by_word) };
    MailTold::Bounced(class.unwrap_or(Class::Soft))
}

fn is_bare(said: &str) -> bool {
    !said.chars().any(|c| c.is_alphabetic())
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn texts(value: &Value, paths: &[&str]) -> Vec<String> {
    paths.iter().filter_map(|path| text(value, path)).map(cut).collect()
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

/// Seconds since 1970, as a number or as a text.
fn seconds(value: &Value) -> Option<DateTime<Utc>> {
    let whole = match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let text = number.to_string();
            text.split('.').next().and_then(|whole| whole.parse().ok())
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }?;
    DateTime::from_timestamp(whole, 0)
}

/// The JSON of a body.
fn json(body: &[u8]) -> Result<Value, NotTaken> {
    serde_json::from_slice(body)
        .map_err(|_| NotTaken::Unreadable("the body is not JSON: send it as the service makes it"))
}

/// One or several things.
fn each(value: Value) -> Vec<Value> {
    match value {
        Value::Array(all) => all.into_iter().take(MOST_EVENTS).collect(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests;
