//! Receiving a template: its files one by one, or all of them in one zip.
//!
//! The upload goes to a temporary file first. Herald reads it into memory only when it is complete, and when there is
//! room for it beside other uploads.

use std::{
    fs::File,
    io::{Cursor, Read, Seek, SeekFrom},
    time::Duration,
};

use axum::extract::Request;
use futures::StreamExt;
use herald_template::{Bundle, BundleError, MANIFEST, MAX_FILE, MAX_FILES};
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::ToSchema;
use zip::{ZipArchive, result::ZipError};

use super::{MAX_TEMPLATE, refused};
use crate::front::{
    input, limits,
    problem::{Fault, Kind, Problem},
    upload::{Form, Spool, Spooled},
};

/// The memory that all templates in reception may use together, in MB.
const MEMORY_MB: u32 = 256;
/// How long an upload waits for memory.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(super) static MEMORY: Memory = Memory::new();

/// The largest number of entries in a zip. Folders and the files that a desktop adds count besides the template's
/// files.
const MAX_ENTRIES: usize = 10 * MAX_FILES;
/// The longest name of a template, in bytes.
pub(super) const NAME_BYTES: usize = 400;

/// The form that uploads a template.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only described")]
pub(super) struct TemplateForm {
    /// The name of the template; by default the name in `template.toml`.
    name: Option<String>,
    /// `template.toml` with its background and fonts, each with its file name, or one zip.
    files: Vec<String>,
}

/// A received template.
#[derive(Debug)]
pub(super) struct Received {
    /// The name that the sender sets, if any.
    pub(super) name: Option<String>,
    pub(super) bundle: Bundle,
    /// The permit for the memory of the bundle.
    _memory: SemaphorePermit<'static>,
}

/// The free part of [`MEMORY_MB`], in MB.
pub(super) struct Memory(Semaphore);

impl Memory {
    const fn new() -> Self {
        Self(Semaphore::const_new(MEMORY_MB as usize))
    }

    /// Waits until there is memory for `bytes` bytes, and takes it.
    pub(super) async fn take(&self, bytes: u64) -> Result<SemaphorePermit<'_>, Problem> {
        let megabytes = u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(MEMORY_MB).clamp(1, MEMORY_MB);
        match tokio::time::timeout(LONGEST_WAIT, self.0.acquire_many(megabytes)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(closed)) => Err(Problem::internal(&closed)),
            Err(_) => Err(Problem::new(
                Kind::TimedOut,
                "too many templates are being uploaded at once: try again in a moment",
            )),
        }
    }
}

