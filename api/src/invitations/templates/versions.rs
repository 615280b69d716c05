//! `/templates/{id}/versions`: the versions under a template's name, a new one after those, and an old one as the
//! current one again.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_invitations as domain;
use herald_invitations::{Storing, TemplateRow, TemplateVersion};
use herald_template::MANIFEST;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{TemplateView, refused, unchecked, upload_limit, version_form};
use crate::{
    Api, Prepare,
    front::{
        actor::By,
        auth::Workspace,
        input::{Id, Parameters},
        page::{Page, PageParameters},
        problem::{Fault, Kind, Problem},
    },
};

/// Lists the versions under a template's name, the newest first. The id is that of any of them.
#[utoipa::path(get, path = "/templates/{id}/versions", operation_id = "listTemplateVersions", tag = "templates",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of versions", body = Page<TemplateVersion>),
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<TemplateVersion>>, Problem> {
    let (before, limit) = asked.read()?;
    let row = one(&api, workspace, id).await?;
    let rows = domain::template_versions(&api.db, workspace, &row.name, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

async fn one(api: &Api, workspace: Uuid, id: Uuid) -> Result<TemplateRow, Problem> {
    domain::find_template(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("template", id))
}

/// The form that stores a new version.
#[derive(ToSchema)]
#[schema(as = TemplateVersionForm)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only described")]
pub(super) struct VersionForm {
    /// The content of `template.toml`.
    manifest: String,
    /// The id of the version that the sender saw as the current one. If another one is current, nothing is stored.
    /// Without it, the version is stored in any case.
    after: Option<Uuid>,
    /// New backgrounds and fonts, each with its file name. A file of the same name replaces the stored one; the others
    /// are those of the version in the path.
    files: Option<Vec<String>>,
}

/// Stores a new version of a template: another manifest, with the files of the version in the path and new ones.
///
/// The version gets the name of the version in the path, whatever its manifest says, and becomes the current one. A run
/// that has begun keeps its own version.
#[utoipa::path(post, path = "/templates/{id}/versions", operation_id = "saveTemplate", tag = "templates",
    request_body(content((VersionForm = "multipart/form-data"))),
    responses(
        (status = 201, description = "The new version", body = TemplateView, headers(("location" = String,
            description = "The address of the new version"))),
        (status = 412, description = "`after` is not the current version: another one was stored in the meantime"),
    )
)]
pub(super) async fn save(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let row = one(&api, actor.workspace_id, id).await?;
    let received = version_form::receive(&api, &row, request, upload_limit(&api)).await?;
    let name = Some(row.name.as_str());
    let template = domain::check_template(&received.files.bundle, name).await.map_err(refused)?;
    let used =
        |file: &str| file == template.background || template.slots.iter().any(|slot| slot.font_file() == Some(file));
    if let Some(stray) = received.new.iter().find(|file| !used(file)) {
        let detail = format!("{MANIFEST} does not name {stray}: write background = \"{stray}\" or font = \"{stray}\"");
        return Err(Problem::faults(Kind::InvalidTemplate, vec![Fault::new("files", detail)]));
    }
    let checked = (api.template_check)(Prepare::Upload(received.files.bundle.clone())).await;
    checked.map_err(|why| unchecked("files", why))?;
    let storing = Storing { by: &actor, quotas: &api.settings.quotas, after: received.after };
    let stored = domain::store_template_within(&api.db, &api.files, storing, name, &received.files.bundle).await;
    let row = stored.map_err(refused)?;
    let location = format!("/api/v1/templates/{}", row.id);
    let template = domain::stored_template(&row).await.map_err(refused)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(TemplateView::new(row, &template))).into_response())
}

/// Makes a version the current one of its name again. The next run that names the template gets it.
#[utoipa::path(post, path = "/templates/{id}/restore", operation_id = "restoreTemplate", tag = "templates",
    responses(
        (status = 200, description = "The version", body = TemplateView),
    )
)]
pub(super) async fn restore(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<TemplateView>, Problem> {
    let row = domain::choose_template(&api.db, &actor, id).await?.ok_or_else(|| Problem::missing("template", id))?;
    let template = domain::stored_template(&row).await.map_err(refused)?;
    Ok(Json(TemplateView::new(row, &template)))
}
