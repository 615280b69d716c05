//! `/leads/numbers`: leads in numbers, in which nobody is named.

use axum::{Json, extract::State};
use chrono_tz::Tz;
use herald_leads::{LeadNumbers, lead_numbers};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::Wanted;
use crate::{
    Api,
    front::{auth::Workspace, input::Parameters, problem::Problem},
};

const DAYS: u64 = 30;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Which leads, and which days.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Counted {
    /// Those in this status, by its name.
    status: Option<String>,
    /// Those whose status counts as this: `open`, `won` or `lost`.
    #[param(pattern = "^(open|won|lost)?$")]
    outcome: Option<String>,
    /// Those that this member looks after; `none`: those that nobody looks after.
    owner: Option<String>,
    /// Those from this source.
    source: Option<String>,
    /// A part of the need, the beginning of the contact's name, or the whole of the contact's e-mail address.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Those made at or after this time.
    created_after: Option<String>,
    /// Those made before this time.
    created_before: Option<String>,
    /// The number of days, with today, that are counted one by one.
    #[param(minimum = 1, maximum = 92, default = 30)]
    days: Option<u64>,
    /// The time zone whose clocks make the days, as an IANA name; by default UTC.
    time_zone: Option<String>,
}

/// Returns leads in numbers: by status, source, day and time to the first answer, and how many were won. They are those
/// of the list under the same filters.
#[utoipa::path(get, path = "/leads/numbers", operation_id = "getLeadNumbers", tag = "leads",
    params(Counted),
    responses(
        (status = 200, description = "The numbers", body = LeadNumbers),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Counted>,
) -> Result<Json<LeadNumbers>, Problem> {
    let Counted { status, outcome, owner, source, search, created_after, created_before, days, time_zone } = asked;
    let wanted = Wanted { status, outcome, owner, source, search, created_after, created_before, ..Wanted::default() };
    let days = days.unwrap_or(DAYS);
    if !(1..=herald_leads::MOST_DAYS).contains(&days) {
        return Err(Problem::field("days", format!("days is {days}: use 1 to {}", herald_leads::MOST_DAYS)));
    }
    let zone = time_zone.filter(|zone| !zone.trim().is_empty()).unwrap_or_else(|| "UTC".to_owned());
    let zone: Tz = zone.trim().parse().map_err(|_| {
        Problem::field("time_zone", format!("{zone:?} is not a time zone: write an IANA name such as Europe/Madrid"))
    })?;
    Ok(Json(lead_numbers(&api.db, workspace, &wanted.filter()?, zone, days).await?))
}