/// Reads a form with a template's files, or with one zip; or a zip as the body.
pub(super) async fn receive(request: Request, limit: u64) -> Result<Received, Problem> {
    let mut spool = Spool::new().await?;
    if input::is_media_type(request.headers(), "application/zip") {
        let chunks = request.into_body().into_data_stream();
        let chunks = chunks.map(|chunk| {
            chunk.map_err(|_| {
                Problem::new(
                    Kind::InvalidRequest,
                    "the zip ended early, or is larger than the limit: send it again, or make it smaller",
                )
            })
        });
        let zip = spool.take_chunks(chunks, limit).await?.ok_or_else(|| limits::too_large(limit))?;
        return unpack(None, &spool, &zip).await;
    }
    if !input::is_media_type(request.headers(), "multipart/form-data") {
        let detail = "the body has the wrong type: send the template's files as a form \
                      (multipart/form-data), or one zip";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let mut form = Form::open(request, limit).await?;
    let mut name = None;
    let mut packed = None;
    let mut loose: Vec<(String, Spooled)> = Vec::new();
    while let Some(part) = form.next().await? {
        let field = part.name();
        let Some(file) = part.file_name() else {
            match field.as_str() {
                "name" => name = Some(part.text(NAME_BYTES).await?).filter(|name| !name.is_empty()),
                _ => {
                    return Err(Problem::field(
                        &field,
                        format!("the form has an unknown field {field:?}: the fields are files and name"),
                    ));
                }
            }
            continue;
        };
        let is_zip = file.to_ascii_lowercase().ends_with(".zip");
        if !is_zip {
            if loose.len() == MAX_FILES {
                return Err(refused(BundleError::TooMany.into()));
            }
            Bundle::check_name(&file).map_err(|error| refused(error.into()))?;
        }
        let most = if is_zip { MAX_TEMPLATE } else { MAX_FILE };
        let content = spool.take(part, most).await?.ok_or_else(|| {
            Problem::new(Kind::TooLarge, format!("{file} is larger than {} MB: make it smaller", most >> 20))
        })?;
        if is_zip {
            packed = Some(content);
        } else {
            loose.push((file, content));
        }
    }
    match packed {
        Some(_) if !loose.is_empty() => {
            Err(Problem::field("files", "the form has a zip and other files: send either the zip or the files"))
        }
        Some(zip) => unpack(name, &spool, &zip).await,
        None if loose.is_empty() => Err(Problem::field(
            "files",
            format!("the form has no files: attach {MANIFEST} and its pictures, or one zip"),
        )),
        None => {
            let memory = MEMORY.take(loose.iter().map(|(_, part)| part.bytes).sum()).await?;
            let mut file = spool.blocking().await?;
            let gather = tokio::task::spawn_blocking(move || gather(&mut file, &loose));
            let bundle = gather.await.map_err(|panic| Problem::internal(&panic))??;
            Ok(Received { name, bundle, _memory: memory })
        }
    }
}

/// Reads the parts of a form into a bundle.
pub(super) fn gather(file: &mut File, parts: &[(String, Spooled)]) -> Result<Bundle, Problem> {
    let mut bundle = Bundle::default();
    for (name, part) in parts {
        let mut content = vec![0; usize::try_from(part.bytes).unwrap_or(usize::MAX)];
        file.seek(SeekFrom::Start(part.start))?;
        file.read_exact(&mut content)?;
        bundle.insert(name, content.into()).map_err(|error| refused(error.into()))?;
    }
    Ok(bundle)
}

async fn unpack(name: Option<String>, spool: &Spool, zip: &Spooled) -> Result<Received, Problem> {
    // The unpacked size is known only afterwards.
    let memory = MEMORY.take(MAX_TEMPLATE).await?;
    debug_assert_eq!(zip.start, 0, "a zip comes alone");
    let file = spool.blocking().await?;
    let unpacked = tokio::task::spawn_blocking(move || unzip(file, MAX_TEMPLATE)).await;
    let bundle = unpacked.map_err(|panic| Problem::internal(&panic))??;
    Ok(Received { name, bundle, _memory: memory })
}

/// Unpacks the zip of a template as an upload does. Only the fuzzer uses this function.
#[doc(hidden)]
pub fn unpack_template(zip: &[u8]) -> Result<Bundle, String> {
    unzip(Cursor::new(zip), MAX_TEMPLATE).map_err(|problem| format!("{problem:?}"))
}

/// Unpacks a template's files. It does not trust the sizes in the zip: it reads each file up to its limit and no
/// further.
fn unzip(zip: impl Read + Seek, limit: u64) -> Result<Bundle, Problem> {
    let mut archive = ZipArchive::new(zip).map_err(|error| damaged(&error))?;
    if archive.len() > MAX_ENTRIES {
        return Err(wrong(format!("the zip has {} entries: a template has at most {MAX_FILES} files", archive.len())));
    }
    let folder = template_folder(&archive)?;
    let mut bundle = Bundle::default();
    let mut left = limit;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|error| damaged(&error))?;
        let name = entry.name().map_err(|error| damaged(&error))?.into_owned();
        let Some(file) = name.strip_prefix(&folder).filter(|file| is_wanted(file)) else { continue };
        // The name is checked before the content, so that a refused file is not unpacked.
        Bundle::check_name(file).map_err(|error| refused(error.into()))?;
        let most = left.min(MAX_FILE);
        let mut content = Vec::new();
        entry.by_ref().take(most + 1).read_to_end(&mut content).map_err(|error| damaged(&ZipError::Io(error)))?;
        if content.len() as u64 > most {
            return Err(Problem::new(
                Kind::TooLarge,
                format!(
                    "{file} is too large when unpacked: a file may have {} MB, a template {} MB",
                    MAX_FILE >> 20,
                    limit >> 20
                ),
            ));
        }
        left -= content.len() as u64;
        // Reading to an unknown end can leave the buffer twice as large as its content.
        content.shrink_to_fit();
        bundle.insert(file, content.into()).map_err(|error| refused(error.into()))?;
    }
    Ok(bundle)
}

