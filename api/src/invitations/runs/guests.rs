//! The guests of a run: the state of each invitation, step by step.

use axum::{Json, extract::State};
use herald_invitations as domain;
use herald_invitations::{InvitationRow, InvitationState};
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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestParameters {
    /// Only guests whose invitation is in this state.
    #[param(pattern = "^(pending|made|failed|cancelled)$")]
    state: Option<String>,
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
            reason: row.reason,
            notes,
        }
    }
}

/// Lists the guests of a run with the state of their invitations, in the order of the guest list.
///
/// Viewers do not see e-mail addresses.
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
    domain::find_run(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("run", id))?;
    let mut rows = domain::run_guests(&api.db, workspace, id, state, after, limit + 1).await?;
    if own < super::ADDRESSES {
        rows.iter_mut().for_each(|row| row.email = None);
    }
    Ok(Json(Page::of(rows, limit, |row| row.position.to_string()).map(GuestView::from)))
}
