//! Enqueueing one job, of any kind that a person may start.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_ledger::{
    Entered, Way,
    audit::{self, Actor, Entry},
    orders::{self, Flaw, Order, Sort},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{JobView, view};
use crate::{
    Api,
    front::{
        actor::By,
        input,
        problem::{Fault, Kind, Problem},
    },
};

/// The enqueued job.
#[derive(Serialize, ToSchema)]
#[schema(as = EnqueuedJob)]
pub(super) struct Enqueued {
    #[serde(flatten)]
    job: JobView,
    /// Whether a job with the same unique key was already waiting or running. If so, the answer shows that job, and
    /// Herald did not enqueue another one.
    duplicate: bool,
}

/// Enqueues a job.
///
/// The caller needs the right to start the kind. Ids in the arguments belong to the caller's workspace.
#[utoipa::path(post, path = "/jobs", operation_id = "createJob", tag = "jobs",
    request_body = Order,
    responses(
        (status = 202, description = "The job", body = Enqueued, headers(("location" = String,
            description = "The address of the job"))),
        (status = 409, description = "The batch was cancelled"),
    )
)]
pub(super) async fn add(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let order: Order = input::json(request).await?;
    let (id, duplicate) = enqueue(&api, &actor, order).await?;
    let job = view(&api, actor.workspace_id, id).await?;
    let location = format!("/api/v1/jobs/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(Enqueued { job, duplicate })).into_response())
}

/// Enqueues what a caller ordered, if they may. Returns the job, and whether it was there already.
pub(crate) async fn enqueue(api: &Api, actor: &Actor, order: Order) -> Result<(Uuid, bool), Problem> {
    let kind = order.kind.clone();
    let draft = order.draft(actor.workspace_id, api.db.now())?;
    let mut tx = api.db.begin().await?;
    let taken = orders::take(&mut tx, actor.workspace_id, &actor.who, Way::Api, vec![draft]).await?;
    let entered = taken.into_iter().next().expect("one answer an order")?;
    let (id, duplicate) = (entered.id(), !matches!(entered, Entered::New(_)));
    if !duplicate {
        let entry = Entry::of("job.enqueue", id).affecting(1).with(serde_json::json!({ "kind": kind }));
        audit::record(&mut tx, actor, entry).await?;
    }
    tx.commit().await?;
    Ok((id, duplicate))
}

impl From<Flaw> for Problem {
    fn from(flaw: Flaw) -> Self {
        let kind = match flaw.sort {
            Sort::Unreadable | Sort::Wrong => Kind::InvalidField,
            Sort::Missing => Kind::NotFound,
            Sort::Refused => Kind::Forbidden,
            Sort::Cancelled => Kind::WrongState,
        };
        Self::faults(kind, vec![Fault { pointer: flaw.pointer, detail: flaw.detail, ..Fault::default() }])
    }
}
