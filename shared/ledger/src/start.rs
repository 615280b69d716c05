//! Who may start a job of a kind, and with which arguments. Schedules, requests and commands all ask [`admit`].
//!
//! The policy of each kind says who may start it by hand, by a schedule, and over the API. Whoever starts it is
//! looked up at that moment, and so is what the arguments name: in the workspace of the one who starts it, and nowhere
//! else.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::{
    NewJob,
    args::ArgsError,
    kind::{Kind, Policy, kind, kinds, standing_of},
    standing::Standing,
    thing::{BATCH, Thing, those_there},
};
use herald_base::{boxed, role::Role};
use herald_db::{DbError, Tx};

/// How [`StartError::Missing`] names the batch that a job wants to join: it is no argument.
pub(super) const OF_BATCH: &str = "";

/// Who may start a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// No person: another job does, or what it is about.
    Nobody,
    /// Who has at least this role in the workspace.
    Member(Role),
    /// An administrator of the installation.
    Platform,
}

/// How a job is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a command, or by running a schedule at once.
    Hand,
    /// By the calendar.
    Schedule,
    /// By a request for a job.
    Api,
}

/// Who may start a job of a kind, each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starts {
    /// By a command.
    pub hand: Starter,
    /// By the calendar.
    pub schedule: Starter,
    /// By a request.
    pub api: Starter,
    /// The scope a narrow key needs to write, whichever way.
    pub area: &'static str,
}

/// A step of a chain, or what begins by itself.
pub const STEP: Starts = Starts { hand: Starter::Nobody, schedule: Starter::Nobody, api: Starter::Nobody, area: "" };

/// The daily work of a workspace.
pub const fn staff(area: &'static str) -> Starts {
    let staff = Starter::Member(Role::Staff);
    Starts { hand: staff, schedule: staff, api: staff, area }
}

/// What is the installation's.
pub const fn installation(area: &'static str) -> Starts {
    Starts { hand: Starter::Platform, schedule: Starter::Platform, api: Starter::Platform, area }
}

/// Why a job may not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no such kind.
    #[error("there is no kind of job {0:?}: use {kinds}", kinds = startable())]
    Kind(String),
    /// Nobody starts one: it is a step of other work.
    #[error("{0}")]
    Closed(String),
    /// Whoever wants to start it may not.
    #[error("{0}")]
    Refused(String),
    /// The arguments do not fit.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// What an argument names is not in the workspace.
    #[error("there is no {thing} {id} in this workspace")]
    Missing {
        /// The argument, as a path with dots; empty for the batch.
        field: &'static str,
        /// What it is to be.
        thing: &'static str,
        /// What it names.
        id: Uuid,
    },
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The kinds that somebody may start.
fn startable() -> String {
    let open = kinds().iter().filter(|kind| kind.policy.starts != STEP);
    open.map(|kind| kind.policy.name).collect::<Vec<_>>().join(", ")
}

/// The job to enqueue, if `who` (as the audit log names them) may start it and its arguments are of this workspace.
/// Nobody (`None`) is who made a schedule before makers were remembered: they count as its staff.
///
/// # Errors
/// [`StartError`].
#[boxed]
pub async fn admit(
    tx: &mut Tx,
    workspace_id: Uuid,
    who: Option<&str>,
    way: Way,
    name: &str,
    args: &Value,
) -> Result<NewJob, StartError> {
    let draft = Draft::new(workspace_id, name, args)?;
    let admitted = admit_all(tx, workspace_id, who, way, vec![draft]).await?;
    admitted.into_iter().next().expect("one answer a draft")
}

/// A job whose arguments were looked at. Nothing is said yet of who may start it, or of what its arguments name.
#[derive(Debug)]
pub struct Draft {
    kind: &'static Kind,
    job: Result<NewJob, ArgsError>,
}

impl Draft {
    /// Looks at a kind and its arguments, in memory alone. Wrong arguments are told by [`admit_all`], after a missing
    /// right.
    ///
    /// # Errors
    /// If there is no such kind.
    pub fn new(workspace_id: Uuid, name: &str, args: &Value) -> Result<Self, StartError> {
        let kind = kind(name).ok_or_else(|| StartError::Kind(name.to_owned()))?;
        Ok(Self { kind, job: kind.job(workspace_id, args) })
    }

    /// Changes the job, if its arguments fit.
    pub(super) fn with(mut self, change: impl FnOnce(&mut NewJob)) -> Self {
        if let Ok(job) = &mut self.job {
            change(job);
        }
        self
    }

    /// Whether the kind sees to it that there are no two jobs of one purpose.
    pub(super) fn has_key(&self) -> bool {
        self.job.as_ref().is_ok_and(|job| job.unique_key.is_some())
    }
}

