//! Jobs that people order: one with a request or a command, or thousands of them in a file.
//!
//! An order is read and looked at in memory ([`Order::draft`]); then those of one transaction are admitted and enqueued
//! together ([`take`]). Who may start what is [`admit_all`]'s to say.

use chrono::{DateTime, Datelike, Utc};
use herald_base::boxed;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Draft, Entered, LedgerError, StartError, Way, admit_all, enter,
    rows::{LONGEST_ROW, Row},
    start::OF_BATCH,
};
use herald_db::Tx;

/// The most orders of one file.
pub const MOST: usize = 100_000;
/// The orders that are taken in one transaction.
pub const AT_ONCE: usize = 1_000;
/// The priorities that can be ordered.
const PRIORITIES: std::ops::RangeInclusive<i64> = -100..=100;
/// The longest key, in bytes.
const LONGEST_KEY: usize = 200;
/// The years of a job: both engines can keep them.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// A new job.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewJob)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The kind of the job.
    pub kind: String,
    /// The arguments of the job.
    #[schema(value_type = Object)]
    pub args: Map<String, Value>,
    /// When the job is due; at once by default.
    pub run_at: Option<DateTime<Utc>>,
    /// The priority, by default that of the kind: jobs with a lower number run sooner.
    #[schema(minimum = -100, maximum = 100)]
    pub priority: Option<i64>,
    /// A key, 1 to 200 bytes: while a job with the key waits or runs, Herald enqueues no other.
    #[schema(min_length = 1, max_length = 200)]
    pub unique_key: Option<String>,
    /// When Herald drops the job if it has not started.
    pub expires_at: Option<DateTime<Utc>>,
    /// The batch that the job joins.
    pub batch: Option<Uuid>,
}

/// What sort of flaw an order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It is no JSON.
    Unreadable,
    /// A field has a value that it cannot have.
    Wrong,
    /// The workspace has no such thing.
    Missing,
    /// Whoever orders may not.
    Refused,
    /// The batch was cancelled.
    Cancelled,
}

/// Why an order is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct Flaw {
    /// Of what sort.
    pub sort: Sort,
    /// The field, as a JSON pointer; empty for all of it.
    pub pointer: String,
    /// What is wrong and what to do.
    pub detail: String,
}

impl Flaw {
    fn of(sort: Sort, pointer: &str, detail: impl ToString) -> Self {
        Self { sort, pointer: pointer.to_owned(), detail: detail.to_string() }
    }

    fn wrong(pointer: &str, detail: impl ToString) -> Self {
        Self::of(Sort::Wrong, pointer, detail)
    }
}

impl Order {
    /// Reads an order of a file.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(row: &Row) -> Result<Self, Flaw> {
        let Row::Text(json) = row else {
            return Err(Flaw::wrong(
                "",
                format!("the row is longer than {} KB: pass ids, not data", LONGEST_ROW >> 10),
            ));
        };
        // A list of values would do for the fields, too, and nobody means that.
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(Flaw::wrong(
                "",
                "the row is not a JSON object: write one, such as {\"kind\": \"…\", \"args\": {}}",
            ));
        }
        let order: Self = serde_json::from_slice(json).map_err(|_| misread(json))?;
        let escape: &[u8] = b"\\u0000";
        if json.windows(escape.len()).any(|part| part == escape) && order.has_nul() {
            return Err(Flaw::wrong("", "a text contains a NUL character: send it without NUL"));
        }
        Ok(order)
    }

    fn has_nul(&self) -> bool {
        fn within(value: &Value) -> bool {
            match value {
                Value::String(text) => text.contains('\0'),
                Value::Array(items) => items.iter().any(within),
                Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || within(value)),
                _ => false,
            }
        }
        let texts = [Some(&self.kind), self.unique_key.as_ref()];
        texts.into_iter().flatten().any(|text| text.contains('\0'))
            || self.args.iter().any(|(name, value)| name.contains('\0') || within(value))
    }

    /// Looks at it, in memory alone.
    ///
    /// # Errors
    /// What is wrong with it. That the caller may not start the kind, or that its arguments do not fit, says [`take`].
    pub fn draft(self, workspace_id: Uuid, now: DateTime<Utc>) -> Result<Draft, Flaw> {
        if let Some(priority) = self.priority.filter(|priority| !PRIORITIES.contains(priority)) {
            let (first, last) = (PRIORITIES.start(), PRIORITIES.end());
            return Err(Flaw::wrong("/priority", format!("priority is {priority}: use {first} to {last}")));
        }
        for (pointer, at) in [("/run_at", self.run_at), ("/expires_at", self.expires_at)] {
            if at.is_some_and(|at| !YEARS.contains(&at.year())) {
                return Err(Flaw::wrong(pointer, "the time is not in the years 1970 to 9999: use a time within them"));
            }
        }
        if self.expires_at.is_some_and(|end| end <= now || self.run_at.is_some_and(|run_at| end <= run_at)) {
            let detail = "expires_at is not after run_at, or has passed: use a later time";
            return Err(Flaw::wrong("/expires_at", detail));
        }
        if self.unique_key.as_ref().is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
            return Err(Flaw::wrong(
                "/unique_key",
                format!("unique_key is empty or too long: use 1 to {LONGEST_KEY} bytes"),
            ));
        }
        let draft = Draft::new(workspace_id, &self.kind, &Value::Object(self.args)).map_err(Flaw::from)?;
        if self.unique_key.is_some() && draft.has_key() {
            let detail = format!("a {} job has a unique key of its own: leave unique_key out", self.kind);
            return Err(Flaw::wrong("/unique_key", detail));
        }
        Ok(draft.with(|job| {
            job.run_at = self.run_at;
            job.priority = self.priority.unwrap_or(job.priority);
            job.expires_at = self.expires_at;
            job.batch_id = self.batch;
            // Apart from Herald's own keys: an order must not stand in the way of a step, nor be changed by one.
            job.unique_key = job.unique_key.take().or_else(|| self.unique_key.map(|key| format!("ordered:{key}")));
        }))
    }
}

