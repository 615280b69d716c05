//! Draws one guest's invitation: a pure function from a prepared template and a guest to the bytes of a file.

use std::collections::BTreeMap;

use herald_template::expression::EvaluateError;
use image::RgbImage;

use super::avatar::{draw_avatar, draw_figure};
use super::canvas::Canvas;
use super::encode::{EncodeError, Format};
use super::fonts::FontLibrary;
use super::frame::Frame;
use super::initials::initials;
use super::missing::describe;
use super::note::Note;
use super::picture::Pixels;
use super::qr::{self, QrError};
use super::resize;
use super::shape::{self, paste};
use super::splice;
use super::template::{Content, PreparedSlot, PreparedTemplate};
use super::text::{self, Align, Area, TextStyle, VAlign, layout};

/// The version of the drawing. It changes whenever the same template and guest would give other bytes, and is part of
/// the address of an output.
pub const RENDERER_VERSION: u32 = 4;

/// The size of the initials on an avatar, as a part of its side.
const INITIALS: f32 = 0.42;

/// The guest of an invitation.
#[derive(Debug, Clone, Copy)]
pub struct Guest<'g> {
    /// The guest's fields by name. Every field that the template reads must be present; it may be empty.
    pub fields: &'g BTreeMap<String, String>,
    /// The cropped portrait; without it an avatar is drawn.
    pub portrait: Option<&'g Pixels>,
    /// The lucky number as it is shown; `{{ number }}` in texts.
    pub number: &'g str,
    /// The content of the QR code; `{{ link }}` in texts.
    pub link: &'g str,
    /// Whether a line with values of the guest is drawn without the characters that no font has, with a note. Otherwise
    /// such a guest gets no invitation, because a name must not have gaps.
    pub allow_missing_glyphs: bool,
}

/// A finished invitation.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The content of the file.
    pub bytes: Vec<u8>,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// Notes for an admin about the invitation.
    pub notes: Vec<Note>,
}

/// Why a guest's invitation cannot be drawn. A retry does not help.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A text has no value for this guest.
    #[error("{slot}: {source}")]
    Text {
        /// The slot, such as `slot 2 "guest name" (text)`.
        slot: String,
        /// The cause.
        source: EvaluateError,
    },
    /// No font has a character of a line with values of the guest.
    #[error("{slot}: no font has {}; then run it again, or have it without them with --allow-missing-glyphs",
        describe(.characters))]
    MissingGlyphs {
        /// The slot.
        slot: String,
        /// The characters, without duplicates.
        characters: Vec<String>,
    },
    /// The QR code cannot be drawn.
    #[error("{slot}: {source}")]
    Qr {
        /// The slot.
        slot: String,
        /// The cause.
        source: QrError,
    },
    /// The image cannot be written in this format.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Buffers that are reused from one invitation to the next: one full frame and buffers for drawing and encoding. Keep
/// one per thread.
#[derive(Default)]
pub struct Scratch {
    frame: Frame,
    text: text::Scratch,
    resize: resize::Scratch,
    splice: splice::Scratch,
}

/// Draws the template for one guest and encodes it. It is CPU-bound: one or two milliseconds at 1080×1350. The same
/// arguments give the same bytes, whatever the scratch was used for before.
///
/// # Errors
/// [`RenderError`], which names the slot. An invitation is never drawn partly.
pub fn render(
    template: &PreparedTemplate,
    guest: &Guest<'_>,
    format: Format,
    scratch: &mut Scratch,
) -> Result<Rendered, RenderError> {
    let (width, height) = template.dimensions();
    let notes = draw(template, guest, scratch)?;
    let bytes = encode_drawn(template, format, scratch)?;
    Ok(Rendered { bytes, width, height, notes })
}

/// The second half of [`render`]: encodes the drawing that [`draw`] has left in the scratch for the same template.
///
/// # Errors
/// [`RenderError::Encode`].
pub fn encode_drawn(
    template: &PreparedTemplate,
    format: Format,
    scratch: &mut Scratch,
) -> Result<Vec<u8>, RenderError> {
    Ok(template.splices.encode(&spliced(template), &scratch.frame, format, &mut scratch.splice)?)
}

/// The first half of [`render`]: draws the invitation into the scratch.
///
/// # Errors
/// [`RenderError`], which names the slot.
pub fn draw(template: &PreparedTemplate, guest: &Guest<'_>, scratch: &mut Scratch) -> Result<Vec<Note>, RenderError> {
    let mut canvas = scratch.frame.begin(&template.base);
    let mut notes = Vec::new();
    for slot in &template.slots {
        match &slot.content {
            Content::Text { value, style } => {
                let line = value
                    .evaluate_isolated(|name| guest.field(name))
                    .map_err(|source| RenderError::Text { slot: slot.label.clone(), source })?;
                let noted = draw_text(&line, style, slot, &template.fonts, &mut canvas, &mut scratch.text);
                notes.extend(if value.is_constant() { noted } else { complete(noted, guest)? });
            }
            Content::Number { style } => {
                let noted = draw_text(guest.number, style, slot, &template.fonts, &mut canvas, &mut scratch.text);
                notes.extend(complete(noted, guest)?);
            }
            Content::Picture { shape, border } => {
                let drawn;
                let picture = match guest.portrait {
                    Some(portrait) => portrait,
                    None => {
                        let side = slot.area.width.max(slot.area.height);
                        drawn = Pixels::Opaque(avatar(&guest.name(), side, &template.fonts, &mut scratch.text));
                        &drawn
                    }
                };
                paste(&mut canvas, picture, upright(slot.area), *shape, *border, &mut scratch.resize);
            }
            Content::Qr { dark, light } => {
                qr::draw(&mut canvas, guest.link, upright(slot.area), *dark, *light)
                    .map_err(|source| RenderError::Qr { slot: slot.label.clone(), source })?;
            }
        }
    }
    Ok(notes)
}

