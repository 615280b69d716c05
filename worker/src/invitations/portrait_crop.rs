//! `portrait.crop`: cuts a portrait around the largest face in a picture that a client sent.
//!
//! Safe to run twice: the portrait's key is the hash of the picture and the parameters, and the same picture gives the
//! same bytes.

use std::sync::Arc;

use herald_app::jobs::PortraitCrop;
use herald_providers::files::{FilesError, Key};

use crate::{
    jobs::{Context, Task, refused, undone},
    runner::{Done, Failure},
};

/// The first bytes of every PNG. A portrait is a PNG if it has transparent parts, and a JPEG otherwise.
const PNG: &[u8] = b"\x89PNG";

pub(crate) async fn run(context: Arc<Context>, task: Task<PortraitCrop>) -> Result<Done, Failure> {
    let PortraitCrop { picture, side } = task.args;
    let picture = PortraitCrop::picture(task.workspace_id, &picture);
    let bytes = context.files.get(&picture, context.studio.max_picture_bytes).await.map_err(|error| match error {
        FilesError::Missing(_) => Failure::Fail("the picture is gone: send it again".to_owned()),
        FilesError::TooLarge { .. } => Failure::Fail(format!("the picture is too large: {error}")),
        error => refused(error),
    })?;
    let cut = context.studio.crop(bytes, side).await.map_err(undone)?;
    let Some((hash, portrait)) = cut.portrait else {
        let reason = "no face was found in the picture: use a picture that shows the face from the front";
        return Err(Failure::Fail(reason.to_owned()));
    };
    let (extension, media_type) = if portrait.starts_with(PNG) { ("png", "image/png") } else { ("jpg", "image/jpeg") };
    let file = Key::preview(task.workspace_id, &hash, extension);
    context.files.put_once(&file, portrait).await.map_err(refused)?;
    let result = serde_json::json!({ "file": file.as_str(), "media_type": media_type, "notes": cut.notes });
    Ok(Done { result: Some(result), ..Done::default() })
}
