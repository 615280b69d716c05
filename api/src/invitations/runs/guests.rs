//! The guests of a run: the state of each invitation, step by step.

use axum::{Json, extract::State};
use herald_invitations as domain;
use herald_invitations::{FoundGuests, GuestFilter, InvitationRow, InvitationState, RunCause, UNKNOWN_CAUSE};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::{MyRole, Workspace},
        input::{Id, Parameters},
        page::{self, Page},
        problem::Problem,
    },
};

/// The longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;
/// The causes in an answer.
const CAUSES_SHOWN: usize = 50;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestParameters {
    /// Only guests whose invitation is in this state.
    #[param(pattern = "^(pending|made|failed|cancelled)$")]
    state: Option<String>,
    /// Only guests whose invitation failed for this cause, as `…/causes` names it.
    #[param(pattern = "^([0-9a-f]{16}|unknown)$")]
    cause: Option<String>,
    /// Only guests with this text in their name or e-mail address, or with this lucky number. Capitals and accents do
    /// not count. Viewers cannot search in addresses.
    #[param(max_length = 200)]
    search: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// A guest of a run. The link is shown once the invitation exists.
#[derive(Serialize, ToSchema)]
#[schema(as = Guest)]
pub(super) struct GuestView {
    /// The id of the invitation.
    invitation_id: Uuid,
    /// The id of the contact.
    contact_id: Uuid,
    /// The guest's position in the list.
    position: i64,
    /// The guest's name.
    name: String,
    /// The guest's e-mail address.
    email: Option<String>,
    /// The guest's lucky number.
    lucky_number: String,
    /// The address of the invitation.
    link: Option<String>,
    /// The current step of the invitation.
    #[schema(pattern = "^(picture|render|upload|publish|done)$")]
    step: String,
    /// The state of the invitation.
    #[schema(value_type = String, pattern = "^(pending|made|failed|cancelled)$")]
    state: InvitationState,
    /// Whether the guest had the invitation before this run.
    had_one: bool,
    /// Why the invitation failed, and what to do about it.
    reason: Option<String>,
    /// What the failure has in common with those of other guests.
    cause: Option<String>,
    /// Whether Herald has the picture of the invitation.
    has_file: bool,
    /// Remarks about the guest's picture and the drawn invitation.
    notes: Vec<String>,
    /// The progress of the invitation: one entry for each step, in order.
    steps: Vec<Step>,
}

/// A step of a guest's invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestStep)]
struct Step {
    /// `picture`, `face`, `rendered`, `uploaded` or `published`.
    name: &'static str,
    /// `done`, `none` (nothing to do), `now`, `failed`, `cancelled` or `waiting`.
    state: &'static str,
    /// The result of the step, or the reason for its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The steps of a guest, from the row of the invitation.
fn steps(row: &InvitationRow) -> Vec<Step> {
    let reached = match row.step.as_str() {
        "picture" => 0,
        "render" => 2,
        "upload" => 3,
        "publish" => 4,
        _ => 5,
    };
    let link = row.outside_link.clone().or_else(|| row.file.is_some().then(|| row.link.clone()));
    ["picture", "face", "rendered", "uploaded", "published"]
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let (state, detail) = match (name, at < reached) {
                ("picture", true) if !row.has_picture => ("none", None),
                ("face", true) if !row.has_portrait => ("none", row.portrait_notes.0.first().cloned()),
                ("rendered", true) => ("done", row.render_notes.0.first().cloned()),
                ("uploaded" | "published", true) => ("done", link.clone()),
                (_, true) => ("done", None),
                _ if at > reached => ("waiting", None),
                _ => match row.state {
                    InvitationState::Failed => ("failed", row.reason.clone()),
                    InvitationState::Cancelled => ("cancelled", None),
                    InvitationState::Pending | InvitationState::Made => ("now", None),
                },
            };
            Step { name, state, detail }
        })
        .collect()
}

impl From<InvitationRow> for GuestView {
    fn from(row: InvitationRow) -> Self {
        let steps = steps(&row);
        let mut notes = row.portrait_notes.0;
        notes.extend(row.render_notes.0);
        Self {
            invitation_id: row.id,
            contact_id: row.contact_id,
            position: row.position,
            name: row.name,
            email: row.email,
            lucky_number: row.lucky_number,
            link: row.outside_link.or_else(|| row.file.is_some().then_some(row.link)),
            steps,
            step: row.step,
            state: row.state,
            had_one: row.had_one,
            cause: row.cause.filter(|_| row.state == InvitationState::Failed),
            has_file: row.file.is_some(),
            reason: row.reason,
            notes,
        }
    }
}

/// Lists the guests of a run with the state of their invitations, in the order of the guest list.
///
/// Viewers do not see e-mail addresses. A filter looks at 200,000 guests of a run at most. So a page may be short or
/// empty although `next_cursor` leads on.
#[utoipa::path(get, path = "/invitation-runs/{id}/guests", operation_id = "listGuests", tag = "invitation-runs",
    params(GuestParameters),
    responses(
        (status = 200, description = "A page of guests", body = Page<GuestView>),
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    MyRole(own): MyRole,
    Id(id): Id,
    Parameters(asked): Parameters<GuestParameters>,
) -> Result<Json<Page<GuestView>>, Problem> {
    let state = asked.state.as_deref().map(str::parse).transpose();
    let state = state.map_err(|unknown: String| Problem::field("state", unknown))?;
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref())?;
    let cause = asked.cause.map(cause).transpose()?;
    let text = asked.search.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_SEARCH) {
        return Err(Problem::field("search", format!("search is longer than {LONGEST_SEARCH} characters: shorten it")));
    }
    let run = domain::find_run(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
    let filter = GuestFilter { state, cause, text, in_addresses: own >= super::ADDRESSES };
    let found = domain::find_guests(&api.db, workspace, &run, &filter, after, limit).await?;
    let FoundGuests { mut rows, next } = found;
    if own < super::ADDRESSES {
        rows.iter_mut().for_each(|row| row.email = None);
    }
    Ok(Json(Page::upto(rows, next.map(|next| next.to_string())).map(GuestView::from)))
}

/// A cause as [`causes`] names it.
pub(super) fn cause(text: String) -> Result<String, Problem> {
    let is_one = text == UNKNOWN_CAUSE || (text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match is_one {
        true => Ok(text.to_lowercase()),
        false => Err(Problem::field("cause", "cause is not a cause of a run: use one that the run's causes name")),
    }
}

/// Why guests of a run have no invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = RunCauses)]
pub(super) struct Causes {
    /// The causes, those of most guests first.
    items: Vec<RunCause>,
    /// Whether there are more causes than this answer shows.
    more: bool,
}

/// Lists why guests of a run have no invitation: failures of one cause with their count.
#[utoipa::path(get, path = "/invitation-runs/{id}/causes", operation_id = "listRunCauses", tag = "invitation-runs",
    responses(
        (status = 200, description = "The causes", body = Causes),
    )
)]
pub(super) async fn causes(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Causes>, Problem> {
    domain::find_run(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
    let mut items = domain::run_causes(&api.db, workspace, id, CAUSES_SHOWN + 1).await?;
    let more = items.len() > CAUSES_SHOWN;
    items.truncate(CAUSES_SHOWN);
    Ok(Json(Causes { items, more }))
}
