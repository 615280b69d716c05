//! `POST /invitation-runs`: checks list, template and fields together, so a run that cannot work is refused before
//! anything is stored.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::collections::BTreeSet;

use herald_base::telemetry;
use herald_invitations as domain;
use herald_invitations::{
    Destination, EventError, NewRun, PlanError, PlannedDestination, PlannedSource, RunSource, StartedRun,
    TemplateFilesError, TemplateRow,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    RunView,
    options::{Fields, RunForm, Wanted},
    source::{self, Checked, Upload},
    url, view,
};
use crate::{
    Api,
    front::{
        actor::By,
        auth::{Caller, Workspace},
        input,
        problem::{Fault, Kind, Problem},
    },
    invitations::templates,
};

/// The number of template names that the answer lists if a template is not found.
const NAMES_SHOWN: usize = 10;

/// A new run, or the same run if it was already in progress.
#[derive(Serialize, ToSchema)]
#[schema(as = RunStarted)]
pub(super) struct Started {
    /// Whether the same run was already in progress.
    resumed: bool,
    /// What happened, in a sentence: a run has started, or which earlier one goes on, and how to have another.
    message: String,
    /// Remarks about the list as a whole.
    notes: Vec<String>,
    #[serde(flatten)]
    run: RunView,
}

/// Starts a run for a guest list with its pictures, for known contacts, or for the contacts of a Mautic site.
///
/// If a run with the same event, template, list and options is in progress, Herald returns that run, and `message` says
/// so. A run for a segment has the people of the time when it began: cancel it first to invite those of now.
#[utoipa::path(post, path = "/invitation-runs", operation_id = "startRun", tag = "invitation-runs",
    params(("traceparent" = Option<String>, Header, description = "The W3C trace context, which the jobs continue")),
    request_body(content((RunForm = "multipart/form-data"), (Fields = "application/json"))),
    responses(
        (status = 202, description = "The run", body = Started, headers(("location" = String,
            description = "The address of the run"))),
    )
)]
pub(super) async fn start(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
    request: Request,
) -> Result<Response, Problem> {
    let Asked { wanted, template, source, notes, .. } = read(&api, workspace, request).await?;
    let event = domain::ensure_event(&api.db, workspace, &wanted.event, &wanted.numbers).await.map_err(wrong_event)?;
    let source = match source {
        Source::Upload(upload) => upload.store(&api, workspace).await?,
        Source::Ready(source) => source,
    };
    let (options, traceparent) = (wanted.options, telemetry::traceparent());
    let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent };
    let started = domain::start_run_by(&api.db, &actor, new).await?;
    answer(&api, workspace, started, notes).await
}

/// The answer to the start of a run.
pub(super) async fn answer(
    api: &Api,
    workspace: Uuid,
    started: StartedRun,
    notes: Vec<String>,
) -> Result<Response, Problem> {
    let run = view(api, workspace, started.id).await?;
    let message = match domain::find_run(&api.db, workspace, started.id).await? {
        Some(earlier) if started.resumed => {
            format!("This {}.", domain::goes_on_with(&api.db, workspace, &earlier).await?)
        }
        _ => "The run has started.".to_owned(),
    };
    let body = Started { resumed: started.resumed, message, notes, run };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, url(started.id))], Json(body)).into_response())
}

/// A run that a client asks for, with everything checked that needs no guest.
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    pub(super) template: TemplateRow,
    pub(super) source: Source,
    /// Remarks about the list as a whole.
    pub(super) notes: Vec<String>,
    /// The fields of the guests besides those that every guest has, as far as they are known.
    pub(super) custom_fields: BTreeSet<String>,
    /// The number of guests, if they were counted.
    pub(super) count: Option<i64>,
}

