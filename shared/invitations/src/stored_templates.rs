//! Stored templates as they are read again and again: from their rows, without their files.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::template::TemplateRow;
use super::template_files::TemplateFilesError;
use herald_base::boxed;
use herald_providers::files::{Files, FilesError, Stored};
use herald_template::{Problems, Template};

/// The most templates kept, and the bytes of all their manifests together. A template in memory is a few times its
/// manifest.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 4 << 20;

/// By version, which covers the manifest and the files; newest last.
static TEMPLATES: Mutex<Vec<(usize, Arc<Template>)>> = Mutex::new(Vec::new());

/// What a stored template draws. None of its files is fetched; the last templates read are kept in memory.
///
/// # Errors
/// [`TemplateFilesError::Problems`], if an older Herald stored it and this one would refuse it.
#[boxed]
pub async fn stored_template(row: &TemplateRow) -> Result<Arc<Template>, TemplateFilesError> {
    if let Some(found) = kept(&row.version) {
        return Ok(found);
    }
    let (manifest, version) = (row.manifest.clone(), row.version.clone());
    let side = |pixels: i64| u32::try_from(pixels).unwrap_or(0);
    let size = (side(row.width), side(row.height));
    let bytes = manifest.len();
    let read = move || Template::of_stored(&manifest, size, &version);
    // A manifest of 200 slots takes milliseconds.
    let template = Arc::new(tokio::task::spawn_blocking(read).await.expect("reading a manifest does not panic")?);
    keep(bytes, template.clone());
    Ok(template)
}

/// Whether the files of a stored template are in the file store. None is read.
///
/// # Errors
/// [`TemplateFilesError::Files`] names the first that is missing.
#[boxed]
pub async fn check_stored_files(files: &Files, row: &TemplateRow) -> Result<(), TemplateFilesError> {
    for key in row.files.0.values() {
        if files.size(&Stored::of(row.workspace_id, key)?).await?.is_none() {
            return Err(FilesError::Missing(key.clone()).into());
        }
    }
    Ok(())
}

/// Whether guests with these fields have all that the template needs. Off the asynchronous threads: each field is tried
/// out.
///
/// # Errors
/// [`Problems`] names each field that is missing.
#[boxed]
pub async fn check_stored_fields(template: &Arc<Template>, known: BTreeSet<String>) -> Result<(), Problems> {
    let template = template.clone();
    let check = tokio::task::spawn_blocking(move || template.check_fields(&known));
    check.await.expect("trying out fields does not panic")
}

fn kept(version: &str) -> Option<Arc<Template>> {
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    let at = templates.iter().position(|(_, template)| template.version == version)?;
    let found = templates.remove(at);
    templates.push(found.clone());
    Some(found.1)
}

fn keep(bytes: usize, template: Arc<Template>) {
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    templates.retain(|(_, kept)| kept.version != template.version);
    templates.push((bytes, template));
    while templates.len() > KEPT || templates.iter().map(|(bytes, _)| bytes).sum::<usize>() > KEPT_BYTES {
        templates.remove(0);
    }
}
