//! The kinds of job: a closed list, so that the compiler asks for a missing handler.
//!
//! One file a kind holds its arguments; its handler stands under the same name in the worker; its policy is one line of [`POLICIES`].

mod account_mail;
mod args;
mod connection_test;
mod contacts_import;
mod contacts_pull;
mod crm_event;
mod crm_sync;
mod face_crop;
mod invitation_publish;
mod invitation_render;
mod invitation_start;
mod invitation_summary;
mod invitation_upload;
mod jobs_act;
mod picture_fetch;
mod probe_run;
mod start;
mod template_preview;

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use account_mail::AccountMail;
pub use args::ArgsError;
pub use connection_test::ConnectionTest;
pub use contacts_import::ContactsImport;
pub use contacts_pull::ContactsPull;
pub use crm_event::CrmEvent;
pub use crm_sync::CrmSync;
pub use face_crop::FaceCrop;
pub use invitation_publish::InvitationPublish;
pub use invitation_render::InvitationRender;
pub use invitation_start::InvitationStart;
pub use invitation_summary::InvitationSummary;
pub use invitation_upload::InvitationUpload;
pub use jobs_act::JobsAct;
pub use picture_fetch::PictureFetch;
pub use probe_run::ProbeRun;
pub use start::{StartError, Starter, Starts, Way, admit};
pub use template_preview::TemplatePreview;

use self::start::{STEP, installation, staff};
use crate::{
    domain::Fact,
    ledger::{Backoff, NewJob, Unique},
};

/// What a job does, named `area.verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each kind is documented at its payload")]
pub enum JobKind {
    ContactsImport,
    ContactsPull,
    PictureFetch,
    FaceCrop,
    InvitationRender,
    InvitationUpload,
    InvitationPublish,
    InvitationSummary,
    InvitationStart,
    ConnectionTest,
    ProbeRun,
    TemplatePreview,
    JobsAct,
    AccountMail,
    CrmEvent,
    CrmSync,
}

/// How a kind is treated.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The kind.
    pub kind: JobKind,
    /// Its name in the ledger.
    pub name: &'static str,
    /// The queue it waits in: `cpu` for work of the processor, `fetch` for pictures on their way, `sync` for calls to providers (`drive`, `mautic` and `email` for those that have limits of their own), `control` for what steers other jobs.
    pub queue: &'static str,
    /// Lower first. Later steps of a chain go before earlier ones, so that what is begun is finished before more is begun.
    pub priority: i64,
    /// Tries, crashes included.
    pub max_attempts: i64,
    /// Waits between tries.
    pub backoff: Backoff,
    /// Longest run of one attempt.
    pub timeout: Duration,
    /// Who may start one, and how.
    pub starts: Starts,
}

const fn policy(
    kind: JobKind,
    name: &'static str,
    queue: &'static str,
    priority: i64,
    max_attempts: i64,
    (base, cap): (u64, u64),
    timeout: u64,
) -> Policy {
    let backoff = Backoff { base: Duration::from_millis(base), cap: Duration::from_secs(cap) };
    Policy { kind, name, queue, priority, max_attempts, backoff, timeout: Duration::from_secs(timeout), starts: STEP }
}

impl Policy {
    /// Says who may start one.
    const fn by(self, starts: Starts) -> Self {
        Self { starts, ..self }
    }
}

/// The policy table: queue, priority, tries, backoff, time limit, and by whom it may be started. Backoff: base in milliseconds, cap in seconds; time
/// limit in seconds. What says nothing of who may start it is a step of a chain: nobody, for the step before it does.
#[rustfmt::skip]
pub const POLICIES: [Policy; 16] = [
    policy(JobKind::ContactsImport,    "contacts.import",    "control", 0, 10, (500, 60), 3_600),
    policy(JobKind::ContactsPull,      "contacts.pull",      "mautic",  0, 10, (500, 60), 3_600),
    policy(JobKind::PictureFetch,      "picture.fetch",      "fetch",   2,  8, (500, 60),   120),
    policy(JobKind::FaceCrop,          "face.crop",          "cpu",     2,  8, (500, 60),   120),
    policy(JobKind::InvitationRender,  "invitation.render",  "cpu",     1,  8, (500, 60),   120),
    policy(JobKind::InvitationUpload,  "invitation.upload",  "sync",    2, 10, (500, 60),   120),
    policy(JobKind::InvitationPublish, "invitation.publish", "sync",    1, 10, (500, 60),    60),
    policy(JobKind::InvitationSummary, "invitation.summary", "control", 0, 10, (500, 60),   600),
    policy(JobKind::InvitationStart,   "invitation.start",   "control", 0, 10, (500, 60),    60).by(staff("invitation-runs")),
    policy(JobKind::ConnectionTest,    "connection.test",    "sync",    0,  2, (500,  5),   120).by(staff("connections")),
    policy(JobKind::ProbeRun,          "probe.run",          "sync",    1, 12, (200, 10),    20).by(installation("probes")),
    policy(JobKind::TemplatePreview,   "template.preview",   "cpu",     0,  2, (100,  1),    30).by(staff("templates")),
    policy(JobKind::JobsAct,           "jobs.act",           "control", 0, 10, (500, 60), 3_600),
    policy(JobKind::AccountMail,       "account.mail",       "email",   0,  8, (500, 60),   300),
    policy(JobKind::CrmEvent,          "crm.event",          "sync",    0, 10, (500, 60),    60),
    policy(JobKind::CrmSync,           "crm.sync",           "sync",    1, 10, (500, 60), 3_600).by(installation("crm")),
];

