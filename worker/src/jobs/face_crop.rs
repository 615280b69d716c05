//! `face.crop`: a guest's picture becomes a portrait cut around the largest face.
//!
//! Safe to run twice: the portrait's key is the hash of the picture and the parameters, and the same picture gives the same bytes.

use std::sync::Arc;

use bytes::Bytes;
use herald_shared::{
    connections::ProviderKind,
    domain::{self, Fact, Invitation, PicturePolicy},
    files::{FilesError, Key, Stored},
    jobs::{FaceCrop, InvitationRender, Payload},
    providers::{Class, Meter},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Context, Task, pending_invitation, refused};
use crate::{
    imaging::{
        crop::{CropSettings, crop_portrait},
        encode::{Format, encode},
        picture::{self, PictureError, Pixels},
    },
    runner::{Done, Failure},
};

/// Portraits are kept at this quality: they are scaled once more when drawn.
const PORTRAIT: Format = Format::Jpeg { quality: 95 };
/// Tries for a picture that might still come; then the run's picture policy decides.
const FETCH_TRIES: i64 = 4;

/// What became of a picture.
struct Cut {
    portrait: Option<(Key, Bytes)>,
    notes: Vec<String>,
}

/// Why a picture cannot be used.
enum Unusable {
    /// Never, as it is.
    Permanent(String),
    /// Perhaps later.
    Transient(Failure, String),
}

pub(super) async fn run(context: Arc<Context>, task: Task<FaceCrop>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    let cut = match cut(&context, &task, &invitation).await? {
        Ok(cut) => cut,
        Err(Unusable::Transient(failure, _)) if task.attempt < FETCH_TRIES && !task.is_last_attempt => {
            return Err(failure);
        }
        Err(Unusable::Permanent(reason) | Unusable::Transient(_, reason)) => {
            match invitation.options.0.on_bad_picture {
                PicturePolicy::Fail => return Err(Failure::Fail(reason)),
                PicturePolicy::Avatar => {
                    Cut { portrait: None, notes: vec![format!("{reason} (the drawn avatar is used)")] }
                }
            }
        }
    };
    let portrait = match cut.portrait {
        Some((key, bytes)) => {
            context.files.put_once(&key, bytes).await.map_err(refused)?;
            Some(key.into())
        }
        None => None,
    };
    Ok(Done {
        result: None,
        facts: vec![Fact::PortraitReady { invitation_id: invitation.id, portrait, notes: cut.notes }],
        then: vec![InvitationRender { invitation_id: invitation.id }.job(task.workspace_id)],
    })
}

