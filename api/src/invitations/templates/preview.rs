//! `/templates/{id}/preview`: one sample, drawn now by a worker.
//!
//! The request waits for the job, so that a designer sees the picture and not a job id. If the client goes away or the wait is over, the
//! job is cancelled.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use herald_app::jobs::TemplatePreview;
use herald_base::image_format::ImageFormat;
use herald_invitations as domain;
use herald_ledger as ledger;
use herald_ledger::{Cancelled, JobState, Payload};
use herald_providers::files::Stored;
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
};

/// The longest wait for the drawing.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The pause between two looks at the job.
const LOOK: Duration = Duration::from_millis(25);
/// Before work nobody waits for.
const PRIORITY: i64 = -10;
/// What the drawing should tell its designer, as a JSON array of texts.
const NOTES: HeaderName = HeaderName::from_static("herald-notes");
/// A preview shows no more fields than a list has columns.
const MAX_FIELDS: usize = 256;

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

/// What the worker leaves.
#[derive(Deserialize)]
struct Drawn {
    file: String,
    media_type: String,
    #[serde(default)]
    notes: Vec<String>,
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
        let contact = domain::find_contact(&api.db, workspace, id).await?;
        contact.ok_or_else(|| {
            Problem::field(
                "contact_id",
                format!("contact {id} does not exist in this workspace: use the id of one of its contacts"),
            )
        })?;
    }
    let (contact_id, fields, format) = (sample.contact_id, sample.fields, format);
    let args = TemplatePreview { template_id, contact_id, fields, format };
    let mut job = args.job(workspace);
    job.priority = PRIORITY;
    let id = ledger::enqueue_alone(&api.db, job).await?;
    let drawn = wait(api, workspace, id, longest_wait(headers)).await?;
    show(api, workspace, &drawn).await
}

/// How long the client wants to wait (`Prefer: wait=5`, RFC 7240), up to [`LONGEST_WAIT`].
fn longest_wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut waits = preferences.flat_map(|value| value.split(',')).filter_map(|one| one.trim().strip_prefix("wait="));
    let wanted = waits.next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    wanted.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
}

async fn wait(api: &Api, workspace: Uuid, id: Uuid, longest: Duration) -> Result<Drawn, Problem> {
    let mut watched = Watched { job: Some((api.clone(), workspace, id)) };
    let ended = tokio::time::timeout(longest, async {
        loop {
            let job = ledger::find_job(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("job", id))?;
            match job.state {
                JobState::Ready | JobState::Running => tokio::time::sleep(LOOK).await,
                state => return Ok::<_, Problem>((state, job.result)),
            }
        }
    })
    .await;
    let Ok(ended) = ended else {
        watched.job = None;
        give_up(api, workspace, id).await;
        let detail = format!(
            "no worker drew the preview within {} seconds: check that a worker runs and that the queue \
             {:?} is not paused",
            longest.as_secs(),
            TemplatePreview::POLICY.queue
        );
        return Err(Problem::new(Kind::PreviewTimeout, detail));
    };
    let (state, result) = ended?;
    watched.job = None;
    match (state, result) {
        (JobState::Succeeded, Some(result)) => {
            serde_json::from_value(result.0).map_err(|error| Problem::internal(&error))
        }
        (JobState::Dead, _) => {
            let errors = ledger::job_errors(&api.db, workspace, id).await?;
            let reason = errors.into_iter().next_back().map(|error| error.message).unwrap_or_default();
            Err(Problem::new(Kind::PreviewFailed, reason))
        }
        _ => Err(Problem::new(Kind::PreviewFailed, "the job of the preview was cancelled: ask for the preview again")),
    }
}

async fn show(api: &Api, workspace: Uuid, drawn: &Drawn) -> Result<Response, Problem> {
    let (bytes, content) = api.files.stream(&Stored::of(workspace, &drawn.file)?).await?;
    let media_type = HeaderValue::from_str(&drawn.media_type).map_err(|error| Problem::internal(&error))?;
    let mut response = Body::from_stream(content).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    if !drawn.notes.is_empty()
        && let Ok(notes) = HeaderValue::from_str(&ascii_json(&drawn.notes))
    {
        headers.insert(NOTES, notes);
    }
    Ok(response)
}

/// JSON in ASCII, as a header needs it: other characters as `\u….`
fn ascii_json(texts: &[String]) -> String {
    let json = serde_json::Value::from(texts).to_string();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// A job someone waits for: cancelled if they stop waiting.
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

/// Cancels a job whose outcome nobody waits for any more.
async fn give_up(api: &Api, workspace: Uuid, id: Uuid) {
    match ledger::cancel_job(&api.db, workspace, id).await {
        Ok(Cancelled::Asked) => api.wire.cancel(id),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, job = %id, "a preview nobody waits for was not cancelled"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_clients_wish_up_to_a_limit() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", value.parse().unwrap());
            longest_wait(&headers).as_secs()
        };
        assert_eq!(of("wait=3"), 3);
        assert_eq!(of("respond-async, wait=0"), 0);
        assert_eq!(of("wait=900"), LONGEST_WAIT.as_secs());
        assert_eq!(of("return=minimal"), LONGEST_WAIT.as_secs());
    }

    #[test]
    fn notes_of_any_script_fit_a_header() {
        let notes = ["no font has \u{1f600} or \"é\"".to_owned()];
        let header = ascii_json(&notes);
        assert!(header.is_ascii());
        assert_eq!(serde_json::from_str::<Vec<String>>(&header).unwrap(), notes);
    }
}
