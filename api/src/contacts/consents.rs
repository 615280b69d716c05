//! `/contacts/{id}/consents`: what a contact agreed to.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::{Consent, NewConsent, add_consent, list_consents};
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
    OpenApiRouter::new().routes(routes!(list, add))
}

/// Lists the consents of a contact and their withdrawals, the newest first. The newest of a channel holds.
#[utoipa::path(get, path = "/contacts/{id}/consents", operation_id = "listConsents", tag = "contacts",
    responses(
        (status = 200, description = "The consents", body = Page<Consent>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<Consent>>, Problem> {
    super::one::exists(&api, workspace, id).await?;
    Ok(Json(Page::upto(list_consents(&api.db, workspace, id).await?, None)))
}

/// Writes down a consent, or that it was taken back.
#[utoipa::path(post, path = "/contacts/{id}/consents", operation_id = "addConsent", tag = "contacts",
    request_body = NewConsent,
    responses(
        (status = 201, description = "The consent", body = Consent),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn add(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<Consent>), Problem> {
    let new: NewConsent = input::json(request).await?;
    let consent = add_consent(&api.db, &actor, id, new).await?;
    consent.map(|consent| (StatusCode::CREATED, Json(consent))).ok_or_else(|| Problem::missing("contact", id))
}