/// What is wrong with JSON that is no order.
fn misread(json: &[u8]) -> Flaw {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let error = match serde_path_to_error::deserialize::<_, Order>(&mut reader) {
        Err(error) => error,
        // An order, with something behind it.
        Ok(_) => return Flaw::of(Sort::Unreadable, "", "the row has more than one JSON value: write one a row"),
    };
    let path = error.path().to_string();
    let cause = error.into_inner();
    let text = cause.to_string();
    if cause.classify() != serde_json::error::Category::Data {
        return Flaw::of(Sort::Unreadable, "", format!("the row is not valid JSON: {text}"));
    }
    let detail = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    Flaw::wrong(&pointer(if path == "." { "" } else { &path }), detail)
}

/// A path with dots as a JSON pointer.
fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[']).filter(|step| !step.is_empty());
    steps.map(|step| format!("/{}", step.trim_end_matches(']'))).collect()
}

impl From<StartError> for Flaw {
    fn from(error: StartError) -> Self {
        let (sort, at) = match &error {
            StartError::Kind(_) | StartError::Closed(_) => (Sort::Wrong, "/kind".to_owned()),
            StartError::Refused(_) => (Sort::Refused, "/kind".to_owned()),
            StartError::Args(wrong) => (Sort::Wrong, format!("/args{}", pointer(&wrong.field))),
            StartError::Missing { field: OF_BATCH, .. } => (Sort::Missing, "/batch".to_owned()),
            StartError::Missing { field, .. } => (Sort::Missing, format!("/args{}", pointer(field))),
            // Told for all of a transaction, not for one of it.
            StartError::Db(_) => (Sort::Unreadable, String::new()),
        };
        Self { sort, pointer: at, detail: error.to_string() }
    }
}

/// Takes orders in the name of `who`, as the audit log names them, with an answer for each. Those with a flaw hold up
/// no others.
///
/// # Errors
/// If nothing of it was written.
#[boxed]
pub async fn take(
    tx: &mut Tx,
    workspace_id: Uuid,
    who: &str,
    way: Way,
    drafts: Vec<Draft>,
) -> Result<Vec<Result<Entered, Flaw>>, LedgerError> {
    let admitted = admit_all(tx, workspace_id, Some(who), way, drafts).await?;
    let mut jobs = Vec::with_capacity(admitted.len());
    let mut taken: Vec<Result<(), Flaw>> = Vec::with_capacity(admitted.len());
    for admitted in admitted {
        taken.push(admitted.map(|job| jobs.push(job)).map_err(Flaw::from));
    }
    let mut entered = enter(tx, jobs).await?.into_iter();
    let answer = |taken: Result<(), Flaw>| {
        taken.and_then(|()| match entered.next().expect("one for each that was admitted") {
            Entered::Dropped(_) => {
                let detail = "the batch was cancelled, and takes no jobs: name another batch, or none";
                Err(Flaw::of(Sort::Cancelled, "/batch", detail))
            }
            entered => Ok(entered),
        })
    };
    Ok(taken.into_iter().map(answer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(json: &str) -> (Sort, String) {
        let flaw = Order::read(&Row::Text(json.into())).unwrap_err();
        (flaw.sort, flaw.pointer)
    }

    #[test]
    fn what_is_no_order_is_pointed_at() {
        let wrong = |pointer: &str| (Sort::Wrong, pointer.to_owned());
        assert_eq!(flaw("{\"kind\""), (Sort::Unreadable, String::new()));
        assert_eq!(flaw("{\"kind\": \"a.b\", \"args\": {}} {}"), (Sort::Unreadable, String::new()));
        assert_eq!(flaw("[\"a.b\", {}, null, null, null, null, null]"), wrong(""));
        assert_eq!(flaw("{\"kind\": \"a.b\", \"args\": []}"), wrong("/args"));
        assert_eq!(flaw("{\"kind\": \"a.b\", \"args\": {}, \"run_at\": \"soon\"}"), wrong("/run_at"));
        assert_eq!(flaw("{\"kind\": \"a.b\", \"args\": {\"x\": [\"\\u0000\"]}}"), wrong(""));
        assert!(Order::read(&Row::Text(b"{\"kind\": \"a.b\", \"args\": {\"x\": \"\\\\u0000\"}}".into())).is_ok());
        assert_eq!(Order::read(&Row::TooLong).unwrap_err().sort, Sort::Wrong);
    }

    #[test]
    fn paths_become_pointers() {
        assert_eq!(pointer("fields.name"), "/fields/name");
        assert_eq!(pointer("items[2].id"), "/items/2/id");
        assert_eq!(pointer(""), "");
    }
}
