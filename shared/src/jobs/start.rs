//! Who may start a job of a kind, and with which arguments. Schedules, requests and commands all ask [`admit`].
//!
//! The policy table says for each kind who may start it by hand, by a schedule, and over the API. Whoever starts it is looked up at that moment, and
//! so is what the arguments name: in the workspace of the one who starts it, and nowhere else.

use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::{ArgsError, JobKind, POLICIES};
use crate::{
    db::{DbError, Tx},
    domain::{Thing, is_there},
    ledger::NewJob,
    people::{Role, Standing},
};

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
pub(super) const STEP: Starts =
    Starts { hand: Starter::Nobody, schedule: Starter::Nobody, api: Starter::Nobody, area: "" };

/// The daily work of a workspace.
pub(super) const fn staff(area: &'static str) -> Starts {
    let staff = Starter::Member(Role::Staff);
    Starts { hand: staff, schedule: staff, api: staff, area }
}

/// What is the installation's.
pub(super) const fn installation(area: &'static str) -> Starts {
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
    let open = POLICIES.iter().filter(|policy| policy.starts != STEP);
    open.map(|policy| policy.name).collect::<Vec<_>>().join(", ")
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
    kind: &str,
    args: &Value,
) -> Result<NewJob, StartError> {
    let known = JobKind::parse(kind).ok_or_else(|| StartError::Kind(kind.to_owned()))?;
    let standing = Standing::of(tx, workspace_id, who).await?;
    may_start(&standing, way, known).map_err(StartError::Refused)?;
    let job = known.job(workspace_id, args)?;
    for (field, thing) in references(known) {
        if let Some(id) = named(&job.args, field)
            && !is_there(&mut *tx, workspace_id, *thing, id).await?
        {
            return Err(StartError::Missing { field, thing: thing.name(), id });
        }
    }
    Ok(job)
}

/// Why somebody may not start a kind, if they may not.
fn may_start(standing: &Standing, way: Way, kind: JobKind) -> Result<(), String> {
    let policy = kind.policy();
    let name = policy.name;
    let starter = match way {
        Way::Hand => policy.starts.hand,
        Way::Schedule => policy.starts.schedule,
        Way::Api => policy.starts.api,
    };
    match starter {
        Starter::Nobody => Err(format!(
            "nobody starts a {name} job: it comes by itself, with what it is a step of; use {}",
            startable()
        )),
        Starter::Platform if !standing.platform_admin => {
            Err(format!("{name} jobs concern the whole installation: only its administrators start them"))
        }
        Starter::Member(needed) if standing.role.is_none_or(|role| role < needed) => {
            let own = standing.role.map_or("nobody", Role::name);
            Err(format!("a {name} job needs {needed}, and who starts it is {own} in this workspace"))
        }
        _ if !standing.may_write(policy.starts.area) => {
            Err(format!("a {name} job needs the scope {}:write, which the key does not hold", policy.starts.area))
        }
        _ => Ok(()),
    }
}

/// The arguments that name something of a workspace, and what. A name that is no id is looked up when the job runs, in its workspace.
fn references(kind: JobKind) -> &'static [(&'static str, Thing)] {
    match kind {
        JobKind::ContactsImport => &[("run_id", Thing::Run), ("account.connection_id", Thing::Connection)],
        JobKind::ContactsPull => &[("run_id", Thing::Run), ("connection_id", Thing::Connection)],
        JobKind::InvitationSummary => &[("run_id", Thing::Run)],
        JobKind::PictureFetch | JobKind::FaceCrop | JobKind::InvitationRender => {
            &[("invitation_id", Thing::Invitation)]
        }
        JobKind::InvitationUpload | JobKind::InvitationPublish => {
            &[("invitation_id", Thing::Invitation), ("account.connection_id", Thing::Connection)]
        }
        JobKind::InvitationStart => &[
            ("template", Thing::Template),
            ("source.connection", Thing::Connection),
            ("destination.connection", Thing::Connection),
        ],
        JobKind::ConnectionTest => &[("connection_id", Thing::Connection)],
        JobKind::TemplatePreview => &[("template_id", Thing::Template), ("contact_id", Thing::Contact)],
        JobKind::ProbeRun | JobKind::JobsAct | JobKind::AccountMail | JobKind::CrmEvent | JobKind::CrmSync => &[],
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
    use crate::people::Scope;

    fn member(role: Role) -> Standing {
        Standing { role: Some(role), platform_admin: false, scopes: None }
    }

    #[test]
    fn steps_are_nobodys_and_the_installations_are_for_its_administrators() {
        for policy in &POLICIES {
            for way in [Way::Hand, Way::Schedule, Way::Api] {
                let owner = may_start(&member(Role::Owner), way, policy.kind);
                let anybody = may_start(&Standing::operator(), way, policy.kind);
                match policy.starts.schedule {
                    Starter::Nobody => assert!(anybody.unwrap_err().contains("comes by itself"), "{}", policy.name),
                    Starter::Platform => assert!(owner.unwrap_err().contains("administrators") && anybody.is_ok()),
                    Starter::Member(needed) => {
                        assert!(owner.is_ok() && anybody.is_ok());
                        assert_eq!(may_start(&member(Role::Viewer), way, policy.kind).is_ok(), needed == Role::Viewer);
                    }
                }
            }
        }
        let closed = ["contacts.import", "contacts.pull", "face.crop", "invitation.render", "invitation.upload"];
        let closed = closed.into_iter().chain(["invitation.publish", "jobs.act", "account.mail", "crm.event"]);
        for name in closed {
            assert_eq!(JobKind::parse(name).unwrap().policy().starts, STEP, "{name}");
        }
        for name in ["probe.run", "crm.sync"] {
            assert_eq!(JobKind::parse(name).unwrap().policy().starts.schedule, Starter::Platform, "{name}");
        }
    }

    #[test]
    fn a_narrow_key_starts_only_what_its_scopes_hold() {
        let scopes = |text: &str| Some(vec![text.parse::<Scope>().unwrap()]);
        let key = |text| Standing { scopes: scopes(text), ..member(Role::Owner) };
        let start = |standing: &Standing| may_start(standing, Way::Schedule, JobKind::InvitationStart);
        assert!(start(&key("invitation-runs:write")).is_ok());
        assert!(start(&key("schedules:write")).unwrap_err().contains("invitation-runs:write"));
        assert!(start(&key("invitation-runs:read")).is_err());
    }

    #[test]
    fn ids_are_found_at_their_paths() {
        let id = Uuid::from_u128(7);
        let args = json!({ "run_id": id, "account": { "connection_id": id }, "template": "gala" });
        assert_eq!((named(&args, "run_id"), named(&args, "account.connection_id")), (Some(id), Some(id)));
        assert_eq!((named(&args, "template"), named(&args, "source.connection")), (None, None));
    }
}
