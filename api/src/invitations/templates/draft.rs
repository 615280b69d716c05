//! `/templates/{id}/draft`: a manifest that is not stored yet, drawn at once with the files of a stored version.
//!
//! No job draws it, because a job's arguments are ids and not texts. The process of the API has a drawing process of
//! its own, with the limits of every drawing process, in which it also checks uploads. The picture is kept under one
//! name for each caller and template, so that drafts do not pile up.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::Response,
};
use herald_base::image_format::ImageFormat;
use herald_invitations as domain;
use herald_invitations::{Sample, TemplateRow};
use herald_ledger::audit::Actor;
use herald_providers::files::{Files, FilesError, Key, Stored};
use herald_template::{Slot, Template};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{preview::MAX_FIELDS, refused, unchecked, version_form};
use crate::{
    Api, Draft,
    front::{
        actor::By,
        input::{self, Id, Parameters},
        problem::{Kind, Problem},
    },
    invitations::drawn::{self, Drawn},
};

/// The largest number of drafts that are drawn, or wait for it, at once. One drawing process draws them all.
const AT_ONCE: usize = 8;
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
/// The largest portrait that is read from the file store, in bytes.
const MAX_PORTRAIT: u64 = 32 << 20;
/// The longest lucky number, in characters.
const MAX_NUMBER: usize = 60;

/// The manifest to draw, and the guest and the format of the picture.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TemplateDraft)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The content of `template.toml`. The files that it names are those of the stored version.
    manifest: String,
    /// The contact whose fields the picture shows.
    contact_id: Option<Uuid>,
    /// The invitation whose fields, number, link and portrait the picture shows.
    invitation_id: Option<Uuid>,
    /// At most 256 fields of the guest, which override the contact's fields.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// The lucky number in its visible form.
    number: Option<String>,
    /// The image format, jpeg by default.
    #[schema(pattern = "^(jpg|jpeg|png|webp)$")]
    format: Option<String>,
}

/// A drawn draft.
#[derive(Serialize, ToSchema)]
#[schema(as = DrawnDraft)]
pub(super) struct DraftView {
    /// The address of the picture, until the caller's next draft of this template.
    picture_url: String,
    /// Pixels.
    width: u32,
    /// Pixels.
    height: u32,
    /// The slots in drawing order.
    slots: Vec<SlotView>,
    /// The fields of the guest that the manifest reads.
    fields: BTreeSet<String>,
    /// Whether the manifest shows the guest's picture.
    has_picture: bool,
    /// Remarks for the designer.
    notes: Vec<String>,
    /// The time that preparing and drawing took, in milliseconds.
    milliseconds: u64,
}

/// The place of a slot.
#[derive(Serialize, ToSchema)]
#[schema(as = SlotPlace)]
struct SlotView {
    /// The position in the manifest, counted from 1.
    slot: usize,
    /// The slot in words.
    label: String,
    /// The left edge in pixels.
    x: i32,
    /// The top edge in pixels.
    y: i32,
    /// The width in pixels.
    width: u32,
    /// The height in pixels.
    height: u32,
    /// Degrees, clockwise about the centre.
    rotation: f32,
    /// The line of the manifest on which the slot begins.
    line: usize,
}

impl SlotView {
    fn new((index, slot): (usize, &Slot)) -> Self {
        let (label, rotation, line) = (slot.label.clone(), slot.rotation, slot.position.line);
        let area = slot.area;
        Self { slot: index + 1, label, x: area.x, y: area.y, width: area.width, height: area.height, rotation, line }
    }
}

