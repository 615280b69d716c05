//! A new version of a stored template as it arrives: a manifest and new files, put together with the stored files.

use axum::extract::Request;
use herald_invitations::TemplateRow;
use herald_providers::files::Stored;
use herald_template::{Bundle, BundleError, MANIFEST, MAX_FILE, MAX_FILES, MAX_MANIFEST};
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::{
    MAX_TEMPLATE,
    receive::{MEMORY, NAME_BYTES, gather},
    refused,
};
use crate::{
    Api,
    front::{
        input::NUL,
        limits,
        problem::{Kind, Problem},
        upload::{Form, Part, Spool, Spooled},
    },
};

/// A manifest with the files that belong to it.
#[derive(Debug)]
pub(super) struct WithFiles {
    pub(super) bundle: Bundle,
    /// The permit for the memory of the bundle.
    _memory: SemaphorePermit<'static>,
}

/// A received version of a stored template.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) files: WithFiles,
    /// The names of the new files.
    pub(super) new: Vec<String>,
    /// The version that the sender saw as the current one, if the sender says so.
    pub(super) after: Option<Uuid>,
}

/// Reads a form with a manifest and new files of a template. The other files are those of `row`.
pub(super) async fn receive(api: &Api, row: &TemplateRow, request: Request, limit: u64) -> Result<Version, Problem> {
    let mut form = Form::open(request, limit).await?;
    let mut spool = Spool::new().await?;
    let (mut manifest, mut after) = (None, None);
    let mut new: Vec<(String, Spooled)> = Vec::new();
    while let Some(part) = form.next().await? {
        let field = part.name();
        match (field.as_str(), part.file_name()) {
            ("manifest", None) => manifest = Some(manifest_text(part, row).await?),
            ("after", None) => {
                let text = part.text(NAME_BYTES).await?;
                let id = text.parse().map_err(|_| {
                    Problem::field("after", format!("after is {text:?}, which is not a valid id: send a version's id"))
                })?;
                after = Some(id);
            }
            ("files", Some(file)) => {
                if new.len() == MAX_FILES {
                    return Err(refused(BundleError::TooMany.into()));
                }
                Bundle::check_name(&file).map_err(|error| refused(error.into()))?;
                if file == MANIFEST {
                    let detail = format!("{MANIFEST} comes as the field manifest: send pictures and fonts here");
                    return Err(Problem::field("files", detail));
                }
                let taken = spool.take(part, MAX_FILE).await?.ok_or_else(|| {
                    let detail = format!("{file} is larger than {} MB: make it smaller", MAX_FILE >> 20);
                    Problem::new(Kind::TooLarge, detail)
                })?;
                new.push((file, taken));
            }
            _ => {
                let detail =
                    format!("the form has an unknown field {field:?}: the fields are manifest, after and files");
                return Err(Problem::field(&field, detail));
            }
        }
    }
    let manifest = manifest.ok_or_else(|| Problem::field("manifest", "the form has no manifest: send one"))?;
    let names = new.iter().map(|(name, _)| name.clone()).collect();
    let files = with_files(api, row, manifest, new, Some(&spool)).await?;
    Ok(Version { files, new: names, after })
}

/// Reads a manifest from a form. Browsers send every line end as CR LF; the text gets the line ends of the stored one.
async fn manifest_text(part: Part<'_>, row: &TemplateRow) -> Result<String, Problem> {
    let bytes = part.bytes(2 * MAX_MANIFEST).await?.ok_or_else(|| {
        Problem::field("manifest", format!("the manifest is longer than {} KB: shorten it", MAX_MANIFEST >> 10))
    })?;
    let text = String::from_utf8(bytes.into())
        .map_err(|_| Problem::field("manifest", "the manifest is not UTF-8: send it as UTF-8"))?;
    if text.contains(NUL) {
        return Err(Problem::field("manifest", "the manifest contains a NUL character: send it without NUL"));
    }
    Ok(if row.manifest.contains("\r\n") { text } else { text.replace("\r\n", "\n") })
}

/// Puts a manifest together with the files of a stored version.
pub(super) async fn with_files_of(api: &Api, row: &TemplateRow, manifest: String) -> Result<WithFiles, Problem> {
    with_files(api, row, manifest, Vec::new(), None).await
}

async fn with_files(
    api: &Api,
    row: &TemplateRow,
    manifest: String,
    new: Vec<(String, Spooled)>,
    spool: Option<&Spool>,
) -> Result<WithFiles, Problem> {
    let mut total = manifest.len() as u64 + new.iter().map(|(_, part)| part.bytes).sum::<u64>();
    let mut kept = Vec::new();
    for (name, key) in row.files.0.iter().filter(|(name, _)| !new.iter().any(|(own, _)| own == *name)) {
        let key = Stored::of(row.workspace_id, key)?;
        total += api.files.size(&key).await?.unwrap_or_default();
        kept.push((name, key));
    }
    if total > MAX_TEMPLATE {
        return Err(limits::too_large(MAX_TEMPLATE));
    }
    let memory = MEMORY.take(total).await?;
    let mut bundle = match spool {
        None => Bundle::default(),
        Some(spool) => {
            let mut file = spool.blocking().await?;
            let gathered = tokio::task::spawn_blocking(move || gather(&mut file, &new)).await;
            gathered.map_err(|panic| Problem::internal(&panic))??
        }
    };
    let mut put = |name: &str, bytes| bundle.insert(name, bytes).map_err(|error| refused(error.into()));
    put(MANIFEST, manifest.into())?;
    for (name, key) in kept {
        put(name, api.files.get(&key, MAX_FILE).await.map_err(|error| refused(error.into()))?)?;
    }
    Ok(WithFiles { bundle, _memory: memory })
}
