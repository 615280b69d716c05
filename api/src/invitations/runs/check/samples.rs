//! The first guests of a check, drawn with the template as the run would draw them. Of the portraits, those from
//! pictures that were uploaded: others are fetched when the run has started.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{
    extract::{Path, State},
    response::Response,
};
use futures::future::join_all;
use herald_app::jobs::{SamplePicture, TemplatePreview};
use herald_base::image_format::ImageFormat;
use herald_contacts::{Contact, Person};
use herald_invitations as domain;
use herald_invitations::{CheckPlan, CheckedGuest, PicturePolicy, RunSource};
use herald_providers::files::Stored;
use uuid::Uuid;

use super::{
    super::pictures::{MAX_PICTURE, PictureParameters, small},
    gone,
};
use crate::{
    Api,
    front::{
        auth::Workspace,
        input::Parameters,
        problem::{Kind, Problem},
    },
    invitations::{drawn, templates::preview},
};

/// The longest wait for all samples.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest field that a sample shows, in characters: the arguments of a job are small.
const LONGEST_FIELD: usize = 1_000;

/// A guest who is a contact already.
pub(super) fn of_contact(contact: Contact) -> Person {
    Person {
        external_id: contact.external_id,
        email: contact.email,
        phone: contact.phone,
        name: contact.name,
        picture: contact.picture,
        fields: contact.fields.0,
        ..Person::default()
    }
}

/// Draws the guests side by side. A guest who cannot be drawn says why.
pub(super) async fn draw(
    api: &Api,
    workspace: Uuid,
    plan: &CheckPlan,
    source: &RunSource,
    guests: &[Person],
    used: &BTreeSet<String>,
) -> Result<Vec<CheckedGuest>, Problem> {
    let is_needed = plan.options.on_bad_picture == PicturePolicy::Fail;
    let draws = guests.iter().map(async |guest| {
        let name = guest.name.clone();
        let (picture, remark) = match picture(guest, source, is_needed) {
            Place::Here(picture) => (Some(picture), None),
            Place::Elsewhere => (None, Some("the picture is fetched when the run has started".to_owned())),
            Place::Nowhere(fault) if is_needed => {
                return Ok(CheckedGuest { name, fault: Some(fault.to_owned()), ..CheckedGuest::default() });
            }
            Place::Nowhere(reason) => (None, Some(format!("{reason} (the drawn avatar is used)"))),
            Place::Unnamed => (None, None),
        };
        let args = TemplatePreview {
            template_id: plan.template_id,
            contact_id: None,
            fields: fields(guest, &plan.event, used),
            format: ImageFormat::Jpeg,
            strict: !plan.options.allow_missing_glyphs,
            picture,
        };
        match preview::draw(api, workspace, &args, LONGEST).await {
            Ok(drawn) => {
                let notes = drawn.notes.into_iter().chain(remark).collect();
                Ok(CheckedGuest { name, file: Some(drawn.file), notes, ..CheckedGuest::default() })
            }
            Err(problem) if problem.is(Kind::PreviewFailed) || problem.is(Kind::PreviewTimeout) => {
                Ok(CheckedGuest { name, fault: Some(problem.detail().to_owned()), ..CheckedGuest::default() })
            }
            Err(problem) => Err(problem),
        }
    });
    join_all(draws).await.into_iter().collect()
}

/// Where the picture of a guest is.
enum Place<'a> {
    Here(SamplePicture),
    Elsewhere,
    /// The list names one that there is not, for this reason.
    Nowhere(&'a str),
    /// The list names none.
    Unnamed,
}

fn picture<'a>(guest: &'a Person, source: &RunSource, is_needed: bool) -> Place<'a> {
    let Some(place) = guest.picture.as_deref() else { return Place::Unnamed };
    if let Some(reason) = place.strip_prefix("none:") {
        return Place::Nowhere(reason);
    }
    let Some(file) = place.strip_prefix("store:") else { return Place::Elsewhere };
    let name = match source {
        RunSource::Csv { pictures, .. } => pictures.iter().find(|(_, key)| *key == file).map(|(name, _)| name.clone()),
        RunSource::Contacts { .. } | RunSource::Mautic(_) | RunSource::Segment { .. } => None,
    };
    let name = name.unwrap_or_else(|| format!("of {}", guest.name));
    Place::Here(SamplePicture { file: file.to_owned(), name, is_needed })
}

/// The fields of a guest that the template reads, with the values that an invitation shows.
fn fields(guest: &Person, event: &str, used: &BTreeSet<String>) -> BTreeMap<String, String> {
    let Person { email, phone, external_id, name, fields, .. } = guest;
    let mut all = domain::fields_of(name, email.as_deref(), phone.as_deref(), external_id.as_deref(), fields);
    all.entry("event".to_owned()).or_insert_with(|| event.to_owned());
    all.retain(|field, _| used.contains(field) || field == "name");
    for value in all.values_mut().filter(|value| value.len() > LONGEST_FIELD) {
        *value = value.chars().take(LONGEST_FIELD).collect();
    }
    all
}

/// Returns the drawing of one of the first guests of a check.
#[utoipa::path(get, path = "/invitation-runs/checks/{id}/samples/{number}", operation_id = "getCheckSample",
    tag = "invitation-runs",
    params(PictureParameters, ("id" = Uuid, Path, description = "The check"),
        ("number" = usize, Path, minimum = 1, maximum = 5, description = "The guest, counted from 1")),
    responses(
        (status = 200, description = "The drawing", content_type = "image/jpeg"),
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Path((id, number)): Path<(String, String)>,
    Parameters(asked): Parameters<PictureParameters>,
) -> Result<Response, Problem> {
    let (Ok(id), Ok(number)) = (id.parse::<Uuid>(), number.parse::<usize>()) else {
        return Err(Problem::new(Kind::NotFound, "the path does not contain a valid id and number"));
    };
    let check = domain::find_check(&api.db, workspace, id).await?.ok_or_else(|| gone(id))?;
    let sample = number.checked_sub(1).and_then(|at| check.report.0.samples.into_iter().nth(at));
    let sample = sample.ok_or_else(|| Problem::missing("sample", number))?;
    let file = sample.file.ok_or_else(|| Problem::missing("drawing of sample", number))?;
    match asked.width()? {
        Some(width) => small(api.files.get(&Stored::of(workspace, &file)?, MAX_PICTURE).await?, width).await,
        None => drawn::show_file(&api, workspace, &file, "image/jpeg").await,
    }
}
