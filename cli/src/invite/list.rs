//! The list from the command line: it is opened and checked before anything is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use herald_invitations as domain;
use herald_invitations::RunSource;
use herald_providers::files::Key;
use herald_sheets::{CsvError, GuestFile, Options, workbook::may_be_workbook};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::engine;

/// A list with a readable header.
pub(crate) struct List {
    /// A copy of the list, read from its beginning, that is stored with the run: the list itself may be edited
    /// meanwhile.
    pub(crate) copy: File,
    /// The names of the columns in expressions.
    pub(crate) fields: BTreeSet<String>,
    /// Notes for the person, such as the assumed encoding.
    pub(crate) notes: Vec<String>,
    /// How it is read.
    pub(crate) options: Options,
    sha256: String,
    name: String,
    folder: PathBuf,
}

/// Opens a list and reads its header. Of a workbook the sheet with the name is read, or the first that is not hidden.
pub(crate) async fn read(path: &Path, sheet: Option<String>, options: &Options) -> anyhow::Result<List> {
    let (path, mut options) = (path.to_owned(), options.clone());
    let mut list = File::open(&path).map_err(CsvError::from).with_context(|| path.display().to_string())?;
    let mut notes = Vec::new();
    if is_workbook(&list, &options).with_context(|| path.display().to_string())? {
        let read = engine::workbooks()?.to_csv(list, sheet).await;
        let (converted, csv) = read.with_context(|| path.display().to_string())?;
        (list, notes, options) = (csv, converted.notes, options.of_sheet());
    } else {
        anyhow::ensure!(sheet.is_none(), "{} is not a workbook: leave out --sheet", path.display());
    }
    tokio::task::spawn_blocking(move || {
        // This check comes before the copy, because a list that is too large need not be copied.
        let file = GuestFile::new(&list, &options).with_context(|| path.display().to_string())?;
        let fields = domain::field_names(file.custom_fields());
        notes.extend_from_slice(file.notes());
        let (copy, sha256) = copy(&list).with_context(|| path.display().to_string())?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(List {
            copy,
            fields,
            notes,
            options,
            sha256,
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            folder: std::path::absolute(folder)?,
        })
    })
    .await?
}

/// Whether a list is a workbook, which may be as large as a list.
fn is_workbook(mut list: &File, options: &Options) -> Result<bool, CsvError> {
    let mut head = Vec::new();
    list.take(8).read_to_end(&mut head)?;
    list.rewind()?;
    let (bytes, limit) = (list.metadata()?.len(), options.limits.bytes);
    match may_be_workbook(&head) {
        true if bytes > limit => Err(CsvError::TooLarge { bytes, limit }),
        found => Ok(found),
    }
}

/// Copies a list to an unnamed file, and hashes it on the way.
fn copy(mut list: &File) -> io::Result<(File, String)> {
    let (mut copy, mut hash) = (tempfile::tempfile()?, Sha256::new());
    let mut chunk = vec![0; 1 << 16];
    list.rewind()?;
    loop {
        let read = list.read(&mut chunk)?;
        if read == 0 {
            copy.rewind()?;
            return Ok((copy, hex::encode(hash.finalize())));
        }
        hash.update(&chunk[..read]);
        copy.write_all(&chunk[..read])?;
    }
}

impl List {
    /// The key of the copy in the file store.
    pub(crate) fn key(&self, workspace_id: Uuid) -> Key {
        Key::list(workspace_id, &self.sha256)
    }

    /// The list as the source of a run. Its pictures lie beside it.
    pub(crate) fn source(&self, workspace_id: Uuid) -> RunSource {
        RunSource::Csv {
            key: self.key(workspace_id).into(),
            name: self.name.clone(),
            sha256: self.sha256.clone(),
            picture_folder: Some(self.folder.display().to_string()),
            pictures: BTreeMap::new(),
            is_sheet: self.options.is_sheet,
        }
    }
}
