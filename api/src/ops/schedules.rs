//! `/schedules`: jobs that repeat by the calendar.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use herald_ledger::schedules::{
    self, Change, Flaws, Missed, NewSchedule, Overlap, RunNow, Schedule, ScheduleError, Timetable,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::{Fault, Kind, Problem},
    },
};

/// The number of ticks in a preview if the client does not set one.
const PREVIEW: usize = 5;
/// The largest number of ticks in a preview.
const LONGEST_PREVIEW: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(run))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(next))
}

/// A schedule, with its next tick in the local time of its time zone.
#[derive(Serialize, ToSchema)]
struct ScheduleView {
    #[serde(flatten)]
    schedule: Schedule,
    /// The next tick, in the local time of the schedule's time zone.
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

/// Lists schedules, the newest first.
#[utoipa::path(get, path = "/schedules", operation_id = "listSchedules", tag = "schedules",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of schedules", body = Page<ScheduleView>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<ScheduleView>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = schedules::list_schedules(&api.db, workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string()).map(ScheduleView::from)))
}

/// The fields of a new schedule.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewSchedule)]
#[serde(deny_unknown_fields)]
struct Create {
    /// The name of the schedule, unique in the workspace.
    name: String,
    /// The cron expression: five fields, six with the second first, or a name such as `@daily`.
    #[schema(example = "30 2 * * *")]
    cron: String,
    /// The time zone of the cron expression, as an IANA name.
    #[schema(example = "Europe/Madrid")]
    time_zone: String,
    /// The kind of the jobs.
    #[schema(example = "invitation.start")]
    kind: String,
    /// The arguments of the jobs.
    #[serde(default)]
    #[schema(value_type = Object)]
    args: serde_json::Map<String, serde_json::Value>,
    /// What to do with missed ticks: nothing, one job for all of them, or one job for each.
    #[schema(pattern = "^(skip|once|all)$", default = "once")]
    missed: Option<String>,
    /// Whether the schedule starts a job while its last job is not finished.
    #[schema(pattern = "^(allow|skip)$", default = "allow")]
    overlap: Option<String>,
    /// Whether the schedule is created paused.
    #[serde(default)]
    paused: bool,
}

/// Creates a schedule.
#[utoipa::path(post, path = "/schedules", operation_id = "createSchedule", tag = "schedules",
    request_body = Create,
    responses(
        (status = 201, description = "The schedule", body = ScheduleView, headers(("location" = String,
            description = "The address of the schedule"), ("etag" = String,
            description = "The version of the schedule, for If-Match and If-None-Match"))),
    )
)]
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
    let made = schedules::create_within(&api.db, &api.settings.quotas, &actor, new).await?;
    let location = format!("/api/v1/schedules/{}", made.id);
    let response = tagged(StatusCode::CREATED, ScheduleView::from(made))?;
    Ok(([(header::LOCATION, location)], response).into_response())
}

