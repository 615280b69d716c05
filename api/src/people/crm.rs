//! The agency's CRM: `/webhooks/crm`, where it reports changes of its people. For administrators, `/crm` lists these
//! people and the syncs.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_app::jobs;
use herald_ledger as ledger;
use herald_ledger::{
    Payload,
    audit::{self, Entry},
};
use herald_people::{CrmSync, CrmUserRow, PeopleError, SyncScope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Parameters},
        page::{self, Page, PageParameters},
        problem::{Kind, Problem},
    },
};

/// The largest webhook, in bytes.
const LARGEST: usize = 1 << 20;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(users)).routes(routes!(syncs, sync))
}

pub(crate) fn webhook_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(webhook))
}

/// The receipt for a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = CrmWebhookTaken)]
struct Taken {
    /// Whether Herald received the same webhook before.
    duplicate: bool,
}

/// Receives a webhook of the agency's CRM about a person who was created, changed or deleted.
///
/// Herald stores the webhook, and a job processes it. A repeated webhook changes nothing.
#[utoipa::path(post, path = "/webhooks/crm", operation_id = "receiveCrm", tag = "public",
    params(
        ("webhook-id" = Option<String>, Header, description = "The id of the webhook, as in Standard Webhooks"),
        ("webhook-timestamp" = Option<String>, Header, description = "The time of sending, in seconds since 1970"),
        ("webhook-signature" = Option<String>, Header,
            description = "`v1,` and the HMAC-SHA256 of id, time and body in Base64. Spaces separate several \
                           signatures. The settings allow other schemes"),
    ),
    request_body(content = Object),
    responses(
        (status = 202, description = "Herald stored the webhook", body = Taken),
        (status = 400, description = "The signature is right, but the body is not a JSON object"),
        (status = 401, description = "The signature is wrong or too old, or Herald has no secret for the CRM"),
    )
)]
async fn webhook(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LARGEST).await?;
    let signature = api.settings.crm.signature().map_err(|error| Problem::internal(&error))?;
    let checked = signature.check(&parts.headers, &body, api.db.now()).map_err(|refused| {
        tracing::warn!(why = refused.0, "a webhook of the CRM is refused");
        Problem::new(
            Kind::Unauthorized,
            "the signature does not match the secret of the CRM, or the webhook is too old: check the \
             secret and the clocks",
        )
    })?;
    let event: serde_json::Value = serde_json::from_slice(&body)
        .ok()
        .filter(serde_json::Value::is_object)
        .ok_or_else(|| Problem::new(Kind::InvalidRequest, "the body is not a JSON object: send an object"))?;
    if input::nul(&body).is_some() {
        return Err(Problem::new(
            Kind::InvalidRequest,
            "a text in the body contains a NUL character: send it without NUL",
        ));
    }
    let is_new = api.people.take_crm_event(&checked, &event).await?;
    Ok((StatusCode::ACCEPTED, Json(Taken { duplicate: !is_new })).into_response())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only people with a conflict: Herald could not take them over as they are in the CRM.
    conflicts: Option<bool>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists the people of the CRM with their users in Herald, in the order of their ids in the CRM.
#[utoipa::path(get, path = "/crm/users", operation_id = "listCrmUsers", tag = "crm",
    params(Which),
    responses(
        (status = 200, description = "A page of people", body = Page<CrmUserRow>),
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

/// Lists the syncs with the CRM, the newest first.
#[utoipa::path(get, path = "/crm/syncs", operation_id = "listCrmSyncs", tag = "crm",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of syncs", body = Page<CrmSync>),
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
    /// `all` reads everything and also finds deleted people; `changes` reads what changed since the last sync.
    scope: SyncScope,
    /// How many people may be missing from the CRM's list.
    ///
    /// Set it after a sync was held and an administrator checked that these people really left.
    #[schema(maximum = 1_000_000)]
    allow_missing: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CrmSyncBegun)]
struct Begun {
    /// The job that runs the sync: a new job, or the one that is already running.
    job_id: Uuid,
}

/// Starts a sync with the CRM's list of people.
#[utoipa::path(post, path = "/crm/syncs", operation_id = "startCrmSync", tag = "crm",
    request_body = StartSync,
    responses(
        (status = 202, description = "A job runs the sync", body = Begun, headers(("location" = String,
            description = "The address of the job"))),
        (status = 409, description = "The settings name no CRM"),
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
