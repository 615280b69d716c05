//! Templates: a folder with `template.toml`, a background picture and optional font files.
//!
//! A [`Bundle`] is the folder in memory. [`Template::read`] converts it into slots that can be drawn, or into the list
//! of all its problems. No picture is decoded here: only its size is read, from its header. `docs/templates.md`
//! describes the format for designers of templates.

mod bundle;
mod color;
pub mod expression;
mod font_file;
mod move_slot;
mod problem;
mod read_slot;
mod slot;
mod table;

use std::collections::BTreeSet;

use serde::Serialize;
use toml::de::DeTable;

pub use bundle::{Bundle, BundleError, MANIFEST, MAX_FILE, MAX_FILES};
pub use color::{Color, ColorError};
pub use font_file::{FontFlaw, MAX_FACES, check_font};
pub use move_slot::{Place, move_slot};
pub use problem::{Position, Problem, Problems};
pub use slot::{
    Align, Area, Border, Content, Font, PictureSlot, QrSlot, Shadow, Shape, Slot, TextSlot, Typography, VerticalAlign,
};

use problem::did_you_mean;
use table::Table;

/// The longest side of a background, in pixels.
pub const MAX_SIDE: u32 = 10_000;
/// The largest number of pixels in a background.
pub const MAX_PIXELS: u64 = 40_000_000;
/// The largest number of slots in a template.
pub const MAX_SLOTS: usize = 200;
/// The largest manifest, in bytes.
pub const MAX_MANIFEST: usize = 256 << 10;

/// The fields that every guest has without a column of that name: the lucky number, the invitation's link and the
/// event's name.
pub const PROVIDED_FIELDS: &[&str] = &["number", "link", "event"];

/// A checked template.
#[derive(Debug, Clone)]
pub struct Template {
    /// The name that the agency chose; empty if the manifest has no name.
    pub name: String,
    /// The file name of the background.
    pub background: String,
    /// The width of the background, and so of every invitation, in pixels.
    pub width: u32,
    /// The height, in pixels.
    pub height: u32,
    /// The slots to draw on the background, in this order.
    pub slots: Vec<Slot>,
    /// The SHA-256 in hex of the manifest and the files that it uses.
    pub version: String,
}

/// A template in a list of templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The name in the manifest.
    pub name: String,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The number of slots.
    pub slots: usize,
    /// The guests' fields that the template reads.
    pub fields: BTreeSet<String>,
    /// The SHA-256 in hex of the manifest and the files that it uses.
    pub version: String,
}

impl Template {
    /// Reads and checks a template, independent of its guests' fields.
    ///
    /// # Errors
    /// [`Problems`], which lists all problems, with their positions where they are known.
    pub fn read(bundle: &Bundle) -> Result<Self, Problems> {
        read(&Origin::Files(bundle), None)
    }

    /// Reads a template that was checked and stored before, from its manifest alone. It opens no other file.
    ///
    /// # Errors
    /// [`Problems`], if the manifest is not valid any more.
    pub fn of_stored(manifest: &str, (width, height): (u32, u32), version: &str) -> Result<Self, Problems> {
        read(&Origin::Stored { manifest, size: (width, height), version }, None)
    }

    /// Reads and checks a template for guests with these fields ([`PROVIDED_FIELDS`] need not be named).
    ///
    /// # Errors
    /// Like [`Template::read`], with a problem for each unknown field that the template reads.
    pub fn read_for(bundle: &Bundle, known: &BTreeSet<String>) -> Result<Self, Problems> {
        read(&Origin::Files(bundle), Some(known))
    }

    /// Checks that every required field of the template is known.
    ///
    /// # Errors
    /// [`Problems`], which names each unknown field, with the most similar known one.
    pub fn check_fields(&self, known: &BTreeSet<String>) -> Result<(), Problems> {
        let problems = unknown_fields(&self.slots, known);
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// Returns the guests' fields that the texts read, without [`PROVIDED_FIELDS`].
    #[must_use]
    pub fn fields(&self) -> BTreeSet<String> {
        let fields = self.slots.iter().flat_map(Slot::fields);
        fields.filter(|name| !PROVIDED_FIELDS.contains(&name.as_str())).cloned().collect()
    }

    /// Whether the template shows the guest's picture.
    #[must_use]
    pub fn has_picture(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot.content, Content::Picture(_)))
    }

    /// Returns the template's entry in a list of templates.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            name: self.name.clone(),
            width: self.width,
            height: self.height,
            slots: self.slots.len(),
            fields: self.fields(),
            version: self.version.clone(),
        }
    }
}

/// The source of a template.
enum Origin<'o> {
    /// All files of the template.
    Files(&'o Bundle),
    /// The manifest, and the facts about the files from an earlier check.
    Stored { manifest: &'o str, size: (u32, u32), version: &'o str },
}

impl<'o> Origin<'o> {
    fn bundle(&self) -> Option<&'o Bundle> {
        match self {
            Self::Files(bundle) => Some(bundle),
            Self::Stored { .. } => None,
        }
    }
}

