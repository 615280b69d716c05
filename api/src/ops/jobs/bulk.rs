//! Retrying, cancelling and deleting the jobs that a filter finds. The request itself counts them; a separate job acts
//! on them.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_app::jobs::JobsAct;
use herald_ledger as ledger;
use herald_ledger::{
    Act, JobFilter, Match, Payload,
    audit::{self, Entry},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::filter::Asked;
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Name, Parameters},
        page,
        problem::{Kind, Problem},
    },
};

/// The jobs of a bulk action.
#[derive(Deserialize, ToSchema)]
#[schema(as = JobsActRequest)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The filter for the jobs, with the same fields as the parameters of the list.
    #[serde(default)]
    filter: JobFilter,
    /// Confirms that an empty filter means every job.
    #[serde(default)]
    all: bool,
    /// Only counts the jobs and does not change them.
    #[serde(default)]
    dry_run: bool,
}

/// Counts the jobs that a bulk action would change.
///
/// Nothing is changed, and the audit log says nothing of it. The sample has at most `limit` jobs, and at most 10.
#[utoipa::path(get, path = "/jobs/act/{act}", operation_id = "countJobs", tag = "jobs",
    params(("act" = inline(Act), Path, description = "The action"), Asked),
    responses(
        (status = 200, description = "The jobs that the action would change", body = Match),
    )
)]
pub(super) async fn count(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Name(act): Name,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Match>, Problem> {
    let act = named(&act)?;
    let sample = page::limit(asked.limit)?;
    let filter = JobFilter { before: page::after(asked.cursor.as_deref())?, ..asked.filter()? };
    act.check(&filter, true).map_err(|why| Problem::field("state", why))?;
    let mut found = ledger::matching(&api.db, workspace, act, &filter).await?;
    found.sample.truncate(sample);
    Ok(Json(found))
}

fn named(act: &str) -> Result<Act, Problem> {
    act.parse().map_err(|unknown| Problem::new(Kind::NotFound, unknown))
}

/// The job that carries out the bulk action.
#[derive(Serialize, ToSchema)]
#[schema(as = JobsActStarted)]
struct Acting {
    job: Uuid,
}

/// Retries, cancels or deletes every job that the filter finds.
///
/// With `dry_run`, Herald only counts the jobs, and the audit log says so. Otherwise a job carries out the action and
/// reports its progress.
#[utoipa::path(post, path = "/jobs/act/{act}", operation_id = "actOnJobs", tag = "jobs",
    params(("act" = inline(Act), Path, description = "The action")),
    request_body = Wanted,
    responses(
        (status = 200, description = "With `dry_run`: the jobs that the action would change", body = Match),
        (status = 202, description = "A job carries out the action", body = Acting, headers(("location" = String,
            description = "The address of the job"))),
    )
)]
pub(super) async fn act(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Name(act): Name,
    request: Request,
) -> Result<Response, Problem> {
    let act = named(&act)?;
    let Wanted { filter, all, dry_run } = input::json(request).await?;
    act.check(&filter, all).map_err(|why| Problem::field("filter", why))?;
    let action = format!("jobs.{act}");
    if dry_run {
        let found = ledger::matching(&api.db, workspace, act, &filter).await?;
        let mut tx = api.db.begin().await?;
        audit::record(&mut tx, &actor, Entry::of(&action, &filter).affecting(found.count).dry_run()).await?;
        tx.commit().await?;
        return Ok(Json(found).into_response());
    }
    let asked = Entry::of(&format!("{action}.asked"), &filter);
    let job = JobsAct { act, filter, by: actor.clone(), asked_at: api.db.now() }.job(workspace);
    let mut tx = api.db.begin().await?;
    let id = ledger::enqueue(&mut tx, vec![job]).await?[0];
    audit::record(&mut tx, &actor, asked.with(serde_json::json!({ "job": id }))).await?;
    tx.commit().await?;
    let location = format!("/api/v1/jobs/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(Acting { job: id })).into_response())
}
