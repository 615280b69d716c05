//! What all handlers share. A handler is one file in the folder of its domain, under the name its payload has there.

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
};

/// What handlers work with.
pub struct Context {
    /// The database.
    pub db: Db,
    /// The file store.
    pub files: Files,
    /// Makes the links of invitations.
    pub links: LinkSigner,
    /// Fonts, face finder, templates and the picture fetcher.
    pub studio: Studio,
    /// Where probes call.
    pub probe: ProbeCall,
    /// Accounts outside.
    pub accounts: Clients,
    /// People, whose letters are sent.
    pub people: People,
    /// Sends mails.
    pub mailer: Mailer,
    /// Puts links into Mautic, several at a time.
    pub write_back: WriteBacks,
    /// Only one task at a time makes an event's folder.
    pub folders: Folders,
    /// What `format` is when a planned run does not say.
    pub format: ImageFormat,
    /// The largest list, and how it is read.
    pub import: herald_sheets::Options,
}

/// The handler of every kind.
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

/// One attempt of a kind, decoded.
pub(crate) struct Task<P> {
    pub(crate) args: P,
    pub(crate) workspace_id: Uuid,
    pub(crate) key: JobKey,
    pub(crate) attempt: i64,
    pub(crate) is_last_attempt: bool,
    pub(crate) queue: String,
    /// It shares a limit with others under a key of its own: a wait for its account holds up only those.
    pub(crate) has_key: bool,
    pub(crate) cancelled: CancellationToken,
}

impl<P> Task<P> {
    /// The queue it waited in, whose rate it has paid from.
    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    /// When the job was put in the ledger: its id says so.
    pub(crate) fn enqueued_at(&self) -> DateTime<Utc> {
        let seconds = self.key.id.get_timestamp().map_or(0, |at| at.to_unix().0);
        i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default()
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
        // Trying again would read the same.
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

/// The invitation a step works on; `None` if there is nothing to do for it any more.
pub(crate) async fn pending_invitation(
    context: &Context,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<Invitation>, Failure> {
    let invitation = domain::find_invitation(&context.db, workspace_id, id).await?;
    Ok(invitation.filter(|invitation| invitation.state == InvitationState::Pending))
}

/// What the file store refused. A full disk and missing permissions wait for a person, so waiting here would only hide
/// them.
pub(crate) fn refused(error: FilesError) -> Failure {
    match error {
        FilesError::DiskFull | FilesError::Denied(_) | FilesError::Foreign(_) => Failure::Fail(error.to_string()),
        error => error.into(),
    }
}

/// What the studio did not do. What a guest, a picture or a template is the reason of fails for good.
pub(crate) fn undone(error: StudioError) -> Failure {
    let text = error.to_string();
    if error.is_permanent() { Failure::Fail(text) } else { Failure::Retry { error: text, after: None } }
}
