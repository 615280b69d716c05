//! One guest of a run, and what mends an invitation: another picture, another part of it, another attempt.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_base::crop_area::CropArea;
use herald_invitations as domain;
use herald_invitations::{Invitation, Mend, Mended};
use herald_ledger::audit::Actor;
use herald_providers::files::{FilesError, Key, Stored};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::guests::GuestView;
use crate::{
    Api,
    front::{
        actor::By,
        auth::{MyRole, Workspace},
        input::{self, TwoIds},
        problem::{Fault, Kind, Problem},
        upload::Spool,
    },
    invitations::face_crops::{self, PictureForm},
};

/// A guest of a run, with what a person needs to mend the invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = OneGuest)]
pub(super) struct OneGuest {
    #[serde(flatten)]
    guest: GuestView,
    /// The run that makes the invitation: a later one may have taken it over.
    run_id: Uuid,
    /// The address of the guest's picture, if Herald has kept it.
    picture_url: Option<String>,
    /// The part of the picture that a person chose; `null` if Herald looks for the face.
    crop: Option<CropArea>,
}

fn missing(guest: Uuid) -> Problem {
    Problem::missing("guest", guest)
}

/// The file of the guest's picture, if it was uploaded. Others lie elsewhere, or only while they are needed.
fn kept_picture(invitation: &Invitation) -> Option<&str> {
    invitation.picture.as_deref()?.strip_prefix("store:")
}

async fn find(api: &Api, workspace: Uuid, run: Uuid, guest: Uuid, own: MyRole) -> Result<OneGuest, Problem> {
    let row = domain::run_guest(&api.db, workspace, run, guest).await?;
    let mut row = row.ok_or_else(|| missing(guest))?;
    let invitation = domain::find_invitation(&api.db, workspace, guest).await?.ok_or_else(|| missing(guest))?;
    if own.0 < super::ADDRESSES {
        row.email = None;
    }
    Ok(OneGuest {
        guest: GuestView::from(row),
        run_id: invitation.run_id,
        picture_url: kept_picture(&invitation).map(|_| format!("{}/guests/{guest}/picture", super::url(run))),
        crop: invitation.crop.map(|crop| crop.0),
    })
}

/// Returns a guest of a run.
///
/// Viewers do not see the e-mail address.
#[utoipa::path(get, path = "/invitation-runs/{id}/guests/{guest}", operation_id = "getGuest", tag = "invitation-runs",
    params(("id" = Uuid, Path, description = "The run"), ("guest" = Uuid, Path, description = "The invitation")),
    responses(
        (status = 200, description = "The guest", body = OneGuest),
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    own: MyRole,
    TwoIds(run, guest): TwoIds,
) -> Result<Json<OneGuest>, Problem> {
    Ok(Json(find(&api, workspace, run, guest, own).await?))
}

/// The media type of a picture by its first bytes. What Herald does not read as a picture is not shown as one.
fn media_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => "application/octet-stream",
    }
}

/// Returns the picture of a guest, as it was uploaded.
#[utoipa::path(get, path = "/invitation-runs/{id}/guests/{guest}/picture", operation_id = "getGuestPicture",
    tag = "invitation-runs",
    params(("id" = Uuid, Path, description = "The run"), ("guest" = Uuid, Path, description = "The invitation")),
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"),
            (String = "image/gif"), (String = "image/webp"), (String = "application/octet-stream"))),
    )
)]
pub(super) async fn picture(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    TwoIds(run, guest): TwoIds,
) -> Result<Response, Problem> {
    let gone = || Problem::new(Kind::NotFound, "Herald has not kept the guest's picture: upload it");
    domain::run_guest(&api.db, workspace, run, guest).await?.ok_or_else(|| missing(guest))?;
    let invitation = domain::find_invitation(&api.db, workspace, guest).await?.ok_or_else(|| missing(guest))?;
    let key = Stored::of(workspace, kept_picture(&invitation).ok_or_else(gone)?)?;
    let most = api.settings.pictures.max_mb << 20;
    let bytes = api.files.get(&key, most).await.map_err(|error| match error {
        FilesError::Missing(_) | FilesError::TooLarge { .. } => gone(),
        error => error.into(),
    })?;
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, media_type(&bytes).to_owned()),
        (header::CONTENT_LENGTH, bytes.len().to_string()),
        (header::CONTENT_DISPOSITION, "inline".to_owned()),
    ];
    Ok((headers, Body::from(bytes)).into_response())
}

