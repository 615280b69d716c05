//! Fonts: the ones compiled in, a template's own files, and the machine's, found when first needed.
//!
//! Which face draws what is decided per grapheme cluster, in this order: the family the style asks
//! for, the other fonts of the template, DejaVu (compiled in), the fonts of the machine ranked for
//! the cluster's script. DejaVu comes before the machine's fonts so that what it covers (Latin,
//! Vietnamese, Greek, Cyrillic, Arabic, Hebrew) looks the same on every machine. Emoji go to a
//! colour font first.

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
    /// What the file says of itself cannot be.
    #[error("font file {name} cannot be used: {flaw}")]
    Flawed {
        /// Name of the file, as given.
        name: String,
        /// What is wrong with it.
        flaw: FontFlaw,
    },
    /// The file holds no face that could be read.
    #[error("font file {name} is not a readable TrueType or OpenType font; give a .ttf, .otf or .ttc file")]
    Unreadable {
        /// Name of the file, as given.
        name: String,
    },
}

/// The fonts a renderer may use. Cheap to clone: clones share the machine's fonts and everything
/// already loaded, so each template can add its own files to a clone.
#[derive(Clone)]
pub struct FontLibrary {
    own: Vec<Arc<Slot>>,
    embedded: Arc<[Slot]>,
    system: Option<Arc<System>>,
}

/// The machine's fonts: where to look, and what was found once somebody looked.
struct System {
    dirs: Vec<PathBuf>,
    catalog: OnceLock<Catalog>,
}

impl System {
    /// The machine's fonts and those in these folders. Libraries that are there at the same time share what they found:
    /// reading the folders takes a while.
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
    /// Only the fonts compiled in: the same pixels on every machine.
    pub fn embedded() -> Self {
        Self { own: Vec::new(), embedded: embedded::slots().into(), system: None }
    }

    /// The compiled-in fonts, those under `extra_dirs` and the system's. Folders are read the first
    /// time a name needs a face that is not compiled in; a folder that is missing counts as empty.
    pub fn with_system(extra_dirs: &[PathBuf]) -> Self {
        Self { system: Some(System::shared(extra_dirs)), ..Self::embedded() }
    }

    /// Adds a font file, usually a template's own. Styles name it by its family name or by `name`
    /// without the extension. Returns the family names found in the file.
    ///
    /// # Errors
    /// [`FontError`] when the bytes are not a font this library can draw with.
    pub fn add_font_file(&mut self, name: &str, bytes: Vec<u8>) -> Result<Vec<String>, FontError> {
        // Before any library sees it: they believe what a file claims.
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
    /// The label of the slot whose font does not load, and why.
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

    /// Whether a style that asks for `family` gets it. Looks at the machine's fonts if it must.
    pub fn has_family(&self, family: &str) -> bool {
        let family = family.trim().to_lowercase();
        embedded::is_generic(&family)
            || self.own.iter().any(|slot| slot.is_family(&family))
            || self.embedded.iter().any(|slot| slot.is_family(&family))
            || self.catalog().is_some_and(|catalog| !catalog.family(&family).is_empty())
    }

    /// Names the machine's fonts, so that a drawing made before fonts were added or updated is known to be old. Reads
    /// the font folders.
    pub fn fingerprint(&self) -> &str {
        self.catalog().map_or("", Catalog::fingerprint)
    }

    /// The machine's fonts, scanned now if nobody did before.
    fn catalog(&self) -> Option<&Catalog> {
        let system = self.system.as_deref()?;
        Some(system.catalog.get_or_init(|| Catalog::scan(&system.dirs)))
    }
}
