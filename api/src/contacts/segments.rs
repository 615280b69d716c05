//! `/segments`: groups of contacts by rules.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::{
    ContactFilter, Rule, Segment, Snapshot, change_segment, check_rule, count_contacts, create_segment, find_segment,
    list_contacts, list_segments, list_snapshots, remove_segment, whole_rule,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{ContactView, with_tags};
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id, Parameters},
        page::{self, Page},
        problem::Problem,
    },
};

/// The contacts of a preview.
const SAMPLE: usize = 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(preview))
        .routes(routes!(show, change, remove))
        .routes(routes!(members))
        .routes(routes!(snapshots))
}

/// Which snapshots.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// A name and a rule.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewSegment)]
#[serde(deny_unknown_fields)]
struct NewSegment {
    /// The name of the segment.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Who belongs to it.
    rule: Rule,
}

/// What changes about a segment. Missing values stay as they are.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SegmentChange)]
#[serde(default, deny_unknown_fields)]
struct Change {
    /// The name of the segment.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Who belongs to it.
    rule: Option<Rule>,
}

/// A rule to be tried.
#[derive(Deserialize, ToSchema)]
#[schema(as = SegmentDraft)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// Who would belong to the segment.
    rule: Rule,
}

/// Who belongs to a segment now.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentMembers)]
struct Members {
    /// The number of its contacts.
    contacts: i64,
    /// The newest ten of them.
    sample: Vec<ContactView>,
}

async fn members_of(api: &Api, workspace: Uuid, rule: &Rule) -> Result<Members, Problem> {
    let rule = Some(whole_rule(&api.db, workspace, rule).await?);
    let filter = ContactFilter { rule, ..ContactFilter::default() };
    let contacts = count_contacts(&api.db, workspace, &filter, usize::MAX).await?;
    let sample = list_contacts(&api.db, workspace, &filter, None, SAMPLE).await?;
    Ok(Members { contacts, sample: with_tags(api, workspace, sample).await? })
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Segment, Problem> {
    find_segment(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("segment", id))
}

/// Lists the segments in the order of their names.
#[utoipa::path(get, path = "/segments", operation_id = "listSegments", tag = "segments",
    responses(
        (status = 200, description = "The segments, at most 500", body = Page<Segment>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Page<Segment>>, Problem> {
    Ok(Json(Page::upto(list_segments(&api.db, workspace).await?, None)))
}

/// Makes a segment. Who belongs to it is asked anew each time that it is used.
#[utoipa::path(post, path = "/segments", operation_id = "createSegment", tag = "segments",
    request_body = NewSegment,
    responses(
        (status = 201, description = "The segment", body = Segment, headers(("location" = String,
            description = "The address of the segment"), ("etag" = String,
            description = "The version of the segment, for If-Match and If-None-Match"))),
        (status = 409, description = "Another segment has the name"),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let NewSegment { name, rule } = input::json(request).await?;
    let made = create_segment(&api.db, &actor, &name, rule).await?;
    let location = format!("/api/v1/segments/{}", made.id);
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, made)?).into_response())
}

/// Tells who would belong to a segment, without making one.
#[utoipa::path(post, path = "/segments/preview", operation_id = "previewSegment", tag = "segments",
    request_body = Draft,
    responses(
        (status = 200, description = "Whom the rule means", body = Members),
    )
)]
async fn preview(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    request: Request,
) -> Result<Json<Members>, Problem> {
    let Draft { rule } = input::json(request).await?;
    check_rule(&api.db, workspace, &rule).await?;
    Ok(Json(members_of(&api, workspace, &rule).await?))
}

/// Returns a segment.
#[utoipa::path(get, path = "/segments/{id}", operation_id = "getSegment", tag = "segments",
    responses(
        (status = 200, description = "The segment", body = Segment, headers(("etag" = String,
            description = "The version of the segment, for If-Match and If-None-Match"))),
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

/// Changes a segment.
#[utoipa::path(patch, path = "/segments/{id}", operation_id = "changeSegment", tag = "segments",
    request_body = Change,
    responses(
        (status = 200, description = "The segment", body = Segment, headers(("etag" = String,
            description = "The version of the segment, for If-Match and If-None-Match"))),
        (status = 409, description = "Another segment has the name"),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let Change { name, rule } = input::json(request).await?;
    let before = found(&api, actor.workspace_id, id).await?;
    precondition.check(Some(&Tag::of_json(&before)?))?;
    let seen = before.updated_at;
    let is_same = Box::new(move |now: &Segment| now.updated_at == seen);
    let changed = change_segment(&api.db, &actor, id, (name, rule), is_same).await?;
    tagged(StatusCode::OK, changed.ok_or_else(|| Problem::missing("segment", id))?)
}

/// Deletes a segment. Its contacts stay.
#[utoipa::path(delete, path = "/segments/{id}", operation_id = "deleteSegment", tag = "segments",
    responses(
        (status = 204, description = "The segment was deleted"),
        (status = 409, description = "Another segment names this one in a rule"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = remove_segment(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("segment", id)) }
}

/// Tells who belongs to a segment now. `GET /contacts?segment=` lists all of them.
#[utoipa::path(get, path = "/segments/{id}/members", operation_id = "segmentMembers", tag = "segments",
    responses(
        (status = 200, description = "Who belongs to the segment", body = Members),
    )
)]
async fn members(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Members>, Problem> {
    let segment = found(&api, workspace, id).await?;
    Ok(Json(members_of(&api, workspace, &segment.rule.0).await?))
}

/// Lists the snapshots of a segment, the newest first: who belonged to it when a run of invitations began.
///
/// `GET /contacts?snapshot=` lists the contacts of one, and an export takes the same filter. A snapshot is kept as long
/// as its run, also when the segment has been deleted. Some time after the end of the run, 90 days unless the
/// installation has another setting, it only tells how many they were: `members_gone_at` says since when.
#[utoipa::path(get, path = "/segments/{id}/snapshots", operation_id = "segmentSnapshots", tag = "segments",
    params(Wanted),
    responses(
        (status = 200, description = "A page of snapshots", body = Page<Snapshot>),
    )
)]
async fn snapshots(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Snapshot>>, Problem> {
    let (before, limit) = (page::after(wanted.cursor.as_deref())?, page::limit(wanted.limit)?);
    let rows = list_snapshots(&api.db, workspace, id, before, limit + 1).await?;
    if rows.is_empty() {
        found(&api, workspace, id).await?;
    }
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}
