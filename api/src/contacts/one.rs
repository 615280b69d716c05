//! `/contacts/{id}`: one contact, changed, put into the trash and taken out again.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use herald_contacts::{Contact, Profile, change_contact, find_contact, set_trashed};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{ContactView, in_full};
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show, change, trash)).routes(routes!(restore))
}

/// Whether there is such a contact.
pub(super) async fn exists(api: &Api, workspace: Uuid, id: Uuid) -> Result<(), Problem> {
    found(api, workspace, id).await.map(drop)
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<ContactView, Problem> {
    let contact = find_contact(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("contact", id))?;
    in_full(api, workspace, contact).await
}

/// Returns a contact. One that was merged into another contact says so in `merged_into`: that one is the person now.
#[utoipa::path(get, path = "/contacts/{id}", operation_id = "getContact", tag = "contacts",
    responses(
        (status = 200, description = "The contact", body = ContactView, headers(("etag" = String,
            description = "The version of the contact, for If-Match and If-None-Match"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    conditional::show(&headers, &found(&api, workspace, id).await?)
}

/// Changes the given fields of a contact.
#[utoipa::path(patch, path = "/contacts/{id}", operation_id = "changeContact", tag = "contacts",
    request_body = Profile,
    responses(
        (status = 200, description = "The contact", body = ContactView, headers(("etag" = String,
            description = "The version of the contact, for If-Match and If-None-Match"))),
        (status = 409, description = "Another contact is this person, or the contact was merged into another one"),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let profile: Profile = input::json(request).await?;
    // Tags are no part of the row that the transaction locks, so the tag is compared before it, and the row in it.
    let before = found(&api, actor.workspace_id, id).await?;
    precondition.check(Some(&Tag::of_json(&before)?))?;
    let seen = before.contact.updated_at;
    let is_same = Box::new(move |now: &Contact| now.updated_at == seen);
    let changed = change_contact(&api.db, &actor, id, profile, is_same).await?;
    let changed = changed.ok_or_else(|| Problem::missing("contact", id))?;
    tagged(StatusCode::OK, in_full(&api, actor.workspace_id, changed).await?)
}

/// Puts a contact into the trash. It can be restored.
#[utoipa::path(delete, path = "/contacts/{id}", operation_id = "trashContact", tag = "contacts",
    responses(
        (status = 204, description = "The contact is in the trash"),
    )
)]
async fn trash(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let trashed = set_trashed(&api.db, &actor, id, true).await?;
    trashed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Problem::missing("contact", id))
}

/// Takes a contact out of the trash.
#[utoipa::path(post, path = "/contacts/{id}/restore", operation_id = "restoreContact", tag = "contacts",
    responses(
        (status = 200, description = "The contact", body = ContactView),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn restore(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<ContactView>, Problem> {
    let restored = set_trashed(&api.db, &actor, id, false).await?.ok_or_else(|| Problem::missing("contact", id))?;
    Ok(Json(in_full(&api, actor.workspace_id, restored).await?))
}
