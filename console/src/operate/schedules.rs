//! Schedules: jobs that come again by the calendar.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use super::actors;
use crate::{
    Console,
    form::Filled,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Schedules on a page. For each, its last job is looked up.
const A_PAGE: usize = 25;
/// The next ticks that the page of a schedule shows.
const TICKS: usize = 5;

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/schedules", get(list))
        .route("/w/{ws}/schedules/new", get(new))
        .route("/w/{ws}/schedules/{id}", get(one))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let cursor = Query::of(&visit.address).only(&["cursor"]);
    let mut schedules = visit.get(&format!("/api/v1/schedules?limit={A_PAGE}&{cursor}")).await?;
    for schedule in schedules["items"].as_array_mut().into_iter().flatten() {
        schedule["last_job"] = last_job(&visit, schedule).await;
    }
    let own = json!({ "schedules": schedules["items"], "next_cursor": schedules["next_cursor"] });
    Ok(page(&visit, "operate/schedules.html").show(own))
}

/// The job that the schedule made last, unless it was deleted.
async fn last_job(visit: &Visit, schedule: &Value) -> Value {
    let Some(id) = schedule["last_job_id"].as_str() else { return Value::Null };
    visit.ask(&format!("/api/v1/jobs/{}", part(id))).await.unwrap_or_default()
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createSchedule")?;
    let nothing =
        json!({ "name": "", "cron": "", "time_zone": "", "kind": "", "args": "", "missed": "", "overlap": "" });
    let own = json!({ "kinds": kinds(&visit), "overtaken": Filled::default().overtaken("", None, &nothing) });
    Ok(page(&visit, "operate/schedule_new.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let path = format!("/api/v1/schedules/{}", part(&id));
    let (schedule, version) = visit.versioned(&path).await?;
    // A schedule whose zone or expression this version no longer knows has no ticks; the page says so.
    let (ticks, no_ticks) = match visit.ask(&format!("{path}/next?count={TICKS}")).await {
        Ok(ticks) => (ticks["items"].clone(), None),
        Err(refusal) => (json!([]), Some(refusal.detail)),
    };
    let overtaken = visit.filled.overtaken("changeSchedule", version.as_deref(), &schedule);
    let own = json!({
        "overtaken": overtaken,
        "last_job": last_job(&visit, &schedule).await,
        "ticks": ticks,
        "no_ticks": no_ticks,
        "version": version,
        "kinds": kinds(&visit),
        "maker": maker(&visit, &schedule).await,
        "schedule": schedule,
    });
    Ok(page(&visit, "operate/schedule.html").show(own))
}

/// In whose name its jobs run, as a person reads it. The list of members is not for viewers.
async fn maker(visit: &Visit, schedule: &Value) -> Option<String> {
    let who = schedule["made_by"].as_str()?;
    Some(actors::name(who, &actors::people(visit).await))
}

/// The kinds that the person may start, with their arguments.
fn kinds(visit: &Visit) -> Vec<Value> {
    // The API tells the kinds, but not that these two are for administrators.
    let of_the_platform = ["crm.sync", "probe.run"];
    let kinds = visit.console.description.kinds().iter();
    let may = |name: &str| visit.person.platform_admin || !of_the_platform.contains(&name);
    kinds.filter(|kind| may(&kind.name)).map(|kind| json!({ "name": kind.name, "args": kind.args })).collect()
}
