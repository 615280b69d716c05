//! `/jobs`: the jobs that wait, run, or have ended, and the failures.

mod bulk;
mod filter;
mod order;
mod orders;
mod schema;

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use herald_ledger as ledger;
use herald_ledger::{
    Cancelled, FailureGroup, JobError, JobFilter, JobRow, JobState,
    audit::{self, Entry},
};
use serde::Serialize;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::filter::Asked;
pub(crate) use self::{order::enqueue, schema::describe};
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        idempotency,
        input::{Id, Parameters},
        limits,
        page::{self, Page},
        problem::{Kind, Problem},
    },
};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, order::add))
        .routes(routes!(failures))
        .routes(routes!(bulk::act, bulk::count))
        .routes(routes!(show, delete))
        .routes(routes!(retry))
        .routes(routes!(cancel))
}

/// The route that accepts thousands of jobs. Its bodies are large, and may be as slow as the sender's connection.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    let limit = api.settings.http.max_upload_mb << 20;
    OpenApiRouter::new()
        .routes(routes!(orders::add))
        .layer(middleware::from_fn_with_state(api.clone(), idempotency::once))
        .layer(DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)))
        .layer(RequestBodyTimeoutLayer::new(limits::STALLED))
        .layer(middleware::from_fn(move |request, next| limits::upload(limit, request, next)))
}

/// Lists jobs, the newest first.
#[utoipa::path(get, path = "/jobs", operation_id = "listJobs", tag = "jobs",
    params(Asked),
    responses(
        (status = 200, description = "A page of jobs", body = Page<JobRow>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<JobRow>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref())?;
    let within = asked.within;
    let filter = JobFilter { before, ..asked.filter()? };
    let (jobs, oldest) = match within {
        None => (ledger::list_jobs(&api.db, workspace, &filter, limit + 1).await?, None),
        Some(within) => ledger::list_jobs_within(&api.db, workspace, &filter, limit + 1, within).await?,
    };
    let (jobs, next) = Page::of(jobs, limit, |job| job.id.to_string()).into_parts();
    Ok(Json(Page::upto(jobs, next.or(oldest.map(|id| id.to_string())))))
}

/// The causes of failed jobs.
#[derive(Serialize, ToSchema)]
struct Failures {
    items: Vec<FailureGroup>,
}

/// Lists the causes of failed jobs, the one with the most jobs first.
#[utoipa::path(get, path = "/jobs/failures", operation_id = "listFailures", tag = "jobs",
    params(Asked),
    responses(
        (status = 200, description = "Causes", body = Failures),
    )
)]
async fn failures(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Failures>, Problem> {
    let limit = page::limit(asked.limit)?;
    let items = ledger::list_failure_groups(&api.db, workspace, &asked.filter()?, limit).await?;
    Ok(Json(Failures { items }))
}

/// A job with its failed attempts.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
struct JobView {
    #[serde(flatten)]
    job: JobRow,
    /// The failed attempts of the job, the oldest first.
    errors: Vec<JobError>,
}

async fn view(api: &Api, workspace: Uuid, id: Uuid) -> Result<JobView, Problem> {
    let job = ledger::find_job(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("job", id))?;
    let errors = ledger::list_job_errors(&api.db, workspace, id).await?;
    Ok(JobView { job, errors })
}

/// Returns a job with the error of each failed attempt.
#[utoipa::path(get, path = "/jobs/{id}", operation_id = "getJob", tag = "jobs",
    responses(
        (status = 200, description = "The job", body = JobView),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<JobView>, Problem> {
    Ok(Json(view(&api, workspace, id).await?))
}

/// Retries a dead or cancelled job.
#[utoipa::path(post, path = "/jobs/{id}/retry", operation_id = "retryJob", tag = "jobs",
    responses(
        (status = 202, description = "The job will run again", body = JobView, headers(("location" = String,
            description = "The address of the job"))),
        (status = 409, description = "The job is neither dead nor cancelled, or another job does the same work"),
    )
)]
async fn retry(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
) -> Result<Response, Problem> {
    let before = view(&api, workspace, id).await?;
    let mut tx = api.db.begin().await?;
    if !ledger::retry_job_in(&mut tx, workspace, id, ledger::tries_of(&before.job.kind)).await? {
        drop(tx);
        let now = view(&api, workspace, id).await?;
        let detail = match now.job.state {
            JobState::Dead | JobState::Cancelled => "another job is doing the same work: wait for it to end".to_owned(),
            state => format!("the job is {state}: only a dead or cancelled job can be retried"),
        };
        return Err(Problem::new(Kind::WrongState, detail));
    }
    audit::record(&mut tx, &actor, Entry::of("job.retry", id).affecting(1)).await?;
    tx.commit().await?;
    let job = view(&api, workspace, id).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/jobs/{id}"))], Json(job)).into_response())
}

/// Cancels a job.
#[utoipa::path(post, path = "/jobs/{id}/cancel", operation_id = "cancelJob", tag = "jobs",
    responses(
        (status = 200, description = "The job was waiting and is now cancelled", body = JobView),
        (status = 202, description = "The job is running and was asked to stop", body = JobView),
        (status = 409, description = "The job has already ended"),
    )
)]
async fn cancel(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
) -> Result<Response, Problem> {
    let mut tx = api.db.begin().await?;
    let status = match ledger::cancel_job_in(&mut tx, workspace, id).await? {
        Cancelled::AtOnce => StatusCode::OK,
        Cancelled::Asked => StatusCode::ACCEPTED,
        Cancelled::AlreadyEnded(state) => {
            return Err(Problem::new(
                Kind::WrongState,
                format!("the job is already {state}: only a job that has not ended can be cancelled"),
            ));
        }
        Cancelled::Unknown => return Err(Problem::missing("job", id)),
    };
    audit::record(&mut tx, &actor, Entry::of("job.cancel", id).affecting(1)).await?;
    tx.commit().await?;
    if status == StatusCode::ACCEPTED {
        api.wire.cancel(id);
    }
    Ok((status, Json(view(&api, workspace, id).await?)).into_response())
}

/// Deletes a job that has ended, with its errors.
#[utoipa::path(delete, path = "/jobs/{id}", operation_id = "deleteJob", tag = "jobs",
    responses(
        (status = 204, description = "The job was deleted"),
        (status = 409, description = "The job has not ended"),
    )
)]
async fn delete(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let mut tx = api.db.begin().await?;
    if !ledger::delete_job_in(&mut tx, workspace, id).await? {
        drop(tx);
        let job = view(&api, workspace, id).await?.job;
        return Err(Problem::new(
            Kind::WrongState,
            format!("the job is {}: only a job that has ended can be deleted; cancel it first", job.state),
        ));
    }
    audit::record(&mut tx, &actor, Entry::of("job.delete", id).affecting(1)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
