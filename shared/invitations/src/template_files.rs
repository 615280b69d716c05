//! Templates' files: from a bundle into the file store, and back.

use std::collections::{BTreeMap, BTreeSet};

use herald_base::boxed;
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use super::template::{self, NewTemplate, TemplateRow};
use super::template_versions::{choose, current_id, hold};
use herald_db::{Db, DbError};
use herald_ledger::{
    audit::{self, Actor, Entry},
    quotas::{Counted, QuotaError, Quotas},
};
use herald_providers::files::{Files, FilesError, Key, Stored};
use herald_template::{Bundle, BundleError, MANIFEST, MAX_FILE, Problems, Slot, Template};

/// The longest name of a template, in characters.
const MAX_NAME: usize = 100;

/// Why a template was not stored or cannot be read back.
#[derive(Debug, Error)]
pub enum TemplateFilesError {
    /// It has no name.
    #[error("the template has no name: add name = \"…\" to its template.toml, or give it one where you upload it")]
    NoName,
    /// Its name does not fit.
    #[error("the template's name is not valid ({0} characters): use at most {MAX_NAME}, and no control characters")]
    Name(usize),
    /// Something in it is wrong.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// A file of it is not one a template can have.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The file store refused.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Another version was made the current one in the meantime.
    #[error("somebody stored another version in the meantime: look at it, then store yours after that one")]
    Overtaken,
    /// The workspace has as many as it may have.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Checks a template and stores it under `name`, or the name in its manifest. The same template again is the same row.
#[boxed]
pub async fn store_template(
    db: &Db,
    files: &Files,
    workspace_id: Uuid,
    name: Option<&str>,
    bundle: &Bundle,
) -> Result<TemplateRow, TemplateFilesError> {
    store(db, files, workspace_id, (name, bundle), None).await
}

/// A person or a program who stores a template.
#[derive(Clone, Copy, Debug)]
pub struct Storing<'s> {
    /// The actor, whom the audit log and the list of versions name.
    pub by: &'s Actor,
    /// How much the workspace may have.
    pub quotas: &'s Quotas,
    /// The version that the actor saw as the current one. If another one is current, nothing is stored. `None` stores
    /// in any case.
    pub after: Option<Uuid>,
}

/// As [`store_template`], when a person or a program stores it: the audit log says who, the workspace must have room
/// for it, and it becomes the current version of its name, even if it had been stored before.
pub async fn store_template_within(
    db: &Db,
    files: &Files,
    storing: Storing<'_>,
    name: Option<&str>,
    bundle: &Bundle,
) -> Result<TemplateRow, TemplateFilesError> {
    store(db, files, storing.by.workspace_id, (name, bundle), Some(storing)).await
}

async fn store(
    db: &Db,
    files: &Files,
    workspace_id: Uuid,
    (name, bundle): (Option<&str>, &Bundle),
    storing: Option<Storing<'_>>,
) -> Result<TemplateRow, TemplateFilesError> {
    let quotas = storing.map_or_else(Quotas::default, |storing| *storing.quotas);
    let (template, name) = checked(bundle, name).await?;
    let used: BTreeSet<&str> =
        template.slots.iter().filter_map(Slot::font_file).chain([template.background.as_str()]).collect();
    let wanted: Vec<_> = bundle
        .files()
        .filter(|(file, _)| used.contains(file))
        .map(|(file, bytes)| (file, bytes, hex::encode(Sha256::digest(bytes))))
        .collect();
    let sizes: Vec<_> = wanted.iter().map(|(_, bytes, sha256)| (sha256.clone(), bytes.len() as u64)).collect();
    quotas.take_room(db, workspace_id, &sizes).await?;
    let mut stored = BTreeMap::new();
    for (file, bytes, sha256) in wanted {
        let key = Key::template(workspace_id, &sha256);
        files.put_once(&key, bytes.clone()).await?;
        stored.insert(file.to_owned(), key.into());
    }
    let manifest = bundle.file(MANIFEST).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let new = NewTemplate {
        name,
        version: template.version.clone(),
        manifest,
        files: stored,
        width: template.width,
        height: template.height,
        made_by: storing.map(|storing| storing.by.who.clone()),
    };
    let mut tx = db.begin().await?;
    if let Some(after) = storing.and_then(|storing| storing.after) {
        hold(&mut tx, workspace_id).await?;
        if current_id(&mut tx, workspace_id, &new.name).await? != Some(after) {
            return Err(TemplateFilesError::Overtaken);
        }
    }
    let row = template::save_template(&mut tx, workspace_id, &new).await?;
    quotas.hold(&mut tx, workspace_id, Counted::Templates).await?;
    if let Some(Storing { by, .. }) = storing {
        choose(&mut tx, by, &row).await?;
        let detail = serde_json::json!({ "name": row.name, "version": row.version });
        audit::record(&mut tx, by, Entry::of("template.upload", row.id).with(detail)).await?;
    }
    tx.commit().await?;
    Ok(row)
}