/// Draws a manifest that is not stored, with the files of a stored version.
#[utoipa::path(post, path = "/templates/{id}/draft", operation_id = "drawDraft", tag = "templates",
    request_body = Asked,
    responses(
        (status = 200, description = "The draft was drawn", body = DraftView),
    )
)]
pub(super) async fn draw(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<Json<DraftView>, Problem> {
    let asked: Asked = input::json(request).await?;
    let format = format(asked.format.as_deref())?;
    if asked.fields.len() > MAX_FIELDS {
        return Err(Problem::field("fields", format!("fields has more than {MAX_FIELDS} entries: send fewer")));
    }
    if asked.number.as_ref().is_some_and(|number| number.chars().count() > MAX_NUMBER) {
        return Err(Problem::field("number", format!("number is longer than {MAX_NUMBER} characters: shorten it")));
    }
    let row = domain::find_template(&api.db, actor.workspace_id, id).await?;
    let row = row.ok_or_else(|| Problem::missing("template", id))?;
    let _turn = TURNS.try_acquire().map_err(|_| {
        Problem::new(Kind::Unavailable, "Herald draws as many drafts as it can: try again in a moment")
            .header(header::RETRY_AFTER, "1")
    })?;
    let files = version_form::with_files_of(&api, &row, asked.manifest.clone()).await?;
    let template = domain::check_template(&files.bundle, Some(&row.name)).await.map_err(refused)?;
    let (sample, portrait) = guest(&api, &row, &asked, &template).await?;
    let mut sample = sample.with(asked.fields, &template.fields());
    sample.number = asked.number.filter(|number| !number.is_empty()).unwrap_or(sample.number);
    let begun = Instant::now();
    let draft = Draft { bundle: files.bundle.clone(), sample, portrait, format };
    let drawn = (api.template_draw)(draft).await.map_err(|why| unchecked("manifest", why))?;
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mark = hex::encode(&Sha256::digest(&drawn.bytes)[..6]);
    api.files.put(&key(&actor, id, format), drawn.bytes).await?;
    Ok(Json(DraftView {
        picture_url: format!("/api/v1/templates/{id}/draft?format={format}&mark={mark}"),
        width: template.width,
        height: template.height,
        slots: template.slots.iter().enumerate().map(SlotView::new).collect(),
        fields: template.fields(),
        has_picture: template.has_picture(),
        notes: drawn.notes,
        milliseconds,
    }))
}

/// Which drawing is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// The image format of the draft, jpeg by default.
    #[param(pattern = "^(jpg|jpeg|png|webp)$")]
    format: Option<String>,
    /// Any text. It differs in the address of each drawing, so that a cache shows no earlier one.
    #[expect(dead_code, reason = "for caches")]
    mark: Option<String>,
}

/// Returns the picture of the caller's latest draft of a template.
#[utoipa::path(get, path = "/templates/{id}/draft", operation_id = "getDraft", tag = "templates",
    params(Which),
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"),
            (String = "image/webp"))),
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    Parameters(asked): Parameters<Which>,
) -> Result<Response, Problem> {
    let format = format(asked.format.as_deref())?;
    let key = key(&actor, id, format);
    if api.files.size(&key).await?.is_none() {
        return Err(Problem::missing("draft of the template", id));
    }
    drawn::show(&api, actor.workspace_id, &Drawn::of(&key, format)).await
}

fn format(asked: Option<&str>) -> Result<ImageFormat, Problem> {
    let Some(asked) = asked else { return Ok(ImageFormat::Jpeg) };
    ImageFormat::of_extension(asked)
        .ok_or_else(|| Problem::field("format", format!("format is {asked:?}: use jpeg, png or webp")))
}

/// The place of a caller's draft.
fn key(by: &Actor, template_id: Uuid, format: ImageFormat) -> Key {
    let of = hex::encode(Sha256::digest(format!("draft of {} by {}", template_id, by.who)));
    Key::preview(by.workspace_id, &of, format.extension())
}

/// The guest of the sample, and the guest's portrait with its name in the file store.
async fn guest(
    api: &Api,
    row: &TemplateRow,
    asked: &Asked,
    template: &Template,
) -> Result<(Sample, Option<(String, bytes::Bytes)>), Problem> {
    let missing = |field: &str, what: &str, id: Uuid| {
        Problem::field(field, format!("{what} {id} does not exist in this workspace: use the id of one of its {what}s"))
    };
    match (asked.invitation_id, asked.contact_id) {
        (Some(id), _) => {
            let found = domain::find_invitation(&api.db, row.workspace_id, id).await?;
            let guest = found.ok_or_else(|| missing("invitation_id", "invitation", id))?;
            let portrait = guest.portrait.as_ref().filter(|_| template.has_picture());
            let portrait = match portrait {
                Some(name) => portrait_of(&api.files, row.workspace_id, name).await?,
                None => None,
            };
            Ok((Sample::guest(&guest), portrait))
        }
        (None, Some(id)) => {
            let found = herald_contacts::find_contact(&api.db, row.workspace_id, id).await?;
            Ok((Sample::contact(&found.ok_or_else(|| missing("contact_id", "contact", id))?), None))
        }
        (None, None) => Ok((Sample::nobody(asked.fields.get("name").map(String::as_str)), None)),
    }
}

/// A portrait; nothing if its file is gone, because then an avatar is drawn as for a guest without a picture.
async fn portrait_of(files: &Files, workspace: Uuid, name: &str) -> Result<Option<(String, bytes::Bytes)>, Problem> {
    match files.get(&Stored::of(workspace, name)?, MAX_PORTRAIT).await {
        Ok(bytes) => Ok(Some((name.to_owned(), bytes))),
        Err(FilesError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
