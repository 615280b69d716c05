//! The source of a run's guests: a list with its pictures, which is checked before it is stored, or known contacts.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use axum::extract::Request;
use herald_contacts::{ContactFilter, Rule};
use herald_invitations::{
    self as domain, RunSource,
    guest_list::{self, Findings, Pictures},
};
use herald_providers::files::Key;
use herald_sheets::{
    CsvError, GuestFile, Limits, Options,
    workbook::{Converted, may_be_workbook},
};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::{options::Fields, start};
use crate::{
    Api, Unread,
    front::{
        problem::{Fault, Kind, Problem},
        upload::{Form, Part, Spool, Spooled},
    },
    invitations::templates,
};

/// The longest text field of a form, in bytes.
const TEXT_BYTES: usize = 4 << 10;
/// The largest number of pictures in one upload.
const MAX_PICTURES: usize = 10_000;
/// The guests of a check that are drawn.
pub(super) const SAMPLES: usize = 5;
/// The largest number of contacts in one request.
const MAX_CONTACTS: usize = 20_000;

/// A received form, with its files in temporary files.
pub(super) struct Upload {
    pub(super) fields: Fields,
    pub(super) faults: Vec<Fault>,
    list: Option<(String, Spool, Spooled)>,
    /// The sheet of a workbook that the client named.
    sheet: Option<String>,
    /// What became of the workbook that the list was.
    converted: Option<Converted>,
    album: Spool,
    pictures: BTreeMap<String, Spooled>,
}

impl Upload {
    pub(super) async fn receive(api: &Api, request: Request) -> Result<Self, Problem> {
        let mut form = Form::open(request, api.settings.http.max_upload_mb << 20).await?;
        let album = Spool::new().await?;
        let mut upload = Self {
            fields: Fields::default(),
            faults: Vec::new(),
            list: None,
            sheet: None,
            converted: None,
            album,
            pictures: BTreeMap::new(),
        };
        while let Some(part) = form.next().await? {
            match part.name().as_str() {
                "guests" => upload.take_list(api, part).await?,
                "pictures" | "picture" => upload.take_picture(api, part).await?,
                "sheet" => upload.sheet = Some(part.text(TEXT_BYTES).await?).filter(|name| !name.is_empty()),
                name => {
                    let value = part.text(TEXT_BYTES).await?;
                    upload.faults.extend(upload.fields.set(name, &value).err());
                }
            }
        }
        Ok(upload)
    }

    async fn take_list(&mut self, api: &Api, part: Part<'_>) -> Result<(), Problem> {
        if self.list.is_some() {
            return Err(Problem::field("guests", "the form has two lists of guests: send one list for each run"));
        }
        let name = part.file_name().unwrap_or_else(|| "guests.csv".to_owned());
        let megabytes = api.settings.import.max_mb;
        let mut spool = Spool::new().await?;
        let list = spool.take(part, megabytes << 20).await?;
        let list = list.ok_or_else(|| {
            Problem::new(
                Kind::TooLarge,
                format!("{name} is larger than {megabytes} MB: split it, or raise import.max_mb"),
            )
        })?;
        self.list = Some((name, spool, list));
        Ok(())
    }

    async fn take_picture(&mut self, api: &Api, part: Part<'_>) -> Result<(), Problem> {
        // A browser sends an empty part for a file field without a file.
        let Some(name) = part.file_name() else { return Ok(()) };
        if self.pictures.len() == MAX_PICTURES {
            return Err(Problem::new(
                Kind::TooLarge,
                format!("the form has more than {MAX_PICTURES} pictures: split the list into several runs"),
            ));
        }
        if self.pictures.contains_key(&name) {
            return Err(Problem::field(
                "pictures",
                format!("two pictures have the name {name}: rename one, also in the list"),
            ));
        }
        let megabytes = api.settings.pictures.max_mb;
        let picture = self.album.take(part, megabytes << 20).await?;
        let picture = picture.ok_or_else(|| {
            let detail =
                format!("picture {name} is larger than {megabytes} MB: make it smaller, or raise pictures.max_mb");
            Problem::new(Kind::TooLarge, detail)
        })?;
        self.pictures.insert(name, picture);
        Ok(())
    }

