//! The answers of a handler. The answer decides about a retry.

use std::{error::Error, time::Duration};

use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Backoff, Change, Leased, NewJob, Outcome};

/// The job has succeeded.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// The result to store in the job's row: an object or an array.
    pub result: Option<serde_json::Value>,
    /// The changes in the domain, which are written with the outcome.
    pub changes: Vec<Change>,
    /// The jobs that follow, which are enqueued with the outcome.
    pub then: Vec<NewJob>,
}

/// The job has not succeeded.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Try again, after the given wait or the kind's backoff. The operator `?` turns any error into this variant.
    Retry {
        /// What went wrong.
        error: String,
        /// How long to wait, if the other side named a time.
        after: Option<Duration>,
    },
    /// It is too early. Run the job again after this time, without counting this attempt.
    Snooze(Duration),
    /// The provider limits the rate (a 429, a quota). All jobs of the queue, or of the limit key if there is one, wait
    /// for this time. Then the job runs again, without counting this attempt.
    Limited {
        /// The message of the provider.
        error: String,
        /// How long to wait.
        after: Duration,
    },
    /// The job has failed for good.
    Fail(String),
    /// The job was cancelled while it ran.
    Cancelled,
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry { error: chain(&error), after: None }
    }
}

/// An error and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

const DEFAULT_BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) };

/// The outcome to write for an attempt that ended with `answer`.
pub(super) fn outcome_of(db: &Db, job: &Leased, answer: Result<Done, Failure>) -> Outcome {
    match answer {
        Ok(Done { result, changes, then }) => Outcome::Done { result, changes, then },
        Err(Failure::Cancelled) => Outcome::Cancelled,
        Err(Failure::Snooze(wait)) => Outcome::Snooze { run_at: db.now() + wait },
        Err(Failure::Limited { error, after }) => Outcome::Limited { error, until: db.now() + after },
        Err(Failure::Fail(error)) => Outcome::Dead { error },
        Err(Failure::Retry { error, .. }) if job.is_last_attempt() => Outcome::Dead { error },
        Err(Failure::Retry { error, after }) => {
            let backoff = ledger::policy(&job.kind).map_or(DEFAULT_BACKOFF, |policy| policy.backoff);
            let wait = after.unwrap_or_else(|| backoff.after(job.attempt, db.ids()));
            Outcome::Retry { error, run_at: db.now() + wait }
        }
    }
}
