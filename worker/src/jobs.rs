//! The parts that all handlers share. Each handler is one file in the folder of its domain, named like the module of
//! its payload.

use std::{future::Future, sync::Arc};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use herald_accounts::Clients;
use herald_app::every_kind;
use herald_base::{image_format::ImageFormat, links::LinkSigner};
use herald_db::Db;
use herald_invitations as domain;
use herald_invitations::{Invitation, InvitationState};
use herald_ledger::{JobKey, Leased, Payload};
use herald_people::People;
use herald_providers::{
    email::Mailer,
    files::{Files, FilesError},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use crate::invitations::destination::Folders;
use crate::{
    fetch::ProbeCall,
    invitations::write_back::WriteBacks,
    runner::{Attempt, Done, Failure, Handler},
    studio::{Studio, StudioError},
    workbooks::Workbooks,
};

/// The services that handlers use.
pub struct Context {
    /// The database.
    pub db: Db,
    /// The file store.
    pub files: Files,
    /// The signer that creates the links of invitations.
    pub links: LinkSigner,
    /// The studio with fonts, face finder and templates, and the client for pictures.
    pub studio: Studio,
    /// The target of probe calls.
    pub probe: ProbeCall,
    /// The clients for outside accounts.
    pub accounts: Clients,
    /// People and their accounts, whose e-mails are sent.
    pub people: People,
    /// The sender of e-mails.
    pub mailer: Mailer,
    /// The writer that puts links into Mautic, several at a time.
    pub write_back: WriteBacks,
    /// Makes sure that only one task at a time creates the folder of an event.
    pub folders: Folders,
    /// The image format of a planned run that does not set one.
    pub format: ImageFormat,
    /// The options for reading lists, such as the largest size.
    pub import: herald_sheets::Options,
    /// Where workbooks are read.
    pub workbooks: Workbooks,
}

/// Returns the handler for every kind of job.
pub fn handler(context: Arc<Context>) -> Handler {
    Arc::new(move |attempt| {
        let context = context.clone();
        async move {
            let Attempt { job, cancelled } = attempt;
            macro_rules! dispatch {
                ($($payload:ident $domain:ident $module:ident,)*) => {
                    $(if job.kind == <herald_app::jobs::$payload as Payload>::POLICY.name {
                        return run(context, job, cancelled, crate::$domain::$module::run).await;
                    })*
                };
            }
            every_kind!(dispatch);
            let kind = &job.kind;
            Err(Failure::Fail(format!("this version knows no {kind} jobs: run the version that enqueued it")))
        }
        .boxed()
    })
}

/// One attempt of a job, with its decoded arguments.
pub(crate) struct Task<P> {
    pub(crate) args: P,
    pub(crate) workspace_id: Uuid,
    pub(crate) key: JobKey,
    pub(crate) attempt: i64,
    pub(crate) is_last_attempt: bool,
    pub(crate) queue: String,
    /// Whether the job has a limit key. A wait for its account then holds up only the jobs with the same key.
    pub(crate) has_key: bool,
    pub(crate) cancelled: CancellationToken,
}

impl<P> Task<P> {
    /// The queue that the job waited in, and whose rate it has used.
    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    /// When the job was added to the ledger. Its id contains this time.
    pub(crate) fn enqueued_at(&self) -> DateTime<Utc> {
        herald_ledger::enqueued_at(self.key.id)
    }
}

async fn run<P, F>(
    context: Arc<Context>,
    job: Leased,
    cancelled: CancellationToken,
    run: impl FnOnce(Arc<Context>, Task<P>) -> F,
) -> Result<Done, Failure>
where
    P: Payload,
    F: Future<Output = Result<Done, Failure>>,
{
    let (key, is_last_attempt, queue) = (job.key(), job.is_last_attempt(), job.queue.clone());
    let has_key = job.limit_key.is_some();
    let args = match serde_json::from_value(job.args.0) {
        Ok(args) => args,
        // Another attempt would read the same arguments.
        Err(error) => return Err(Failure::Fail(format!("its arguments do not decode: {error}"))),
    };
    run(
        context,
        Task {
            args,
            workspace_id: job.workspace_id,
            key,
            attempt: job.attempt,
            is_last_attempt,
            queue,
            has_key,
            cancelled,
        },
    )
    .await
}

/// Returns the invitation that a step works on; `None` if it needs no more work.
pub(crate) async fn pending_invitation(
    context: &Context,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<Invitation>, Failure> {
    let invitation = domain::find_invitation(&context.db, workspace_id, id).await?;
    Ok(invitation.filter(|invitation| invitation.state == InvitationState::Pending))
}

/// The failure for an error of the file store. A full disk and missing permissions need a person, so a retry would only
/// hide them.
pub(crate) fn refused(error: FilesError) -> Failure {
    match error {
        FilesError::DiskFull | FilesError::Denied(_) | FilesError::Foreign(_) => Failure::Fail(error.to_string()),
        error => error.into(),
    }
}

/// The failure for an error of the studio. An error that a guest, a picture or a template causes is permanent.
pub(crate) fn undone(error: StudioError) -> Failure {
    let text = error.to_string();
    if error.is_permanent() { Failure::Fail(text) } else { Failure::Retry { error: text, after: None } }
}
