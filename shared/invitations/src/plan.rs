//! A run as a person writes it down: names instead of ids. What `POST /invitation-runs`, `herald invite` and a schedule
//! of `invitation.start` have in common.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::{
    EventError, NewRun, NumberFormat, StartedRun,
    event::ensure_event,
    run::{TakeUp, start_or_take_up},
    run_options::{Destination, MauticSource, PicturePolicy, RunOptions, RunSource},
    template::{TemplateRow, find_template, template_named},
};
use herald_accounts as connections;
use herald_accounts::{Connection, ConnectionError, ProviderKind};
use herald_base::{boxed, image_format::ImageFormat};
use herald_contacts::ContactError;
use herald_db::{Db, DbError};
use herald_ledger::LedgerError;
use herald_providers::{google::folder_id, mautic::Selection};

const LINK_FIELD: &str = "invitation_link";
const NUMBER_FIELD: &str = "lucky_number";

/// A run as a person writes it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedRun {
    /// The event that the guests are invited to.
    pub event: String,
    /// The id of a template, or the name of one for its newest version.
    pub template: String,
    /// The source of the guests.
    pub source: PlannedSource,
    /// Where the invitations go, besides Herald's file store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<PlannedDestination>,
    /// `jpeg`, `png` or `webp`; the setting `images.format` by default.
    #[schema(pattern = "^(jpeg|png|webp)$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How to treat a guest whose picture cannot be used.
    #[serde(default)]
    pub on_bad_picture: PicturePolicy,
    /// Whether invitations are made although no font has some characters of their texts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_missing_glyphs: bool,
    /// The largest number of guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Whether invitations are drawn again that exist already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// Whether only the guests are taken whose invitation failed before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_failed: bool,
    /// The text before the lucky numbers of a new event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_prefix: Option<String>,
    /// The number of digits of the lucky numbers of a new event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_digits: Option<i64>,
}

/// The source of the guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PlannedSource {
    /// Contacts of a Mautic site, selected by exactly one of form, segment and search.
    Mautic {
        /// The name of the connection; not needed if there is only one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        /// The people who filled in the form with this id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<u64>,
        /// The contacts in the segment with this alias.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        segment: Option<String>,
        /// The contacts that this search in Mautic finds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        search: Option<String>,
        /// The field with the guest's picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture_field: Option<String>,
        /// The contact field for the link; `invitation_link` by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link_field: Option<String>,
        /// The contact field for the lucky number; `lucky_number` by default, empty for no field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number_field: Option<String>,
    },
    /// The contacts of a segment, as they are when the run begins.
    Segment {
        /// The name of the segment, or its id.
        segment: String,
    },
}

/// Where to upload the invitations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PlannedDestination {
    /// Google Drive.
    Drive {
        /// The name of the connection; not needed if there is only one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        /// The folder in which each event gets a folder of its own: the folder's id or its address in a browser.
        folder: String,
    },
    /// A bucket.
    S3 {
        /// The name of the connection; not needed if there is only one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
    },
}

/// Why a planned run cannot be.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A field is wrong.
    #[error("{detail}")]
    Field {
        /// Its path, with dots.
        field: &'static str,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The connection cannot be read.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The ledger refused.
    #[error(transparent)]
    Enqueue(#[from] LedgerError),
}

impl PlanError {
    fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Field { field, detail: detail.into() }
    }
}

impl PlannedSource {
    /// The source, looked up.
    ///
    /// # Errors
    /// [`PlanError`].
    #[boxed]
    pub async fn resolve(&self, db: &Db, workspace_id: Uuid) -> Result<RunSource, PlanError> {
        let (connection, form, segment, search, picture_field, link_field, number_field) = match self {
            Self::Mautic { connection, form, segment, search, picture_field, link_field, number_field } => {
                (connection, form, segment, search, picture_field, link_field, number_field)
            }
            Self::Segment { segment } => {
                let found = herald_contacts::segment_meant(db, workspace_id, segment).await;
                let found = found.map_err(|error| match error {
                    ContactError::Db(error) => PlanError::Db(error),
                    error => PlanError::field("source.segment", error.to_string()),
                })?;
                return Ok(RunSource::Segment { segment_id: found.id, name: found.name });
            }
        };
        let wanted =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let selection = match (form, wanted(segment), wanted(search)) {
            (Some(form), None, None) => Selection::Form(*form),
            (None, Some(segment), None) => Selection::Segment(segment),
            (None, None, Some(search)) => Selection::Search(search),
            _ => {
                return Err(PlanError::field(
                    "source",
                    "the source does not select guests clearly: give exactly one of form (an id), \
                     segment (an alias) and search",
                ));
            }
        };
        let found = find(db, workspace_id, ProviderKind::Mautic, connection.as_deref(), "source.connection").await?;
        Ok(RunSource::Mautic(MauticSource {
            connection_id: found.id,
            connection: found.name,
            selection,
            picture_field: wanted(picture_field),
            link_field: wanted(link_field).unwrap_or_else(|| LINK_FIELD.to_owned()),
            number_field: match number_field {
                None => Some(NUMBER_FIELD.to_owned()),
                given => wanted(given),
            },
        }))
    }
}