fn read(origin: &Origin<'_>, known: Option<&BTreeSet<String>>) -> Result<Template, Problems> {
    let text = match origin {
        Origin::Files(bundle) => manifest_text(bundle),
        Origin::Stored { manifest, .. } => Ok(manifest.strip_prefix('\u{feff}').unwrap_or(manifest)),
    };
    let text = text.map_err(|message| Problems(vec![general(message)]))?;
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax(text, &errors));
    }
    let mut problems = Vec::new();
    let mut top = Table::new(text, document.get_ref(), document.span(), None, &mut problems);
    let name = top.text("name").map(|found| found.value).unwrap_or_default();
    let background = top.required_text("background", "name the picture file in the template's folder");
    let size = background.as_ref().and_then(|file| {
        let size = match origin {
            Origin::Files(bundle) => background_size(bundle, &file.value),
            Origin::Stored { size, .. } => Ok(*size),
        };
        match size {
            Ok(size) => Some(size),
            Err(message) => {
                top.problem(Some("background"), Some(file.position), message);
                None
            }
        }
    });
    let found = top.tables("slot");
    if found.is_empty() {
        top.problem(None, None, "there are no slots; add at least one [[slot]]".into());
    }
    top.finish();
    if found.len() > MAX_SLOTS {
        problems.push(general(format!("there are {} slots; at most {MAX_SLOTS} are allowed", found.len())));
    }
    let mut slots = Vec::new();
    for (index, (table, span)) in found.into_iter().enumerate().take(MAX_SLOTS) {
        let context = read_slot::Context { text, bundle: origin.bundle(), size, index };
        slots.extend(read_slot::read(&context, table, span, &mut problems));
    }
    if let Some(known) = known {
        problems.extend(unknown_fields(&slots, known));
    }
    problems.sort_by_key(|problem| problem.position.map_or((0, 0), |at| (at.line, at.column)));
    match (problems.is_empty(), background, size) {
        (true, Some(background), Some((width, height))) => {
            let background = background.value;
            let fonts = slots.iter().filter_map(Slot::font_file);
            let version = match origin {
                Origin::Files(bundle) => bundle.version(fonts.chain([background.as_str()])),
                Origin::Stored { version, .. } => (*version).to_owned(),
            };
            Ok(Template { name, background, width, height, slots, version })
        }
        _ => Err(Problems(problems)),
    }
}

/// The problems of a text that is not TOML.
fn syntax(text: &str, errors: &[toml::de::Error]) -> Problems {
    let syntax = errors.iter().map(|error| Problem {
        position: error.span().map(|span| Position::of(text, span.start)),
        ..general(format!("{}; the file must be valid TOML", error.message().replace('\n', ", ")))
    });
    Problems(syntax.collect())
}

fn general(message: String) -> Problem {
    Problem { position: None, slot: None, key: None, message }
}

fn manifest_text(bundle: &Bundle) -> Result<&str, String> {
    let bytes = bundle.file(MANIFEST).ok_or_else(|| format!("the template has no {MANIFEST}; add one to its files"))?;
    if bytes.len() > MAX_MANIFEST {
        return Err(format!("the file has {} KB; at most {} are allowed", bytes.len() >> 10, MAX_MANIFEST >> 10));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "the file is not UTF-8; save it as UTF-8".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Reads width and height from the picture's header.
fn background_size(bundle: &Bundle, name: &str) -> Result<(u32, u32), String> {
    let Some(bytes) = bundle.file(name) else {
        let pictures = bundle.files().map(|(name, _)| name).filter(|name| is_picture(name));
        let hint = did_you_mean(name, pictures);
        return Err(format!("there is no file \"{name}\" in the template's folder{hint}"));
    };
    if !matches!(imagesize::image_type(bytes), Ok(imagesize::ImageType::Png | imagesize::ImageType::Jpeg)) {
        return Err(format!("\"{name}\" is not a PNG or JPEG picture; export the background as one of these"));
    }
    let unreadable = || format!("\"{name}\" is damaged, its size cannot be read; export the picture again");
    let size = imagesize::blob_size(bytes).map_err(|_| unreadable())?;
    let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height)) else {
        return Err(unreadable());
    };
    if width == 0 || height == 0 {
        return Err(unreadable());
    }
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "\"{name}\" has {width} × {height} px; a background may have {MAX_SIDE} px a side and {} megapixels",
            MAX_PIXELS / 1_000_000
        ));
    }
    Ok((width, height))
}

fn is_picture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".png", ".jpg", ".jpeg"].iter().any(|extension| name.ends_with(extension))
}

fn unknown_fields(slots: &[Slot], known: &BTreeSet<String>) -> Vec<Problem> {
    let is_known = |name: &str| known.contains(name) || PROVIDED_FIELDS.contains(&name);
    let provided = PROVIDED_FIELDS.iter().copied().filter(|name| !known.contains(*name));
    let names = || known.iter().map(String::as_str).chain(provided.clone());
    let mut problems = Vec::new();
    for slot in slots {
        for field in slot.fields().filter(|name| !is_known(name) && slot.requires(name)) {
            let hint = match did_you_mean(field, names()) {
                hint if !hint.is_empty() => hint,
                _ => format!("; the fields are {}", names().collect::<Vec<_>>().join(", ")),
            };
            problems.push(Problem {
                position: slot.text_position,
                slot: Some(slot.label.clone()),
                key: None,
                message: format!("no guest has a field \"{field}\"{hint}"),
            });
        }
    }
    problems
}

#[cfg(test)]
mod tests;
