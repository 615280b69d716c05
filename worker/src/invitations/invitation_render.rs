//! `invitation.render`: draws an invitation.
//!
//! Safe to run twice: the drawing's key is the hash of all its content, and drawing is a pure function.

use std::{collections::BTreeMap, ffi::OsStr, path::Path, sync::Arc};

use herald_app::jobs::{InvitationRender, InvitationUpload};
use herald_invitations as domain;
use herald_invitations::{Invitation, Rendered, TemplateRow};
use herald_ledger::Payload;
use herald_providers::files::{Key, Stored};
use uuid::Uuid;

use crate::jobs::{Context, Task, pending_invitation, refused, undone};
use crate::{
    runner::{Done, Failure},
    studio::{Drawing, Drawn, Source},
};
use herald_imaging::encode::Format;

/// The largest portrait that is read from the file store, in bytes.
const MAX_PORTRAIT: u64 = 32 << 20;

pub(crate) async fn run(context: Arc<Context>, task: Task<InvitationRender>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    let Some(row) = domain::find_template(&context.db, task.workspace_id, invitation.template_id).await? else {
        return Err(Failure::Fail("its template does not exist any more".to_owned()));
    };
    let source = Source::Stored(&context.files, &row);
    let format = context.studio.format(invitation.options.0.format);
    let account = invitation.options.0.destination.account();
    let then = vec![InvitationUpload { invitation_id: invitation.id, account }.job(task.workspace_id)];
    let drawing = Drawing {
        fields: fields(&invitation),
        number: invitation.lucky_number.clone(),
        link: invitation.link.clone(),
        format: invitation.options.0.format,
        portrait: invitation.portrait.clone(),
        allow_missing_glyphs: invitation.options.0.allow_missing_glyphs,
        unless: drawn_before(&context, task.workspace_id, &invitation, format).await?,
    };
    // The fetched picture is not needed any more, because the portrait is recorded.
    crate::invitations::picture_fetch::forget(&context, task.workspace_id, &invitation).await;
    let portrait = match &invitation.portrait {
        Some(portrait) => {
            let portrait = Stored::of(task.workspace_id, portrait).map_err(refused)?;
            Some(context.files.get(&portrait, MAX_PORTRAIT).await?)
        }
        None => None,
    };
    let Drawn::New { hash, sha256, bytes, notes } =
        context.studio.draw(source, drawing, portrait).await.map_err(undone)?
    else {
        // The content of the drawing has not changed.
        return Ok(Done { then, ..Done::default() });
    };
    let (key, length) = (Key::rendering(task.workspace_id, &hash, format.extension()), bytes.len() as u64);
    // The new file replaces an existing one, so a damaged drawing is replaced, too.
    context.files.put(&key, bytes).await.map_err(refused)?;
    let rendering = key.into();
    Ok(Done {
        result: None,
        changes: vec![Rendered { invitation_id: invitation.id, rendering, sha256, bytes: length, notes }.into()],
        then,
    })
}

/// Whether a template shows a portrait.
pub(super) async fn has_portrait(context: &Context, row: &TemplateRow) -> Result<bool, Failure> {
    let facts = context.studio.facts(Source::Stored(&context.files, row)).await.map_err(undone)?;
    Ok(facts.portrait_side.is_some())
}

/// The hash of an invitation's earlier drawing, if its file exists in the workspace's current place.
async fn drawn_before(
    context: &Context,
    workspace_id: Uuid,
    invitation: &Invitation,
    format: Format,
) -> Result<Option<String>, Failure> {
    let Some(rendering) = invitation.rendering.as_ref().filter(|_| invitation.sha256.is_some()) else {
        return Ok(None);
    };
    let Some(hash) = Path::new(rendering).file_stem().and_then(OsStr::to_str) else { return Ok(None) };
    let key = Key::rendering(workspace_id, hash, format.extension());
    let is_there = key.as_str() == rendering && context.files.size(&key).await?.is_some();
    Ok(is_there.then(|| hash.to_owned()))
}

/// The fields that the template's expressions can name.
fn fields(invitation: &Invitation) -> BTreeMap<String, String> {
    let mut fields = domain::fields_of(
        &invitation.name,
        invitation.email.as_deref(),
        invitation.phone.as_deref(),
        invitation.external_id.as_deref(),
        &invitation.fields.0,
    );
    fields.entry("event".to_owned()).or_insert_with(|| invitation.event_name.clone());
    fields
}
