//! `invitation.publish`: writes the link and the number to the contact. The guest then has an invitation.
//!
//! Safe to run twice: writing the same value again changes nothing, and an invitation counts as made once.

use std::sync::Arc;

use herald_app::jobs::InvitationPublish;
use herald_invitations as domain;
use herald_invitations::{Invitation, MauticSource, Published, RunSource};
use herald_providers::mautic::{Fields, WriteBack};

use crate::jobs::{Context, Task, pending_invitation};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<InvitationPublish>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    if let RunSource::Mautic(source) = &invitation.source.0 {
        write_back(&context, &task, &invitation, source).await?;
    }
    // Herald's own contacts get the link with the outcome.
    Ok(Done { changes: vec![Published { invitation_id: invitation.id }.into()], ..Done::default() })
}

async fn write_back(
    context: &Context,
    task: &Task<InvitationPublish>,
    invitation: &Invitation,
    source: &MauticSource,
) -> Result<(), Failure> {
    let Some(contact_id) = source.remote_id(invitation.external_id.as_deref()) else {
        // The guest was known by another id before. The note of the import names it.
        return Err(Failure::Fail(format!(
            "the guest's id in Mautic is not known, because the contact has the external id {:?}: clear that id, \
             and pull the contact again",
            invitation.external_id.as_deref().unwrap_or_default()
        )));
    };
    let mautic = context.mautic(task, source.connection_id).await?;
    let outside =
        domain::find_upload(&context.db, task.workspace_id, invitation.id).await?.and_then(|upload| upload.link);
    let item = WriteBack {
        contact_id,
        link: outside.unwrap_or_else(|| invitation.link.clone()),
        number: invitation.lucky_number.clone(),
    };
    // The pull has checked the fields, but Mautic may have changed since.
    let fields = Fields::new(source.link_field.clone(), source.number_field.clone()).map_err(Failure::Fail)?;
    let written = context.write_back.write(&context.db, &mautic.connection, &mautic.client, fields, item).await;
    mautic.settle(context, written).await
}