/// Refuses a line of the guest with gaps, unless gaps are allowed.
fn complete(notes: Vec<Note>, guest: &Guest<'_>) -> Result<Vec<Note>, RenderError> {
    let missing = notes.iter().find_map(|note| match note {
        Note::MissingGlyphs { slot, characters } => Some((slot.clone(), characters.clone())),
        _ => None,
    });
    match missing.filter(|_| !guest.allow_missing_glyphs) {
        Some((slot, characters)) => Err(RenderError::MissingGlyphs { slot, characters }),
        None => Ok(notes),
    }
}

/// The parts of a template that splicing needs.
pub(super) fn spliced(template: &PreparedTemplate) -> splice::Template<'_> {
    splice::Template { base: &template.base, version: template.version(), sample: Box::new(|| sample(template)) }
}

/// Draws a sample invitation. Parts that cannot be drawn for the sample guest are missing; otherwise it is like any
/// other frame.
fn sample(template: &PreparedTemplate) -> Frame {
    let named = template.slots.iter().filter_map(|slot| match &slot.content {
        Content::Text { value, .. } => Some(value.fields()),
        _ => None,
    });
    let fields = named.flatten().map(|name| (name.clone(), "Alexandra Sample".to_owned())).collect();
    let link = "https://example.org/i/sample";
    let guest = Guest { fields: &fields, portrait: None, number: "0042", link, allow_missing_glyphs: true };
    let mut scratch = Scratch::default();
    // An error is specific to the sample guest, and ends the drawing early.
    let _ = draw(template, &guest, &mut scratch);
    scratch.frame
}

/// Lays out and draws one text, and returns its flaws.
pub(super) fn draw_text(
    value: &str,
    style: &TextStyle,
    slot: &PreparedSlot,
    fonts: &FontLibrary,
    canvas: &mut Canvas<'_>,
    scratch: &mut text::Scratch,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if value.trim().is_empty() {
        return notes;
    }
    let set = layout(value, style, slot.area.width as f32, slot.area.height as f32, fonts);
    text::draw(&set, style, canvas, slot.area, scratch);
    if !set.missing.is_empty() {
        notes.push(Note::MissingGlyphs { slot: slot.label.clone(), characters: set.missing });
    }
    if !set.substituted.is_empty() {
        notes.push(Note::Substituted { slot: slot.label.clone(), characters: set.substituted });
    }
    if set.clipped {
        notes.push(Note::Clipped { slot: slot.label.clone() });
    }
    notes
}

/// Draws the replacement for a missing picture: initials on a colour from the name, or a figure.
fn avatar(name: &str, side: u32, fonts: &FontLibrary, scratch: &mut text::Scratch) -> RgbImage {
    let letters = initials(name);
    let avatar = draw_avatar(side, name);
    let [red, green, blue] = avatar.ink;
    let style = TextStyle {
        size: side as f32 * INITIALS,
        min_size: side as f32 * INITIALS / 4.0,
        color: [red, green, blue, 255],
        align: Align::Center,
        valign: VAlign::Middle,
        ..TextStyle::default()
    };
    let inner = side * 7 / 10;
    let set = layout(&letters, &style, inner as f32, inner as f32, fonts);
    if letters.is_empty() || !set.missing.is_empty() || set.lines.is_empty() {
        return draw_figure(side, name).image;
    }
    let mut image = avatar.image;
    let edge = i32::try_from((side - inner) / 2).unwrap_or(0);
    let area = Area { x: edge, y: edge, width: inner, height: inner };
    text::draw(&set, &style, &mut Canvas::from(&mut image), area, scratch);
    image
}

/// Converts the box of a slot that does not rotate. Such a box never has a negative corner.
fn upright(area: Area) -> shape::Area {
    let edge = |at: i32| u32::try_from(at).unwrap_or(0);
    shape::Area { x: edge(area.x), y: edge(area.y), width: area.width, height: area.height }
}

impl Guest<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        match name {
            "number" => Some(self.number),
            "link" => Some(self.link),
            _ => self.fields.get(name).map(String::as_str),
        }
    }

    /// Returns the name from which an avatar's initials come.
    fn name(&self) -> String {
        let field = |name| self.field(name).unwrap_or_default().trim();
        match field("name") {
            "" => format!("{} {}", field("first_name"), field("last_name")).trim().to_owned(),
            name => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
