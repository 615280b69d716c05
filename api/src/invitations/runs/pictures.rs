//! The finished pictures of a run: one, in full or small, and all of them as a ZIP archive.

mod archive;
mod zip;

use std::sync::LazyLock;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::TryStreamExt;
use herald_imaging::thumbnail::thumbnail;
use herald_invitations as domain;
use herald_ledger::audit::{self, Entry};
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{Id, Parameters},
        problem::{Kind, Problem},
    },
    invitations::links,
};

/// The largest picture that is read into memory. Herald draws smaller ones.
pub(super) const MAX_PICTURE: u64 = 64 << 20;
/// The widths of small copies.
const SMALLEST: u32 = 32;
const LARGEST: u32 = 1_200;

/// Pictures that are made small at the same time: half of the processors, so that the workers of this machine go on.
static AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((cores / 2).max(1))
});

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(results_zip))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PictureParameters {
    /// The largest width in pixels. Without it, the answer is the picture itself.
    #[param(minimum = 32, maximum = 1200)]
    width: Option<u32>,
}

impl PictureParameters {
    /// The width of a small copy, if the client wants one.
    pub(super) fn width(&self) -> Result<Option<u32>, Problem> {
        match self.width {
            Some(width) if !(SMALLEST..=LARGEST).contains(&width) => {
                Err(Problem::field("width", format!("width is {width}: use {SMALLEST} to {LARGEST}")))
            }
            width => Ok(width),
        }
    }
}

/// Returns the picture of a guest's invitation, or a small copy of it.
#[utoipa::path(get, path = "/invitation-runs/{id}/guests/{guest}/invitation", operation_id = "getGuestInvitation",
    tag = "invitation-runs",
    params(PictureParameters, ("id" = Uuid, Path, description = "The run"),
        ("guest" = Uuid, Path, description = "The invitation")),
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"),
            (String = "image/webp")), headers(("etag" = String, description = "The version of the picture"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Path((run, invitation)): Path<(String, String)>,
    Parameters(asked): Parameters<PictureParameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (Ok(run), Ok(id)) = (run.parse::<Uuid>(), invitation.parse::<Uuid>()) else {
        return Err(Problem::new(Kind::NotFound, "the path does not contain a valid id: ids look like 0199…-…"));
    };
    let width = asked.width()?;
    let missing = || Problem::new(Kind::NotFound, "the guest has no picture: the invitation is not made, or not here");
    let found = domain::guest_file(&api.db, workspace, run, id).await?.ok_or_else(missing)?;
    let tag = format!("\"{}-{}\"", found.sha256.as_deref().unwrap_or_default(), width.unwrap_or_default());
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let (media_type, bytes, content) = links::own_file(&api, id, &found).await?.ok_or_else(missing)?;
    let mut response = match width {
        None => {
            let mut response = Body::from_stream(content).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            response.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
            response
        }
        Some(_) if bytes > MAX_PICTURE => return Err(missing()),
        Some(width) => small(content.map_ok(Vec::from).try_concat().await?.into(), width).await?,
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(|error| Problem::internal(&error))?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(response)
}

/// Answers with a small copy of a picture that Herald drew.
pub(super) async fn small(picture: Bytes, width: u32) -> Result<Response, Problem> {
    let turn = AT_ONCE.acquire().await.map_err(|error| Problem::internal(&error))?;
    let made = tokio::task::spawn_blocking(move || thumbnail(&picture, width)).await;
    drop(turn);
    let copy = made.map_err(|panic| Problem::internal(&panic))?.map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], copy).into_response())
}

/// Returns the finished pictures of a run that has ended, as a ZIP archive.
///
/// The archive has a picture for each guest who has one, named by lucky number and guest, and `index.csv`, which says
/// what became of each guest and which picture is whose. The download is recorded in the audit log.
#[utoipa::path(get, path = "/invitation-runs/{id}/results.zip", operation_id = "getPictures", tag = "invitation-runs",
    responses(
        (status = 200, description = "The archive", content_type = "application/zip"),
        (status = 409, description = "The run has not ended", headers(("retry-after" = i64,
            description = "The seconds to wait"))),
    )
)]
async fn results_zip(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
) -> Result<Response, Problem> {
    let run = domain::find_run(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
    super::has_ended(&run)?;
    let mut tx = api.db.begin().await?;
    let entry = Entry::of("run.export", id).affecting(run.total).with(serde_json::json!({ "pictures": true }));
    audit::record(&mut tx, &actor, entry).await?;
    tx.commit().await?;
    let body = Body::from_stream(archive::stream(api.clone(), workspace, run));
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"invitations.zip\""),
    ];
    Ok((headers, body).into_response())
}
