//! `/templates`: uploading, listing, reading and previewing templates, and editing them version by version.

mod draft;
pub(super) mod preview;
mod receive;
mod slots;
mod version_form;
mod versions;

use axum::{
    Json,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use herald_invitations as domain;
use herald_invitations::{Storing, TemplateFilesError, TemplateRow};
use herald_providers::files::FilesError;
use herald_template::{Problem as Flaw, Template};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

#[doc(hidden)]
pub use self::receive::unpack_template;
use crate::{
    Api, Prepare, Unchecked,
    front::{
        actor::By,
        auth::Workspace,
        idempotency,
        input::{Id, Parameters},
        limits,
        page::{self, Page},
        problem::{Fault, Kind, Problem},
    },
};

/// The largest template, packed or not, in bytes.
const MAX_TEMPLATE: u64 = 128 << 20;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(preview::from_query, preview::from_json))
        .routes(routes!(draft::draw, draft::show))
        .routes(routes!(slots::moved))
        .routes(routes!(versions::list))
        .routes(routes!(versions::restore))
}

/// The route that accepts uploads.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    let limit = upload_limit(api);
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(versions::save))
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)))
        .layer(RequestBodyTimeoutLayer::new(limits::STALLED))
        .layer(middleware::from_fn(move |request, next| limits::upload(limit, request, next)))
}

fn upload_limit(api: &Api) -> u64 {
    (api.settings.http.max_upload_mb << 20).min(MAX_TEMPLATE)
}

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    /// Only the current version of each name.
    current: Option<bool>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists templates, the newest version first.
#[utoipa::path(get, path = "/templates", operation_id = "listTemplates", tag = "templates",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of templates", body = Page<TemplateRow>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<ListParameters>,
) -> Result<Json<Page<TemplateRow>>, Problem> {
    let (before, limit) = (page::after(asked.cursor.as_deref())?, page::limit(asked.limit)?);
    let only_current = asked.current.unwrap_or_default();
    let rows = domain::list_templates(&api.db, workspace, only_current, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// A template with its slots, fields and files.
#[derive(Serialize, ToSchema)]
struct TemplateView {
    #[serde(flatten)]
    row: TemplateRow,
    /// The kind of each slot, in drawing order.
    slots: Vec<String>,
    /// The fields of the guest that the template uses.
    fields: BTreeSet<String>,
    /// Whether the template shows the guest's picture.
    has_picture: bool,
    /// The names of the template's files.
    files: Vec<String>,
    /// The content of `template.toml`.
    manifest: String,
}

impl TemplateView {
    fn new(row: TemplateRow, template: &Template) -> Self {
        Self {
            slots: template.slots.iter().map(|slot| slot.label.clone()).collect(),
            fields: template.fields(),
            has_picture: template.has_picture(),
            files: row.files.0.keys().cloned().collect(),
            manifest: row.manifest.clone(),
            row,
        }
    }
}

/// Returns a template with its slots, fields and files.
#[utoipa::path(get, path = "/templates/{id}", operation_id = "getTemplate", tag = "templates",
    responses(
        (status = 200, description = "The template", body = TemplateView),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<TemplateView>, Problem> {
    let row = domain::find_template(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("template", id))?;
    let template = domain::stored_template(&row).await.map_err(refused)?;
    Ok(Json(TemplateView::new(row, &template)))
}

/// Uploads a template: its files as a form, or one zip.
///
/// The same files again give the same template. Changed files give a new version under the same name. In both cases it
/// becomes the current version of its name.
#[utoipa::path(post, path = "/templates", operation_id = "uploadTemplate", tag = "templates",
    request_body(content((receive::TemplateForm = "multipart/form-data"), (String = "application/zip"))),
    responses(
        (status = 201, description = "The template", body = TemplateView, headers(("location" = String,
            description = "The address of the template"))),
    )
)]
async fn upload(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let received = receive::receive(request, upload_limit(&api)).await?;
    // The manifest comes first, because its check is fast and reports all flaws.
    domain::check_template(&received.bundle, received.name.as_deref()).await.map_err(refused)?;
    let checked = (api.template_check)(Prepare::Upload(received.bundle.clone())).await;
    checked.map_err(|why| unchecked("files", why))?;
    let (storing, name) = (Storing { by: &actor, quotas: &api.settings.quotas, after: None }, received.name.as_deref());
    let row =
        domain::store_template_within(&api.db, &api.files, storing, name, &received.bundle).await.map_err(refused)?;
    let location = format!("/api/v1/templates/{}", row.id);
    let template = domain::stored_template(&row).await.map_err(refused)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(TemplateView::new(row, &template))).into_response())
}

/// Prepares a stored template. So a template that cannot be drawn is refused before a run, and not for each of its
/// guests.
pub(crate) async fn check_stored(api: &Api, row: &TemplateRow) -> Result<(), Problem> {
    domain::check_stored_files(&api.files, row).await.map_err(refused)?;
    let checked = (api.template_check)(Prepare::Stored(Box::new(row.clone()))).await;
    checked.map_err(|why| unchecked("template", why))
}

fn unchecked(field: &str, why: Unchecked) -> Problem {
    match why {
        Unchecked::Flaw(flaw) => Problem::faults(Kind::InvalidTemplate, vec![Fault::new(field, flaw)]),
        Unchecked::Later(error) => {
            Problem::new(Kind::Unavailable, "Herald cannot check templates now: try again in a moment")
                .because(error.as_ref())
                .header(header::RETRY_AFTER, "2")
        }
    }
}

/// The problem that a client gets for a template that cannot be used.
pub(crate) fn refused(error: TemplateFilesError) -> Problem {
    match error {
        TemplateFilesError::Problems(problems) => {
            Problem::faults(Kind::InvalidTemplate, problems.0.iter().map(fault).collect())
        }
        TemplateFilesError::NoName | TemplateFilesError::Name(_) => {
            Problem::faults(Kind::InvalidTemplate, vec![Fault::new("name", error)])
        }
        TemplateFilesError::Bundle(error) => Problem::faults(Kind::InvalidTemplate, vec![Fault::new("files", error)]),
        // The row of the template still exists. A second upload of the template restores the file.
        TemplateFilesError::Files(FilesError::Missing(_) | FilesError::Foreign(_)) => {
            let detail = "a file of the template is missing from the file store: upload the template again";
            Problem::faults(Kind::InvalidTemplate, vec![Fault::new("template", detail)])
        }
        TemplateFilesError::Files(error) => error.into(),
        TemplateFilesError::Overtaken => Problem::new(Kind::PreconditionFailed, error),
        TemplateFilesError::Quota(error) => error.into(),
        TemplateFilesError::Db(error) => error.into(),
    }
}

fn fault(flaw: &Flaw) -> Fault {
    Fault {
        line: flaw.position.map(|at| at.line as u64),
        column: flaw.position.map(|at| at.column as u64),
        slot: flaw.slot.clone(),
        ..Fault::new("template", flaw)
    }
}
