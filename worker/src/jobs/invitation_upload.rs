//! `invitation.upload`: puts a drawing where the invitation's link leads.
//!
//! Safe to run twice: the place is fixed before anything is put there, and putting the same bytes there again changes nothing.

use std::sync::Arc;

use herald_shared::{
    domain::{Fact, RunSource},
    jobs::{InvitationPublish, InvitationUpload, Payload},
};

use super::{Context, Task, destination, pending_invitation, refused};
use crate::runner::{Done, Failure};

pub(super) async fn run(context: Arc<Context>, task: Task<InvitationUpload>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    let Some(rendering) = &invitation.rendering else {
        return Err(Failure::Fail("it was never drawn: retry the invitation".to_owned()));
    };
    let extension = rendering.rsplit('.').next().unwrap_or("jpg");
    let file = format!("invitations/{}/{}.{extension}", invitation.event_slug, invitation.lucky_number);
    // Herald's own copy comes first: mails embed it, which a page of Drive cannot be.
    context.files.replace(rendering, &file).await.map_err(refused)?;
    if let Some(old) = invitation.file.as_ref().filter(|old| **old != file) {
        // Drawn in another format than before.
        context.files.delete(old).await?;
    }
    let outside = destination::put(&context, &task, &invitation, rendering).await?;
    let account = match &invitation.source.0 {
        RunSource::Mautic(source) => Some(source.account()),
        RunSource::Csv { .. } | RunSource::Contacts { .. } => None,
    };
    Ok(Done {
        result: None,
        facts: vec![Fact::Uploaded { invitation_id: invitation.id, file, outside }],
        then: vec![InvitationPublish { invitation_id: invitation.id, account }.job(task.workspace_id)],
    })
}
