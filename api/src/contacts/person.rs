//! `/contacts/{id}/held`, `/export` and `/erase`: what the workspace holds about one person, handed out and erased; and
//! `/erasures`, the proof that it was done.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use herald_app::holders::HOLDERS;
use herald_contacts::{Erasure, erase_contact, export_contact, held_of, list_erasures};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(held)).routes(routes!(export)).routes(routes!(erase)).routes(routes!(erasures))
}

/// How much the workspace holds about a person.
#[derive(Serialize, ToSchema)]
struct HeldCounts {
    /// The number of all records, which an erasure has to name.
    total: usize,
    /// The number of records of each sort.
    records: BTreeMap<String, usize>,
    /// What an erasure does not reach: where it is, and when or how it goes.
    elsewhere: Vec<String>,
}

/// Counts what the workspace holds about a contact: what an erasure would remove.
#[utoipa::path(get, path = "/contacts/{id}/held", operation_id = "countHeld", tag = "contacts",
    responses(
        (status = 200, description = "The numbers of records", body = HeldCounts),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn held(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<HeldCounts>, Problem> {
    let found = held_of(&api.db, workspace, HOLDERS, id).await?;
    let held = found.ok_or_else(|| Problem::missing("contact", id))?;
    Ok(Json(HeldCounts { total: held.total(), records: held.counts(), elsewhere: held.elsewhere }))
}

/// Everything that the workspace holds about a person.
#[derive(Serialize, ToSchema)]
struct PersonExport {
    /// The contact.
    contact_id: Uuid,
    /// When it was exported.
    exported_at: DateTime<Utc>,
    /// The records, by their sort.
    records: BTreeMap<&'static str, Vec<Value>>,
    /// What else there is about the person: where it is, and when or how it goes.
    elsewhere: Vec<String>,
}

/// Returns everything that the workspace holds about a contact, as one file.
#[utoipa::path(get, path = "/contacts/{id}/export", operation_id = "exportContact", tag = "contacts",
    responses(
        (status = 200, description = "The person's data", body = PersonExport, headers(
            ("content-disposition" = String, description = "The name of the file"))),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn export(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let found = export_contact(&api.db, &actor, HOLDERS, id).await?;
    let held = found.ok_or_else(|| Problem::missing("contact", id))?;
    let exported_at = api.db.now();
    let export = PersonExport { contact_id: id, exported_at, records: held.records, elsewhere: held.elsewhere };
    let name = format!("attachment; filename=\"contact_{id}.json\"");
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(export)).into_response())
}

/// What the caller expects to erase.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Erase {
    /// The number of records that the caller was shown: the `total` of what is held. If there are others meanwhile,
    /// nothing is erased.
    #[schema(minimum = 0)]
    records: usize,
}

/// A person who was erased.
#[derive(Serialize, ToSchema)]
struct Erased {
    #[serde(flatten)]
    erasure: Erasure,
    /// What the erasure did not reach: where it is, and when or how it goes.
    elsewhere: Vec<String>,
}

/// Erases a contact and everything that the workspace holds about the person. It cannot be undone.
///
/// The audit log and the list of erasures keep that it was done, without the person. If somebody with the same address
/// comes back, the timeline says so.
#[utoipa::path(post, path = "/contacts/{id}/erase", operation_id = "eraseContact", tag = "contacts",
    request_body = Erase,
    responses(
        (status = 200, description = "The proof of the erasure", body = Erased),
        (status = 409, description = "There are other records than the caller was shown, an invitation is being made, \
            or the contact was merged into another one"),
    )
)]
async fn erase(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Json<Erased>, Problem> {
    let Erase { records } = input::json(request).await?;
    let erased = erase_contact(&api.db, &actor, HOLDERS, (id, records)).await?;
    let (erasure, elsewhere) = erased.ok_or_else(|| Problem::missing("contact", id))?;
    Ok(Json(Erased { erasure, elsewhere }))
}

/// Lists the people who were erased, the newest first: when, by whom, and how many records went.
#[utoipa::path(get, path = "/erasures", operation_id = "listErasures", tag = "contacts",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of erasures", body = Page<Erasure>),
    )
)]
async fn erasures(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Erasure>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = list_erasures(&api.db, workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}