async fn cut(
    context: &Arc<Context>,
    task: &Task<FaceCrop>,
    invitation: &Invitation,
) -> Result<Result<Cut, Unusable>, Failure> {
    let none = Cut { portrait: None, notes: Vec::new() };
    let Some(place) = invitation.picture.clone() else { return Ok(Ok(none)) };
    let Some(template) = domain::template(&context.db, task.workspace_id, invitation.template_id).await? else {
        return Err(Failure::Fail("its template does not exist any more".to_owned()));
    };
    let template = super::invitation_render::prepared(context, &template).await?;
    // A template without a picture needs none.
    let Some(side) = template.portrait_side() else { return Ok(Ok(none)) };
    let bytes = match read(context, task, &place).await? {
        Ok(bytes) => bytes,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let name = shown(&place);
    let drawing = context.clone();
    let workspace_id = task.workspace_id;
    let cut = context.studio.cpu.run(move || cut_out(&drawing, workspace_id, &bytes, side)).await;
    Ok(cut.map_err(|error| Unusable::Permanent(format!("picture {name}: {error}"))))
}

/// Reads a picture from where its contact says it is.
async fn read(context: &Context, task: &Task<FaceCrop>, place: &str) -> Result<Result<Bytes, Unusable>, Failure> {
    match place.strip_prefix("mautic:") {
        Some(place) => read_upload(context, task, place).await,
        None => Ok(read_elsewhere(context, task.workspace_id, place).await),
    }
}

/// Reads a file that was uploaded with a form of Mautic: `connection:submission:field`.
async fn read_upload(
    context: &Context,
    task: &Task<FaceCrop>,
    place: &str,
) -> Result<Result<Bytes, Unusable>, Failure> {
    let mut parts = place.splitn(3, ':');
    let (connection, submission) = (parts.next().map(str::parse), parts.next().map(str::parse));
    let (Some(Ok(connection)), Some(Ok(submission)), Some(field)) = (connection, submission, parts.next()) else {
        return Ok(Err(Unusable::Permanent(
            "where its picture is in Mautic is damaged: pull the contact again".to_owned(),
        )));
    };
    let mautic = context.mautic(task, connection).await?;
    // The crop's own queue has no rate: the request is paid for from Mautic's.
    let meter = Meter::of_job(&context.db, ProviderKind::Mautic.queue(), 0);
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

async fn read_elsewhere(context: &Context, workspace_id: Uuid, place: &str) -> Result<Bytes, Unusable> {
    let limit = context.studio.max_picture_bytes;
    if let Some(reason) = place.strip_prefix("none:") {
        return Err(Unusable::Permanent(reason.to_owned()));
    }
    let name = shown(place);
    if let Some(key) = place.strip_prefix("store:") {
        let read = async { context.files.get(&Stored::of(workspace_id, key)?, limit).await };
        return read.await.map_err(|error| match error {
            FilesError::Missing(_) | FilesError::TooLarge { .. } | FilesError::Foreign(_) => {
                Unusable::Permanent(format!("picture {name}: {error}"))
            }
            error => Unusable::Transient(Failure::from(error), format!("picture {name} cannot be read")),
        });
    }
    if let Some(path) = place.strip_prefix("file:") {
        return read_file(path, limit).await.map_err(|error| Unusable::Permanent(format!("picture {name}: {error}")));
    }
    context.studio.fetcher.fetch(place).await.map_err(|error| {
        let reason = format!("picture: {error}");
        if error.is_transient() {
            Unusable::Transient(Failure::Retry { error: reason.clone(), after: error.retry_after() }, reason)
        } else {
            Unusable::Permanent(reason)
        }
    })
}

async fn read_file(path: &str, limit: u64) -> Result<Bytes, String> {
    let told = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "there is no such file: check the name in the list, or put the file there".to_owned()
        }
        std::io::ErrorKind::PermissionDenied => {
            "no permission to read it: give the user that runs herald read access".to_owned()
        }
        _ => format!("it cannot be read: {error}"),
    };
    let facts = tokio::fs::metadata(path).await.map_err(told)?;
    if !facts.is_file() {
        return Err("it is not a file: name a picture".to_owned());
    }
    if facts.len() > limit {
        return Err(format!("it is {} MB, over the limit of {} MB: make it smaller", facts.len() >> 20, limit >> 20));
    }
    tokio::fs::read(path).await.map(Bytes::from).map_err(told)
}

/// A picture's place as messages may show it: the file's name, never a path or an address with what it may carry.
fn shown(place: &str) -> String {
    let name = place.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    format!("\"{name}\"")
}

fn cut_out(context: &Context, workspace_id: Uuid, bytes: &[u8], side: u32) -> Result<Cut, PictureError> {
    let studio = &context.studio;
    let picture = picture::decode(bytes)?;
    let settings = CropSettings { face: studio.face, margin: studio.margin, side };
    let found = studio.with_scratch(|scratch| crop_portrait(&picture, &studio.finder, &settings, &mut scratch.resize));
    let Some(portrait) = found else {
        let note = "no face was found in the picture (the drawn avatar is used): use a picture that shows the face from the front";
        return Ok(Cut { portrait: None, notes: vec![note.to_owned()] });
    };
    let mut notes = Vec::new();
    if portrait.faces_found > 1 {
        notes.push(format!("{} faces in the picture, the largest one was taken", portrait.faces_found));
    }
    let mut hash = Sha256::new();
    hash.update(format!("portrait 2 {side} {} {:?} {PORTRAIT:?}\n", studio.margin, studio.face));
    hash.update(bytes);
    let hash = hex::encode(hash.finalize());
    let mut out = Vec::new();
    let encoded = match &portrait.pixels {
        Pixels::Opaque(image) => encode(image, PORTRAIT, &mut out).map_err(|error| error.to_string()),
        // JPEG has no transparency.
        Pixels::Alpha(image) => image
            .write_to(&mut std::io::Cursor::new(&mut out), image::ImageFormat::Png)
            .map_err(|error| error.to_string()),
    };
    match encoded {
        Ok(()) => Ok(Cut { portrait: Some((Key::portrait(workspace_id, &hash), Bytes::from(out))), notes }),
        Err(error) => {
            notes.push(format!("the portrait could not be kept (the drawn avatar is used): {error}"));
            Ok(Cut { portrait: None, notes })
        }
    }
}
