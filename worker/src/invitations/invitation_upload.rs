//! `invitation.upload`: puts a drawing in the place that the invitation's link leads to.
//!
//! Safe to run twice: the place is fixed before the upload, and uploading the same bytes again changes nothing.

use std::sync::Arc;

use herald_app::jobs::{InvitationPublish, InvitationUpload};
use herald_base::image_format::ImageFormat;
use herald_invitations::{RunSource, Uploaded};
use herald_ledger::Payload;
use herald_providers::files::{Key, Stored};

use crate::runner::{Done, Failure};
use crate::{
    invitations::destination,
    jobs::{Context, Task, pending_invitation, refused},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<InvitationUpload>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    let Some(rendering) = &invitation.rendering else {
        return Err(Failure::Fail("it was never drawn: retry the invitation".to_owned()));
    };
    let workspace_id = task.workspace_id;
    let rendering = Stored::of(workspace_id, rendering).map_err(refused)?;
    let (event, number) = (&invitation.event_slug, &invitation.lucky_number);
    let file = Key::invitation(
        workspace_id,
        event,
        number,
        invitation.id,
        rendering.extension().unwrap_or(ImageFormat::Jpeg.extension()),
    );
    // Herald's own copy comes first, because e-mails embed it and cannot embed a page of Drive.
    context.files.replace(&rendering, &file).await.map_err(refused)?;
    // The earlier file has another format. A file from the time before files had a folder for each workspace may belong
    // to another guest. Such a file stays until it is moved.
    let old = invitation.file.as_deref().and_then(|old| Key::known(workspace_id, old));
    if let Some(old) = old.filter(|old| *old != file) {
        context.files.delete(&old).await?;
    }
    let outside = destination::put(&context, &task, &invitation, &rendering).await?;
    let account = match &invitation.source.0 {
        RunSource::Mautic(source) => Some(source.account()),
        RunSource::Csv { .. } | RunSource::Contacts { .. } | RunSource::Segment { .. } => None,
    };
    Ok(Done {
        result: None,
        changes: vec![Uploaded { invitation_id: invitation.id, file: file.into(), outside }.into()],
        then: vec![InvitationPublish { invitation_id: invitation.id, account }.job(task.workspace_id)],
    })
}
