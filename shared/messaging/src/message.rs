//! Messages: a row for every recipient, that says what became of their message, and why.
//!
//! ```text
//!   planned            claimed by a job             the other side's answer
//!  ─────────▶ pending ─────────────────▶ claimed ─────────────────────────▶ sent ───▶ delivered
//!              │   ▲                      │ │ │
//!              │   │ put off, or not tried│ │ └──▶ failed: refused for good
//!              │   └──────────────────────┘ └────▶ unknown: handed over, and nobody heard the end
//!              └──▶ suppressed: it is not to be sent
//! ```
//!
//! A message is claimed in a transaction before it is handed over. So of a process that dies, what was claimed may have
//! been sent or not: it is `unknown`, and a person decides about it.

mod claim;
mod decide;
mod fault;
mod forget;
mod job_ended;
mod list;
mod outcome;
mod plan;
mod receipt;
mod rules;
mod soft;
mod tally;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::{
    claim::{Claimed, Turn, TurnOf, put_down, take_turn},
    decide::{Decision, decide_unknown, retry_failed},
    list::{MessageFilter, find_message, list_messages},
    outcome::{MessageOutcome, Tried, abandon},
    plan::{CHUNK, PLANNED_AT_ONCE, Planned, Planning, cut_again, end_planning, plan_next, suppress_waiting},
    receipt::{BounceClass, Receipt, ReceiptOf, Received, Told, receive},
    soft::{SoftLimit, forget_old_soft_bounces},
};
pub(crate) use self::{
    fault::{Fault, faults_of},
    forget::forget_recipient,
    job_ended::CampaignJobEnded,
    outcome::suppression_for,
};
use herald_db::FromRow;

herald_base::text_enum! {
    /// What became of a message.
    pub enum MessageState, "a message is not {:?}" {
        /// It waits.
        Pending "pending",
        /// It is just being handed over.
        Claimed "claimed",
        /// The other side has it.
        Sent "sent",
        /// It has arrived.
        Delivered "delivered",
        /// It was refused for good.
        Failed "failed",
        /// It was not to be sent.
        Suppressed "suppressed",
        /// It may have been sent or not: nobody heard the end.
        Unknown "unknown",
    }
}

/// A message.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Message {
    /// Its id.
    pub id: Uuid,
    /// The campaign.
    pub campaign_id: Uuid,
    /// The contact; none once they were erased.
    pub contact_id: Option<Uuid>,
    /// The name that the contact has now.
    pub name: Option<String>,
    /// The address as it was when the campaign was planned; empty if there was none.
    pub address: String,
    /// The language in which it is written.
    pub language: Option<String>,
    /// What became of it.
    #[sqlx(try_from = "String")]
    pub state: MessageState,
    /// Why, in a word.
    pub cause: Option<String>,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// What the other side answered.
    pub said: Option<String>,
    /// How often it was tried and put off.
    pub tries: i64,
    /// Before when it is not tried again.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was handed over.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was first opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// When a link in it was first followed.
    pub clicked_at: Option<DateTime<Utc>>,
    /// When it came back.
    pub bounced_at: Option<DateTime<Utc>>,
    /// When the recipient complained.
    pub complained_at: Option<DateTime<Utc>>,
    /// When the recipient wanted no more of them.
    pub unsubscribed_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The columns of a [`Message`], of the table `m` and the contact `c`.
macro_rules! message_row {
    () => {
        "m.id, m.campaign_id, m.contact_id, c.name, m.address, m.language, m.state, m.cause, m.reason, m.said, \
         m.tries, m.due_at, m.sent_at, m.delivered_at, m.opened_at, m.clicked_at, m.bounced_at, m.complained_at, \
         m.unsubscribed_at, m.updated_at"
    };
}
use message_row;
