//! The agency's CRM: `/webhooks/crm`, by which it tells of its people, and for administrators `/crm`, who they are and whether their list was read.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_shared::{
    jobs::{self},
    ledger::{
        self, Payload,
        audit::{self, Entry},
    },
    people::{CrmSync, CrmUserRow, PeopleError, SyncScope},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    actor::By,
    auth::Workspace,
    input::{self, Parameters},
    page::{self, Page, PageParameters},
    problem::{Kind, Problem},
};

/// The largest webhook, in bytes.
const LARGEST: usize = 1 << 20;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(users)).routes(routes!(syncs, sync))
}

pub(crate) fn webhook_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(webhook))
}

/// What became of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = CrmWebhookTaken)]
struct Taken {
    /// Whether it came before.
    duplicate: bool,
}

/// Hears from the agency's CRM that one of its people is new, different or gone.
///
/// It is kept, and done by a job. One that comes again changes nothing.
#[utoipa::path(post, path = "/webhooks/crm", operation_id = "receiveCrm", tag = "public",
    params(
        ("webhook-id" = Option<String>, Header, description = "What it is known by, as Standard Webhooks have it"),
        ("webhook-timestamp" = Option<String>, Header, description = "When it was sent, in seconds since 1970"),
        ("webhook-signature" = Option<String>, Header, description = "`v1,` and the HMAC-SHA256 of id, time and body, in Base64; several with spaces between. A CRM that signs otherwise: see the settings"),
    ),
    request_body(content = Object),
    responses(
        (status = 202, description = "It is kept", body = Taken),
        (status = 400, description = "It is genuine, and no JSON object"),
        (status = 401, description = "The signature is wrong or too old, or no secret is set"),
    )
)]
async fn webhook(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LARGEST).await?;
    let signature = api.settings.crm.signature().map_err(|error| Problem::internal(&error))?;
    let checked = signature.check(&parts.headers, &body, api.db.now()).map_err(|refused| {
        tracing::warn!(why = refused.0, "a webhook of the CRM is refused");
        Problem::new(Kind::Unauthorized, "the signature is not one of the CRM's secret, or the webhook is too old")
    })?;
    let event: serde_json::Value = serde_json::from_slice(&body)
        .ok()
        .filter(serde_json::Value::is_object)
        .ok_or_else(|| Problem::new(Kind::InvalidRequest, "the body is no JSON object"))?;
    if input::nul(&body).is_some() {
        return Err(Problem::new(Kind::InvalidRequest, "a text of the body has a NUL in it"));
    }
    let is_new = api.people.take_crm_event(&checked, &event).await?;
    Ok((StatusCode::ACCEPTED, Json(Taken { duplicate: !is_new })).into_response())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those who are not taken in as they are in the CRM.
    conflicts: Option<bool>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists the CRM's people by their ids there, and who they are here.
#[utoipa::path(get, path = "/crm/users", operation_id = "listCrmUsers", tag = "crm",
    params(Which),
    responses(
        (status = 200, description = "A page of them", body = Page<CrmUserRow>),
    )
)]
async fn users(
    State(api): State<Api>,
    Parameters(asked): Parameters<Which>,
) -> Result<Json<Page<CrmUserRow>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let found = api.people.crm_users(asked.conflicts.unwrap_or(false), asked.cursor.as_deref(), limit + 1).await?;
    Ok(Json(Page::of(found, limit, |row| row.external_id.clone())))
}

/// Lists the readings of the CRM's list, the last first.
#[utoipa::path(get, path = "/crm/syncs", operation_id = "listCrmSyncs", tag = "crm",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of them", body = Page<CrmSync>),
    )
)]
async fn syncs(
    State(api): State<Api>,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<CrmSync>>, Problem> {
    let (before, limit) = asked.read()?;
    let found = api.people.crm_syncs(before, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |row| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StartSync {
    /// `all` also finds who is gone; `changes` reads what changed since the last one.
    scope: SyncScope,
    /// So many people may be missing from the list: for who has looked, after a sync was held.
    #[schema(maximum = 1_000_000)]
    allow_missing: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CrmSyncBegun)]
struct Begun {
    /// The job that reads the list: a new one, or the one that is at it.
    job_id: Uuid,
}

/// Reads the CRM's list.
#[utoipa::path(post, path = "/crm/syncs", operation_id = "startCrmSync", tag = "crm",
    request_body = StartSync,
    responses(
        (status = 202, description = "A job reads it", body = Begun, headers(("location" = String, description = "The job"))),
        (status = 409, description = "No CRM is set up"),
    )
)]
async fn sync(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    request: Request,
) -> Result<Response, Problem> {
    let StartSync { scope, allow_missing } = input::json(request).await?;
    api.people.crm().ok_or(PeopleError::NoCrm)?;
    let job = jobs::CrmSync { scope, allow_missing }.job(workspace);
    let mut tx = api.db.begin().await?;
    let ids = ledger::enqueue(&mut tx, vec![job]).await?;
    let job_id = ids[0];
    let detail = serde_json::json!({ "scope": scope, "allow_missing": allow_missing });
    audit::record(&mut tx, &actor, Entry::of("crm.sync", job_id).with(detail)).await?;
    tx.commit().await?;
    let location = [(header::LOCATION, format!("/api/v1/jobs/{job_id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(Begun { job_id })).into_response())
}
