//! `/leads/follow-ups`: with whom somebody speaks next.

use axum::{Json, extract::State};
use chrono::{DateTime, SecondsFormat, Utc};
use herald_leads::{Due, FollowUpCursor, Lead, LeadFilter, list_follow_ups};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::Workspace,
        input::Parameters,
        page::{self, Page},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which follow-ups.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `overdue`, `today` (also overdue ones), or `all`. A day is one of the zone in which the time was chosen.
    #[param(pattern = "^(overdue|today|all)?$", default = "all")]
    due: Option<String>,
    /// Those of leads in this status, by its name.
    status: Option<String>,
    /// Those of leads that this member looks after.
    owner: Option<Uuid>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists the open leads that are to be followed up, the earliest first.
#[utoipa::path(get, path = "/leads/follow-ups", operation_id = "listFollowUps", tag = "leads",
    params(Wanted),
    responses(
        (status = 200, description = "A page of leads", body = Page<Lead>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Lead>>, Problem> {
    let due = match wanted.due.as_deref().unwrap_or("all") {
        "overdue" => Due::Overdue,
        "today" => Due::Today,
        "all" | "" => Due::Ever,
        other => return Err(Problem::field("due", format!("due is {other:?}: use overdue, today or all"))),
    };
    let after = page::after::<Place>(wanted.cursor.as_deref())?.map(|place| place.0);
    let filter = LeadFilter {
        status: wanted.status.filter(|status| !status.is_empty()),
        owner_id: wanted.owner,
        ..LeadFilter::default()
    };
    let limit = page::limit(wanted.limit)?;
    let (rows, next) = list_follow_ups(&api.db, workspace, &filter, due, after, limit).await?;
    Ok(Json(Page::upto(rows, next.map(|next| Place(next).to_string()))))
}

/// A place in the list, as a cursor: the time and the id.
struct Place(FollowUpCursor);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.0.0.to_rfc3339_opts(SecondsFormat::Micros, true), self.0.1)
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('_').ok_or(())?;
        let at: DateTime<Utc> = at.parse().map_err(|_| ())?;
        Ok(Self((at, id.parse().map_err(|_| ())?)))
    }
}