    /// Puts the CSV of its sheet in the place of a workbook.
    async fn open_workbook(&mut self, api: &Api) -> Result<(), Problem> {
        let Some((_, spool, list)) = &mut self.list else { return Ok(()) };
        let mut head = Vec::new();
        spool.reader(list).await?.take(8).read_to_end(&mut head).await?;
        if !may_be_workbook(&head) {
            return Ok(());
        }
        let read = (api.read_workbook)(spool.blocking().await?, self.sheet.take()).await;
        let (converted, csv) = read.map_err(|why| match why {
            Unread::Refused(why) => Problem::faults(Kind::InvalidList, vec![Fault::new("guests", why)]),
            Unread::Later(error) => Problem::internal(&error),
        })?;
        (*spool, *list) = Spool::of(csv).await?;
        self.converted = Some(converted);
        Ok(())
    }

    /// Returns the custom fields of the list, and remarks about it. Reads the file once.
    pub(super) async fn check_list(&mut self, api: &Api) -> Result<Checked, Problem> {
        self.open_workbook(api).await?;
        let Some((_, spool, _)) = &self.list else { return Err(missing()) };
        let file = spool.blocking().await?;
        let options = self.options(api);
        let checked = tokio::task::spawn_blocking(move || {
            GuestFile::new(file, &options).map(|list| Checked {
                custom_fields: list.custom_fields().map(str::to_owned).collect(),
                notes: list.notes().to_vec(),
                count: None,
            })
        })
        .await
        .map_err(|panic| Problem::internal(&panic))?;
        let mut checked = checked.map_err(|error| refused(&error))?;
        checked.notes.splice(0..0, self.notes());
        Ok(checked)
    }

    /// The remarks about the workbook that the list was.
    fn notes(&self) -> Vec<String> {
        self.converted.as_ref().map(|converted| converted.notes.clone()).unwrap_or_default()
    }

    /// The options with which the list is read.
    fn options(&self, api: &Api) -> Options {
        let import = &api.settings.import;
        let limits = Limits { bytes: import.max_mb << 20, rows: import.max_rows, ..Limits::default() };
        let options = Options { limits, ..Options::default() };
        if self.converted.is_some() { options.of_sheet() } else { options }
    }

    /// Reads the list to its end, as a run does. The pictures are those of the check.
    pub(super) async fn find(&self, api: &Api, source: &RunSource, limit: u64) -> Result<Findings, Problem> {
        let Some((_, spool, _)) = &self.list else { return Ok(Findings::default()) };
        let pictures = match source {
            RunSource::Csv { pictures, .. } => pictures.clone(),
            RunSource::Contacts { .. } | RunSource::Mautic(_) | RunSource::Segment { .. } => BTreeMap::new(),
        };
        let pictures = Pictures::new(None, pictures);
        let found = guest_list::find(spool.blocking().await?, self.options(api), pictures, limit, SAMPLES).await;
        let mut found = found.map_err(|error| refused(&error))?;
        found.notes.splice(0..0, self.notes());
        Ok(found)
    }

    /// The name of the list.
    pub(super) fn list_name(&self) -> Option<String> {
        self.list.as_ref().map(|(name, ..)| name.clone())
    }

    /// Stores the list and its pictures as the files of a check. Returns the source, and the bytes of all files.
    pub(super) async fn store_for_check(
        &mut self,
        api: &Api,
        workspace: Uuid,
        check: Uuid,
    ) -> Result<(RunSource, u64), Problem> {
        let is_sheet = self.converted.is_some();
        let Some((name, spool, list)) = &mut self.list else { return Err(missing()) };
        let mut bytes = list.bytes;
        let mut pictures = BTreeMap::new();
        for (name, picture) in &self.pictures {
            let key = Key::check(workspace, check, &picture.sha256);
            api.files.put_once_from(&key, self.album.reader(picture).await?).await?;
            pictures.insert(name.clone(), key.into());
            bytes += picture.bytes;
        }
        let key = Key::check(workspace, check, &list.sha256);
        api.files.put_once_from(&key, spool.reader(list).await?).await?;
        let (name, sha256) = (name.clone(), list.sha256.clone());
        Ok((RunSource::Csv { key: key.into(), name, sha256, picture_folder: None, pictures, is_sheet }, bytes))
    }

    /// Stores the list and its pictures in the file store.
    pub(super) async fn store(mut self, api: &Api, workspace: Uuid) -> Result<RunSource, Problem> {
        let is_sheet = self.converted.is_some();
        let Some((name, mut spool, list)) = self.list else { return Err(missing()) };
        let of = |file: &Spooled| (file.sha256.clone(), file.bytes);
        let sizes: Vec<_> = self.pictures.values().map(of).chain([of(&list)]).collect();
        api.settings.quotas.take_room(&api.db, workspace, &sizes).await?;
        let mut pictures = BTreeMap::new();
        for (name, picture) in self.pictures {
            let key = Key::picture(workspace, &picture.sha256);
            api.files.put_once_from(&key, self.album.reader(&picture).await?).await?;
            pictures.insert(name, key.into());
        }
        let key = Key::list(workspace, &list.sha256);
        api.files.put_once_from(&key, spool.reader(&list).await?).await?;
        // There is no picture folder: a relative name in an uploaded list names an uploaded picture, never a file of
        // this machine.
        Ok(RunSource::Csv { key: key.into(), name, sha256: list.sha256, picture_folder: None, pictures, is_sheet })
    }
}

