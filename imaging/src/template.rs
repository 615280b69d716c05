//! A template that is prepared for many drawings: all work that is the same for all guests is done once.

use std::sync::Arc;

use herald_template as manifest;
use herald_template::expression::Expression;
use image::{Rgb, RgbImage};

use super::canvas::Canvas;
use super::encode::Format;
use super::fonts::{FontError, FontLibrary};
use super::note::Note;
use super::picture::{self, PictureError, Pixels};
use super::shape::{Border, Shape, mix};
pub use super::splice::Whole;
use super::splice::{Bounds, Splices};
use super::text::{self, Align, Area, Shadow, TextStyle, VAlign};

/// A template with a decoded background, loaded fonts and drawn fixed texts. Share it in an `Arc`.
pub struct PreparedTemplate {
    pub(super) base: Arc<RgbImage>,
    /// The slots that differ from guest to guest.
    pub(super) slots: Vec<PreparedSlot>,
    pub(super) fonts: FontLibrary,
    /// The encodings of `base`.
    pub(super) splices: Splices,
    version: String,
    fonts_fingerprint: String,
    notes: Vec<Note>,
}

/// A slot in the terms of the drawing modules.
pub(super) struct PreparedSlot {
    /// The name in messages.
    pub(super) label: String,
    pub(super) area: Area,
    pub(super) content: Content,
}

pub(super) enum Content {
    Text { value: Expression, style: TextStyle },
    Number { style: TextStyle },
    Picture { shape: Shape, border: Option<Border> },
    Qr { dark: [u8; 3], light: [u8; 3] },
}

/// Why a template cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The manifest has problems.
    #[error(transparent)]
    Problems(#[from] manifest::Problems),
    /// The background does not decode.
    #[error("background \"{name}\": {source}")]
    Background {
        /// The file of the background.
        name: String,
        /// The cause.
        source: PictureError,
    },
    /// The background has an EXIF orientation, which would move every box.
    #[error("background \"{0}\" is stored lying on its side; open it in a picture editor and save it upright")]
    Turned(String),
    /// A font file does not load.
    #[error("{slot}: {source}")]
    Font {
        /// The slot that uses the font.
        slot: String,
        /// The cause.
        source: FontError,
    },
}

impl PreparedTemplate {
    /// Reads, checks and prepares a template. It is CPU-bound and takes some tens of milliseconds, because it decodes
    /// the background.
    ///
    /// # Errors
    /// [`PrepareError`], which lists every problem of the manifest, or names the background or font that does not load.
    pub fn new(bundle: &manifest::Bundle, fonts: &FontLibrary) -> Result<Self, PrepareError> {
        Self::from_template(manifest::Template::read(bundle)?, bundle, fonts)
    }

    /// Prepares a template that was read from this bundle.
    ///
    /// # Errors
    /// Like [`PreparedTemplate::new`].
    pub fn from_template(
        template: manifest::Template,
        bundle: &manifest::Bundle,
        fonts: &FontLibrary,
    ) -> Result<Self, PrepareError> {
        let mut base = background(&template, bundle)?;
        let mut fonts = fonts.clone();
        fonts.add_fonts_of(&template, bundle).map_err(|(slot, source)| PrepareError::Font { slot, source })?;
        let mut notes = Vec::new();
        for slot in &template.slots {
            if let Some(manifest::Font::Family(family)) = slot.typography().map(|typography| &typography.font)
                && !fonts.has_family(family)
            {
                notes.push(Note::FontNotFound { slot: slot.label.clone(), family: family.clone() });
            }
        }
        let slots = template.slots.iter().map(prepare).collect();
        let slots = draw_fixed_texts(slots, &mut base, &fonts, &mut notes);
        let splices = Splices::new(slots.iter().map(|slot| slot.on_picture(&base)).collect());
        let fonts_fingerprint = fonts.fingerprint().to_owned();
        let (base, version) = (Arc::new(base), template.version);
        Ok(Self { base, slots, fonts, splices, version, fonts_fingerprint, notes })
    }

    /// Returns the SHA-256 in hex of the manifest and the files that it uses.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the [`FontLibrary::fingerprint`] of the fonts for drawing, without the template's own fonts, which its
    /// version covers.
    #[must_use]
    pub fn fonts_fingerprint(&self) -> &str {
        &self.fonts_fingerprint
    }

    /// Returns width and height of the invitations, in pixels.
    #[must_use]
    pub fn dimensions(&self) -> (u32, u32) {
        self.base.dimensions()
    }

    /// Returns notes for an admin about the template itself, independent of the guest: missing fonts, clipped fixed
    /// texts.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns the longest side of any picture slot, in pixels; `None` if guests' pictures are not drawn.
    #[must_use]
    pub fn portrait_side(&self) -> Option<u32> {
        let pictures = self.slots.iter().filter(|slot| matches!(slot.content, Content::Picture { .. }));
        pictures.map(|slot| slot.area.width.max(slot.area.height)).max()
    }

    /// Returns why invitations in this format are encoded whole for every guest, which takes several times as long.
    /// Returns `None` if only the differences from the template are encoded. The first call for a format is CPU-bound:
    /// some tens to hundreds of milliseconds.
    #[must_use]
    pub fn encoded_whole(&self, format: Format) -> Option<Whole> {
        self.splices.whole(&super::render::spliced(self), format)
    }
}

