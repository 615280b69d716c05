//! Fonts: the compiled-in ones, a template's own files, and the machine's fonts, which are searched on demand.
//!
//! The face is chosen for each grapheme cluster, in this order: the family of the style, the other fonts of the
//! template, DejaVu (compiled in), the machine's fonts ranked for the cluster's script. DejaVu comes before the
//! machine's fonts, so that its scripts (Latin, Vietnamese, Greek, Cyrillic, Arabic, Hebrew) look the same on every
//! machine. For emoji, a colour font comes first.

mod catalog;
mod coverage;
mod embedded;
mod face;
mod rank;
mod slot;
mod stack;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use herald_template::{Bundle, FontFlaw, Template, check_font};

pub(crate) use face::{Face, PlanKey};
pub(crate) use rank::{HanStyle, Want};
pub(crate) use stack::{FaceStack, has_cluster};

use catalog::Catalog;
use slot::Slot;

/// Why a font file was refused.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// The file's claims about itself are impossible.
    #[error("font file {name} cannot be used: {flaw}")]
    Flawed {
        /// The given name of the file.
        name: String,
        /// The flaw of the file.
        flaw: FontFlaw,
    },
    /// The file holds no readable face.
    #[error("font file {name} is not a readable TrueType or OpenType font; give a .ttf, .otf or .ttc file")]
    Unreadable {
        /// The given name of the file.
        name: String,
    },
}

/// The fonts of a renderer. Cheap to clone: clones share the machine's fonts and all loaded fonts, so each template can
/// add its own files to a clone.
#[derive(Clone)]
pub struct FontLibrary {
    own: Vec<Arc<Slot>>,
    embedded: Arc<[Slot]>,
    system: Option<Arc<System>>,
}

/// The machine's fonts: the folders, and the fonts that the first search found.
struct System {
    dirs: Vec<PathBuf>,
    catalog: OnceLock<Catalog>,
}

impl System {
    /// Returns the machine's fonts and the fonts in these folders. Libraries that exist at the same time share the
    /// result, because reading the folders takes a while.
    fn shared(dirs: &[PathBuf]) -> Arc<Self> {
        static KNOWN: Mutex<Vec<Weak<System>>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|system| system.strong_count() > 0);
        if let Some(system) = known.iter().filter_map(Weak::upgrade).find(|system| system.dirs == dirs) {
            return system;
        }
        let system = Arc::new(Self { dirs: dirs.to_vec(), catalog: OnceLock::new() });
        known.push(Arc::downgrade(&system));
        system
    }
}

impl FontLibrary {
    /// Creates a library of the compiled-in fonts only, which gives the same pixels on every machine.
    pub fn embedded() -> Self {
        Self { own: Vec::new(), embedded: embedded::slots().into(), system: None }
    }

    /// Creates a library of the compiled-in fonts, the fonts under `extra_dirs` and the system's fonts. The folders are
    /// read when a name first needs a face that is not compiled in. A missing folder counts as empty.
    pub fn with_system(extra_dirs: &[PathBuf]) -> Self {
        Self { system: Some(System::shared(extra_dirs)), ..Self::embedded() }
    }

    /// Adds a font file, usually a template's own. Styles name it by its family name or by `name` without the
    /// extension. Returns the family names in the file.
    ///
    /// # Errors
    /// [`FontError`] when the bytes are not a font this library can draw with.
    pub fn add_font_file(&mut self, name: &str, bytes: Vec<u8>) -> Result<Vec<String>, FontError> {
        // The check comes before any library sees the file, because libraries trust a file's claims.
        check_font(&bytes).map_err(|flaw| FontError::Flawed { name: name.to_owned(), flaw })?;
        let mut slots = catalog::slots_of_bytes(name, bytes);
        slots.retain(|slot| slot.face().is_some());
        if slots.is_empty() {
            return Err(FontError::Unreadable { name: name.to_owned() });
        }
        let families = slots.iter().filter_map(|slot| slot.family().map(str::to_owned)).collect();
        self.own.extend(slots.into_iter().map(Arc::new));
        Ok(families)
    }

    /// Adds the font files that a template's slots name.
    ///
    /// # Errors
    /// The label of the slot whose font does not load, and the cause.
    pub fn add_fonts_of(&mut self, template: &Template, bundle: &Bundle) -> Result<(), (String, FontError)> {
        let mut loaded = Vec::new();
        for slot in &template.slots {
            let Some(name) = slot.font_file().filter(|name| !loaded.contains(name)) else { continue };
            let bytes = bundle.file(name).map(|bytes| bytes.to_vec()).unwrap_or_default();
            self.add_font_file(name, bytes).map_err(|error| (slot.label.clone(), error))?;
            loaded.push(name);
        }
        Ok(())
    }

    /// Whether a style that names `family` gets it. It searches the machine's fonts if necessary.
    pub fn has_family(&self, family: &str) -> bool {
        let family = family.trim().to_lowercase();
        embedded::is_generic(&family)
            || self.own.iter().any(|slot| slot.is_family(&family))
            || self.embedded.iter().any(|slot| slot.is_family(&family))
            || self.catalog().is_some_and(|catalog| !catalog.family(&family).is_empty())
    }

    /// Identifies the machine's fonts, so that a drawing from before an addition or update of fonts is known to be
    /// outdated. It reads the font folders.
    pub fn fingerprint(&self) -> &str {
        self.catalog().map_or("", Catalog::fingerprint)
    }

    /// Returns the machine's fonts. The first call searches for them.
    fn catalog(&self) -> Option<&Catalog> {
        let system = self.system.as_deref()?;
        Some(system.catalog.get_or_init(|| Catalog::scan(&system.dirs)))
    }
}
