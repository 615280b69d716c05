//! Receives a list, and has it checked.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::{Import, ImportMode, ImportOptions, ImportWhat, NewImport, create_import};
use herald_ledger::audit::Actor;
use herald_providers::files::Key;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Caller,
        problem::{Kind, Problem},
        upload::{Form, Part, Spool, Spooled},
    },
};

/// The route by which leads are made one by one.
pub(super) const LEADS: &str = "/api/v1/leads";
/// The longest text field of a form, in bytes.
const TEXT_BYTES: usize = 64 << 10;
/// The beginning of a file that shows its kind, in bytes.
const HEAD: u64 = 64 << 10;

/// What an import does, and how its list is read. Missing values stay as they are.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(as = ImportOptions)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// What becomes of people and leads that the workspace knows. A new import fills what they lack.
    pub(crate) mode: Option<ImportMode>,
    /// The sheet of a workbook, by its name; empty for the first that is not hidden.
    #[schema(max_length = 200)]
    pub(crate) sheet: Option<String>,
    /// By header, the field that its cells become: `name`, `first_name`, `last_name`, `email`, `phone`, `external_id`,
    /// `picture`, `locale`, `country`, `time_zone`, `tags`, or a name of your own; empty for none. In a list of leads
    /// also `lead_id`, `key`, `need`, `status`, `value`, `currency`, `source`, `owner`, `follow_up`, `follow_up_zone`
    /// and `note`.
    pub(crate) columns: Option<BTreeMap<String, String>>,
    /// Tags for everybody on the list.
    #[schema(max_items = 50)]
    pub(crate) tags: Option<Vec<String>>,
}

impl From<Options> for ImportOptions {
    fn from(options: Options) -> Self {
        let Options { mode, sheet, columns, tags } = options;
        Self { mode, sheet, columns, tags }
    }
}

/// The form that uploads a list.
#[derive(ToSchema)]
#[schema(as = ImportForm)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only described")]
struct Described {
    /// The list: a CSV file or an Excel workbook.
    #[schema(content_media_type = "text/csv")]
    file: String,
    /// What its rows are; by default people.
    what: Option<ImportWhat>,
    /// What becomes of people and leads that the workspace knows; by default what they lack is filled.
    mode: Option<ImportMode>,
    /// The sheet of a workbook, by its name; by default the first that is not hidden.
    #[schema(max_length = 200)]
    sheet: Option<String>,
    /// By header, the field that its cells become, as a JSON object.
    #[schema(content_media_type = "application/json")]
    columns: Option<String>,
    /// Tags for everybody on the list, with commas between them.
    tags: Option<String>,
    /// Whether the import starts by itself once its list is checked.
    starts_itself: Option<bool>,
}

/// Uploads a list of people or of leads, and has it checked. Nothing is made of it before the import is started.
///
/// The check reads the whole list. It tells what each column is read as, which rows would be left out and why, and how
/// many contacts or leads would be made and changed. A row of a list of leads is a person, who is found among the
/// contacts or added to them, and a lead of theirs.
#[utoipa::path(post, path = "/imports", operation_id = "createImport", tag = "imports",
    request_body(content((Described = "multipart/form-data"))),
    responses(
        (status = 201, description = "The import, which is being checked", body = Import, headers(("location" = String,
            description = "The address of the import"))),
    )
)]
pub(super) async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let import = receive(&api, &actor, request, false).await?;
    let location = format!("/api/v1/imports/{}", import.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(import)).into_response())
}

/// What a form said.
#[derive(Default)]
struct Received {
    what: Option<ImportWhat>,
    options: Options,
    starts_itself: bool,
    list: Option<(String, Spool, Spooled)>,
}

