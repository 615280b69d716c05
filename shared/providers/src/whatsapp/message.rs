//! A message on its way out, and what a provider says of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ProviderTemplate;

/// A message to one person.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Our id for it, which the provider's reports name.
    pub id: Uuid,
    /// The number that sends, in E.164.
    pub from: &'a str,
    /// The number that receives, in E.164.
    pub to: &'a str,
    /// What it says.
    pub content: Content<'a>,
    /// Where the provider reports what became of it; none if it knows that already.
    pub report_to: Option<&'a str>,
}

/// What a message says.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Free text: only within 24 hours after the person wrote.
    Text(&'a str),
    /// An approved template.
    Template(TemplateUse<'a>),
}

/// A template with its values.
#[derive(Clone, Copy, Debug)]
pub struct TemplateUse<'a> {
    /// The template.
    pub template: &'a ProviderTemplate,
    /// The value of each of its variables, in their order.
    pub values: &'a [String],
}

/// What a provider answered to a message that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id for the message.
    pub provider_id: String,
    /// Its word for what it does with it.
    pub said: String,
}

herald_base::text_enum! {
    /// How far a message is, as a provider reports.
    pub enum ReportState, "a message is not {:?}" {
        /// The provider has it.
        Accepted "accepted",
        /// It is with WhatsApp.
        Sent "sent",
        /// It is on the recipient's device.
        Delivered "delivered",
        /// The recipient opened it.
        Read "read",
        /// It will not arrive.
        Failed "failed",
    }
}

/// What a provider reports of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its id for the message.
    pub provider_id: String,
    /// Our id, if the report names it.
    pub message_id: Option<Uuid>,
    /// How far it is.
    pub state: ReportState,
    /// The provider's code, if it failed.
    pub code: Option<i64>,
    /// When, if the provider says so.
    pub at: Option<DateTime<Utc>>,
}

/// What a provider tells by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What became of a message.
    Report(Report),
    /// Somebody wrote.
    Inbound(Inbound),
    /// Somebody said in the app whether they want advertising.
    Preference {
        /// Their number, in E.164.
        from: String,
        /// Whether they want it.
        wants: bool,
    },
}

/// A message that somebody wrote to a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The provider's id for it.
    pub provider_id: String,
    /// The number of who wrote, in E.164; none if WhatsApp hides it.
    pub from: Option<String>,
    /// The id that WhatsApp gives a person for this business, if there is one.
    pub user_id: Option<String>,
    /// The number that was written to.
    pub to: Option<String>,
    /// The name that the person gave themselves.
    pub name: Option<String>,
    /// What kind of message it is, such as `text`, `button` or `image`.
    pub kind: String,
    /// What it says.
    pub text: String,
    /// Files with it.
    pub files: usize,
}
