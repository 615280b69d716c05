//! `template.preview`: draws one sample invitation, for a person who designs a template.
//!
//! A contact may be erased while their sample is drawn. The job of the erasure removes all samples that are there when
//! it runs, so this one looks for the contact again behind its file: either it finds them gone, or the erasure comes
//! later and finds the file.

use std::sync::Arc;

use bytes::Bytes;
use herald_app::jobs::{SamplePicture, TemplatePreview};
use herald_invitations as domain;
use herald_invitations::Sample;
use herald_providers::files::{FilesError, Key, Stored};
use uuid::Uuid;

use super::face_crop::NO_FACE;
use crate::jobs::{Context, Task, undone};
use crate::{
    contacts::contact_erase::forget_samples,
    runner::{Done, Failure},
    studio::{Drawing, Drawn, Source},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<TemplatePreview>) -> Result<Done, Failure> {
    let args = task.args;
    let Some(row) = domain::find_template(&context.db, task.workspace_id, args.template_id).await? else {
        return Err(Failure::Fail("the template does not exist".to_owned()));
    };
    let source = Source::Stored(&context.files, &row);
    let facts = context.studio.facts(source).await.map_err(undone)?;
    let format = context.studio.format(args.format);
    let contact = match args.contact_id {
        Some(id) => match herald_contacts::find_contact(&context.db, task.workspace_id, id).await? {
            Some(contact) => Some(contact),
            None => return Err(gone(&context, task.workspace_id, id).await?),
        },
        None => None,
    };
    let sample = match &contact {
        Some(contact) => Sample::contact(contact),
        None => Sample::nobody(args.fields.get("name").map(String::as_str)),
    };
    let Sample { fields, number, link } = sample.with(args.fields, &facts.fields);
    let (portrait, remark) = match args.picture.zip(facts.portrait_side) {
        None => (None, None),
        Some((picture, side)) => match portrait(&context, task.workspace_id, &picture, side).await? {
            Ok(portrait) => (Some(portrait), None),
            Err(reason) if picture.is_needed => return Err(Failure::Fail(reason)),
            Err(reason) => (None, Some(format!("{reason} (the drawn avatar is used)"))),
        },
    };
    let (hash, portrait) = portrait.unzip();
    let drawing = Drawing {
        fields,
        number,
        link,
        format: args.format,
        portrait: hash,
        allow_missing_glyphs: !args.strict,
        unless: None,
    };
    let drawn = context.studio.draw(source, drawing, portrait).await.map_err(undone)?;
    let Drawn::New { sha256, bytes, mut notes, .. } = drawn else {
        return Err(Failure::Fail("it was not drawn: please report this".to_owned()));
    };
    notes.extend(remark);
    let file = Key::preview(task.workspace_id, &sha256, format.extension());
    context.files.put_once(&file, bytes).await?;
    if let Some(id) = args.contact_id
        && herald_contacts::find_contact(&context.db, task.workspace_id, id).await?.is_none()
    {
        return Err(gone(&context, task.workspace_id, id).await?);
    }
    let result = serde_json::json!({ "file": file.as_str(), "media_type": format.media_type(), "notes": notes });
    Ok(Done { result: Some(result), ..Done::default() })
}

/// What is to be said of a contact that is not there. Its sample goes: that of this attempt, or of one that was killed
/// before it looked again. Nobody knows which it is, so all go, and are drawn again when somebody looks.
async fn gone(context: &Context, workspace_id: Uuid, id: Uuid) -> Result<Failure, Failure> {
    forget_samples(context, workspace_id).await?;
    Ok(Failure::Fail(format!("contact {id} does not exist: check the id")))
}

/// Returns the portrait in a picture with its hash, or the reason why the picture has none.
async fn portrait(
    context: &Context,
    workspace_id: Uuid,
    picture: &SamplePicture,
    side: u32,
) -> Result<Result<(String, Bytes), String>, Failure> {
    let refused = |reason: &dyn std::fmt::Display| Ok(Err(format!("picture \"{}\": {reason}", picture.name)));
    let read = async {
        let file = Stored::of(workspace_id, &picture.file)?;
        context.files.get(&file, context.studio.max_picture_bytes).await
    };
    let bytes = match read.await {
        Ok(bytes) => bytes,
        Err(error @ (FilesError::Missing(_) | FilesError::TooLarge { .. } | FilesError::Foreign(_))) => {
            return refused(&error);
        }
        Err(error) => return Err(error.into()),
    };
    match context.studio.crop(bytes, side).await {
        Ok(cut) => match cut.portrait {
            Some(portrait) => Ok(Ok(portrait)),
            None => refused(&NO_FACE),
        },
        Err(error) if error.is_permanent() => refused(&error),
        Err(error) => Err(undone(error)),
    }
}
