//! `/reports/plan` and `/reports/subscribers`: when reports are made by themselves, and who gets them.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_leads::{
    ReportPlan, ReportSubscriber, list_subscribers, report_plan, set_report_plan, subscribe, unsubscribe,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id},
        page::Page,
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show, set)).routes(routes!(subscribers)).routes(routes!(add, remove))
}

/// Returns when the report of each day is made.
#[utoipa::path(get, path = "/reports/plan", operation_id = "getReportPlan", tag = "reports",
    responses(
        (status = 200, description = "The plan", body = ReportPlan),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<ReportPlan>, Problem> {
    Ok(Json(report_plan(&api.db, workspace).await?))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewReportPlan)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// Whether a report of each day is made.
    on: bool,
    /// The time of day at which the report of the day before is made, as `HH:MM`.
    #[schema(example = "07:00")]
    at: String,
    /// The time zone of the time and of the day, as an IANA name.
    #[schema(example = "Europe/Madrid")]
    time_zone: String,
}

/// Sets when the report of each day is made. The schedule `Daily leads report` makes it, in the name of the caller.
#[utoipa::path(put, path = "/reports/plan", operation_id = "setReportPlan", tag = "reports",
    request_body = Plan,
    responses(
        (status = 200, description = "The plan", body = ReportPlan),
    )
)]
async fn set(State(api): State<Api>, By(actor): By, request: Request) -> Result<Json<ReportPlan>, Problem> {
    let Plan { on, at, time_zone } = input::json(request).await?;
    let set = set_report_plan(&api.db, &api.settings.quotas, &actor, on, (&at, &time_zone)).await?;
    Ok(Json(set))
}

/// Lists the members to whom the report of each day is mailed.
#[utoipa::path(get, path = "/reports/subscribers", operation_id = "listReportSubscribers", tag = "reports",
    responses(
        (status = 200, description = "The members", body = Page<ReportSubscriber>),
    )
)]
async fn subscribers(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
) -> Result<Json<Page<ReportSubscriber>>, Problem> {
    Ok(Json(Page::upto(list_subscribers(&api.db, workspace).await?, None)))
}

/// Has the report of each day mailed to a member.
#[utoipa::path(put, path = "/reports/subscribers/{id}", operation_id = "subscribeToReports", tag = "reports",
    responses(
        (status = 204, description = "The member gets the next report"),
    )
)]
async fn add(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    match subscribe(&api.db, &actor, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::missing("member who may read reports", id)),
    }
}

/// Has no more reports mailed to a member.
#[utoipa::path(delete, path = "/reports/subscribers/{id}", operation_id = "unsubscribeFromReports", tag = "reports",
    responses(
        (status = 204, description = "The member gets no more reports"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    match unsubscribe(&api.db, &actor, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::missing("subscriber", id)),
    }
}
