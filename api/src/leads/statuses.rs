//! `/leads/statuses`: the steps of a workspace's leads.

use axum::{
    Json,
    extract::{Request, State},
};
use herald_leads::{LeadStatus, Outcome, list_statuses, set_statuses};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{actor::By, auth::Workspace, input, page::Page, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, set))
}

/// Lists the statuses in their order.
#[utoipa::path(get, path = "/leads/statuses", operation_id = "listLeadStatuses", tag = "leads",
    responses(
        (status = 200, description = "The statuses", body = Page<LeadStatus>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Page<LeadStatus>>, Problem> {
    Ok(Json(Page::upto(list_statuses(&api.db, workspace).await?, None)))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewLeadStatus)]
#[serde(deny_unknown_fields)]
struct Status {
    /// The name of the status.
    #[schema(max_length = 50)]
    name: String,
    /// What a lead in it counts as.
    stands_for: Outcome,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LeadStatuses)]
#[serde(deny_unknown_fields)]
struct Statuses {
    /// All statuses, in their order.
    statuses: Vec<Status>,
}

/// Replaces the statuses. One that leads have cannot be left out.
#[utoipa::path(put, path = "/leads/statuses", operation_id = "setLeadStatuses", tag = "leads",
    request_body = Statuses,
    responses(
        (status = 200, description = "The statuses", body = Page<LeadStatus>),
        (status = 409, description = "Leads have a status that was left out"),
    )
)]
async fn set(State(api): State<Api>, By(actor): By, request: Request) -> Result<Json<Page<LeadStatus>>, Problem> {
    let Statuses { statuses } = input::json(request).await?;
    let statuses = statuses.into_iter().map(|status| (status.name, status.stands_for)).collect();
    Ok(Json(Page::upto(set_statuses(&api.db, &actor, statuses).await?, None)))
}