/// Finds the template's folder in the zip, because people pack the folder as often as its files.
fn template_folder<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<String, Problem> {
    // A name that cannot be read causes an error when its file is read.
    let names = archive.file_names().filter_map(Result::ok);
    let manifests = names.filter(|name| name.rsplit('/').next() == Some(MANIFEST) && !name.starts_with("__MACOSX/"));
    let manifests: Vec<_> = manifests.collect();
    match manifests.as_slice() {
        [] => Err(wrong(format!("the zip does not contain {MANIFEST}: pack the template's folder or its files"))),
        [one] => Ok(one.strip_suffix(MANIFEST).unwrap_or_default().to_owned()),
        [first, second, ..] => {
            Err(wrong(format!("the zip contains more than one template ({first} and {second}): send them one by one")))
        }
    }
}

/// Whether a file belongs to the template. Folders, hidden files and files in deeper folders are skipped, as in a
/// folder on disk.
fn is_wanted(file: &str) -> bool {
    !file.is_empty() && !file.contains('/') && !file.starts_with('.')
}

fn wrong(detail: String) -> Problem {
    Problem::faults(Kind::InvalidTemplate, vec![Fault::new("files", detail)])
}

fn damaged(error: &ZipError) -> Problem {
    wrong(format!("the zip cannot be read ({error}): pack it again, without a password"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures::FutureExt;
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refusal(zip: &[u8], limit: u64) -> String {
        format!("{:?}", unzip(Cursor::new(zip), limit).unwrap_err())
    }

    #[tokio::test]
    async fn no_more_templates_are_in_memory_than_there_is_room_for() {
        let memory = Memory::new();
        let taken = |bytes| memory.take(bytes).now_or_never();
        let held = (taken(MAX_TEMPLATE).unwrap().unwrap(), taken(MAX_TEMPLATE).unwrap().unwrap());
        assert!(taken(1).is_none(), "the next upload waits");
        drop(held.0);
        let small: Vec<_> = (0..64).map(|_| taken(2 << 20).unwrap().unwrap()).collect();
        assert!(taken(1).is_none());
        drop((small, held.1));
        // A request for more than all memory takes all of it.
        let all = taken(u64::MAX).unwrap().unwrap();
        assert!(taken(1).is_none());
        drop(all);
        assert!(taken(1).is_some());
    }

    #[test]
    fn a_packed_folder_and_packed_files_are_the_same() {
        let files: &[(&str, &[u8])] = &[("template.toml", b"x"), ("b.png", b"y"), (".DS_Store", b"z")];
        let folder: &[(&str, &[u8])] = &[
            ("gala/template.toml", b"x"),
            ("gala/b.png", b"y"),
            ("__MACOSX/gala/template.toml", b"z"),
            ("gala/old/c.png", b"z"),
        ];
        for packed in [files, folder] {
            let bundle = unzip(Cursor::new(zip(packed)), 1_000).unwrap();
            assert_eq!(bundle.files().map(|(name, _)| name).collect::<Vec<_>>(), ["b.png", "template.toml"]);
        }
    }

    #[test]
    fn a_zip_bomb_is_refused_before_it_is_unpacked() {
        let bomb = zip(&[("template.toml", b"x"), ("b.png", &vec![0; 3 << 20])]);
        assert!(bomb.len() < 10_000);
        assert!(refusal(&bomb, 2 << 20).contains("too large when unpacked"));
        let crowd: Vec<(String, &[u8])> = (0..=MAX_ENTRIES).map(|at| (format!("{at}.png"), b"x".as_slice())).collect();
        let crowd: Vec<(&str, &[u8])> = crowd.iter().map(|(name, content)| (name.as_str(), *content)).collect();
        assert!(refusal(&zip(&crowd), 1_000).contains("entries"));
    }

    #[test]
    fn a_zip_with_no_template_or_two_or_none_at_all_is_named() {
        assert!(refusal(&zip(&[("a.png", b"x")]), 100).contains("does not contain template.toml"));
        assert!(refusal(&zip(&[("a/template.toml", b"x"), ("b/template.toml", b"x")]), 100).contains("more than one"));
        assert!(refusal(b"PK not really", 100).contains("cannot be read"));
        let mut torn = zip(&[("template.toml", &[7; 4_000])]);
        torn.truncate(torn.len() / 2);
        assert!(refusal(&torn, 10_000).contains("cannot be read"));
    }
}
