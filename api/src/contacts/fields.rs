//! `/contact-fields`: the workspace's own fields of contacts that have a type.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::{
    ContactField, ContactFieldChange, Misfits, NewContactField, change_contact_field, create_contact_field,
    find_contact_field, list_contact_fields, misfits_of, remove_contact_field,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

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
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// A field with a type, and what was there before it had one.
#[derive(Serialize, ToSchema)]
struct DefinedField {
    #[serde(flatten)]
    field: ContactField,
    /// The values that do not fit. They stay as they are, and no rule that compares them matches.
    misfits: Misfits,
}

async fn defined(api: &Api, workspace: Uuid, field: ContactField) -> Result<DefinedField, Problem> {
    let misfits = misfits_of(&api.db, workspace, &field).await?;
    Ok(DefinedField { field, misfits })
}

/// Lists the fields of contacts that have a type, in their order.
#[utoipa::path(get, path = "/contact-fields", operation_id = "listContactFields", tag = "contacts",
    responses(
        (status = 200, description = "The fields, at most 100", body = Page<ContactField>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Page<ContactField>>, Problem> {
    Ok(Json(Page::upto(list_contact_fields(&api.db, workspace).await?, None)))
}

/// Gives a field of contacts a type. Values that are there already stay as they are; those that do not fit are counted.
#[utoipa::path(post, path = "/contact-fields", operation_id = "createContactField", tag = "contacts",
    request_body = NewContactField,
    responses(
        (status = 201, description = "The field", body = DefinedField, headers(("location" = String,
            description = "The address of the field"))),
        (status = 409, description = "The field has a type already"),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let new: NewContactField = input::json(request).await?;
    let made = create_contact_field(&api.db, &actor, new).await?;
    let location = format!("/api/v1/contact-fields/{}", made.id);
    let defined = defined(&api, actor.workspace_id, made).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(defined)).into_response())
}

/// Returns a field that has a type, with the values that do not fit it now.
#[utoipa::path(get, path = "/contact-fields/{id}", operation_id = "getContactField", tag = "contacts",
    responses(
        (status = 200, description = "The field", body = DefinedField),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<DefinedField>, Problem> {
    let found = find_contact_field(&api.db, workspace, id).await?.ok_or_else(|| missing(id))?;
    Ok(Json(defined(&api, workspace, found).await?))
}

fn missing(id: Uuid) -> Problem {
    Problem::missing("field", id)
}

/// Changes the type of a field, its choices, what it is called, or its place. Its key stays.
#[utoipa::path(patch, path = "/contact-fields/{id}", operation_id = "changeContactField", tag = "contacts",
    request_body = ContactFieldChange,
    responses(
        (status = 200, description = "The field", body = DefinedField),
    )
)]
async fn change(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<DefinedField>, Problem> {
    let change: ContactFieldChange = input::json(request).await?;
    let changed = change_contact_field(&api.db, &actor, id, change).await?.ok_or_else(|| missing(id))?;
    Ok(Json(defined(&api, actor.workspace_id, changed).await?))
}

/// Takes the type off a field. Its values stay, as text.
#[utoipa::path(delete, path = "/contact-fields/{id}", operation_id = "deleteContactField", tag = "contacts",
    responses(
        (status = 204, description = "The field has no type any more"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = remove_contact_field(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(missing(id)) }
}
