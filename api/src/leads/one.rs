//! `/leads/{id}`: one lead, changed, with its notes.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use herald_leads::{Lead, LeadFields, LeadNote, add_lead_note, change_lead, find_lead, list_lead_notes};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id},
        page::Page,
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show, change)).routes(routes!(notes, note))
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Lead, Problem> {
    find_lead(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("lead", id))
}

/// Returns a lead.
#[utoipa::path(get, path = "/leads/{id}", operation_id = "getLead", tag = "leads",
    responses(
        (status = 200, description = "The lead", body = Lead, headers(("etag" = String,
            description = "The version of the lead, for If-Match and If-None-Match"))),
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

/// Changes the given fields of a lead. An empty `follow_up_at` says that the follow-up is done.
#[utoipa::path(patch, path = "/leads/{id}", operation_id = "changeLead", tag = "leads",
    request_body = LeadFields,
    responses(
        (status = 200, description = "The lead", body = Lead, headers(("etag" = String,
            description = "The version of the lead, for If-Match and If-None-Match"))),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let fields: LeadFields = input::json(request).await?;
    let seen = Box::new(move |lead: &Lead| precondition.holds(Tag::of_json(lead).ok().as_ref()));
    let changed = change_lead(&api.db, &actor, id, &fields, seen).await?;
    tagged(StatusCode::OK, changed.ok_or_else(|| Problem::missing("lead", id))?)
}

/// Lists the notes of a lead, the newest first.
#[utoipa::path(get, path = "/leads/{id}/notes", operation_id = "listLeadNotes", tag = "leads",
    responses(
        (status = 200, description = "The notes", body = Page<LeadNote>),
    )
)]
async fn notes(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<LeadNote>>, Problem> {
    found(&api, workspace, id).await?;
    Ok(Json(Page::upto(list_lead_notes(&api.db, workspace, id).await?, None)))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewLeadNote)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The note: at most 5,000 characters.
    text: String,
}

/// Adds a note to a lead.
#[utoipa::path(post, path = "/leads/{id}/notes", operation_id = "addLeadNote", tag = "leads",
    request_body = Note,
    responses(
        (status = 201, description = "The note", body = LeadNote),
    )
)]
async fn note(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<LeadNote>), Problem> {
    let Note { text } = input::json(request).await?;
    let note = add_lead_note(&api.db, &actor, id, &text).await?;
    note.map(|note| (StatusCode::CREATED, Json(note))).ok_or_else(|| Problem::missing("lead", id))
}
