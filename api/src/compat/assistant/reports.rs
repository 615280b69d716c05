//! `/leads/reports/generate`: today's leads as a workbook.

use axum::{Json, extract::State};
use herald_leads::LocalDay;
use herald_ledger::enqueued_at;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Answer;
use crate::{
    Api,
    front::{actor::By, problem::Problem},
    ops::jobs::enqueue,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(generate))
}

/// A workbook that is being made.
#[derive(Serialize, ToSchema)]
#[schema(as = AssistantReport)]
struct Generated {
    /// The name of the workbook.
    #[schema(example = "daily_leads_2026-03-01_180000.xlsx")]
    filename: String,
    /// The job that makes it. `GET /api/v1/jobs/{id}` tells how far it is, and its result names the report.
    job_id: Uuid,
}

/// Has today's leads written into a workbook, which then stands among the reports.
#[utoipa::path(post, path = "/leads/reports/generate", operation_id = "assistantReport", tag = "compat",
    responses(
        (status = 200, description = "The workbook that is being made", body = Answer<Generated>),
    )
)]
async fn generate(State(api): State<Api>, By(actor): By) -> Result<Json<Answer<Generated>>, Problem> {
    let order = json!({ "kind": "report.daily_leads", "args": { "day": "today" } });
    let order = serde_json::from_value(order).map_err(|error| Problem::internal(&error))?;
    let (job_id, _) = enqueue(&api, &actor, order).await?;
    let asked_at = enqueued_at(job_id);
    let filename = LocalDay::at(asked_at, chrono_tz::Tz::UTC).report_name(asked_at);
    Ok(Answer::of(api.db.now(), "Report generated", Generated { filename, job_id }))
}