/// As [`admit`] for many jobs at once, with an answer for each: who starts them is looked up once, and what they name
/// in a statement for each sort of thing.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn admit_all(
    tx: &mut Tx,
    workspace_id: Uuid,
    who: Option<&str>,
    way: Way,
    drafts: Vec<Draft>,
) -> herald_db::Result<Vec<Result<NewJob, StartError>>> {
    let standing = standing_of(tx, workspace_id, who).await?;
    let mut named_of: HashMap<Thing, HashSet<Uuid>> = HashMap::new();
    let mut admitted: Vec<_> = drafts
        .into_iter()
        .map(|Draft { kind, job }| {
            if starter(way, &kind.policy) == Starter::Nobody {
                return (kind, Err(StartError::Closed(closed(&kind.policy))));
            }
            let job = may_start(&standing, way, &kind.policy)
                .map_err(StartError::Refused)
                .and_then(|()| job.map_err(StartError::Args))
                .and_then(|job| shown(&standing, kind, job));
            for (_, thing, id) in job.iter().flat_map(|job| names(kind, job)) {
                named_of.entry(thing).or_default().insert(id);
            }
            (kind, job)
        })
        .collect();
    let mut there: HashMap<Thing, HashSet<Uuid>> = HashMap::new();
    for (thing, ids) in named_of {
        there.insert(thing, those_there(tx, workspace_id, thing, &ids).await?);
    }
    for (kind, job) in &mut admitted {
        let is_missing = |(_, thing, id): &(_, Thing, Uuid)| !there.get(thing).is_some_and(|ids| ids.contains(id));
        let missing = job.iter().flat_map(|job| names(kind, job)).find(is_missing);
        if let Some((field, thing, id)) = missing {
            *job = Err(StartError::Missing { field, thing: thing.name, id });
        }
    }
    Ok(admitted.into_iter().map(|(_, job)| job).collect())
}

/// What the arguments of a job name, and the batch that it wants to join.
fn names<'j>(kind: &'static Kind, job: &'j NewJob) -> impl Iterator<Item = (&'static str, Thing, Uuid)> + 'j {
    let of_args = kind.names.iter().filter_map(move |(field, thing)| Some((*field, *thing, named(&job.args, field)?)));
    of_args.chain(job.batch_id.map(|batch| (OF_BATCH, BATCH, batch)))
}

fn starter(way: Way, policy: &Policy) -> Starter {
    match way {
        Way::Hand => policy.starts.hand,
        Way::Schedule => policy.starts.schedule,
        Way::Api => policy.starts.api,
    }
}

fn closed(policy: &Policy) -> String {
    format!(
        "{} jobs cannot be started directly, because Herald starts them as steps of other work: use {}",
        policy.name,
        startable()
    )
}

/// Why somebody may not start a kind, if they may not.
pub fn may_start(standing: &Standing, way: Way, policy: &Policy) -> Result<(), String> {
    let name = policy.name;
    match starter(way, policy) {
        Starter::Nobody => Err(closed(policy)),
        Starter::Platform if !standing.platform_admin => {
            Err(format!("{name} jobs concern the whole installation: only its administrators can start them"))
        }
        Starter::Member(needed) if standing.role.is_none_or(|role| role < needed) => {
            let own = standing.role.map_or("none", Role::name);
            Err(format!("{name} jobs need the role {needed} in this workspace, and the caller's role is {own}"))
        }
        _ if !standing.may_write(policy.starts.area) => {
            Err(format!("{name} jobs need the scope {}:write, which the key does not have", policy.starts.area))
        }
        _ => Ok(()),
    }
}

/// The job, if whoever starts it may read all that it shows.
fn shown(standing: &Standing, kind: &Kind, job: NewJob) -> Result<NewJob, StartError> {
    match (kind.reads)(&job.args).iter().find(|area| !standing.may_read(area)) {
        Some(area) => Err(StartError::Refused(format!(
            "{} jobs with these arguments need the scope {area}:read, which the key does not have",
            kind.policy.name
        ))),
        None => Ok(job),
    }
}

/// The id at a path with dots.
fn named(args: &Value, path: &str) -> Option<Uuid> {
    path.split('.').try_fold(args, |value, part| value.get(part))?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_found_at_their_paths() {
        let id = Uuid::from_u128(7);
        let args = json!({ "run_id": id, "account": { "connection_id": id }, "template": "gala" });
        assert_eq!((named(&args, "run_id"), named(&args, "account.connection_id")), (Some(id), Some(id)));
        assert_eq!((named(&args, "template"), named(&args, "source.connection")), (None, None));
    }
}
