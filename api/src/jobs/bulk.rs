//! Retrying, cancelling and deleting the jobs a filter finds. Counting them is answered at once; acting on them is a job of its own.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_shared::{
    jobs::JobsAct,
    ledger::{
        self, Act, JobFilter, Match, Payload,
        audit::{self, Entry},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    actor::By,
    auth::Workspace,
    input::{self, Name},
    problem::{Kind, Problem},
};

/// What to act on.
#[derive(Deserialize, ToSchema)]
#[schema(as = JobsActRequest)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Which jobs; the fields of a list's parameters.
    #[serde(default)]
    filter: JobFilter,
    /// Said when no filter is meant to mean every job.
    #[serde(default)]
    all: bool,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
}

/// The job that acts.
#[derive(Serialize, ToSchema)]
#[schema(as = JobsActStarted)]
struct Acting {
    job: Uuid,
}

/// Retries, cancels or deletes every job that a filter finds.
///
/// With `dry_run` they are only counted. Else a job does it, a thousand jobs a transaction; its progress says how far it is.
#[utoipa::path(post, path = "/jobs/act/{act}", operation_id = "actOnJobs", tag = "jobs",
    params(("act" = inline(Act), Path, description = "What is done to them")),
    request_body = Wanted,
    responses(
        (status = 200, description = "With dry_run: what it would be about", body = Match),
        (status = 202, description = "A job does it", body = Acting, headers(("location" = String, description = "Where it is"))),
    )
)]
pub(super) async fn act(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Name(act): Name,
    request: Request,
) -> Result<Response, Problem> {
    let act: Act = act.parse().map_err(|unknown| Problem::new(Kind::NotFound, unknown))?;
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
