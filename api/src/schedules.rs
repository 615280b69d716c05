//! `/schedules`: jobs that come again by the calendar.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, SecondsFormat, Utc};
use herald_shared::schedules::{
    self, Change, Flaws, Missed, NewSchedule, Overlap, RunNow, Schedule, ScheduleError, Timetable,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Api,
    actor::By,
    auth::Workspace,
    input::{self, Id, Parameters},
    page::{Page, PageParameters},
    problem::{Fault, Kind, Problem},
};

/// Ticks of a preview when the client does not say.
const PREVIEW: usize = 5;
/// Ticks of a preview at most.
const LONGEST_PREVIEW: usize = 100;

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/schedules", get(list).post(create))
        .route("/schedules/{id}", get(show).patch(change).delete(remove))
        .route("/schedules/{id}/run", post(run))
        .route("/schedules/{id}/pause", post(pause))
        .route("/schedules/{id}/resume", post(resume))
        .route("/schedules/{id}/next", get(next))
}

/// A schedule, with its next tick by the clocks of its time zone.
#[derive(Serialize)]
struct ScheduleView {
    #[serde(flatten)]
    schedule: Schedule,
    next_run_local: Option<String>,
}

impl From<Schedule> for ScheduleView {
    fn from(schedule: Schedule) -> Self {
        let timetable = schedule.timetable().ok();
        let next_run_local = schedule.next_run.zip(timetable).map(|(next, timetable)| local(&timetable, next));
        Self { schedule, next_run_local }
    }
}

fn local(timetable: &Timetable, at: DateTime<Utc>) -> String {
    timetable.local(at).to_rfc3339_opts(SecondsFormat::Secs, false)
}

async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<ScheduleView>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = schedules::list(&api.db, workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string()).map(ScheduleView::from)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    cron: String,
    time_zone: String,
    kind: String,
    #[serde(default)]
    args: serde_json::Map<String, serde_json::Value>,
    missed: Option<String>,
    overlap: Option<String>,
    #[serde(default)]
    paused: bool,
}

async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let asked: Create = input::json(request).await?;
    let new = NewSchedule {
        workspace_id: actor.workspace_id,
        name: asked.name,
        cron: asked.cron,
        time_zone: asked.time_zone,
        kind: asked.kind,
        args: asked.args.into(),
        missed: missed(asked.missed.as_deref())?.unwrap_or(Missed::Once),
        overlap: overlap(asked.overlap.as_deref())?.unwrap_or(Overlap::Allow),
        paused: asked.paused,
    };
    let made = schedules::create(&api.db, &actor, new).await?;
    let location = format!("/api/v1/schedules/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(ScheduleView::from(made))).into_response())
}

async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<ScheduleView>, Problem> {
    Ok(Json(one(&api, workspace, id).await?.into()))
}

async fn one(api: &Api, workspace: Uuid, id: Uuid) -> Result<Schedule, Problem> {
    schedules::show(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("schedule", id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    name: Option<String>,
    cron: Option<String>,
    time_zone: Option<String>,
    kind: Option<String>,
    args: Option<serde_json::Map<String, serde_json::Value>>,
    missed: Option<String>,
    overlap: Option<String>,
}

async fn change(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<ScheduleView>, Problem> {
    let asked: Patch = input::json(request).await?;
    let change = Change {
        name: asked.name,
        cron: asked.cron,
        time_zone: asked.time_zone,
        kind: asked.kind,
        args: asked.args.map(Into::into),
        missed: missed(asked.missed.as_deref())?,
        overlap: overlap(asked.overlap.as_deref())?,
    };
    let changed = schedules::change(&api.db, &actor, id, change).await?;
    changed.map(|schedule| Json(schedule.into())).ok_or_else(|| Problem::missing("schedule", id))
}

async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = schedules::remove(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("schedule", id)) }
}

async fn run(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    match schedules::run_now(&api.db, &actor, id).await? {
        RunNow::Job(job) => {
            let schedule = ScheduleView::from(one(&api, actor.workspace_id, id).await?);
            let location = format!("/api/v1/jobs/{job}");
            Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(schedule)).into_response())
        }
        RunNow::Unfinished(job) => Err(Problem::new(
            Kind::WrongState,
            format!("its job {job} is not finished, and its overlap is skip: wait for that job or cancel it"),
        )),
        RunNow::Unknown => Err(Problem::missing("schedule", id)),
    }
}

async fn pause(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<ScheduleView>, Problem> {
    let paused = schedules::pause(&api.db, &actor, id).await?;
    paused.map(|schedule| Json(schedule.into())).ok_or_else(|| Problem::missing("schedule", id))
}

async fn resume(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<ScheduleView>, Problem> {
    let resumed = schedules::resume(&api.db, &actor, id).await?;
    resumed.map(|schedule| Json(schedule.into())).ok_or_else(|| Problem::missing("schedule", id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NextParameters {
    count: Option<usize>,
}

/// Ticks to come.
#[derive(Serialize)]
struct Next {
    time_zone: String,
    items: Vec<Tick>,
}

#[derive(Serialize)]
struct Tick {
    utc: DateTime<Utc>,
    /// By the clocks of the schedule's time zone, with their distance from UTC.
    local: String,
}

async fn next(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(asked): Parameters<NextParameters>,
) -> Result<Json<Next>, Problem> {
    let count = match asked.count {
        None => PREVIEW,
        Some(count @ 1..=LONGEST_PREVIEW) => count,
        Some(count) => return Err(Problem::field("count", format!("count is {count}: use 1 to {LONGEST_PREVIEW}"))),
    };
    let schedule = one(&api, workspace, id).await?;
    let timetable = schedule.timetable().map_err(|reason| Problem::new(Kind::WrongState, reason))?;
    let ticks = timetable.ticks(api.db.now()).take(count);
    let items = ticks.map(|utc| Tick { utc, local: local(&timetable, utc) }).collect();
    Ok(Json(Next { time_zone: schedule.time_zone, items }))
}

fn missed(asked: Option<&str>) -> Result<Option<Missed>, Problem> {
    asked.map(str::parse).transpose().map_err(|unknown: String| Problem::field("missed", unknown))
}

fn overlap(asked: Option<&str>) -> Result<Option<Overlap>, Problem> {
    asked.map(str::parse).transpose().map_err(|unknown: String| Problem::field("overlap", unknown))
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Db(error) => error.into(),
            ScheduleError::Flaws(Flaws(flaws)) => {
                let faults = flaws.iter().map(|flaw| Fault::new(&flaw.field.replace('.', "/"), &flaw.detail)).collect();
                Self::faults(Kind::InvalidField, faults)
            }
        }
    }
}
