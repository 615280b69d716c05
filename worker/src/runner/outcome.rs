//! What a handler can answer: the answer is the retry policy.

use std::{error::Error, time::Duration};

use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Backoff, Change, Leased, NewJob, Outcome};

/// The job did what it was for.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Kept on the job's row; an object or array.
    pub result: Option<serde_json::Value>,
    /// What changed in the domain: written with the outcome.
    pub changes: Vec<Change>,
    /// The jobs that come next: enqueued with the outcome.
    pub then: Vec<NewJob>,
}

/// The job did not do it.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Try again, after the given wait or the kind's backoff. What `?` on any error means.
    Retry {
        /// What went wrong.
        error: String,
        /// How long to wait, if the other side said.
        after: Option<Duration>,
    },
    /// Too early: run again then, without counting this attempt.
    Snooze(Duration),
    /// The provider asked for patience (a 429, a quota): everything of the job's queue, or of its limit key if it has
    /// one, waits so long, and the job is run again then, without counting this attempt.
    Limited {
        /// What the provider said.
        error: String,
        /// How long to wait.
        after: Duration,
    },
    /// Failed for good.
    Fail(String),
    /// Cancelled while it ran.
    Cancelled,
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry { error: chain(&error), after: None }
    }
}

/// An error and what caused it, in one line.
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

/// What is written for an attempt that ended so.
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