/// Reads a form or a JSON body, and checks list, template and fields together.
pub(super) async fn read(api: &Api, workspace: Uuid, request: Request) -> Result<Asked, Problem> {
    let settings = &api.settings;
    if input::is_media_type(request.headers(), "multipart/form-data") {
        let mut upload = Upload::receive(api, request).await?;
        let faults = std::mem::take(&mut upload.faults);
        let destination = upload.fields.destination.take();
        let mut wanted = std::mem::take(&mut upload.fields).check(faults, settings)?;
        wanted.options.destination = resolve(api, workspace, destination).await?;
        let list = upload.check_list(api).await?;
        let template = fitting_template(api, workspace, &wanted, &list).await?;
        Ok(Asked::of(wanted, template, Source::Upload(Box::new(upload)), list))
    } else if input::is_media_type(request.headers(), "application/json") {
        let caller = request.extensions().get::<Caller>().cloned();
        let mut fields: Fields = input::json(request).await?;
        let ids = std::mem::take(&mut fields.contact_ids);
        let (planned, destination) = (fields.source.take(), fields.destination.take());
        let mut wanted = fields.check(Vec::new(), settings)?;
        wanted.options.destination = resolve(api, workspace, destination).await?;
        match planned {
            Some(_) if !ids.is_empty() => {
                let detail = "the run has both a source and contact_ids: leave one of them out";
                Err(Problem::field("contact_ids", detail))
            }
            Some(planned @ PlannedSource::Segment { .. }) => {
                may_read_segments(caller.as_ref())?;
                let source = planned.resolve(&api.db, workspace).await?;
                let contacts = source::segment(api, workspace, &source, &wanted.template).await?;
                let template = fitting_template(api, workspace, &wanted, &contacts).await?;
                Ok(Asked::of(wanted, template, Source::Ready(source), contacts))
            }
            Some(planned) => {
                // The guests' fields are in Mautic. The run checks the template against them before its first guest.
                let template = find_template(api, workspace, &wanted.template).await?;
                templates::check_stored(api, &template).await?;
                let source = planned.resolve(&api.db, workspace).await?;
                Ok(Asked::of(wanted, template, Source::Ready(source), Checked::default()))
            }
            None => {
                let (source, contacts) = source::contacts(api, workspace, ids).await?;
                let template = fitting_template(api, workspace, &wanted, &contacts).await?;
                Ok(Asked::of(wanted, template, Source::Ready(source), contacts))
            }
        }
    } else {
        let detail = "the body has the wrong type: send a form (multipart/form-data) with a list of guests, or JSON \
                      with contact_ids or a source";
        Err(Problem::new(Kind::UnsupportedMediaType, detail))
    }
}

impl Asked {
    fn of(wanted: Wanted, template: TemplateRow, source: Source, guests: Checked) -> Self {
        let Checked { custom_fields, notes, count } = guests;
        Self { wanted, template, source, notes, custom_fields, count }
    }
}

/// Refuses a caller who may not read segments and contacts: a run for a segment tells who belongs to it.
pub(super) fn may_read_segments(caller: Option<&Caller>) -> Result<(), Problem> {
    for area in ["segments", "contacts"] {
        if !caller.is_some_and(|caller| caller.may_read(&format!("/api/v1/{area}"))) {
            let detail = format!(
                "a run for a segment tells who belongs to it, and the caller may not read {area}: use a key that has \
                 the scope {area}:read, or name the guests in a list"
            );
            return Err(Problem::new(Kind::Forbidden, detail));
        }
    }
    Ok(())
}

async fn resolve(api: &Api, workspace: Uuid, planned: Option<PlannedDestination>) -> Result<Destination, Problem> {
    match planned {
        Some(planned) => Ok(planned.resolve(&api.db, workspace).await?),
        None => Ok(Destination::Local),
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Field { field, detail } => Self::field(&field.replace('.', "/"), detail),
            PlanError::Db(error) => error.into(),
            PlanError::Connection(error) => error.into(),
            PlanError::Enqueue(error) => error.into(),
        }
    }
}

/// Where the guests come from.
pub(super) enum Source {
    Upload(Box<Upload>),
    Ready(RunSource),
}

/// Returns the named template, if the guests have every field that it reads.
async fn fitting_template(
    api: &Api,
    workspace: Uuid,
    wanted: &Wanted,
    guests: &Checked,
) -> Result<TemplateRow, Problem> {
    let row = find_template(api, workspace, &wanted.template).await?;
    let template = domain::stored_template(&row).await.map_err(templates::refused)?;
    let known = domain::field_names(guests.custom_fields.iter().map(String::as_str));
    let checked = domain::check_stored_fields(&template, known).await;
    checked.map_err(|problems| templates::refused(TemplateFilesError::Problems(problems)))?;
    templates::check_stored(api, &row).await?;
    Ok(row)
}

pub(super) async fn find_template(api: &Api, workspace: Uuid, wanted: &str) -> Result<TemplateRow, Problem> {
    let by_id = match wanted.parse::<Uuid>() {
        Ok(id) => domain::find_template(&api.db, workspace, id).await?,
        Err(_) => None,
    };
    if let Some(row) = by_id {
        return Ok(row);
    }
    if let Some(row) = domain::template_named(&api.db, workspace, wanted).await? {
        return Ok(row);
    }
    let mut names: Vec<String> = Vec::new();
    for row in domain::list_templates(&api.db, workspace, true, None, 100).await? {
        if !names.contains(&row.name) && names.len() < NAMES_SHOWN {
            names.push(row.name);
        }
    }
    let way_out = if names.is_empty() {
        "upload one with POST /api/v1/templates".to_owned()
    } else {
        format!("the templates are {}", names.join(", "))
    };
    Err(Problem::field("template", format!("there is no template {wanted:?}: {way_out}")))
}

pub(super) fn wrong_event(error: EventError) -> Problem {
    match error {
        EventError::Db(error) => error.into(),
        EventError::Name(_) => Problem::field("event", error),
        EventError::Format(ref format) => {
            let field = match format {
                domain::NumberFormatError::Digits(_) => "number_digits",
                domain::NumberFormatError::Prefix(_) => "number_prefix",
            };
            Problem::faults(Kind::InvalidField, vec![Fault::new(field, error)])
        }
    }
}
