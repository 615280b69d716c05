//! `/jobs`: what is to be done, what was done, and what went wrong.

mod bulk;
mod filter;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use herald_shared::ledger::{
    self, Cancelled, FailureGroup, JobError, JobFilter, JobRow,
    audit::{self, Entry},
};
use serde::Serialize;
use uuid::Uuid;

use self::filter::Asked;
use crate::{
    Api,
    actor::By,
    auth::Workspace,
    input::{Id, Parameters},
    page::{self, Page},
    problem::{Kind, Problem},
};

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/jobs", get(list))
        .route("/jobs/failures", get(failures))
        .route("/jobs/act/{act}", post(bulk::act))
        .route("/jobs/{id}", get(show).delete(delete))
        .route("/jobs/{id}/retry", post(retry))
        .route("/jobs/{id}/cancel", post(cancel))
}

async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<JobRow>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref())?;
    let filter = JobFilter { before, ..asked.filter()? };
    let jobs = ledger::jobs(&api.db, workspace, &filter, limit + 1).await?;
    Ok(Json(Page::of(jobs, limit, |job| job.id.to_string())))
}

#[derive(Serialize)]
struct Failures {
    items: Vec<FailureGroup>,
}

/// What holds jobs up, by cause, the one with the most jobs first.
async fn failures(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Failures>, Problem> {
    let limit = page::limit(asked.limit)?;
    let items = ledger::failures(&api.db, workspace, &asked.filter()?, limit).await?;
    Ok(Json(Failures { items }))
}

/// A job with its failed attempts.
#[derive(Serialize)]
struct JobView {
    #[serde(flatten)]
    job: JobRow,
    errors: Vec<JobError>,
}

async fn view(api: &Api, workspace: Uuid, id: Uuid) -> Result<JobView, Problem> {
    let job = ledger::job(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("job", id))?;
    let errors = ledger::job_errors(&api.db, workspace, id).await?;
    Ok(JobView { job, errors })
}

async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<JobView>, Problem> {
    Ok(Json(view(&api, workspace, id).await?))
}

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
        let detail = match now.job.state.as_str() {
            "dead" | "cancelled" => "another job does the same work right now: wait for it to end".to_owned(),
            state => format!("the job is {state}: only a dead or cancelled one can be retried"),
        };
        return Err(Problem::new(Kind::WrongState, detail));
    }
    audit::record(&mut tx, &actor, Entry::of("job.retry", id).affecting(1)).await?;
    tx.commit().await?;
    let job = view(&api, workspace, id).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/jobs/{id}"))], Json(job)).into_response())
}

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
                format!("the job is {state} already: there is nothing to cancel"),
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
            format!("the job is {}: only one that has ended can be deleted; cancel it first", job.state),
        ));
    }
    audit::record(&mut tx, &actor, Entry::of("job.delete", id).affecting(1)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
