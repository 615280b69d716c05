//! `/invitation-runs`: runs that make invitations for lists of guests.

mod check;
mod guest;
mod guests;
mod options;
mod pictures;
mod source;
mod start;

use axum::{
    Json,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use herald_invitations as domain;
use herald_invitations::{Again, Event, ImportProblem, ListedRun, Run, TemplateRow, Wait, results};
use herald_ledger as ledger;
use herald_ledger::{
    Batch,
    audit::{self, Entry},
};
use herald_people::Role;
use herald_providers::files::FilesError;
use serde::{Deserialize, Serialize};
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::{MyRole, Workspace},
        idempotency,
        input::{self, Id, Parameters},
        limits,
        page::{self, Page},
        problem::{Kind, Problem},
    },
};

/// The largest number of import problems in an answer; `results.csv` has all of them.
const PROBLEMS_SHOWN: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(guests::list))
        .routes(routes!(guest::show))
        .routes(routes!(guest::picture))
        .routes(routes!(guest::crop))
        .routes(routes!(guest::retry))
        .routes(routes!(results_csv))
        .merge(check::routes())
        .merge(pictures::routes())
        .routes(routes!(guests::causes))
        .routes(routes!(cancel))
        .routes(routes!(retry))
}

/// The route that accepts uploads. Its bodies are large, and may be as slow as the sender's connection.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    let limit = api.settings.http.max_upload_mb << 20;
    OpenApiRouter::new()
        .routes(routes!(start::start))
        .routes(routes!(check::check))
        .routes(routes!(guest::replace))
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)))
        .layer(RequestBodyTimeoutLayer::new(limits::STALLED))
        .layer(middleware::from_fn(move |request, next| limits::upload(limit, request, next)))
}

/// A run with its event, template, progress and problems.
#[derive(Serialize, ToSchema)]
struct RunView {
    #[serde(flatten)]
    run: Run,
    /// The event that the guests are invited to.
    event: Option<Event>,
    /// The template of the invitations.
    template: Option<TemplateRow>,
    /// The progress of the jobs.
    batch: Option<Batch>,
    /// What the run waits for, and what to do about it.
    waits_for: Vec<Wait>,
    /// Problems of rows of the guest list, in the order of the lines.
    problems: Vec<ImportProblem>,
    /// Whether there are more problems than this answer shows; `results.csv` has all of them.
    more_problems: bool,
    /// The address of the list of guests.
    guests_url: String,
    /// The address of the results, which exist once the run has ended.
    results_url: String,
}