/// Draws the texts that are the same for every guest into the background, unless they lie over a changing part. Returns
/// the other slots.
fn draw_fixed_texts(
    slots: Vec<PreparedSlot>,
    base: &mut RgbImage,
    fonts: &FontLibrary,
    notes: &mut Vec<Note>,
) -> Vec<PreparedSlot> {
    let mut changing: Vec<PreparedSlot> = Vec::new();
    let mut scratch = text::Scratch::default();
    for slot in slots {
        let free = changing.iter().all(|other| !overlap(other.bounds(), slot.bounds()));
        match &slot.content {
            Content::Text { value, style } if value.is_constant() && free => {
                // A constant was evaluated when it was parsed.
                let value = value.evaluate(&Default::default()).unwrap_or_default();
                let mut canvas = Canvas::from(&mut *base);
                notes.extend(super::render::draw_text(&value, style, &slot, fonts, &mut canvas, &mut scratch));
            }
            _ => changing.push(slot),
        }
    }
    changing
}

impl PreparedSlot {
    /// Returns left, top, right and bottom of the area that the slot may touch.
    fn bounds(&self) -> [i64; 4] {
        let Area { x, y, width, height } = self.area;
        let (x, y, width, height) = (i64::from(x), i64::from(y), i64::from(width), i64::from(height));
        // At any angle, a rotated box stays within its diagonal.
        let grow = if self.rotation() == 0.0 { 0 } else { width.max(height) };
        [x - grow, y - grow, x + width + grow, y + height + grow]
    }

    /// Returns the part of the picture that the slot probably touches.
    fn on_picture(&self, picture: &RgbImage) -> Bounds {
        let Area { x, y, width, height } = self.area;
        let (x, y, width, height) = (f64::from(x), f64::from(y), f64::from(width), f64::from(height));
        let (sin, cos) = self.rotation().to_radians().sin_cos();
        // This is the box around the turned box.
        let (turned_width, turned_height) =
            ((width * cos).abs() + (height * sin).abs(), (width * sin).abs() + (height * cos).abs());
        let span = |middle: f64, length: f64, side: u32| {
            let within = |at: f64| at.clamp(0.0, f64::from(side)) as usize;
            within((middle - length / 2.0).floor())..within((middle + length / 2.0).ceil())
        };
        let (picture_width, picture_height) = picture.dimensions();
        Bounds {
            columns: span(x + width / 2.0, turned_width, picture_width),
            rows: span(y + height / 2.0, turned_height, picture_height),
        }
    }

    fn rotation(&self) -> f64 {
        match &self.content {
            Content::Text { style, .. } | Content::Number { style } => f64::from(style.rotation),
            _ => 0.0,
        }
    }
}

fn overlap(a: [i64; 4], b: [i64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn background(template: &manifest::Template, bundle: &manifest::Bundle) -> Result<RgbImage, PrepareError> {
    let name = &template.background;
    let bytes = bundle.file(name).map(|bytes| &bytes[..]).unwrap_or_default();
    let picture = picture::decode(bytes).map_err(|source| PrepareError::Background { name: name.clone(), source })?;
    if picture.turned {
        return Err(PrepareError::Turned(name.clone()));
    }
    Ok(match picture.pixels {
        Pixels::Opaque(image) => image,
        Pixels::Alpha(image) => {
            let mut flat = RgbImage::from_pixel(image.width(), image.height(), Rgb([255; 3]));
            for (below, above) in flat.pixels_mut().zip(image.pixels()) {
                let alpha = u32::from(above.0[3]);
                for (below, above) in below.0.iter_mut().zip(above.0) {
                    *below = mix(*below, above, alpha);
                }
            }
            flat
        }
    })
}

fn prepare(slot: &manifest::Slot) -> PreparedSlot {
    let manifest::Area { x, y, width, height } = slot.area;
    let style = |typography| style(typography, slot.rotation);
    let content = match &slot.content {
        manifest::Content::Text(text) => Content::Text { value: text.value.clone(), style: style(&text.typography) },
        manifest::Content::Number(typography) => Content::Number { style: style(typography) },
        manifest::Content::Picture(picture) => Content::Picture {
            shape: match picture.shape {
                manifest::Shape::Circle => Shape::Circle,
                manifest::Shape::Rounded(radius) => Shape::Rounded { radius },
                manifest::Shape::Rectangle => Shape::Rectangle,
            },
            border: picture.border.map(|border| Border { width: border.width, color: rgb(border.color) }),
        },
        manifest::Content::Qr(qr) => Content::Qr { dark: rgb(qr.color), light: rgb(qr.background) },
    };
    PreparedSlot { label: slot.label.clone(), area: Area { x, y, width, height }, content }
}

pub(super) fn style(typography: &manifest::Typography, rotation: f32) -> TextStyle {
    TextStyle {
        font: Some(match &typography.font {
            manifest::Font::Family(name) | manifest::Font::File(name) => name.clone(),
        }),
        bold: typography.bold,
        italic: typography.italic,
        size: typography.size,
        min_size: typography.min_size,
        max_lines: typography.lines as usize,
        line_height: typography.line_height,
        color: typography.color.rgba(),
        align: match typography.align {
            manifest::Align::Left => Align::Left,
            manifest::Align::Center => Align::Center,
            manifest::Align::Right => Align::Right,
            manifest::Align::Start => Align::Start,
            manifest::Align::End => Align::End,
        },
        valign: match typography.valign {
            manifest::VerticalAlign::Top => VAlign::Top,
            manifest::VerticalAlign::Middle => VAlign::Middle,
            manifest::VerticalAlign::Bottom => VAlign::Bottom,
        },
        letter_spacing: typography.letter_spacing,
        rotation,
        language: typography.language.clone(),
        shadow: typography.shadow.map(|shadow| Shadow {
            dx: shadow.dx,
            dy: shadow.dy,
            blur: shadow.blur,
            color: shadow.color.rgba(),
        }),
    }
}

fn rgb(color: manifest::Color) -> [u8; 3] {
    [color.red, color.green, color.blue]
}
