//! A candidate face: its names and style, its coverage, and the face itself once it is loaded.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use harfrust::font::Blob;

use super::Face;
use super::coverage::Coverage;

/// The source of a face's bytes.
pub(super) enum Source {
    /// Compiled into the program.
    Static(&'static [u8]),
    /// Given as bytes, such as a template's own file.
    Bytes(Arc<dyn AsRef<[u8]> + Send + Sync>),
    /// A file of the machine, shared by the faces of a collection.
    File(Arc<FontFile>),
}

/// A font file that is read completely when one of its faces first draws. It is read rather than mapped, so that
/// replacing the file cannot crash a running service.
pub(super) struct FontFile {
    pub(super) path: PathBuf,
    bytes: OnceLock<Option<Arc<dyn AsRef<[u8]> + Send + Sync>>>,
}

impl FontFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, bytes: OnceLock::new() }
    }

    fn bytes(&self) -> Option<Arc<dyn AsRef<[u8]> + Send + Sync>> {
        self.bytes
            .get_or_init(|| match std::fs::read(&self.path) {
                Ok(bytes) => Some(Arc::new(bytes)),
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "font file cannot be read");
                    None
                }
            })
            .clone()
    }
}

/// A face with its names and style, which is loaded at its first use.
pub(super) struct Slot {
    /// The family names, lower case, the main one first.
    pub(super) families: Vec<String>,
    /// The CSS weight: 400 is regular, 700 bold.
    pub(super) weight: u16,
    pub(super) italic: bool,
    pub(super) monospaced: bool,
    /// Whether the face is neither condensed nor expanded.
    pub(super) normal_width: bool,
    pub(super) source: Source,
    pub(super) index: u32,
    coverage: OnceLock<Coverage>,
    face: OnceLock<Option<Arc<Face>>>,
}

impl Slot {
    pub(super) fn new(families: Vec<String>, source: Source, index: u32) -> Self {
        Self {
            families,
            weight: 400,
            italic: false,
            monospaced: false,
            normal_width: true,
            source,
            index,
            coverage: OnceLock::new(),
            face: OnceLock::new(),
        }
    }

    /// The main family name, lower case.
    pub(super) fn family(&self) -> Option<&str> {
        self.families.first().map(String::as_str)
    }

    /// Whether the face has this family name (lower case).
    pub(super) fn is_family(&self, family: &str) -> bool {
        self.families.iter().any(|name| name == family)
    }

    /// Returns the distance between the face and the wanted style; 0 is a perfect match.
    pub(super) fn style_distance(&self, bold: bool, italic: bool) -> u32 {
        let wanted = if bold { 700 } else { 400 };
        let weight = u32::from(self.weight.abs_diff(wanted)) / 10;
        weight + if self.italic == italic { 0 } else { 8 } + if self.normal_width { 0 } else { 12 }
    }

    /// Whether the face has a glyph for the character. This does not load the outlines of a file.
    pub(super) fn covers(&self, c: char) -> bool {
        if let Some(Some(face)) = self.face.get() {
            return face.covers(c);
        }
        match &self.source {
            Source::File(file) => self.coverage.get_or_init(|| Coverage::of_file(&file.path, self.index)).contains(c),
            _ => self.face().is_some_and(|face| face.covers(c)),
        }
    }

    /// Returns the face, and reads it if necessary. Returns `None` if it is unreadable.
    pub(super) fn face(&self) -> Option<Arc<Face>> {
        self.face
            .get_or_init(|| {
                let blob: Blob = match &self.source {
                    Source::Static(bytes) => (*bytes).into(),
                    Source::Bytes(bytes) => bytes.clone().into(),
                    Source::File(file) => file.bytes()?.into(),
                };
                Face::new(blob, self.index).map(Arc::new)
            })
            .clone()
    }
}
