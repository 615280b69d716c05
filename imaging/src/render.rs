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

/// Changes whenever the same template and guest would come out as other bytes. Part of the address of an output.
pub const RENDERER_VERSION: u32 = 4;

/// Size of the initials on an avatar, in parts of its side.
const INITIALS: f32 = 0.42;

/// Whom an invitation is for.
#[derive(Debug, Clone, Copy)]
pub struct Guest<'g> {
    /// The guest's fields by name. Every field the template reads must be there; it may be empty.
    pub fields: &'g BTreeMap<String, String>,
    /// The portrait, cropped; without one an avatar is drawn.
    pub portrait: Option<&'g Pixels>,
    /// The lucky number as it is to be shown; `{{ number }}` in texts.
    pub number: &'g str,
    /// What the QR code says; `{{ link }}` in texts.
    pub link: &'g str,
    /// Draws a line that shows something of the guest's without the characters that no font has, and notes them.
    /// Otherwise such a guest gets no invitation: a name with holes in it is not a name.
    pub allow_missing_glyphs: bool,
}

/// A finished invitation.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What an admin should know about it.
    pub notes: Vec<Note>,
}

/// Why a guest's invitation cannot be drawn. Trying again changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A text has no value for this guest.
    #[error("{slot}: {source}")]
    Text {
        /// The slot, such as `slot 2 "guest name" (text)`.
        slot: String,
        /// Why.
        source: EvaluateError,
    },
    /// No font has a character of a line that shows something of the guest's.
    #[error("{slot}: no font has {}; then run it again, or have it without them with --allow-missing-glyphs",
        describe(.characters))]
    MissingGlyphs {
        /// The slot.
        slot: String,
        /// Each once.
        characters: Vec<String>,
    },
    /// The QR code cannot be drawn.
    #[error("{slot}: {source}")]
    Qr {
        /// The slot.
        slot: String,
        /// Why.
        source: QrError,
    },
    /// The image cannot be written in this format.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Buffers reused from one invitation to the next: one full frame and what drawing and encoding need. Keep one per
/// thread.
#[derive(Default)]
pub struct Scratch {
    frame: Frame,
    text: text::Scratch,
    resize: resize::Scratch,
    splice: splice::Scratch,
}

/// Draws the template for one guest and encodes it. CPU-bound: one or two milliseconds at 1080×1350. The same arguments
/// give the same bytes, whatever the scratch was used for before.
///
/// # Errors
/// [`RenderError`] names the slot; nothing is drawn half.
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

/// The second half of [`render`]: encodes what [`draw`] has left in the scratch for the same template.
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
/// [`RenderError`] names the slot.
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

/// Refuses a line of the guest's with holes in it, unless they are allowed.
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

/// What splicing wants to know of a template.
pub(super) fn spliced(template: &PreparedTemplate) -> splice::Template<'_> {
    splice::Template { base: &template.base, version: template.version(), sample: Box::new(|| sample(template)) }
}

/// An invitation as any: what cannot be drawn for this guest is left out, the rest is a frame like others.
fn sample(template: &PreparedTemplate) -> Frame {
    let named = template.slots.iter().filter_map(|slot| match &slot.content {
        Content::Text { value, .. } => Some(value.fields()),
        _ => None,
    });
    let fields = named.flatten().map(|name| (name.clone(), "Alexandra Sample".to_owned())).collect();
    let link = "https://example.org/i/sample";
    let guest = Guest { fields: &fields, portrait: None, number: "0042", link, allow_missing_glyphs: true };
    let mut scratch = Scratch::default();
    // An error is this guest's, and ends the drawing where it is.
    let _ = draw(template, &guest, &mut scratch);
    scratch.frame
}

/// Lays out and draws one text, and says what was wrong with it.
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

/// The picture of a guest who has none: initials on a colour of the name, or a figure.
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

/// The box of a slot that does not rotate, which never has a negative corner.
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

    /// The name an avatar's initials come from.
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