/// Gives a guest another picture, and makes the invitation again. Number and link stay.
#[utoipa::path(post, path = "/invitation-runs/{id}/guests/{guest}/picture", operation_id = "replaceGuestPicture",
    tag = "invitation-runs",
    params(("id" = Uuid, Path, description = "The run"), ("guest" = Uuid, Path, description = "The invitation")),
    request_body(content((PictureForm = "multipart/form-data"), (String = "image/*"))),
    responses(
        (status = 202, description = "The invitation is made again", body = OneGuest),
        (status = 409, description = "The invitation is being made"),
    )
)]
pub(super) async fn replace(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    own: MyRole,
    By(actor): By,
    TwoIds(run, guest): TwoIds,
    request: Request,
) -> Result<(StatusCode, Json<OneGuest>), Problem> {
    let mut spool = Spool::new().await?;
    let picture = face_crops::receive(&api, request, &mut spool).await?;
    let size = [(picture.sha256.clone(), picture.bytes)];
    api.settings.quotas.take_room(&api.db, workspace, &size).await?;
    let key = Key::picture(workspace, &picture.sha256);
    api.files.put_once_from(&key, spool.reader(&picture).await?).await?;
    mend(&api, &actor, (run, guest), Mend::Picture(key.into())).await?;
    Ok((StatusCode::ACCEPTED, Json(find(&api, workspace, run, guest, own).await?)))
}

/// Makes a part of a guest's picture the portrait, and the invitation again. Number and link stay.
#[utoipa::path(post, path = "/invitation-runs/{id}/guests/{guest}/crop", operation_id = "cropGuest",
    tag = "invitation-runs",
    params(("id" = Uuid, Path, description = "The run"), ("guest" = Uuid, Path, description = "The invitation")),
    request_body = CropArea,
    responses(
        (status = 202, description = "The invitation is made again", body = OneGuest),
        (status = 409, description = "The invitation is being made, or the guest has no picture"),
    )
)]
pub(super) async fn crop(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    own: MyRole,
    By(actor): By,
    TwoIds(run, guest): TwoIds,
    request: Request,
) -> Result<(StatusCode, Json<OneGuest>), Problem> {
    let area: CropArea = input::json(request).await?;
    if let Some((field, detail)) = area.fault() {
        return Err(Problem::faults(Kind::InvalidField, vec![Fault::new(field, detail)]));
    }
    mend(&api, &actor, (run, guest), Mend::Crop(area)).await?;
    Ok((StatusCode::ACCEPTED, Json(find(&api, workspace, run, guest, own).await?)))
}

/// Makes one guest's invitation again, with the picture and the crop that it has. Number and link stay.
#[utoipa::path(post, path = "/invitation-runs/{id}/guests/{guest}/retry", operation_id = "retryGuest",
    tag = "invitation-runs",
    params(("id" = Uuid, Path, description = "The run"), ("guest" = Uuid, Path, description = "The invitation")),
    responses(
        (status = 202, description = "The invitation is made again", body = OneGuest),
        (status = 409, description = "The invitation is being made"),
    )
)]
pub(super) async fn retry(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    own: MyRole,
    By(actor): By,
    TwoIds(run, guest): TwoIds,
) -> Result<(StatusCode, Json<OneGuest>), Problem> {
    mend(&api, &actor, (run, guest), Mend::Retry).await?;
    Ok((StatusCode::ACCEPTED, Json(find(&api, workspace, run, guest, own).await?)))
}

async fn mend(api: &Api, by: &Actor, (run, guest): (Uuid, Uuid), mend: Mend) -> Result<(), Problem> {
    let mut tx = api.db.begin().await?;
    let mended = domain::mend_guest(&mut tx, by, run, guest, mend).await?;
    tx.commit().await?;
    match mended {
        Mended::Again => Ok(()),
        Mended::Missing => Err(missing(guest)),
        Mended::AtWork => Err(Problem::new(
            Kind::WrongState,
            "the guest's invitation is being made: wait until it is made or has failed, and try again",
        )),
        Mended::NoPicture => {
            Err(Problem::new(Kind::WrongState, "the guest has no picture to crop: upload one with the picture first"))
        }
    }
}
