//! `invitation.upload`: puts a drawing where the invitation's link leads.
//!
//! Safe to run twice: the place is fixed by event and number, and putting the same bytes there again changes nothing.

use std::sync::Arc;

use herald_shared::{
    domain::Fact,
    jobs::{InvitationPublish, InvitationUpload, Payload},
};

use super::{Context, Task, pending_invitation, refused};
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
    context.files.replace(rendering, &file).await.map_err(refused)?;
    if let Some(old) = invitation.file.filter(|old| *old != file) {
        // Drawn in another format than before.
        context.files.delete(&old).await?;
    }
    Ok(Done {
        result: None,
        facts: vec![Fact::Uploaded { invitation_id: invitation.id, file }],
        then: vec![InvitationPublish { invitation_id: invitation.id }.job(task.workspace_id)],
    })
}
