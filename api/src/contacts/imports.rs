//! `/imports`: lists of people that become contacts, and of leads.

mod receive;

use axum::{
    Extension, Json,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use herald_contacts::{
    Import, ImportOptions, ImportWhat, cancel_import, change_import, find_import, list_imports, start_import,
    undo_import,
};
use herald_ledger::audit::{self, Entry};
use serde::Deserialize;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::receive::LEADS;
pub(crate) use self::receive::{Options, receive};
use crate::{
    Api,
    front::{
        actor::By,
        auth::{Caller, Workspace},
        idempotency,
        input::{self, Id, Parameters},
        limits,
        page::{self, Page},
        problem::{Kind, Problem},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change))
        .routes(routes!(start))
        .routes(routes!(cancel))
        .routes(routes!(undo))
        .routes(routes!(refused))
}

/// The route that accepts lists. Its bodies are large, and may be as slow as the sender's connection.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    uploads(api, OpenApiRouter::new().routes(routes!(receive::create)))
}

/// Lets routes take bodies as large as a list may be.
pub(crate) fn uploads(api: &Api, routes: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    let limit = api.settings.http.max_upload_mb << 20;
    routes
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)))
        .layer(RequestBodyTimeoutLayer::new(limits::STALLED))
        .layer(middleware::from_fn(move |request, next| limits::upload(limit, request, next)))
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Import, Problem> {
    find_import(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("import", id))
}

/// An import that the caller may look at: a list of leads tells of leads.
async fn shown(api: &Api, caller: &Caller, workspace: Uuid, id: Uuid) -> Result<Import, Problem> {
    let import = found(api, workspace, id).await?;
    if import.what == ImportWhat::Leads && !caller.may_read(LEADS) {
        let detail = "a list of leads tells of leads: use a key that has the scope leads:read, too";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    Ok(import)
}

/// Refuses a caller who may not make leads, if the import is one of leads.
async fn may_write(api: &Api, caller: &Caller, workspace: Uuid, id: Uuid) -> Result<(), Problem> {
    let import = found(api, workspace, id).await?;
    if import.what == ImportWhat::Leads && !caller.may_post(LEADS) {
        return Err(receive::no_leads());
    }
    Ok(())
}

/// Which imports.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Those whose rows are `contacts` or `leads`.
    #[param(pattern = "^(contacts|leads)?$")]
    what: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists imports, the newest first.
#[utoipa::path(get, path = "/imports", operation_id = "listImports", tag = "imports",
    params(Wanted),
    responses(
        (status = 200, description = "A page of imports", body = Page<Import>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Wanted>,
) -> Result<Json<Page<Import>>, Problem> {
    let (before, limit) = (page::after(asked.cursor.as_deref())?, page::limit(asked.limit)?);
    let what = asked.what.as_deref().filter(|what| !what.is_empty()).map(str::parse::<ImportWhat>);
    let what = what.transpose().map_err(|error| Problem::field("what", error))?;
    let rows = list_imports(&api.db, workspace, what, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// Returns an import: its state, what its check found, and its counts.
#[utoipa::path(get, path = "/imports/{id}", operation_id = "getImport", tag = "imports",
    responses(
        (status = 200, description = "The import", body = Import),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Import>, Problem> {
    Ok(Json(shown(&api, &caller, workspace, id).await?))
}

/// Changes what an import does before it starts, and has its list checked again.
#[utoipa::path(patch, path = "/imports/{id}", operation_id = "changeImport", tag = "imports",
    request_body = Options,
    responses(
        (status = 200, description = "The import, which is checked again", body = Import),
        (status = 409, description = "The import has started"),
    )
)]
async fn change(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    request: Request,
) -> Result<Json<Import>, Problem> {
    let options: Options = input::json(request).await?;
    may_write(&api, &caller, actor.workspace_id, id).await?;
    let changed = change_import(&api.db, &actor, id, ImportOptions::from(options)).await?;
    changed.map(Json).ok_or_else(|| Problem::missing("import", id))
}

/// Starts an import that was checked.
#[utoipa::path(post, path = "/imports/{id}/start", operation_id = "startImport", tag = "imports",
    responses(
        (status = 200, description = "The import, whose rows become contacts or leads", body = Import),
        (status = 409, description = "The import is not checked, or has started"),
    )
)]
async fn start(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Import>, Problem> {
    may_write(&api, &caller, actor.workspace_id, id).await?;
    start_import(&api.db, &actor, id).await?.map(Json).ok_or_else(|| Problem::missing("import", id))
}

/// Stops an import. The contacts and leads that it has made stay, and it can be undone.
#[utoipa::path(post, path = "/imports/{id}/cancel", operation_id = "cancelImport", tag = "imports",
    responses(
        (status = 200, description = "The import", body = Import),
        (status = 409, description = "The import has ended"),
    )
)]
async fn cancel(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Import>, Problem> {
    may_write(&api, &caller, actor.workspace_id, id).await?;
    cancel_import(&api.db, &actor, id).await?.map(Json).ok_or_else(|| Problem::missing("import", id))
}

/// Takes an import back, for 30 days.
///
/// Contacts and leads that it made go, unless somebody worked with them since. Those that it changed get their old
/// values, but for those that somebody has changed again.
#[utoipa::path(post, path = "/imports/{id}/undo", operation_id = "undoImport", tag = "imports",
    responses(
        (status = 200, description = "The import, which is being undone", body = Import),
        (status = 409, description = "The import has not ended, or is too old"),
    )
)]
async fn undo(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Json<Import>, Problem> {
    may_write(&api, &caller, actor.workspace_id, id).await?;
    undo_import(&api.db, &actor, id).await?.map(Json).ok_or_else(|| Problem::missing("import", id))
}

/// Returns the rows that are left out, each with the reason. Correct the file and import it again.
#[utoipa::path(get, path = "/imports/{id}/refused.csv", operation_id = "getRefusedRows", tag = "imports",
    responses(
        (status = 200, description = "The rows, with the reason in the last column", content_type = "text/csv",
            body = String, headers(("content-disposition" = String, description = "The name of the file"))),
        (status = 404, description = "No row is left out, or the import is too old"),
    )
)]
async fn refused(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let import = shown(&api, &caller, actor.workspace_id, id).await?;
    let key = import.refused_file(actor.workspace_id);
    if api.files.size(&key).await?.is_none() {
        let detail = "no row of this import is left out, or the import is older than 30 days";
        return Err(Problem::new(Kind::NotFound, detail));
    }
    let (_, content) = api.files.stream(&key).await?;
    let mut tx = api.db.begin().await?;
    audit::record(&mut tx, &actor, Entry::of("import.export", id)).await?;
    tx.commit().await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"refused.csv\""),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(content)).into_response())
}
