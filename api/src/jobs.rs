//! `/jobs`: what is to be done, what was done, and what went wrong.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use herald_shared::{
    jobs::JobKind,
    ledger::{self, Cancelled, JobError, JobFilter, JobRow, JobState},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Api,
    auth::Workspace,
    input::{Id, Parameters},
    page::{self, Page},
    problem::{Kind, Problem},
};

/// Tries a person's retry gives to a job of a kind that is not known any more.
const TRIES: i64 = 3;

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/jobs", get(list))
        .route("/jobs/{id}", get(show))
        .route("/jobs/{id}/retry", post(retry))
        .route("/jobs/{id}/cancel", post(cancel))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    kind: Option<String>,
    state: Option<String>,
    queue: Option<String>,
    batch: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<ListParameters>,
) -> Result<Json<Page<JobRow>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let state = asked.state.map(|state| state.parse::<JobState>()).transpose();
    let batch_id = asked.batch.map(|batch| batch.parse::<Uuid>()).transpose();
    let filter = JobFilter {
        kind: asked.kind,
        state: state.map_err(|unknown| Problem::field("state", unknown))?,
        queue: asked.queue,
        batch_id: batch_id.map_err(|_| Problem::field("batch", "batch is no id: take it from a run's `batch`"))?,
        before: page::after(asked.cursor.as_deref())?,
        ..JobFilter::default()
    };
    let jobs = ledger::jobs(&api.db, workspace, &filter, limit + 1).await?;
    Ok(Json(Page::of(jobs, limit, |job| job.id.to_string())))
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

async fn retry(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Response, Problem> {
    let before = view(&api, workspace, id).await?;
    let tries = JobKind::parse(&before.job.kind).map_or(TRIES, |kind| kind.policy().max_attempts);
    if !ledger::retry_job(&api.db, workspace, id, tries).await? {
        let now = view(&api, workspace, id).await?;
        let detail = match now.job.state.as_str() {
            "dead" | "cancelled" => "another job does the same work right now: wait for it to end".to_owned(),
            state => format!("the job is {state}: only a dead or cancelled one can be retried"),
        };
        return Err(Problem::new(Kind::WrongState, detail));
    }
    let job = view(&api, workspace, id).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/jobs/{id}"))], Json(job)).into_response())
}

async fn cancel(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Response, Problem> {
    let status = match ledger::cancel_job(&api.db, workspace, id).await? {
        Cancelled::AtOnce => StatusCode::OK,
        Cancelled::Asked => {
            api.wire.cancel(id);
            StatusCode::ACCEPTED
        }
        Cancelled::AlreadyEnded(state) => {
            return Err(Problem::new(
                Kind::WrongState,
                format!("the job is {state} already: there is nothing to cancel"),
            ));
        }
        Cancelled::Unknown => return Err(Problem::missing("job", id)),
    };
    Ok((status, Json(view(&api, workspace, id).await?)).into_response())
}