/// Receives the form of a list, stores the list, and has it checked.
pub(crate) async fn receive(
    api: &Api,
    actor: &Actor,
    request: Request,
    starts_itself: bool,
) -> Result<Import, Problem> {
    let makes_leads = request.extensions().get::<Caller>().is_some_and(|caller| caller.may_post(LEADS));
    let mut form = Form::open(request, api.settings.http.max_upload_mb << 20).await?;
    let mut received = Received { starts_itself, ..Received::default() };
    while let Some(part) = form.next().await? {
        received.take(api, part).await?;
    }
    let Some((name, mut spool, list)) = received.list else {
        return Err(Problem::field("file", "file is missing: attach the list, a CSV file or an Excel workbook"));
    };
    if list.bytes == 0 {
        return Err(Problem::field(
            "file",
            format!("{name} is empty: choose the list, a CSV file or an Excel workbook"),
        ));
    }
    if received.what == Some(ImportWhat::Leads) && !makes_leads {
        return Err(no_leads());
    }
    let id: Uuid = api.db.new_id();
    api.settings.quotas.take_room(&api.db, actor.workspace_id, &[(list.sha256.clone(), list.bytes)]).await?;
    let key = Key::import(actor.workspace_id, id, "file");
    api.files.put_from(&key, spool.reader(&list).await?).await?;
    let new = NewImport {
        id,
        what: received.what.unwrap_or(ImportWhat::Contacts),
        name,
        bytes: list.bytes,
        sha256: list.sha256,
        options: received.options.into(),
        starts_itself: received.starts_itself,
    };
    match create_import(&api.db, actor, new).await {
        Ok(import) => Ok(import),
        Err(error) => {
            // Nobody would ask for the file.
            api.files.delete(&key).await?;
            Err(error.into())
        }
    }
}

/// The refusal of a caller who may not make leads.
pub(super) fn no_leads() -> Problem {
    let detail = "a list of leads makes leads: use a key that has the scope leads:write, too";
    Problem::new(Kind::Forbidden, detail)
}

impl Received {
    async fn take(&mut self, api: &Api, part: Part<'_>) -> Result<(), Problem> {
        let name = part.name();
        if name == "file" {
            return self.take_list(api, part).await;
        }
        let value = part.text(TEXT_BYTES).await?;
        // A browser sends an empty text for a field that nobody filled in.
        if value.is_empty() {
            return Ok(());
        }
        match name.as_str() {
            "what" => self.what = Some(value.parse().map_err(|error| Problem::field("what", error))?),
            "mode" => self.options.mode = Some(value.parse().map_err(|error| Problem::field("mode", error))?),
            "sheet" => self.options.sheet = Some(value),
            "tags" => self.options.tags = Some(tags(&value)),
            "columns" => {
                let columns = serde_json::from_str(&value).map_err(|error| {
                    let detail =
                        format!("columns is not a JSON object of texts: {error}; write {{\"Header\": \"field\"}}");
                    Problem::field("columns", detail)
                })?;
                self.options.columns = Some(columns);
            }
            "starts_itself" => {
                self.starts_itself = match value.as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(Problem::field("starts_itself", "starts_itself is true or false")),
                }
            }
            _ => {
                let detail = format!(
                    "the form has no field {name:?}: use file, what, mode, sheet, columns, tags and \
                     starts_itself"
                );
                return Err(Problem::field(&name, detail));
            }
        }
        Ok(())
    }

    async fn take_list(&mut self, api: &Api, part: Part<'_>) -> Result<(), Problem> {
        if self.list.is_some() {
            return Err(Problem::field("file", "the form has two files: send one list for each import"));
        }
        let name = part.file_name().unwrap_or_else(|| "list".to_owned());
        let megabytes = api.settings.import.max_mb;
        let mut spool = Spool::new().await?;
        let list = spool.take(part, megabytes << 20).await?.ok_or_else(|| {
            let detail = format!("{name} is larger than {megabytes} MB: split it, or raise import.max_mb");
            Problem::new(Kind::TooLarge, detail)
        })?;
        let mut head = Vec::new();
        spool.reader(&list).await?.take(HEAD).read_to_end(&mut head).await?;
        herald_sheets::refuse_other_files(&head).map_err(|error| Problem::field("file", format!("{name}: {error}")))?;
        self.list = Some((name, spool, list));
        Ok(())
    }
}

fn tags(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}