impl JobKind {
    /// How the kind is treated.
    pub fn policy(self) -> &'static Policy {
        POLICIES
            .iter()
            .find(|policy| policy.kind == self)
            .expect("the policy table names every kind; a test holds it to that")
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        POLICIES.iter().find(|policy| policy.name == name).map(|policy| policy.kind)
    }
}

/// A job's arguments.
pub trait Payload: Serialize + DeserializeOwned + Send + Sync {
    /// The kind it belongs to.
    const KIND: JobKind;

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
        let policy = Self::KIND.policy();
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

/// The key that keeps an invitation's steps from running side by side.
fn invitation_key(invitation_id: Uuid) -> String {
    format!("invitation:{invitation_id}")
}

/// What the death of a job changes in the domain. Written with the death itself, so that no guest is left waiting for a dead job.
pub fn facts_on_death(kind: &str, args: &serde_json::Value, reason: &str) -> Vec<Fact> {
    let Some(kind) = JobKind::parse(kind) else { return Vec::new() };
    let reason = reason.to_owned();
    match kind {
        JobKind::PictureFetch
        | JobKind::FaceCrop
        | JobKind::InvitationRender
        | JobKind::InvitationUpload
        | JobKind::InvitationPublish => id(args, "invitation_id")
            .map(|invitation_id| Fact::InvitationFailed { invitation_id, reason })
            .into_iter()
            .collect(),
        JobKind::ContactsImport | JobKind::ContactsPull => {
            id(args, "run_id").map(|run_id| Fact::RunFailed { run_id, reason }).into_iter().collect()
        }
        JobKind::InvitationSummary
        | JobKind::InvitationStart
        | JobKind::ConnectionTest
        | JobKind::ProbeRun
        | JobKind::TemplatePreview
        | JobKind::JobsAct
        | JobKind::AccountMail
        | JobKind::CrmEvent
        | JobKind::CrmSync => Vec::new(),
    }
}

/// What the cancellation of a job changes in the domain.
pub fn facts_on_cancel(kind: &str, args: &serde_json::Value) -> Vec<Fact> {
    let Some(kind) = JobKind::parse(kind) else { return Vec::new() };
    match kind {
        JobKind::PictureFetch
        | JobKind::FaceCrop
        | JobKind::InvitationRender
        | JobKind::InvitationUpload
        | JobKind::InvitationPublish => id(args, "invitation_id")
            .map(|invitation_id| Fact::InvitationCancelled { invitation_id })
            .into_iter()
            .collect(),
        JobKind::ContactsImport | JobKind::ContactsPull => {
            id(args, "run_id").map(|run_id| Fact::RunCancelled { run_id }).into_iter().collect()
        }
        JobKind::InvitationSummary
        | JobKind::InvitationStart
        | JobKind::ConnectionTest
        | JobKind::ProbeRun
        | JobKind::TemplatePreview
        | JobKind::JobsAct
        | JobKind::AccountMail
        | JobKind::CrmEvent
        | JobKind::CrmSync => Vec::new(),
    }
}

/// What the retry of a dead or cancelled job changes in the domain: what its end had ended goes on.
pub fn facts_on_retry(kind: &str, args: &serde_json::Value) -> Vec<Fact> {
    let Some(kind) = JobKind::parse(kind) else { return Vec::new() };
    match kind {
        JobKind::PictureFetch
        | JobKind::FaceCrop
        | JobKind::InvitationRender
        | JobKind::InvitationUpload
        | JobKind::InvitationPublish => id(args, "invitation_id")
            .map(|invitation_id| Fact::InvitationReopened { invitation_id })
            .into_iter()
            .collect(),
        JobKind::ContactsImport | JobKind::ContactsPull => {
            id(args, "run_id").map(|run_id| Fact::RunReopened { run_id }).into_iter().collect()
        }
        JobKind::InvitationSummary
        | JobKind::InvitationStart
        | JobKind::ConnectionTest
        | JobKind::ProbeRun
        | JobKind::TemplatePreview
        | JobKind::JobsAct
        | JobKind::AccountMail
        | JobKind::CrmEvent
        | JobKind::CrmSync => Vec::new(),
    }
}

fn id(args: &serde_json::Value, name: &str) -> Option<Uuid> {
    args.get(name)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_policy_under_an_area_and_a_verb() {
        for policy in &POLICIES {
            assert_eq!(policy.kind.policy().name, policy.name);
            assert_eq!(JobKind::parse(policy.name), Some(policy.kind));
            assert_eq!(policy.name.split('.').count(), 2, "{}", policy.name);
        }
    }
}