/// Checks a template's manifest and name as [`store_template`] does, and stores nothing.
///
/// # Errors
/// [`TemplateFilesError`] lists everything that is wrong.
#[boxed]
pub async fn check_template(bundle: &Bundle, name: Option<&str>) -> Result<Template, TemplateFilesError> {
    checked(bundle, name).await.map(|(template, _)| template)
}

async fn checked(bundle: &Bundle, name: Option<&str>) -> Result<(Template, String), TemplateFilesError> {
    let template = read(bundle).await?;
    let name = name.unwrap_or(&template.name).trim().to_owned();
    if name.is_empty() {
        return Err(TemplateFilesError::NoName);
    }
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(TemplateFilesError::Name(name.chars().count()));
    }
    Ok((template, name))
}

/// Reads a stored template and its files.
#[boxed]
pub async fn load_template(files: &Files, row: &TemplateRow) -> Result<(Template, Bundle), TemplateFilesError> {
    let bundle = template_bundle(files, row).await?;
    Ok((read(&bundle).await?, bundle))
}

/// Fetches the files of a stored template and looks into none of them.
#[boxed]
pub async fn template_bundle(files: &Files, row: &TemplateRow) -> Result<Bundle, TemplateFilesError> {
    let mut bundle = Bundle::default();
    bundle.insert(MANIFEST, row.manifest.clone().into())?;
    for (name, key) in &row.files.0 {
        bundle.insert(name, files.get(&Stored::of(row.workspace_id, key)?, MAX_FILE).await?)?;
    }
    Ok(bundle)
}

/// Reads a manifest off the asynchronous threads: a hostile one of 200 slots takes a while.
async fn read(bundle: &Bundle) -> Result<Template, Problems> {
    let bundle = bundle.clone();
    let read = tokio::task::spawn_blocking(move || Template::read(&bundle));
    read.await.expect("reading a manifest does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored_template;
    use bytes::Bytes;
    use herald_base::{clock::Clock, ids::Ids};
    use herald_db::DbConfig;
    use herald_people::ensure_default_workspace;

    /// The header of a PNG of 40 × 30 pixels: all that is read of a background here.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x28\0\0\0\x1e\x08\x02\0\0\0\0\0\0\0";
    const SLOT: &str = "background = \"b.png\"\n[[slot]]\nkind = \"number\"\nbox = [0, 0, 40, 30]\nsize = 12\n";

    fn bundle(manifest: &str) -> Bundle {
        let mut bundle = Bundle::default();
        bundle.insert(MANIFEST, Bytes::copy_from_slice(manifest.as_bytes())).unwrap();
        bundle.insert("b.png", Bytes::from_static(PNG)).unwrap();
        bundle.insert("unused.png", Bytes::from_static(PNG)).unwrap();
        bundle
    }

    async fn stores() -> (tempfile::TempDir, Db, Files, Uuid) {
        let folder = tempfile::tempdir().unwrap();
        let config = DbConfig::Sqlite { path: folder.path().join("herald.db") };
        let db = Db::connect(&config, Clock::system(), Ids::seeded(1)).await.unwrap();
        db.migrate().await.unwrap();
        let workspace = ensure_default_workspace(&db).await.unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        (folder, db, files, workspace)
    }

    #[tokio::test]
    async fn what_is_stored_is_read_back_and_stored_once() {
        let (_folder, db, files, workspace) = stores().await;
        let bundle = bundle(&format!("name = \"Gala\"\n{SLOT}"));
        let row = store_template(&db, &files, workspace, None, &bundle).await.unwrap();
        assert_eq!((row.name.as_str(), row.width, row.height), ("Gala", 40, 30));
        assert_eq!(row.files.0.keys().collect::<Vec<_>>(), ["b.png"]);
        let (template, _) = load_template(&files, &row).await.unwrap();
        assert_eq!(template.version, row.version);
        // As it is read from the row alone, whatever became of the files.
        let stored = stored_template(&row).await.unwrap();
        assert_eq!((&stored.version, stored.slots.len(), stored.width), (&row.version, 1, 40));
        assert_eq!(stored.summary(), template.summary());
        let again = store_template(&db, &files, workspace, None, &bundle).await.unwrap();
        assert_eq!(again.id, row.id);
        let other = store_template(&db, &files, workspace, Some("Other"), &bundle).await.unwrap();
        assert_ne!(other.id, row.id);
    }

    #[tokio::test]
    async fn a_template_without_a_name_is_refused() {
        let (_folder, db, files, workspace) = stores().await;
        let refused = store_template(&db, &files, workspace, None, &bundle(SLOT)).await.unwrap_err();
        assert!(matches!(refused, TemplateFilesError::NoName));
        let refused = store_template(&db, &files, workspace, Some("a\nb"), &bundle(SLOT)).await.unwrap_err();
        assert!(matches!(refused, TemplateFilesError::Name(3)));
    }
}
