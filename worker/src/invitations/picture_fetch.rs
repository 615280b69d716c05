//! `picture.fetch`: fetches a guest's picture from the web or from Mautic into the file store, where `face.crop` finds
//! it.
//!
//! The job mostly waits, so it has a separate queue with a high concurrency. A slow host delays neither the CPU-bound
//! jobs nor the pictures of other hosts (docs/adr/0022-pictures-are-fetched-apart.md).
//!
//! Safe to run twice: the file's key consists of the invitation and the place, and an existing file is not fetched
//! again.

use std::sync::Arc;

use bytes::Bytes;
use herald_accounts::ProviderKind;
use herald_app::jobs::{FaceCrop, PictureFetch};
use herald_invitations as domain;
use herald_invitations::{Invitation, PictureSource, picture_mark};
use herald_ledger::Payload;
use herald_providers::{
    Class,
    files::{FilesError, Key},
};
use uuid::Uuid;

use crate::runner::{Done, Failure};
use crate::{
    invitations::face_crop::{self, Unusable},
    jobs::{Context, Task, pending_invitation, refused},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<PictureFetch>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    let then = vec![FaceCrop { invitation_id: invitation.id }.job(task.workspace_id)];
    let on = Done { then, ..Done::default() };
    let Some((place, source)) = wanted(&invitation) else { return Ok(on) };
    let Some(template) = domain::find_template(&context.db, task.workspace_id, invitation.template_id).await? else {
        return Err(Failure::Fail("its template does not exist any more".to_owned()));
    };
    let key = key(task.workspace_id, invitation.id, place);
    // A template without a picture slot needs no picture.
    if !crate::invitations::invitation_render::has_portrait(&context, &template).await?
        || context.files.size(&key).await?.is_some()
    {
        return Ok(on);
    }
    match fetch(&context, &task, source).await? {
        Ok(bytes) => {
            context.files.put(&key, bytes).await.map_err(refused)?;
            Ok(on)
        }
        Err(unusable) => face_crop::without(&invitation, &task, unusable),
    }
}

/// The picture to fetch for an invitation, if there is one.
pub(super) fn wanted(invitation: &Invitation) -> Option<(&str, PictureSource)> {
    let place = invitation.picture.as_deref()?;
    Some((place, PictureSource::of(place)?))
}

/// The key of a fetched picture, which is stored until its invitation is drawn.
fn key(workspace_id: Uuid, invitation_id: Uuid, place: &str) -> Key {
    Key::fetched(workspace_id, invitation_id, &picture_mark(place))
}

/// Whether an invitation's picture is in the file store.
pub(super) async fn is_fetched(
    context: &Context,
    workspace_id: Uuid,
    invitation: &Invitation,
) -> Result<bool, Failure> {
    let Some((place, _)) = wanted(invitation) else { return Ok(false) };
    Ok(context.files.size(&key(workspace_id, invitation.id, place)).await?.is_some())
}

/// Reads a fetched picture; `None` if it must be fetched first.
pub(super) async fn fetched(
    context: &Context,
    workspace_id: Uuid,
    invitation: &Invitation,
) -> Result<Option<Bytes>, Failure> {
    let Some((place, _)) = wanted(invitation) else { return Ok(None) };
    let key = key(workspace_id, invitation.id, place);
    match context.files.get(&key, context.studio.max_picture_bytes).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FilesError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes the picture that was fetched for an invitation, because the invitation is drawn or cannot be. If that fails,
/// the sweep at the next start removes it.
pub(super) async fn forget(context: &Context, workspace_id: Uuid, invitation: &Invitation) {
    let Some((place, _)) = wanted(invitation) else { return };
    if let Err(error) = context.files.delete(&key(workspace_id, invitation.id, place)).await {
        tracing::info!(%error, "a fetched picture that is not needed any more could not be removed");
    }
}

async fn fetch(
    context: &Context,
    task: &Task<PictureFetch>,
    source: PictureSource,
) -> Result<Result<Bytes, Unusable>, Failure> {
    match source {
        PictureSource::Web(address) => Ok(from_web(context, &address).await),
        PictureSource::Mautic { connection_id, upload } => from_mautic(context, task, connection_id, &upload).await,
    }
}

async fn from_web(context: &Context, address: &str) -> Result<Bytes, Unusable> {
    context.studio.fetcher.fetch(address).await.map_err(|error| {
        let reason = format!("picture: {error}");
        if error.is_transient() {
            Unusable::Transient(Failure::Retry { error: reason.clone(), after: error.retry_after() }, reason)
        } else {
            Unusable::Permanent(reason)
        }
    })
}

/// Reads a file that was uploaded with a form of Mautic: `submission:field`.
async fn from_mautic(
    context: &Context,
    task: &Task<PictureFetch>,
    connection_id: Option<Uuid>,
    upload: &str,
) -> Result<Result<Bytes, Unusable>, Failure> {
    let parts = upload.split_once(':').and_then(|(submission, field)| Some((submission.parse().ok()?, field)));
    let (Some(connection_id), Some((submission, field))) = (connection_id, parts) else {
        return Ok(Err(Unusable::Permanent(
            "where its picture is in Mautic is damaged: pull the contact again".to_owned(),
        )));
    };
    let mautic = context.mautic(task, connection_id).await?;
    // The queue of fetches has no rate, so the request counts against the rate of Mautic's queue.
    let meter = herald_accounts::meter_of_job(&context.db, ProviderKind::Mautic.queue(), 0);
    let limit = usize::try_from(context.studio.max_picture_bytes).unwrap_or(usize::MAX);
    Ok(mautic.client.form_file(submission, field, limit, &meter).await.map_err(|error| {
        let reason = format!("picture: {error}");
        match error.class {
            Class::Recipient | Class::Config | Class::Auth => Unusable::Permanent(reason),
            Class::Rate | Class::Transient | Class::Down | Class::Unknown => {
                Unusable::Transient(Failure::Retry { error: reason.clone(), after: error.retry_after }, reason)
            }
        }
    }))
}
