//! Kinds of job, as the ledger knows them: a domain brings its own, and the list of all is put together above the
//! domains.

use std::{sync::OnceLock, time::Duration};

use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Backoff, Change, NewJob, Unique,
    args::{ArgsError, not_by_hand, payload_of},
    standing::Standing,
    start::{STEP, Starts},
    thing::Thing,
};
use herald_db::{Result, Tx};

/// How a kind is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name in the ledger, as `area.verb`.
    pub name: &'static str,
    /// The queue it waits in: `cpu` for work of the processor, `fetch` for pictures on their way, `sync` for calls to
    /// providers (`drive`, `mautic` and `email` for those with limits of their own), `control` for jobs that steer
    /// other jobs.
    pub queue: &'static str,
    /// Lower first. Later steps of a chain go before earlier ones, so that work that has begun is finished before more
    /// is begun.
    pub priority: i64,
    /// Attempts, crashes included.
    pub max_attempts: i64,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// Longest run of one attempt.
    pub timeout: Duration,
    /// Who may start one, and how.
    pub starts: Starts,
}

impl Policy {
    /// A kind that nobody starts, with priority 0, ten attempts, waits of half a second to a minute, and a minute for
    /// each attempt.
    pub const fn new(name: &'static str, queue: &'static str) -> Self {
        let backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(60) };
        let timeout = Duration::from_secs(60);
        Self { name, queue, priority: 0, max_attempts: 10, backoff, timeout, starts: STEP }
    }

    /// Sets the priority.
    pub const fn priority(self, priority: i64) -> Self {
        Self { priority, ..self }
    }

    /// Sets how many attempts a job has.
    pub const fn attempts(self, max_attempts: i64) -> Self {
        Self { max_attempts, ..self }
    }

    /// Sets the longest wait after the first failure, and after any.
    pub const fn backoff(self, base: Duration, cap: Duration) -> Self {
        Self { backoff: Backoff { base, cap }, ..self }
    }

    /// Sets the longest run of one attempt, in seconds.
    pub const fn seconds(self, seconds: u64) -> Self {
        Self { timeout: Duration::from_secs(seconds), ..self }
    }

    /// Says who may start one.
    pub const fn by(self, starts: Starts) -> Self {
        Self { starts, ..self }
    }
}

/// How a job ended or came back, where it was not simply done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// It failed for good, for this reason.
    Dead(&'a str),
    /// A person stopped it.
    Cancelled,
    /// A person has a dead or cancelled job tried again.
    Retried,
}

/// The arguments of a kind as a JSON schema, which names others as `#/components/schemas/…`.
#[derive(Clone, Debug)]
pub struct Described {
    /// The schema of the arguments: an object.
    pub schema: Value,
    /// The schemas that it names, by their names.
    pub others: Vec<(String, Value)>,
}

impl Described {
    /// The arguments are those of a type.
    pub fn by<T: ToSchema>() -> Self {
        let value = |schema| serde_json::to_value(schema).expect("a schema is plain data");
        let mut others = Vec::new();
        T::schemas(&mut others);
        let others = others.into_iter().map(|(name, schema)| (name, value(schema))).collect();
        Self { schema: value(T::schema()), others }
    }
}

