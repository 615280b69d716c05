//! Who may start a job of a kind, and with which arguments. Schedules, requests and commands all ask [`admit`].
//!
//! The policy table says for each kind who may start it by hand, by a schedule, and over the API. Whoever starts it is looked up at that moment, and
//! so is what the arguments name: in the workspace of the one who starts it, and nowhere else.

use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::{
    NewJob,
    args::ArgsError,
    kind::{Policy, kind, kinds, standing_of},
    standing::Standing,
    thing::is_there,
};
use herald_base::role::Role;
use herald_db::{DbError, Tx};

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
    /// Whoever wants to start it may not.
    #[error("{0}")]
    Refused(String),
    /// The arguments do not fit.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// What an argument names is not in the workspace.
    #[error("there is no {thing} {id} in this workspace")]
    Missing {
        /// The argument, as a path with dots.
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

/// The job to enqueue, if `who` (as the audit log names them) may start it and its arguments are of this workspace. Nobody (`None`) is who made
/// a schedule before makers were remembered: they count as its staff.
///
/// # Errors
/// [`StartError`].
pub async fn admit(
    tx: &mut Tx,
    workspace_id: Uuid,
    who: Option<&str>,
    way: Way,
    name: &str,
    args: &Value,
) -> Result<NewJob, StartError> {
    let known = kind(name).ok_or_else(|| StartError::Kind(name.to_owned()))?;
    let standing = standing_of(tx, workspace_id, who).await?;
    may_start(&standing, way, &known.policy).map_err(StartError::Refused)?;
    let job = known.job(workspace_id, args)?;
    for (field, thing) in known.names {
        if let Some(id) = named(&job.args, field)
            && !is_there(&mut *tx, workspace_id, *thing, id).await?
        {
            return Err(StartError::Missing { field, thing: thing.name, id });
        }
    }
    Ok(job)
}

/// Why somebody may not start a kind, if they may not.
pub fn may_start(standing: &Standing, way: Way, policy: &Policy) -> Result<(), String> {
    let name = policy.name;
    let starter = match way {
        Way::Hand => policy.starts.hand,
        Way::Schedule => policy.starts.schedule,
        Way::Api => policy.starts.api,
    };
    match starter {
        Starter::Nobody => Err(format!(
            "{name} jobs cannot be started directly, because Herald starts them as steps of other work: use {}",
            startable()
        )),
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