fn missing() -> Problem {
    Problem::field("guests", "guests is missing: attach the list of guests, a CSV file or an Excel workbook")
}

/// The result of checking a list or contacts.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) custom_fields: BTreeSet<String>,
    pub(super) notes: Vec<String>,
    /// The number of guests, if they were counted.
    pub(super) count: Option<i64>,
}

fn refused(error: &CsvError) -> Problem {
    match error {
        CsvError::Io(error) => Problem::internal(error),
        CsvError::TooLarge { .. } => Problem::new(Kind::TooLarge, error),
        CsvError::Header(problem) => {
            let column = problem.place.as_ref().map(|place| place.column as u64);
            let fault = Fault { line: Some(problem.line), column, ..Fault::new("guests", error) };
            Problem::faults(Kind::InvalidList, vec![fault])
        }
        CsvError::NoHeader { line } => {
            Problem::faults(Kind::InvalidList, vec![Fault { line: Some(*line), ..Fault::new("guests", error) }])
        }
        CsvError::DuplicateHeader { second, .. } => {
            let fault = Fault { column: Some(*second as u64), ..Fault::new("guests", error) };
            Problem::faults(Kind::InvalidList, vec![fault])
        }
        _ => Problem::faults(Kind::InvalidList, vec![Fault::new("guests", error)]),
    }
}

/// Looks at the contacts of a segment: how many there are now, and which of the template's fields somebody has.
pub(super) async fn segment(
    api: &Api,
    workspace: Uuid,
    source: &RunSource,
    template: &str,
) -> Result<Checked, Problem> {
    let RunSource::Segment { segment_id, name } = source else { return Ok(Checked::default()) };
    let rule = Rule::Segment(*segment_id);
    let template = start::find_template(api, workspace, template).await?;
    let template = domain::stored_template(&template).await.map_err(templates::refused)?;
    let count = count_of(api, workspace, &rule).await?;
    let (people, belong) = if count == 1 { ("contact", "belongs") } else { ("contacts", "belong") };
    let note = format!("{count} {people} {belong} to {name:?} now. The run takes those who do when it begins");
    let custom_fields = domain::segment_fields(&api.db, workspace, &rule, &template, count == 0).await?;
    Ok(Checked { custom_fields, notes: vec![note], count: Some(count) })
}

/// The number of contacts whom a rule means now.
async fn count_of(api: &Api, workspace: Uuid, rule: &Rule) -> Result<i64, Problem> {
    let rule = Some(herald_contacts::whole_rule(&api.db, workspace, rule).await?);
    let filter = ContactFilter { rule, ..ContactFilter::default() };
    Ok(herald_contacts::count_contacts(&api.db, workspace, &filter, usize::MAX).await?)
}

/// Checks that the contacts belong to the workspace, and uses each of them once.
pub(super) async fn contacts(api: &Api, workspace: Uuid, ids: Vec<Uuid>) -> Result<(RunSource, Checked), Problem> {
    if ids.is_empty() {
        return Err(Problem::field("contact_ids", "contact_ids is empty: name at least one contact"));
    }
    if ids.len() > MAX_CONTACTS {
        let detail = format!("contact_ids has {} ids: send at most {MAX_CONTACTS} for each run", ids.len());
        return Err(Problem::field("contact_ids", detail));
    }
    let mut seen = HashSet::new();
    let unique: Vec<Uuid> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    let listed = herald_contacts::listed_contacts(&api.db, workspace, &unique).await?;
    let faults: Vec<Fault> = listed
        .unknown
        .iter()
        .take(20)
        .map(|unknown| {
            let at = ids.iter().position(|id| id == unknown).unwrap_or_default();
            Fault::new(
                &format!("contact_ids/{at}"),
                format!("contact {unknown} does not exist in this workspace: remove it from contact_ids"),
            )
        })
        .collect();
    if !faults.is_empty() {
        return Err(Problem::faults(Kind::InvalidField, faults));
    }
    Ok((RunSource::Contacts { ids: unique }, Checked { custom_fields: listed.custom_fields, ..Checked::default() }))
}
