//! `/campaigns/{id}/check`: what was found when the whole audience of a campaign was looked through.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use herald_ledger::audit::{self, Entry};
use herald_messaging::{CampaignCheck, FaultyContact, FoundFault, check_again, check_of, faulty_contacts};
use herald_sheets::CsvExport;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::campaigns::found;
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{Id, Parameters},
        page::{self, Page},
        problem::Problem,
    },
};

/// The rows of a file that are read together.
const TOGETHER: usize = 1_000;
/// The first line of a file.
const HEADER: [&str; 6] = ["cause", "variable", "contact_id", "name", "email", "detail"];

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show, again)).routes(routes!(contacts)).routes(routes!(contacts_csv))
}

async fn check(api: &Api, workspace: Uuid, id: Uuid) -> Result<CampaignCheck, Problem> {
    found(api, workspace, id).await?;
    let check = check_of(&api.db, workspace, id).await?;
    check.ok_or_else(|| Problem::missing("check of a campaign", id))
}

/// Returns what was found when the audience of a campaign was looked through, as it was submitted.
#[utoipa::path(get, path = "/campaigns/{id}/check", operation_id = "getCampaignCheck", tag = "campaigns",
    responses(
        (status = 200, description = "What was found, and how far the check is", body = CampaignCheck),
        (status = 404, description = "The campaign was never submitted"),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<CampaignCheck>, Problem> {
    check(&api, workspace, id).await.map(Json)
}

/// Looks through the audience of a submitted campaign once more.
#[utoipa::path(post, path = "/campaigns/{id}/check", operation_id = "checkCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The check; a large audience is looked through by a job", body = CampaignCheck),
        (status = 409, description = "The campaign is not in review"),
    )
)]
async fn again(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<CampaignCheck>, Problem> {
    let check = check_again(&api.db, &actor, id).await?;
    check.map(Json).ok_or_else(|| Problem::missing("campaign", id))
}

/// Which contacts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Those with this fault.
    #[param(pattern = "^(no_address|bad_address|missing_field|template|too_large)$", required = true)]
    cause: String,
    /// Those whose fault is about this variable.
    #[param(max_length = 200)]
    field: String,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists the contacts with a fault: the first 100,000 of each kind.
#[utoipa::path(get, path = "/campaigns/{id}/check/contacts", operation_id = "listFaultyContacts", tag = "campaigns",
    params(Wanted),
    responses(
        (status = 200, description = "A page of contacts", body = Page<FaultyContact>),
        (status = 404, description = "The campaign was never submitted"),
    )
)]
async fn contacts(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<FaultyContact>>, Problem> {
    check(&api, workspace, id).await?;
    if wanted.cause.is_empty() {
        return Err(Problem::field("cause", "name the fault whose contacts you want, such as missing_field"));
    }
    let (limit, after) = (page::limit(wanted.limit)?, page::after(wanted.cursor.as_deref())?);
    let kind = (wanted.cause.as_str(), wanted.field.as_str());
    let rows = faulty_contacts(&api.db, workspace, id, kind, (after, limit + 1)).await?;
    Ok(Json(Page::of(rows, limit, |row| row.contact_id.to_string())))
}

/// Where the writing of a file is.
struct Place {
    /// The kinds of fault that are left, the next one last.
    kinds: Vec<FoundFault>,
    after: Option<Uuid>,
    is_first: bool,
}

/// Returns the contacts with faults as a CSV table: the first 100,000 of each kind.
///
/// The download is recorded in the audit log.
#[utoipa::path(get, path = "/campaigns/{id}/check/contacts.csv", operation_id = "exportFaultyContacts",
    tag = "campaigns",
    responses(
        (status = 200, description = "The CSV table", content_type = "text/csv", body = String,
            headers(("content-disposition" = String, description = "The name of the file"))),
        (status = 404, description = "The campaign was never submitted"),
    )
)]
async fn contacts_csv(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let workspace = actor.workspace_id;
    let check = check(&api, workspace, id).await?;
    let mut tx = api.db.begin().await?;
    audit::record(&mut tx, &actor, Entry::of("campaign.export", id)).await?;
    tx.commit().await?;
    let kinds = check.found.0.into_iter().rev().collect();
    let place = Place { kinds, after: None, is_first: true };
    let parts = stream::try_unfold(place, move |mut place| {
        let db = api.db.clone();
        async move {
            let Some(kind) = place.kinds.last().cloned() else {
                let header = std::mem::take(&mut place.is_first).then(|| table(None, &[])).transpose()?;
                return Ok::<_, std::io::Error>(header.map(|header| (header, place)));
            };
            let named = (kind.cause.as_str(), kind.field.as_str());
            let rows = faulty_contacts(&db, workspace, id, named, (place.after, TOGETHER)).await;
            let rows = rows.map_err(std::io::Error::other)?;
            place.after = rows.last().map(|row| row.contact_id);
            if rows.len() < TOGETHER {
                place.kinds.pop();
                place.after = None;
            }
            let whole = table(Some(&kind), &rows)?;
            let is_first = std::mem::take(&mut place.is_first);
            // Every part but the first goes on below the header.
            let header = whole.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
            let part = if is_first { whole } else { whole.get(header..).unwrap_or_default().to_vec() };
            Ok(Some((part, place)))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"check.csv\""),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(parts)).into_response())
}

fn table(kind: Option<&FoundFault>, rows: &[FaultyContact]) -> std::io::Result<Vec<u8>> {
    let mut table = CsvExport::new(Vec::new(), HEADER)?;
    for (kind, row) in kind.into_iter().flat_map(|kind| rows.iter().map(move |row| (kind, row))) {
        let id = row.contact_id.to_string();
        let email = row.email.as_deref().unwrap_or_default();
        table.row([kind.cause.as_str(), &kind.field, &id, &row.name, email, &row.detail])?;
    }
    table.finish()
}