async fn view(api: &Api, workspace: Uuid, id: Uuid) -> Result<RunView, Problem> {
    let db = &api.db;
    let run = domain::find_run(db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
    let mut problems = domain::list_problems(db, workspace, id, PROBLEMS_SHOWN + 1).await?;
    let more_problems = problems.len() > PROBLEMS_SHOWN;
    problems.truncate(PROBLEMS_SHOWN);
    let waits_for = if run.has_ended() { Vec::new() } else { domain::waits_for(db, workspace, &run).await? };
    Ok(RunView {
        waits_for,
        event: domain::find_event(db, workspace, run.event_id).await?,
        template: domain::find_template(db, workspace, run.template_id).await?,
        batch: ledger::find_batch(db, workspace, run.batch_id).await?,
        problems,
        more_problems,
        guests_url: format!("{}/guests", url(id)),
        results_url: format!("{}/results.csv", url(id)),
        run,
    })
}

/// The role that may see the addresses of guests. Looking at a run does not give a reason to write to its guests.
const ADDRESSES: Role = Role::Staff;

fn url(id: Uuid) -> String {
    format!("/api/v1/invitation-runs/{id}")
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RunParameters {
    /// Only runs that draw this template, by its id.
    #[param(value_type = Option<Uuid>)]
    template: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists runs, the newest first, with the names of their events and templates.
#[utoipa::path(get, path = "/invitation-runs", operation_id = "listRuns", tag = "invitation-runs",
    params(RunParameters),
    responses(
        (status = 200, description = "A page of runs", body = Page<ListedRun>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<RunParameters>,
) -> Result<Json<Page<ListedRun>>, Problem> {
    let (before, limit) = (page::after(asked.cursor.as_deref())?, page::limit(asked.limit)?);
    let template = asked.template.as_deref().map(str::parse::<Uuid>).transpose();
    let template = template.map_err(|_| {
        Problem::field("template", "template is not a valid id: use the id of a template, which looks like 0199…-…")
    })?;
    let runs = domain::list_runs(&api.db, workspace, template, before, limit + 1).await?;
    Ok(Json(Page::of(runs, limit, |listed| listed.run.id.to_string())))
}

/// Returns a run with its progress.
#[utoipa::path(get, path = "/invitation-runs/{id}", operation_id = "getRun", tag = "invitation-runs",
    responses(
        (status = 200, description = "The run", body = RunView),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    MyRole(own): MyRole,
    Id(id): Id,
) -> Result<Json<RunView>, Problem> {
    let mut seen = view(&api, workspace, id).await?;
    if own < ADDRESSES {
        // The problems quote the content of the list.
        seen.more_problems = !seen.problems.is_empty();
        seen.problems.clear();
    }
    Ok(Json(seen))
}

/// Returns the results of a run that has ended, as a CSV table.
///
/// The download is recorded in the audit log.
#[utoipa::path(get, path = "/invitation-runs/{id}/results.csv", operation_id = "getResults", tag = "invitation-runs",
    responses(
        (status = 200, description = "The CSV table", content_type = "text/csv", body = String),
        (status = 409, description = "The run has not ended, or the table is not ready", headers(("retry-after" = i64,
            description = "The seconds to wait"))),
    )
)]
async fn results_csv(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
) -> Result<Response, Problem> {
    let run = domain::find_run(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
    has_ended(&run)?;
    let (bytes, content) = match api.files.stream(&results::key(workspace, id)).await {
        Ok(found) => found,
        Err(FilesError::Missing(_)) => {
            let detail = "the results are not ready: try again in a moment. If that does not help, look for a dead \
                          invitation.summary job under /api/v1/jobs and retry it";
            return Err(Problem::new(Kind::WrongState, detail).header(header::RETRY_AFTER, "2"));
        }
        Err(error) => return Err(error.into()),
    };
    let mut tx = api.db.begin().await?;
    audit::record(&mut tx, &actor, Entry::of("run.export", id).affecting(run.total)).await?;
    tx.commit().await?;
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"results.csv\"".to_owned()),
    ];
    Ok((headers, Body::from_stream(content)).into_response())
}

/// Whether the results of a run exist.
fn has_ended(run: &Run) -> Result<(), Problem> {
    if run.has_ended() {
        return Ok(());
    }
    let detail = format!("the run is still {}: its results are available when it has ended", run.state);
    Err(Problem::new(Kind::WrongState, detail).header(header::RETRY_AFTER, "2"))
}

/// Cancels a run. Herald starts no more of its jobs and asks the running ones to stop.
#[utoipa::path(post, path = "/invitation-runs/{id}/cancel", operation_id = "cancelRun", tag = "invitation-runs",
    responses(
        (status = 200, description = "The run", body = RunView),
        (status = 409, description = "The run has already ended"),
    )
)]
async fn cancel(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
) -> Result<Json<RunView>, Problem> {
    match domain::cancel_run_by(&api.db, &actor, id).await? {
        Some(running) => {
            for job in running {
                api.wire.cancel(job);
            }
            Ok(Json(view(&api, workspace, id).await?))
        }
        None => {
            let run = domain::find_run(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
            Err(Problem::new(
                Kind::WrongState,
                format!("the run is already {}: only a run that has not ended can be cancelled", run.state),
            ))
        }
    }
}

/// The result of a retry.
#[derive(Serialize, ToSchema)]
#[schema(as = RunRetried)]
struct Retried {
    /// The number of enqueued jobs.
    enqueued: usize,
    #[serde(flatten)]
    run: RunView,
}

/// What to retry.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = RetryRequest)]
#[serde(deny_unknown_fields, default)]
struct ToRetry {
    /// Only the guests whose invitations failed for this cause, as `…/causes` names it.
    cause: Option<String>,
}

/// Retries the failed and cancelled guests of a run, and the import of its list if that did not finish. With a cause,
/// it retries only the guests who failed for it.
#[utoipa::path(post, path = "/invitation-runs/{id}/retry", operation_id = "retryRun", tag = "invitation-runs",
    request_body = Option<ToRetry>,
    responses(
        (status = 200, description = "There was nothing to retry", body = Retried, headers(("location" = String,
            description = "The address of the run"))),
        (status = 202, description = "The run continues", body = Retried, headers(("location" = String,
            description = "The address of the run"))),
    )
)]
async fn retry(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let asked: ToRetry = input::json_or_nothing(request).await?;
    let again = match asked.cause {
        Some(cause) => Again::OfCause(guests::cause(cause)?),
        None => Again::All,
    };
    let enqueued =
        domain::retry_failed_by(&api.db, &actor, id, &again).await?.ok_or_else(|| Problem::missing("run", id))?;
    let run = view(&api, workspace, id).await?;
    let status = if enqueued > 0 { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, url(id))], Json(Retried { enqueued, run })).into_response())
}