/// A job's arguments, and with them its kind.
pub trait Payload: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// How the kind is treated.
    const POLICY: Policy;

    /// The arguments, as paths with dots, that name something of the workspace. A name that is not an id is looked up
    /// when the job runs.
    const NAMES: &'static [(&'static str, Thing)] = &[];

    /// The areas that a job with these arguments shows to whoever starts it, besides its own. A key needs the scopes
    /// to read them.
    fn reads(_args: &Value) -> &'static [&'static str] {
        &[]
    }

    /// Why its arguments cannot come from outside, if they cannot.
    const NOT_BY_HAND: Option<&'static str> = None;

    /// What its arguments look like, for people who start one. A kind that nobody starts needs none.
    fn described() -> Option<Described> {
        None
    }

    /// What such an end of the job changes in the domain. Written with the end itself, so that nobody is left waiting
    /// for a dead job. The arguments are as they stand in the ledger: they may be those of another version.
    fn on_end(_args: &Value, _end: End<'_>) -> Vec<Change> {
        Vec::new()
    }

    /// What makes another job of the workspace the same job; `None` allows any number.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// What happens to a second job with the same key.
    fn unique(&self) -> Unique {
        Unique::UntilDone
    }

    /// What it shares a limit with inside its queue, such as the host it calls or the account it sends with.
    fn limit_key(&self) -> Option<String> {
        None
    }

    /// The queue it waits in, where that is not the kind's own.
    fn queue(&self) -> Option<&'static str> {
        None
    }

    /// How much of its queue's rate it takes.
    fn cost(&self) -> i64 {
        1
    }

    /// The job to enqueue for these arguments.
    fn job(&self, workspace_id: Uuid) -> NewJob {
        let policy = &Self::POLICY;
        NewJob {
            workspace_id,
            kind: policy.name.to_owned(),
            queue: self.queue().unwrap_or(policy.queue).to_owned(),
            args: serde_json::to_value(self).expect("arguments are plain data"),
            priority: policy.priority,
            max_attempts: policy.max_attempts,
            run_at: None,
            unique_key: self.unique_key(),
            unique: self.unique(),
            batch_id: None,
            traceparent: None,
            limit_key: self.limit_key(),
            cost: self.cost(),
            expires_at: None,
            open_hours: None,
        }
    }
}

/// A kind of job whose type is not known.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// How it is treated.
    pub policy: Policy,
    /// [`Payload::NAMES`].
    pub names: &'static [(&'static str, Thing)],
    /// [`Payload::described`].
    pub described: fn() -> Option<Described>,
    /// [`Payload::reads`].
    pub reads: fn(&Value) -> &'static [&'static str],
    job: fn(Uuid, &Value) -> std::result::Result<NewJob, ArgsError>,
    on_end: fn(&Value, End<'_>) -> Vec<Change>,
}

impl Kind {
    /// The kind of these arguments.
    pub const fn of<P: Payload>() -> Self {
        Self {
            policy: P::POLICY,
            names: P::NAMES,
            described: P::described,
            reads: P::reads,
            job: job_of::<P>,
            on_end: P::on_end,
        }
    }

    /// The job to enqueue for arguments that a person gave.
    ///
    /// # Errors
    /// If they are not arguments of this kind, or arguments of this kind cannot come from outside.
    pub fn job(&self, workspace_id: Uuid, args: &Value) -> std::result::Result<NewJob, ArgsError> {
        (self.job)(workspace_id, args)
    }
}

fn job_of<P: Payload>(workspace_id: Uuid, args: &Value) -> std::result::Result<NewJob, ArgsError> {
    match P::NOT_BY_HAND {
        Some(why) => Err(not_by_hand(why)),
        None => payload_of::<P>(workspace_id, args),
    }
}

/// Looks up what a person or a key may do in a workspace, by the name that the audit log has for them.
pub type StandingOf = for<'a> fn(&'a mut Tx, Uuid, Option<&'a str>) -> BoxFuture<'a, Result<Standing>>;

struct Installed {
    kinds: &'static [Kind],
    standing_of: StandingOf,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Tells the ledger which kinds there are, and who may do what. Once in a process, before the ledger is used; later
/// calls change nothing.
pub fn install(kinds: &'static [Kind], standing_of: StandingOf) {
    let _ = INSTALLED.set(Installed { kinds, standing_of });
}

fn installed() -> &'static Installed {
    INSTALLED.get().expect("the process has told the ledger which kinds of job there are")
}

/// Every kind there is.
pub fn kinds() -> &'static [Kind] {
    installed().kinds
}

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    kinds().iter().find(|kind| kind.policy.name == name)
}

/// How a kind is treated, if this version knows it.
pub fn policy(name: &str) -> Option<&'static Policy> {
    kind(name).map(|kind| &kind.policy)
}

/// What such an end of a job changes in its domain.
pub fn changes_on(name: &str, args: &Value, end: End<'_>) -> Vec<Change> {
    kind(name).map(|kind| (kind.on_end)(args, end)).unwrap_or_default()
}

pub(super) fn standing_of<'a>(
    tx: &'a mut Tx,
    workspace_id: Uuid,
    who: Option<&'a str>,
) -> BoxFuture<'a, Result<Standing>> {
    (installed().standing_of)(tx, workspace_id, who)
}