/// Returns a schedule.
#[utoipa::path(get, path = "/schedules/{id}", operation_id = "getSchedule", tag = "schedules",
    responses(
        (status = 200, description = "The schedule", body = ScheduleView, headers(("etag" = String,
            description = "The version of the schedule, for If-Match and If-None-Match"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    conditional::show(&headers, &ScheduleView::from(one(&api, workspace, id).await?))
}

async fn one(api: &Api, workspace: Uuid, id: Uuid) -> Result<Schedule, Problem> {
    schedules::find_schedule(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("schedule", id))
}

/// The fields of a schedule to change.
#[derive(Deserialize, ToSchema)]
#[schema(as = ScheduleChange)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// The name of the schedule.
    name: Option<String>,
    /// The cron expression.
    cron: Option<String>,
    /// The time zone of the cron expression.
    time_zone: Option<String>,
    /// The kind of the jobs.
    kind: Option<String>,
    /// The arguments of the jobs, which replace all earlier arguments.
    #[schema(value_type = Option<Object>)]
    args: Option<serde_json::Map<String, serde_json::Value>>,
    /// What to do with missed ticks: nothing, one job for all of them, or one job for each.
    #[schema(pattern = "^(skip|once|all)$")]
    missed: Option<String>,
    /// Whether the schedule starts a job while its last job is not finished.
    #[schema(pattern = "^(allow|skip)$")]
    overlap: Option<String>,
}

/// Changes the given fields of a schedule.
#[utoipa::path(patch, path = "/schedules/{id}", operation_id = "changeSchedule", tag = "schedules",
    request_body = Patch,
    responses(
        (status = 200, description = "The schedule", body = ScheduleView, headers(("etag" = String,
            description = "The version of the schedule, for If-Match and If-None-Match"))),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
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
    let seen = |schedule: &Schedule| {
        let tag = Tag::of_json(&ScheduleView::from(schedule.clone())).ok();
        precondition.holds(tag.as_ref())
    };
    let changed = schedules::change_if(&api.db, &actor, id, change, seen).await?;
    tagged(StatusCode::OK, ScheduleView::from(changed.ok_or_else(|| Problem::missing("schedule", id))?))
}

/// Deletes a schedule. The jobs of the schedule stay.
#[utoipa::path(delete, path = "/schedules/{id}", operation_id = "deleteSchedule", tag = "schedules",
    responses(
        (status = 204, description = "The schedule was deleted"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = schedules::remove(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("schedule", id)) }
}

/// Runs a schedule at once. The next tick stays the same.
#[utoipa::path(post, path = "/schedules/{id}/run", operation_id = "runSchedule", tag = "schedules",
    responses(
        (status = 202, description = "The schedule; `Location` is the job", body = ScheduleView,
            headers(("location" = String, description = "The address of the job"))),
        (status = 409, description = "The last job of the schedule is not finished, and `overlap` is `skip`"),
    )
)]
async fn run(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    match schedules::run_now(&api.db, &actor, id).await? {
        RunNow::Job(job) => {
            let schedule = ScheduleView::from(one(&api, actor.workspace_id, id).await?);
            let location = format!("/api/v1/jobs/{job}");
            Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(schedule)).into_response())
        }
        RunNow::Unfinished(job) => Err(Problem::new(
            Kind::WrongState,
            format!("job {job} of the schedule is not finished, and overlap is skip: wait for that job or cancel it"),
        )),
        RunNow::Unknown => Err(Problem::missing("schedule", id)),
    }
}

/// Pauses a schedule.
#[utoipa::path(post, path = "/schedules/{id}/pause", operation_id = "pauseSchedule", tag = "schedules",
    responses(
        (status = 200, description = "The schedule", body = ScheduleView),
    )
)]
async fn pause(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<ScheduleView>, Problem> {
    let paused = schedules::pause(&api.db, &actor, id).await?;
    paused.map(|schedule| Json(schedule.into())).ok_or_else(|| Problem::missing("schedule", id))
}

/// Resumes a paused schedule.
#[utoipa::path(post, path = "/schedules/{id}/resume", operation_id = "resumeSchedule", tag = "schedules",
    responses(
        (status = 200, description = "The schedule", body = ScheduleView),
    )
)]
async fn resume(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<ScheduleView>, Problem> {
    let resumed = schedules::resume(&api.db, &actor, id).await?;
    resumed.map(|schedule| Json(schedule.into())).ok_or_else(|| Problem::missing("schedule", id))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct NextParameters {
    /// The number of ticks.
    #[param(minimum = 1, maximum = 100, default = 5)]
    count: Option<usize>,
}

/// The next ticks of a schedule.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticks)]
struct Next {
    /// The time zone of the cron expression.
    time_zone: String,
    /// The ticks, in order.
    items: Vec<Tick>,
}

/// A future tick.
#[derive(Serialize, ToSchema)]
struct Tick {
    /// The tick in UTC.
    utc: DateTime<Utc>,
    /// The tick in the local time of the schedule's time zone, with its offset from UTC.
    local: String,
}

/// Lists the next ticks of a schedule.
#[utoipa::path(get, path = "/schedules/{id}/next", operation_id = "listTicks", tag = "schedules",
    params(NextParameters),
    responses(
        (status = 200, description = "The ticks", body = Next),
        (status = 409, description = "Herald no longer knows the time zone or the cron expression of the schedule"),
    )
)]
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
            ScheduleError::Unseen => conditional::failed(),
            ScheduleError::Quota(error) => error.into(),
            ScheduleError::Refused(reason) => Self::new(Kind::Forbidden, reason),
            ScheduleError::Missing(flaw) => {
                Self::faults(Kind::NotFound, vec![Fault::new(&flaw.field.replace('.', "/"), &flaw.detail)])
            }
            ScheduleError::Flaws(Flaws(flaws)) => {
                let faults = flaws.iter().map(|flaw| Fault::new(&flaw.field.replace('.', "/"), &flaw.detail)).collect();
                Self::faults(Kind::InvalidField, faults)
            }
        }
    }
}
