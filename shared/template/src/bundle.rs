//! The files of a template: a folder, or the parts of an upload.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The name of the manifest in a template's folder.
pub const MANIFEST: &str = "template.toml";
/// The largest accepted file of a template, in bytes.
pub const MAX_FILE: u64 = 32 << 20;
/// The largest number of files in a template.
pub const MAX_FILES: usize = 32;
/// The extensions of a template's files; other files in the folder are ignored.
const EXTENSIONS: &[&str] = &["toml", "png", "jpg", "jpeg", "ttf", "otf", "ttc", "otc"];

/// The files of one template by name, in memory.
#[derive(Debug, Clone, Default)]
pub struct Bundle {
    files: BTreeMap<String, Bytes>,
}

/// Why the files of a template cannot be accepted.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {path}: {source}; check the path and its permissions")]
    Unreadable {
        /// The path that cannot be read.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The folder has no manifest.
    #[error("{0} has no {MANIFEST}; a template is a folder with a {MANIFEST} and a background picture")]
    NoManifest(PathBuf),
    /// The name contains a folder, or is empty.
    #[error("\"{0}\" is not a plain file name; put all files of a template directly into its folder")]
    Name(String),
    /// The file is neither a manifest, a picture nor a font.
    #[error("{0} is neither a manifest (.toml), a picture (.png, .jpg) nor a font (.ttf, .otf); leave it out")]
    Kind(String),
    /// The file is larger than [`MAX_FILE`].
    #[error("{name} has {megabytes} MB; a template's file may have at most {} MB", MAX_FILE >> 20)]
    TooLarge {
        /// The file.
        name: String,
        /// The size of the file, rounded up.
        megabytes: u64,
    },
    /// The template has more than [`MAX_FILES`] files.
    #[error("the template has more than {MAX_FILES} files; keep the manifest, its background and its fonts")]
    TooMany,
}

impl Bundle {
    /// Reads a template's folder: its manifest, pictures and fonts. It ignores hidden files, sub-folders and other
    /// kinds of file.
    ///
    /// # Errors
    /// [`BundleError`], which names the file.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError::Unreadable { path, source }
        };
        let mut bundle = Self::default();
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if !is_wanted(name) {
                continue;
            }
            let facts = fs::metadata(&path).map_err(unreadable(&path))?;
            if facts.is_dir() {
                continue;
            }
            check_size(name, facts.len())?;
            let bytes = fs::read(&path).map_err(unreadable(&path))?;
            bundle.insert(name, bytes.into())?;
        }
        if bundle.file(MANIFEST).is_none() {
            return Err(BundleError::NoManifest(folder.to_owned()));
        }
        Ok(bundle)
    }

    /// Adds one file, such as one from an upload. A second file with the same name replaces the first one.
    ///
    /// # Errors
    /// [`BundleError`] for a name that is not a plain file name, for an unknown kind of file, and for a size or a
    /// number of files over the limits.
    pub fn insert(&mut self, name: &str, bytes: Bytes) -> Result<(), BundleError> {
        Self::check_name(name)?;
        check_size(name, bytes.len() as u64)?;
        self.files.insert(name.to_owned(), bytes);
        if self.files.len() > MAX_FILES { Err(BundleError::TooMany) } else { Ok(()) }
    }

    /// Checks whether a template may have a file with this name.
    ///
    /// # Errors
    /// [`BundleError`] for a name that is not a plain file name, and for an unknown kind of file.
    pub fn check_name(name: &str) -> Result<(), BundleError> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name == ".." {
            return Err(BundleError::Name(name.to_owned()));
        }
        if is_wanted(name) { Ok(()) } else { Err(BundleError::Kind(name.to_owned())) }
    }

    /// Returns the content of one file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name)
    }

    /// Returns all files, by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes))
    }

    /// Returns the SHA-256 in hex of the manifest and the named files, with their names. It identifies the appearance
    /// of the template.
    pub(super) fn version<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> String {
        let mut names: Vec<&str> = names.into_iter().chain([MANIFEST]).collect();
        names.sort_unstable();
        names.dedup();
        let mut hash = Sha256::new();
        hash.update(b"herald template 1\n");
        for (name, bytes) in names.into_iter().filter_map(|name| Some((name, self.file(name)?))) {
            // The lengths come first, so that no two sets of files give the same bytes.
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        hex::encode(hash.finalize())
    }
}

fn is_wanted(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !name.starts_with('.') && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

fn check_size(name: &str, bytes: u64) -> Result<(), BundleError> {
    if bytes > MAX_FILE {
        return Err(BundleError::TooLarge { name: name.to_owned(), megabytes: bytes.div_ceil(1 << 20) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_without_its_stray_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in [MANIFEST, "back.PNG", "notes.txt", ".hidden.png"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::create_dir(folder.path().join("old.png")).unwrap();
        let bundle = Bundle::read(folder.path()).unwrap();
        assert_eq!(bundle.files().map(|(name, _)| name).collect::<Vec<_>>(), ["back.PNG", MANIFEST]);
    }

    #[test]
    fn a_folder_without_a_manifest_or_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Bundle::read(folder.path()), Err(BundleError::NoManifest(_))));
        let error = Bundle::read(&folder.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("gone"), "{error}");
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        let mut bundle = Bundle::default();
        for name in ["../a.png", "a/b.png", "", "c:\\x.png"] {
            assert!(matches!(bundle.insert(name, Bytes::new()), Err(BundleError::Name(_))), "{name}");
        }
        assert!(matches!(bundle.insert("run.sh", Bytes::new()), Err(BundleError::Kind(_))));
    }

    #[test]
    fn an_oversized_file_is_refused_with_the_limit() {
        let error = check_size("back.png", MAX_FILE + 1).unwrap_err();
        assert_eq!(error.to_string(), "back.png has 33 MB; a template's file may have at most 32 MB");
    }

    #[test]
    fn the_version_changes_with_content_and_name_and_nothing_else() {
        let bundle = |name: &str, text: &'static str| {
            let mut bundle = Bundle::default();
            bundle.insert(MANIFEST, Bytes::from_static(b"x")).unwrap();
            bundle.insert(name, Bytes::from_static(text.as_bytes())).unwrap();
            bundle
        };
        let version = bundle("a.png", "1").version(["a.png"]);
        assert_eq!(version.len(), 64);
        assert_eq!(version, bundle("a.png", "1").version(["a.png", MANIFEST]));
        assert_ne!(version, bundle("a.png", "2").version(["a.png"]));
        assert_ne!(version, bundle("b.png", "1").version(["b.png"]));
        let mut stray = bundle("a.png", "1");
        stray.insert("unused.png", Bytes::from_static(b"y")).unwrap();
        assert_eq!(version, stray.version(["a.png"]));
    }
}
