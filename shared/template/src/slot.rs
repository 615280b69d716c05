//! The slots of a template: what is drawn where.

use serde::Serialize;

use super::color::Color;
use super::problem::Position;
use crate::expression::Expression;

/// One thing to draw.
#[derive(Debug, Clone)]
pub struct Slot {
    /// What messages call it, such as `slot 2 "guest name" (text)`.
    pub label: String,
    /// Where it goes.
    pub area: Area,
    /// Degrees clockwise about the centre of the area; 0 for pictures and QR codes.
    pub rotation: f32,
    /// What goes there.
    pub content: Content,
    /// Where its text stands in the manifest.
    pub(super) text_position: Option<Position>,
}

/// A box in pixels of the background. The corner is negative only where a rotation brings the box back inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// What a slot draws.
#[derive(Debug, Clone)]
pub enum Content {
    /// A text, fixed or from the guest's fields.
    Text(TextSlot),
    /// The guest's lucky number.
    Number(Typography),
    /// The guest's picture, or a drawn avatar in its place.
    Picture(PictureSlot),
    /// A QR code of the invitation's link.
    Qr(QrSlot),
}

/// A text and how it looks.
#[derive(Debug, Clone)]
pub struct TextSlot {
    /// What to write.
    pub value: Expression,
    /// How it looks.
    pub typography: Typography,
}

/// How a text looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Typography {
    /// The font its characters are looked up in first.
    pub font: Font,
    /// Bold, if the font has it.
    pub bold: bool,
    /// Italic, if the font has it.
    pub italic: bool,
    /// Size of the em in pixels.
    pub size: f32,
    /// How small it may get to fit its box, in pixels.
    pub min_size: f32,
    /// On how many lines it may be set.
    pub lines: u32,
    /// Distance of two baselines in ems.
    pub line_height: f32,
    /// Its colour.
    pub color: Color,
    /// Where it stands in the box, left to right.
    pub align: Align,
    /// Where it stands in the box, top to bottom.
    pub valign: VerticalAlign,
    /// Extra space after each letter, in ems.
    pub letter_spacing: f32,
    /// BCP 47 language, which decides how Chinese characters look; guessed from the text if not given.
    pub language: Option<String>,
    /// A shadow behind the letters.
    pub shadow: Option<Shadow>,
}

/// A shadow behind letters, lengths in ems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shadow {
    /// To the right.
    pub dx: f32,
    /// Downwards.
    pub dy: f32,
    /// Over which distance its edge fades.
    pub blur: f32,
    /// Its colour.
    pub color: Color,
}

/// Which font a text asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Font {
    /// A family installed on the machine or built in, by name.
    Family(String),
    /// A font file of the template.
    File(String),
}

/// Where a text stands, left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Align {
    Left,
    Center,
    Right,
    /// Left for most scripts, right for Arabic, Hebrew and the like.
    Start,
    /// The other side.
    End,
}

/// Where a text stands, top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum VerticalAlign {
    Top,
    Middle,
    Bottom,
}

/// How the guest's picture is cut out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureSlot {
    /// Its outline.
    pub shape: Shape,
    /// A line around it.
    pub border: Option<Border>,
}

/// Outline of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// The largest circle (ellipse, if the box is no square) in the box.
    Circle,
    /// The box with round corners of this radius in pixels.
    Rounded(f32),
    /// The box.
    Rectangle,
}

/// A line along the inside of the outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Border {
    /// Pixels.
    pub width: f32,
    /// Its colour.
    pub color: Color,
}

/// How the QR code looks. Its quiet zone is part of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QrSlot {
    /// The dark modules.
    pub color: Color,
    /// The light modules and the quiet zone.
    pub background: Color,
}

impl Slot {
    /// The fields its text reads.
    pub fn fields(&self) -> impl Iterator<Item = &String> {
        let text = match &self.content {
            Content::Text(text) => Some(text.value.fields()),
            _ => None,
        };
        text.into_iter().flatten()
    }

    /// True if it cannot be drawn for a guest without this field.
    #[must_use]
    pub fn requires(&self, field: &str) -> bool {
        matches!(&self.content, Content::Text(text) if text.value.requires(field))
    }

    /// The font file of the template it uses.
    #[must_use]
    pub fn font_file(&self) -> Option<&str> {
        match self.typography().map(|typography| &typography.font) {
            Some(Font::File(name)) => Some(name),
            _ => None,
        }
    }

    /// How its text looks, if it draws one.
    #[must_use]
    pub fn typography(&self) -> Option<&Typography> {
        match &self.content {
            Content::Text(text) => Some(&text.typography),
            Content::Number(typography) => Some(typography),
            Content::Picture(_) | Content::Qr(_) => None,
        }
    }
}
