//! `face.crop`: cuts a portrait around the largest face in a guest's picture.
//!
//! Safe to run twice: the portrait's key is the hash of the picture and the parameters, and the same picture gives the
//! same bytes.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use herald_app::jobs::{FaceCrop, InvitationRender, PictureFetch};
use herald_invitations as domain;
use herald_invitations::{Invitation, PicturePolicy, PortraitReady, RunSource};
use herald_ledger::Payload;
use herald_providers::files::{FilesError, Key, Stored};
use uuid::Uuid;

use crate::{
    invitations::picture_fetch,
    jobs::{Context, Task, pending_invitation, refused, undone},
};
use crate::{
    runner::{Done, Failure},
    studio::{Cut, Source},
};

/// The number of attempts for a picture that may still become available. After them, the run's picture policy decides.
const FETCH_TRIES: i64 = 4;

/// What is said of a picture without a face.
pub(super) const NO_FACE: &str = "no face was found in it: use a picture that shows the face from the front, or choose \
                                  the part to show by hand";

/// The reason why a picture cannot be used.
pub(super) enum Unusable {
    /// The picture itself can never be used.
    Permanent(String),
    /// The picture may be usable later.
    Transient(Failure, String),
}

pub(crate) async fn run(context: Arc<Context>, task: Task<FaceCrop>) -> Result<Done, Failure> {
    let Some(invitation) = pending_invitation(&context, task.workspace_id, task.args.invitation_id).await? else {
        return Ok(Done::default());
    };
    if needs_fetching(&context, &task, &invitation).await? {
        // The job was created before pictures had a separate fetch, or its picture has been removed since. A fetch job
        // continues.
        let source = picture_fetch::wanted(&invitation).map(|(_, source)| source);
        let fetch = source.map(|source| PictureFetch::new(invitation.id, &source).job(task.workspace_id));
        return Ok(Done { then: fetch.into_iter().collect(), ..Done::default() });
    }
    let cut = match cut(&context, &task, &invitation).await? {
        Ok(cut) => cut,
        Err(unusable) => {
            if matches!(unusable, Unusable::Permanent(_)) && invitation.options.0.on_bad_picture == PicturePolicy::Fail
            {
                // A person who retries the guest has replaced the picture, so it must be fetched again.
                picture_fetch::forget(&context, task.workspace_id, &invitation).await;
            }
            return without(&invitation, &task, unusable);
        }
    };
    let portrait = match cut.portrait {
        Some((hash, bytes)) => {
            let key = Key::portrait(task.workspace_id, &hash);
            context.files.put_once(&key, bytes).await.map_err(refused)?;
            Some(key.into())
        }
        None => None,
    };
    Ok(ready(&invitation, task.workspace_id, portrait, cut.notes))
}

/// Decides about an invitation whose picture cannot be used: another attempt, or the run's picture policy.
pub(super) fn without<P>(invitation: &Invitation, task: &Task<P>, unusable: Unusable) -> Result<Done, Failure> {
    let reason = match unusable {
        Unusable::Transient(failure, _) if task.attempt < FETCH_TRIES && !task.is_last_attempt => return Err(failure),
        Unusable::Permanent(reason) | Unusable::Transient(_, reason) => reason,
    };
    match invitation.options.0.on_bad_picture {
        PicturePolicy::Fail => Err(Failure::Fail(reason)),
        PicturePolicy::Avatar => {
            let notes = vec![format!("{reason} (the drawn avatar is used)")];
            Ok(ready(invitation, task.workspace_id, None, notes))
        }
    }
}

/// Records the portrait. The drawing is next.
fn ready(invitation: &Invitation, workspace_id: Uuid, portrait: Option<String>, notes: Vec<String>) -> Done {
    let invitation_id = invitation.id;
    Done {
        result: None,
        changes: vec![PortraitReady { invitation_id, portrait, notes }.into()],
        then: vec![InvitationRender { invitation_id }.job(workspace_id)],
    }
}

