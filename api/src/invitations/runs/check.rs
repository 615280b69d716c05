//! `/invitation-runs/checks`: what a run would do, before it starts. A check reads the list as a run does and draws
//! the first guests. It is kept for a day, so that the run starts without sending the files again.

mod mautic;
mod samples;

use std::collections::BTreeSet;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use herald_base::telemetry;
use herald_contacts::Rule;
use herald_invitations as domain;
use herald_invitations::{
    CheckError, CheckPlan, CheckReport, Event, NewCheck, NewRun, RunCheck, RunSource, StartedRun, TemplateRow,
    guest_list::{Column, Findings},
};
use herald_providers::files::FilesError;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    options::{Fields, RunForm},
    source::SAMPLES,
    start::{self, Asked, Source, Started},
};
use crate::{
    Api,
    front::{
        actor::By,
        auth::{Caller, Workspace},
        input::Id,
        problem::{Kind, Problem},
    },
    invitations::templates,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(start_checked)).routes(routes!(samples::show))
}

/// What a run would do.
#[derive(Serialize, ToSchema)]
#[schema(as = RunCheck)]
pub(super) struct CheckView {
    /// The id of the check.
    id: Uuid,
    /// The event that the guests would be invited to.
    event: String,
    /// Whether the event is new.
    is_new_event: bool,
    /// The template.
    template: Option<TemplateRow>,
    /// The run that was started from the check.
    run_id: Option<Uuid>,
    /// When Herald removes the check and its files.
    expires_at: DateTime<Utc>,
    /// The largest number of guests, if the run was to have one.
    limit: Option<u64>,
    #[serde(flatten)]
    report: CheckReport,
}

async fn view(api: &Api, workspace: Uuid, check: RunCheck) -> Result<CheckView, Problem> {
    let CheckPlan { event, template_id, options, .. } = check.plan.0;
    let mut report = check.report.0;
    // Where a file lies is Herald's own affair.
    report.samples.iter_mut().for_each(|sample| sample.is_drawn = sample.file.take().is_some());
    let known: Option<Event> = domain::event_named(&api.db, workspace, &event).await?;
    Ok(CheckView {
        id: check.id,
        is_new_event: known.is_none(),
        event: known.map_or(event, |known| known.name),
        template: domain::find_template(&api.db, workspace, template_id).await?,
        run_id: check.run_id,
        expires_at: check.expires_at,
        limit: options.limit,
        report,
    })
}

fn url(id: Uuid) -> String {
    format!("/api/v1/invitation-runs/checks/{id}")
}

fn gone(id: Uuid) -> Problem {
    let detail = format!("there is no check {id} in this workspace: it may have expired, so check the list again");
    Problem::new(Kind::NotFound, detail)
}

/// Checks what a run would do, without starting it.
///
/// Herald reads the list to its end, names what is wrong with its rows, and draws the first five guests. It keeps the
/// check for a day. A workspace keeps its newest 20 checks.
#[utoipa::path(post, path = "/invitation-runs/checks", operation_id = "checkRun", tag = "invitation-runs",
    request_body(content((RunForm = "multipart/form-data"), (Fields = "application/json"))),
    responses(
        (status = 201, description = "What the run would do", body = CheckView, headers(("location" = String,
            description = "The address of the check"))),
    )
)]
pub(super) async fn check(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    request: Request,
) -> Result<Response, Problem> {
    let Asked { wanted, template, source, notes, custom_fields, count } = start::read(&api, workspace, request).await?;
    domain::check_event(&wanted.event, &wanted.numbers).map_err(start::wrong_event)?;
    let id = api.db.new_id();
    let limit = wanted.options.limit.unwrap_or(u64::MAX);
    let stored = domain::stored_template(&template).await.map_err(templates::refused)?;
    let plan =
        CheckPlan { event: wanted.event, numbers: wanted.numbers, template_id: template.id, options: wanted.options };
    let (source, found, bytes, list) = match source {
        Source::Upload(mut upload) => {
            let (source, bytes) = upload.store_for_check(&api, workspace, id).await?;
            let found = upload.find(&api, &source, limit).await?;
            let list = upload.list_name();
            (source, found, bytes, list)
        }
        Source::Ready(source) => {
            let found = match &source {
                RunSource::Mautic(source) => mautic::look(&api, workspace, source, &plan, &stored).await?,
                RunSource::Contacts { ids } => of_contacts(&api, workspace, ids, limit, custom_fields).await?,
                RunSource::Segment { segment_id, .. } => {
                    let guests = u64::try_from(count.unwrap_or(0)).unwrap_or(0).min(limit);
                    of_segment(&api, workspace, *segment_id, guests, custom_fields, notes.clone()).await?
                }
                RunSource::Csv { .. } => Findings::default(),
            };
            (source, found, 0, None)
        }
    };
    let used = stored.fields();
    let samples = samples::draw(&api, workspace, &plan, &source, &found.first, &used).await?;
    let columns = found
        .columns
        .into_iter()
        .map(|column| Column { is_used: column.is_known || used.contains(&column.field), ..column });
    let report = CheckReport {
        list,
        guests: found.is_counted.then_some(found.guests),
        rejected: found.rejected,
        remarked: found.remarked,
        problems: found.problems,
        remarks: found.remarks,
        notes: if found.notes.is_empty() { notes } else { found.notes },
        columns: columns.collect(),
        samples,
    };
    let new = NewCheck { id, plan, source, report, bytes };
    domain::keep_check(&api.db, workspace, &new).await?;
    let most = 2 * (api.settings.http.max_upload_mb << 20);
    for old in domain::crowded_checks(&api.db, workspace, most).await? {
        domain::forget_check(&api.db, &api.files, workspace, old).await?;
    }
    let kept = domain::find_check(&api.db, workspace, id).await?.ok_or_else(|| gone(id))?;
    let body = view(&api, workspace, kept).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, url(id))], Json(body)).into_response())
}

