//! `invitation.render`: draws an invitation.
//!
//! Safe to run twice: the drawing's key is the hash of everything it shows, and drawing is a pure function.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use herald_shared::{
    domain::{self, Fact, Invitation, TemplateRow},
    files::{Key, Stored},
    jobs::{InvitationRender, InvitationUpload, Payload},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Context, Task, pending_invitation, refused};
use crate::{
    imaging::{
        encode::Format,
        picture::{self, Pixels},
        render::{Guest, RENDERER_VERSION, Rendered, render},
        template::PreparedTemplate,
    },
    runner::{Done, Failure},
};

/// The largest portrait read back, in bytes.
const MAX_PORTRAIT: u64 = 32 << 20;

pub(super) async fn run(context: Arc<Context>, task: Task<InvitationRender>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    let Some(row) = domain::template(&context.db, task.workspace_id, invitation.template_id).await? else {
        return Err(Failure::Fail("its template does not exist any more".to_owned()));
    };
    let template = prepared(&context, &row).await?;
    let format = format(&context, &invitation.options.0.format)?;
    let fields = fields(&invitation);
    let key = key(&template, format, &fields, &invitation, task.workspace_id);
    let account = invitation.options.0.destination.account();
    let then = vec![InvitationUpload { invitation_id: invitation.id, account }.job(task.workspace_id)];
    if invitation.rendering.as_deref() == Some(key.as_str())
        && invitation.sha256.is_some()
        && context.files.size(&key).await?.is_some()
    {
        // Drawn before, and nothing it shows has changed.
        return Ok(Done { then, ..Done::default() });
    }
    // What the portrait was cut from has done its part, now that the portrait is noted.
    super::picture_fetch::forget(&context, task.workspace_id, &invitation).await;
    let portrait = match &invitation.portrait {
        Some(portrait) => {
            let portrait = Stored::of(task.workspace_id, portrait).map_err(refused)?;
            Some(context.files.get(&portrait, MAX_PORTRAIT).await?)
        }
        None => None,
    };
    let (drawn, sha256) = {
        let (drawing, number, link) = (context.clone(), invitation.lucky_number.clone(), invitation.link.clone());
        let allow_missing_glyphs = invitation.options.0.allow_missing_glyphs;
        let draw = move || {
            let shown = Shown { fields: &fields, number: &number, link: &link, allow_missing_glyphs };
            let drawn = draw(&drawing, &template, &shown, portrait, format)?;
            let sha256 = hex::encode(Sha256::digest(&drawn.bytes));
            Ok::<_, Failure>((drawn, sha256))
        };
        context.studio.cpu.run(draw).await?
    };
    let bytes = drawn.bytes.len() as u64;
    let notes = drawn.notes.iter().map(ToString::to_string).collect();
    // Over what is there: a drawing that was damaged is drawn anew.
    context.files.put(&key, Bytes::from(drawn.bytes)).await.map_err(refused)?;
    Ok(Done {
        result: None,
        facts: vec![Fact::Rendered { invitation_id: invitation.id, rendering: key.into(), sha256, bytes, notes }],
        then,
    })
}

/// Whether a template shows a portrait.
pub(super) async fn has_portrait(context: &Context, row: &TemplateRow) -> Result<bool, Failure> {
    Ok(prepared(context, row).await?.portrait_side().is_some())
}

/// A template, prepared. One that cannot be prepared fails for good.
pub(super) async fn prepared(context: &Context, row: &TemplateRow) -> Result<Arc<PreparedTemplate>, Failure> {
    context.studio.template(&context.files, row).await.map_err(|error| {
        let text = format!("template \"{}\": {error}", row.name);
        if error.is_permanent() { Failure::Fail(text) } else { Failure::Retry { error: text, after: None } }
    })
}

/// The encoder of a format's name.
pub(super) fn format(context: &Context, name: &str) -> Result<Format, Failure> {
    context
        .studio
        .format(name)
        .ok_or_else(|| Failure::Fail(format!("format {name:?} is not known: use jpeg, png or webp")))
}

/// What the template's expressions may name.
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

/// Names everything the drawing shows and what draws it.
fn key(
    template: &PreparedTemplate,
    format: Format,
    fields: &BTreeMap<String, String>,
    invitation: &Invitation,
    workspace_id: Uuid,
) -> Key {
    let mut shown = serde_json::json!([
        RENDERER_VERSION,
        template.fonts_fingerprint(),
        template.version(),
        format!("{format:?}"),
        fields,
        invitation.lucky_number,
        invitation.link,
        invitation.portrait,
    ]);
    if let Some(shown) = shown.as_array_mut().filter(|_| invitation.options.0.allow_missing_glyphs) {
        // One that may have holes does not stand in for one that may not.
        shown.push("missing glyphs allowed".into());
    }
    let hash = hex::encode(Sha256::digest(shown.to_string()));
    Key::rendering(workspace_id, &hash, format.extension())
}

/// What a drawing shows, besides the portrait.
pub(super) struct Shown<'s> {
    pub(super) fields: &'s BTreeMap<String, String>,
    pub(super) number: &'s str,
    pub(super) link: &'s str,
    pub(super) allow_missing_glyphs: bool,
}

/// Draws on a CPU thread.
pub(super) fn draw(
    context: &Context,
    template: &PreparedTemplate,
    shown: &Shown<'_>,
    portrait: Option<Bytes>,
    format: Format,
) -> Result<Rendered, Failure> {
    let portrait: Option<Pixels> = match portrait {
        Some(bytes) => {
            let picture =
                picture::decode(&bytes).map_err(|error| Failure::Fail(format!("its portrait is damaged: {error}")))?;
            Some(picture.pixels)
        }
        None => None,
    };
    let Shown { fields, number, link, allow_missing_glyphs } = *shown;
    let guest = Guest { fields, portrait: portrait.as_ref(), number, link, allow_missing_glyphs };
    // The same guest on the same template fails the same way again.
    context
        .studio
        .with_scratch(|scratch| render(template, &guest, format, &mut scratch.render))
        .map_err(|error| Failure::Fail(format!("it cannot be drawn: {error}")))
}