async fn cut(
    context: &Arc<Context>,
    task: &Task<FaceCrop>,
    invitation: &Invitation,
) -> Result<Result<Cut, Unusable>, Failure> {
    let none = Cut { portrait: None, notes: Vec::new() };
    let Some(place) = invitation.picture.clone() else { return Ok(Ok(none)) };
    let Some(template) = domain::find_template(&context.db, task.workspace_id, invitation.template_id).await? else {
        return Err(Failure::Fail("its template does not exist any more".to_owned()));
    };
    let facts = context.studio.facts(Source::Stored(&context.files, &template)).await.map_err(undone)?;
    // A template without a picture slot needs no portrait.
    let Some(side) = facts.portrait_side else { return Ok(Ok(none)) };
    let bytes = match read(context, task, invitation, &place).await? {
        Ok(bytes) => bytes,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let name = shown(&invitation.source.0, &place);
    let cut = match &invitation.crop {
        Some(area) => context.studio.crop_area(bytes, side, area.0).await,
        None => context.studio.crop(bytes, side).await,
    };
    match cut {
        Ok(Cut { portrait: None, .. }) if invitation.options.0.on_bad_picture == PicturePolicy::Fail => {
            Ok(Err(Unusable::Permanent(format!("picture {name}: {NO_FACE}"))))
        }
        Ok(cut) => Ok(Ok(cut)),
        Err(error) if error.is_permanent() => Ok(Err(Unusable::Permanent(format!("picture {name}: {error}")))),
        Err(error) => Err(undone(error)),
    }
}

/// Whether the picture is needed and must be fetched, but is not fetched yet.
async fn needs_fetching(context: &Context, task: &Task<FaceCrop>, invitation: &Invitation) -> Result<bool, Failure> {
    if picture_fetch::wanted(invitation).is_none() {
        return Ok(false);
    }
    let Some(template) = domain::find_template(&context.db, task.workspace_id, invitation.template_id).await? else {
        return Ok(false);
    };
    Ok(crate::invitations::invitation_render::has_portrait(context, &template).await?
        && !picture_fetch::is_fetched(context, task.workspace_id, invitation).await?)
}

/// Reads a picture from the place that the contact names.
async fn read(
    context: &Context,
    task: &Task<FaceCrop>,
    invitation: &Invitation,
    place: &str,
) -> Result<Result<Bytes, Unusable>, Failure> {
    if picture_fetch::wanted(invitation).is_none() {
        return Ok(read_here(context, task.workspace_id, invitation, place).await);
    }
    let fetched = picture_fetch::fetched(context, task.workspace_id, invitation).await?;
    // The picture existed a moment ago.
    let gone = || Failure::Retry { error: "the fetched picture is gone: it is fetched again".to_owned(), after: None };
    fetched.map(Ok).ok_or_else(gone)
}

async fn read_here(
    context: &Context,
    workspace_id: Uuid,
    invitation: &Invitation,
    place: &str,
) -> Result<Bytes, Unusable> {
    let limit = context.studio.max_picture_bytes;
    if let Some(reason) = place.strip_prefix("none:") {
        return Err(Unusable::Permanent(reason.to_owned()));
    }
    let name = shown(&invitation.source.0, place);
    if let Some(key) = place.strip_prefix("store:") {
        let read = async { context.files.get(&Stored::of(workspace_id, key)?, limit).await };
        return read.await.map_err(|error| match error {
            FilesError::Missing(_) | FilesError::TooLarge { .. } | FilesError::Foreign(_) => {
                Unusable::Permanent(format!("picture {name}: {error}"))
            }
            error => Unusable::Transient(Failure::from(error), format!("picture {name} cannot be read")),
        });
    }
    let path = place.strip_prefix("file:").unwrap_or(place);
    read_file(path, limit).await.map_err(|error| Unusable::Permanent(format!("picture {name}: {error}")))
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

/// The name of a picture in messages: the name in the list or the upload. Messages never show a path of this machine, a
/// key of the file store, or the query of an address.
fn shown(source: &RunSource, place: &str) -> String {
    let last = || place.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let RunSource::Csv { picture_folder, pictures, .. } = source else {
        return match place.starts_with("store:") {
            true => "that was uploaded".to_owned(),
            false => format!("\"{}\"", last()),
        };
    };
    if let Some(key) = place.strip_prefix("store:") {
        // Two names of the same content have the same key, so either name is right.
        let name = pictures.iter().find(|(_, of)| *of == key).map(|(name, _)| name);
        return name.map_or_else(|| "that was uploaded".to_owned(), |name| format!("\"{name}\""));
    }
    let beside = place.strip_prefix("file:").zip(picture_folder.as_deref());
    let named = beside.and_then(|(path, folder)| Path::new(path).strip_prefix(folder).ok()?.to_str());
    format!("\"{}\"", named.unwrap_or_else(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(folder: Option<&str>, pictures: &[(&str, &str)]) -> RunSource {
        RunSource::Csv {
            key: "imports/abc.csv".to_owned(),
            name: "guests.csv".to_owned(),
            sha256: "abc".to_owned(),
            picture_folder: folder.map(str::to_owned),
            pictures: pictures.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned())).collect(),
            is_sheet: false,
        }
    }

    #[test]
    fn a_picture_is_named_as_the_list_names_it() {
        let uploaded = list(None, &[("ann/photo.jpg", "pictures/aaaa"), ("bob/photo.jpg", "pictures/bbbb")]);
        assert_eq!(shown(&uploaded, "store:pictures/bbbb"), "\"bob/photo.jpg\"");
        assert_eq!(shown(&uploaded, "store:pictures/cccc"), "that was uploaded");
        let beside = list(Some("/home/agency/lists"), &[]);
        assert_eq!(shown(&beside, "file:/home/agency/lists/ann/photo.jpg"), "\"ann/photo.jpg\"");
        assert_eq!(shown(&beside, "file:/elsewhere/photo.jpg"), "\"photo.jpg\"");
        assert_eq!(shown(&beside, "https://example.com/ann.jpg?token=hunter2"), "\"ann.jpg\"");
        assert_eq!(shown(&RunSource::Contacts { ids: Vec::new() }, "store:pictures/bbbb"), "that was uploaded");
    }
}
