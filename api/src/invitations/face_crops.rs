//! `/face-crops`: cuts the portrait out of a picture. A worker does the work. The client waits for it, or fetches the
//! portrait later.

use axum::{
    Json,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use herald_app::jobs::PortraitCrop;
use herald_ledger as ledger;
use herald_ledger::Payload;
use serde::{Deserialize, Serialize};
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::Workspace,
        input::{self, Id, Parameters},
        limits,
        problem::{Kind, Problem},
        upload::{Form, Spool, Spooled},
    },
    invitations::drawn::{self, Stand},
};

/// The side of a portrait if the client does not set one, in pixels.
const SIDE: u32 = 512;
/// The allowed sides of a portrait, in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=1_024;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show))
}

/// The route that accepts pictures.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    let limit = api.settings.http.max_upload_mb << 20;
    OpenApiRouter::new()
        .routes(routes!(start))
        .layer(DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)))
        .layer(RequestBodyTimeoutLayer::new(limits::STALLED))
        .layer(middleware::from_fn(move |request, next| limits::upload(limit, request, next)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Cutting {
    /// The longest side of the square portrait, in pixels. A smaller face is not scaled up.
    #[param(minimum = 16, maximum = 1024, default = 512)]
    side: Option<u32>,
}

/// The form that sends a picture.
#[derive(ToSchema)]
#[schema(as = PictureForm)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only described")]
pub(super) struct PictureForm {
    /// The picture: JPEG, PNG, WebP or GIF.
    picture: String,
}

/// The job that cuts the portrait.
#[derive(Serialize, ToSchema)]
#[schema(as = FaceCrop)]
struct Begun {
    /// The id of the job.
    job: Uuid,
    /// The address of the portrait, once the job has succeeded.
    picture_url: String,
}

/// Cuts a square portrait around the largest face in a picture.
///
/// The request is safe to repeat: the same picture gives the same portrait. The body is the picture, or a form with it.
#[utoipa::path(post, path = "/face-crops", operation_id = "cropFace", tag = "face-crops",
    params(Cutting, ("prefer" = Option<String>, Header,
        description = "`wait=10` waits up to 10 seconds for the portrait; 15 at most")),
    request_body(content((PictureForm = "multipart/form-data"), (String = "image/*"))),
    responses(
        (status = 200, description = "With `Prefer: wait`: the portrait", content((String = "image/jpeg"),
            (String = "image/png")), headers(("herald-notes" = Option<String>,
            description = "Remarks about the picture: a JSON array of texts, in ASCII"))),
        (status = 202, description = "A job cuts the portrait", body = Begun, headers(("location" = String,
            description = "The address of the job"))),
    )
)]
async fn start(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Cutting>,
    request: Request,
) -> Result<Response, Problem> {
    let side = asked.side.unwrap_or(SIDE);
    if !SIDES.contains(&side) {
        let (least, most) = (SIDES.start(), SIDES.end());
        return Err(Problem::field("side", format!("side is {side}: use {least} to {most}")));
    }
    let wait = drawn::wished_wait(request.headers());
    let mut spool = Spool::new().await?;
    let picture = receive(&api, request, &mut spool).await?;
    let size = [(picture.sha256.clone(), picture.bytes)];
    api.settings.quotas.take_room(&api.db, workspace, &size).await?;
    let key = PortraitCrop::picture(workspace, &picture.sha256);
    api.files.put_once_from(&key, spool.reader(&picture).await?).await?;
    let mut job = PortraitCrop { picture: picture.sha256, side }.job(workspace);
    if wait.is_some() {
        job.priority = drawn::PRIORITY;
    }
    let id = ledger::enqueue_alone(&api.db, job).await?;
    let ended = match wait {
        Some(longest) => drawn::ended(&api, workspace, id, longest).await?,
        None => None,
    };
    match ended {
        Some(Stand::Made(portrait)) => drawn::show(&api, workspace, &portrait).await,
        Some(Stand::Failed(reason)) => Err(Problem::field("picture", reason)),
        // The job continues, and the client can fetch the portrait later.
        None | Some(Stand::Live(_) | Stand::Cancelled) => {
            let begun = Begun { job: id, picture_url: format!("/api/v1/face-crops/{id}") };
            let location = format!("/api/v1/jobs/{id}");
            Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(begun)).into_response())
        }
    }
}

/// Returns a portrait.
#[utoipa::path(get, path = "/face-crops/{id}", operation_id = "getFaceCrop", tag = "face-crops",
    responses(
        (status = 200, description = "The portrait", content((String = "image/jpeg"), (String = "image/png")),
            headers(("herald-notes" = Option<String>,
            description = "Remarks about the picture: a JSON array of texts, in ASCII"))),
        (status = 409, description = "The job has not ended, or it has failed"),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Response, Problem> {
    let job = ledger::find_job(&api.db, workspace, id).await?.filter(|job| job.kind == PortraitCrop::POLICY.name);
    let job = job.ok_or_else(|| Problem::missing("face crop", id))?;
    let detail = match drawn::stand(&api, workspace, job).await? {
        Stand::Made(portrait) => return drawn::show(&api, workspace, &portrait).await,
        Stand::Live(state) => format!("the job of the portrait is {state}: try again when it has succeeded"),
        Stand::Failed(reason) => format!("there is no portrait: {reason}"),
        Stand::Cancelled => "the job of the portrait was cancelled: send the picture again".to_owned(),
    };
    Err(Problem::new(Kind::WrongState, detail))
}

/// Receives the picture from a form, or from a body that is the picture itself.
pub(super) async fn receive(api: &Api, request: Request, spool: &mut Spool) -> Result<Spooled, Problem> {
    let most = api.settings.pictures.max_mb << 20;
    let taken = if input::is_media_type(request.headers(), "multipart/form-data") {
        from_form(api, request, spool, most).await?
    } else if is_picture(request.headers()) {
        let chunks = request.into_body().into_data_stream().map(|chunk| {
            chunk.map_err(|_| Problem::new(Kind::InvalidRequest, "the picture ended early: send it again"))
        });
        spool.take_chunks(chunks, most).await?
    } else {
        let detail = "the body has the wrong type: send the picture (image/…), or a form (multipart/form-data) with it";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    };
    let detail = || format!("the picture is larger than {} MB: make it smaller, or raise pictures.max_mb", most >> 20);
    let picture = taken.ok_or_else(|| Problem::new(Kind::TooLarge, detail()))?;
    if picture.bytes == 0 {
        return Err(Problem::field("picture", "the picture is empty: send a picture"));
    }
    Ok(picture)
}

async fn from_form(api: &Api, request: Request, spool: &mut Spool, most: u64) -> Result<Option<Spooled>, Problem> {
    let mut form = Form::open(request, api.settings.http.max_upload_mb << 20).await?;
    let mut picture = None;
    while let Some(part) = form.next().await? {
        let field = part.name();
        if field != "picture" {
            let detail = format!("the form has an unknown field {field:?}: its field is picture");
            return Err(Problem::field(&field, detail));
        }
        if picture.is_some() {
            return Err(Problem::field("picture", "the form has two pictures: send one"));
        }
        match spool.take(part, most).await? {
            Some(taken) => picture = Some(taken),
            None => return Ok(None),
        }
    }
    match picture {
        Some(picture) => Ok(Some(picture)),
        None => Err(Problem::field("picture", "the form has no picture: attach one in the field picture")),
    }
}

fn is_picture(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("image/"))
}