/// What is known of guests who are contacts already.
async fn of_contacts(
    api: &Api,
    workspace: Uuid,
    ids: &[Uuid],
    limit: u64,
    custom_fields: BTreeSet<String>,
) -> Result<Findings, Problem> {
    let count = u64::try_from(ids.len()).unwrap_or(u64::MAX).min(limit);
    let of_field = |field: String| Column { header: String::new(), field, is_known: false, is_used: false };
    let columns = custom_fields.into_iter().map(of_field).collect();
    let mut found = Findings { guests: count, columns, ..Findings::default() };
    let first = usize::try_from(count).unwrap_or(usize::MAX).min(SAMPLES);
    for id in &ids[..first] {
        found.first.extend(herald_contacts::find_contact(&api.db, workspace, *id).await?.map(samples::of_contact));
    }
    Ok(found)
}

/// What is known of the contacts of a segment.
async fn of_segment(
    api: &Api,
    workspace: Uuid,
    segment_id: Uuid,
    guests: u64,
    custom_fields: BTreeSet<String>,
    notes: Vec<String>,
) -> Result<Findings, Problem> {
    let rule = Rule::Segment(segment_id);
    let of_field = |field: String| Column { header: field.clone(), field, is_known: false, is_used: false };
    let most = usize::try_from(guests).unwrap_or(usize::MAX).min(SAMPLES);
    let first = herald_contacts::first_members(&api.db, workspace, &rule, most).await?;
    Ok(Findings {
        guests,
        columns: custom_fields.into_iter().map(of_field).collect(),
        first: first.into_iter().map(samples::of_contact).collect(),
        notes,
        ..Findings::default()
    })
}

/// Returns a check that has not expired.
#[utoipa::path(get, path = "/invitation-runs/checks/{id}", operation_id = "getRunCheck", tag = "invitation-runs",
    responses(
        (status = 200, description = "What the run would do", body = CheckView),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<CheckView>, Problem> {
    let check = domain::find_check(&api.db, workspace, id).await?.ok_or_else(|| gone(id))?;
    Ok(Json(view(&api, workspace, check).await?))
}

/// Starts the run that was checked, with the files that were sent.
///
/// A check starts one run. If it has started it, Herald returns that run.
#[utoipa::path(post, path = "/invitation-runs/checks/{id}/start", operation_id = "startCheckedRun",
    tag = "invitation-runs",
    params(("traceparent" = Option<String>, Header, description = "The W3C trace context, which the jobs continue")),
    responses(
        (status = 202, description = "The run", body = Started, headers(("location" = String,
            description = "The address of the run"))),
    )
)]
async fn start_checked(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let check = domain::find_check(&api.db, workspace, id).await?.ok_or_else(|| gone(id))?;
    if let RunSource::Segment { .. } = &check.source.0 {
        start::may_read_segments(Some(&caller))?;
    }
    if let Some(run) = check.run_id {
        return start::answer(&api, workspace, StartedRun { id: run, resumed: true }, Vec::new()).await;
    }
    let CheckPlan { event, numbers, template_id, options } = check.plan.0;
    let template = domain::find_template(&api.db, workspace, template_id).await?;
    let template = template.ok_or_else(|| Problem::missing("template", template_id))?;
    templates::check_stored(&api, &template).await?;
    let room = async |sizes: Vec<(String, u64)>| {
        let taken = api.settings.quotas.take_room(&api.db, workspace, &sizes).await;
        taken.map_err(|error| Taking::Other(error.into()))
    };
    let source = domain::take_over_files(&api.files, workspace, check.source.0, room).await;
    let source = source.map_err(|error: Taking| error.told(id))?;
    let event = domain::ensure_event(&api.db, workspace, &event, &numbers).await.map_err(start::wrong_event)?;
    let traceparent = telemetry::traceparent();
    let new = NewRun { event_id: event.id, template_id, source, options, traceparent };
    let started = domain::start_run_by(&api.db, &actor, new).await?;
    domain::note_checked_run(&api.db, workspace, id, started.id).await?;
    start::answer(&api, workspace, started, check.report.0.notes).await
}

/// Why the files of a check were not taken over.
enum Taking {
    Files(FilesError),
    Other(Problem),
}

impl Taking {
    fn told(self, id: Uuid) -> Problem {
        match self {
            // It expired at this moment.
            Self::Files(FilesError::Missing(_)) => gone(id),
            Self::Files(error) => error.into(),
            Self::Other(problem) => problem,
        }
    }
}

impl From<FilesError> for Taking {
    fn from(error: FilesError) -> Self {
        Self::Files(error)
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Db(error) => error.into(),
            CheckError::Files(error) => error.into(),
        }
    }
}