impl PlannedDestination {
    /// The destination, looked up.
    ///
    /// # Errors
    /// [`PlanError`].
    #[boxed]
    pub async fn resolve(&self, db: &Db, workspace_id: Uuid) -> Result<Destination, PlanError> {
        const CONNECTION: &str = "destination.connection";
        match self {
            Self::Drive { connection, folder } => {
                let folder = folder_id(folder).ok_or_else(|| {
                    PlanError::field(
                        "destination.folder",
                        "destination.folder is not a Drive folder: open the folder in a browser and copy its \
                         address, or the part after folders/",
                    )
                })?;
                let found = find(db, workspace_id, ProviderKind::Google, connection.as_deref(), CONNECTION).await?;
                Ok(Destination::Drive { connection_id: found.id, folder })
            }
            Self::S3 { connection } => {
                let found = find(db, workspace_id, ProviderKind::S3, connection.as_deref(), CONNECTION).await?;
                Ok(Destination::S3 { connection_id: found.id })
            }
        }
    }
}

/// Starts a planned run, or takes up the same run where it was cut off. `format` is what the settings say.
///
/// # Errors
/// [`PlanError`].
#[boxed]
pub async fn start_planned(
    db: &Db,
    workspace_id: Uuid,
    plan: &PlannedRun,
    take_up: TakeUp,
    format: ImageFormat,
    traceparent: Option<String>,
) -> Result<StartedRun, PlanError> {
    let format = match plan.format.as_deref() {
        Some(asked) => asked.parse().map_err(|_| {
            let known: Vec<_> = ImageFormat::ALL.iter().map(|format| format.as_str()).collect();
            PlanError::field("format", format!("format is {asked:?}: use {}", known.join(", ")))
        })?,
        None => format,
    };
    let template = kept_template(db, workspace_id, &plan.template).await?;
    let source = plan.source.resolve(db, workspace_id).await?;
    let destination = match &plan.destination {
        Some(destination) => destination.resolve(db, workspace_id).await?,
        None => Destination::Local,
    };
    let usual = NumberFormat::default();
    let numbers = NumberFormat {
        prefix: plan.number_prefix.clone().unwrap_or(usual.prefix),
        digits: plan.number_digits.unwrap_or(usual.digits),
    };
    let event = ensure_event(db, workspace_id, &plan.event, &numbers).await.map_err(|error| match error {
        EventError::Db(error) => PlanError::Db(error),
        EventError::Name(_) => PlanError::field("event", error.to_string()),
        EventError::Format(_) => PlanError::field("number_digits", error.to_string()),
    })?;
    let options = RunOptions {
        format: format.to_owned(),
        refresh: plan.refresh,
        only_failed: plan.only_failed,
        limit: plan.limit,
        on_bad_picture: plan.on_bad_picture,
        allow_missing_glyphs: plan.allow_missing_glyphs,
        seconds_apart: None,
        destination,
    };
    let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent };
    Ok(start_or_take_up(db, workspace_id, new, take_up, None).await?)
}

async fn kept_template(db: &Db, workspace_id: Uuid, wanted: &str) -> Result<TemplateRow, PlanError> {
    let by_id = match wanted.parse::<Uuid>() {
        Ok(id) => find_template(db, workspace_id, id).await?,
        Err(_) => None,
    };
    let found = match by_id {
        Some(found) => Some(found),
        None => template_named(db, workspace_id, wanted).await?,
    };
    found.ok_or_else(|| {
        PlanError::field(
            "template",
            format!(
                "there is no template {wanted:?}: upload it with POST /api/v1/templates, \
            or use it once with `herald invite --template`"
            ),
        )
    })
}

/// The connection of that name, or the only one of its provider.
async fn find(
    db: &Db,
    workspace_id: Uuid,
    provider: ProviderKind,
    name: Option<&str>,
    field: &'static str,
) -> Result<Connection, PlanError> {
    let make = format!("create one with `herald connect {}` or PUT /api/v1/connections/{{name}}", provider.name());
    let of_provider = |connection: &Connection| connection.settings.0.provider() == provider;
    if let Some(name) = name {
        let found = connections::find_connection_named(db, workspace_id, name).await?.filter(of_provider);
        return found.ok_or_else(|| {
            PlanError::field(
                field,
                format!("there is no connection to {} with the name {name:?}: {make}", provider.name()),
            )
        });
    }
    let mut found = connections::list_connections(db, workspace_id).await?;
    found.retain(of_provider);
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(PlanError::field(field, format!("there is no connection to {} yet: {make}", provider.name()))),
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(PlanError::field(
            field,
            format!("there are several connections to {}: name one of them", provider.name()),
        )),
    }
}
