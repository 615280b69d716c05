//! `/templates/{id}/preview`: a sample that a worker draws at once.
//!
//! The request waits for the job, so a designer gets the picture and not a job id. If the client closes the connection
//! or the wait is over, the job is cancelled.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use herald_app::jobs::TemplatePreview;
use herald_base::image_format::ImageFormat;
use herald_invitations as domain;
use herald_ledger as ledger;
use herald_ledger::{Cancelled, Payload};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::Workspace,
        input::{self, Id, Parameters},
        problem::{Kind, Problem},
    },
    invitations::drawn::{self, Drawn, Stand},
};

/// The largest number of fields, which is the largest number of columns of a list.
pub(super) const MAX_FIELDS: usize = 256;

/// The guest and the format of a preview.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = PreviewRequest)]
#[serde(deny_unknown_fields, default)]
struct Sample {
    /// The contact whose fields the preview shows.
    contact_id: Option<Uuid>,
    /// At most 256 fields of the guest, which override the contact's fields.
    fields: BTreeMap<String, String>,
    /// The image format, jpeg by default.
    #[schema(pattern = "^(jpg|jpeg|png|webp)$")]
    format: Option<String>,
}

/// Draws a preview at once, with the fields in the query.
#[utoipa::path(get, path = "/templates/{id}/preview", operation_id = "previewTemplate", tag = "templates",
    params(
        ("contact_id" = Option<Uuid>, Query, description = "The contact whose fields the preview shows"),
        ("format" = Option<String>, Query, pattern = "^(jpg|jpeg|png|webp)$",
            description = "The image format, jpeg by default"),
        ("fields" = Option<Object>, Query, style = Form, explode,
            description = "Every other parameter is a field of the guest and overrides the contact's field"),
        ("prefer" = Option<String>, Header,
            description = "`wait=5` waits up to 5 seconds; 15 at most"),
    ),
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"),
            (String = "image/webp")), headers(("herald-notes" = Option<String>,
            description = "Remarks for the designer: a JSON array of texts, in ASCII"))),
        (status = 504, description = "No worker drew the preview in time"),
    )
)]
pub(super) async fn from_query(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    headers: HeaderMap,
    Parameters(mut parameters): Parameters<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let contact_id = match parameters.remove("contact_id") {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| {
            Problem::field(
                "contact_id",
                format!("contact_id is {id:?}, which is not a valid id: use the id of a contact"),
            )
        })?),
    };
    let format = parameters.remove("format");
    preview(&api, workspace, id, &headers, Sample { contact_id, format, fields: parameters }).await
}

/// Draws a preview at once, with the fields in the body.
#[utoipa::path(post, path = "/templates/{id}/preview", operation_id = "previewTemplateOf", tag = "templates",
    params(("prefer" = Option<String>, Header, description = "`wait=5` waits up to 5 seconds; 15 at most")),
    request_body = Sample,
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"),
            (String = "image/webp")), headers(("herald-notes" = Option<String>,
            description = "Remarks for the designer: a JSON array of texts, in ASCII"))),
        (status = 504, description = "No worker drew the preview in time"),
    )
)]
pub(super) async fn from_json(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let sample = input::json(request).await?;
    preview(&api, workspace, id, &headers, sample).await
}

async fn preview(
    api: &Api,
    workspace: Uuid,
    template_id: Uuid,
    headers: &HeaderMap,
    sample: Sample,
) -> Result<Response, Problem> {
    let known = domain::find_template(&api.db, workspace, template_id).await?;
    known.ok_or_else(|| Problem::missing("template", template_id))?;
    let format = match sample.format.as_deref() {
        None => ImageFormat::Jpeg,
        Some(asked) => ImageFormat::of_extension(asked)
            .ok_or_else(|| Problem::field("format", format!("format is {asked:?}: use jpeg, png or webp")))?,
    };
    if sample.fields.len() > MAX_FIELDS {
        return Err(Problem::field("fields", format!("fields has more than {MAX_FIELDS} entries: send fewer")));
    }
    if let Some(id) = sample.contact_id {
        let contact = herald_contacts::find_contact(&api.db, workspace, id).await?;
        contact.ok_or_else(|| {
            Problem::field(
                "contact_id",
                format!("contact {id} does not exist in this workspace: use the id of one of its contacts"),
            )
        })?;
    }
    let (contact_id, fields, format) = (sample.contact_id, sample.fields, format);
    let args = TemplatePreview { template_id, contact_id, fields, format, strict: false, picture: None };
    let longest = drawn::wished_wait(headers).unwrap_or(drawn::LONGEST_WAIT);
    let picture = draw(api, workspace, &args, longest).await?;
    drawn::show(api, workspace, &picture).await
}

/// Has a worker draw a sample at once, and waits for it.
pub(in crate::invitations) async fn draw(
    api: &Api,
    workspace: Uuid,
    args: &TemplatePreview,
    longest: Duration,
) -> Result<Drawn, Problem> {
    let mut job = args.job(workspace);
    job.priority = drawn::PRIORITY;
    let id = ledger::enqueue_alone(&api.db, job).await?;
    wait(api, workspace, id, longest).await
}

async fn wait(api: &Api, workspace: Uuid, id: Uuid, longest: Duration) -> Result<Drawn, Problem> {
    let mut watched = Watched { job: Some((api.clone(), workspace, id)) };
    let ended = drawn::ended(api, workspace, id, longest).await?;
    watched.job = None;
    match ended {
        Some(Stand::Made(drawn)) => Ok(drawn),
        Some(Stand::Failed(reason)) => Err(Problem::new(Kind::PreviewFailed, reason)),
        Some(Stand::Cancelled | Stand::Live(_)) => {
            Err(Problem::new(Kind::PreviewFailed, "the job of the preview was cancelled: ask for the preview again"))
        }
        None => {
            give_up(api, workspace, id).await;
            let detail = format!(
                "no worker drew the preview within {} seconds: check that a worker runs and that the queue \
                 {:?} is not paused",
                longest.as_secs(),
                TemplatePreview::POLICY.queue
            );
            Err(Problem::new(Kind::PreviewTimeout, detail))
        }
    }
}

/// A job that a request waits for. If the request stops waiting, the job is cancelled.
struct Watched {
    job: Option<(Api, Uuid, Uuid)>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let (Some((api, workspace, id)), Ok(runtime)) = (self.job.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move { give_up(&api, workspace, id).await });
    }
}

/// Cancels a job whose result nobody waits for any more.
async fn give_up(api: &Api, workspace: Uuid, id: Uuid) {
    match ledger::cancel_job(&api.db, workspace, id).await {
        Ok(Cancelled::Asked) => api.wire.cancel(id),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, job = %id, "a preview nobody waits for was not cancelled"),
    }
}
