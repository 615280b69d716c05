//! The slots of a template: the elements and their places.

use serde::Serialize;

use super::color::Color;
use super::problem::Position;
use crate::expression::Expression;

/// One element to draw.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The name in messages, such as `slot 2 "guest name" (text)`.
    pub label: String,
    /// The place of the element.
    pub area: Area,
    /// The rotation in degrees, clockwise about the centre of the area; 0 for pictures and QR codes.
    pub rotation: f32,
    /// The content of the element.
    pub content: Content,
    /// The position of the slot in the manifest.
    pub position: Position,
    /// The position of its text in the manifest.
    pub(super) text_position: Option<Position>,
}

/// A box in pixels of the background. Its corner is negative only if a rotation brings the box back inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Area {
    /// The left edge.
    pub x: i32,
    /// The top edge.
    pub y: i32,
    /// The width, at least 1.
    pub width: u32,
    /// The height, at least 1.
    pub height: u32,
}

/// The content of a slot.
#[derive(Debug, Clone)]
pub enum Content {
    /// A text, fixed or from the guest's fields.
    Text(TextSlot),
    /// The guest's lucky number.
    Number(Typography),
    /// The guest's picture, or an avatar instead.
    Picture(PictureSlot),
    /// A QR code with the invitation's link.
    Qr(QrSlot),
}

/// A text and its appearance.
#[derive(Debug, Clone)]
pub struct TextSlot {
    /// The text.
    pub value: Expression,
    /// The appearance.
    pub typography: Typography,
}

/// The appearance of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Typography {
    /// The preferred font.
    pub font: Font,
    /// Whether the text is bold, if the font has a bold face.
    pub bold: bool,
    /// Whether the text is italic, if the font has an italic face.
    pub italic: bool,
    /// The size of the em in pixels.
    pub size: f32,
    /// The smallest size to which the text may shrink to fit its box, in pixels.
    pub min_size: f32,
    /// The largest number of lines.
    pub lines: u32,
    /// The distance between two baselines, in ems.
    pub line_height: f32,
    /// The colour of the text.
    pub color: Color,
    /// The horizontal alignment in the box.
    pub align: Align,
    /// The vertical alignment in the box.
    pub valign: VerticalAlign,
    /// The extra space after each letter, in ems.
    pub letter_spacing: f32,
    /// The BCP 47 language, which decides how Chinese characters look. Without it, the language is guessed from the
    /// text.
    pub language: Option<String>,
    /// A shadow behind the letters.
    pub shadow: Option<Shadow>,
}

/// A shadow behind letters, with lengths in ems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shadow {
    /// The offset to the right.
    pub dx: f32,
    /// The downward offset.
    pub dy: f32,
    /// The distance over which the edge fades.
    pub blur: f32,
    /// The colour of the shadow.
    pub color: Color,
}

/// The font that a text requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Font {
    /// A family that is installed on the machine or built in, by name.
    Family(String),
    /// A font file of the template.
    File(String),
}

/// The horizontal alignment of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Align {
    Left,
    Center,
    Right,
    /// Left for most scripts, right for Arabic, Hebrew and similar scripts.
    Start,
    /// The side opposite to the start.
    End,
}

/// The vertical alignment of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum VerticalAlign {
    Top,
    Middle,
    Bottom,
}

/// The shape of the guest's picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureSlot {
    /// The outline of the picture.
    pub shape: Shape,
    /// A line around the picture.
    pub border: Option<Border>,
}

/// The outline of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// The largest circle (ellipse, if the box is not a square) in the box.
    Circle,
    /// The box with round corners of this radius in pixels.
    Rounded(f32),
    /// The whole box.
    Rectangle,
}

/// A line along the inside of the outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Border {
    /// The width in pixels.
    pub width: f32,
    /// The colour of the line.
    pub color: Color,
}

/// The appearance of a QR code. Its quiet zone is part of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QrSlot {
    /// The colour of the dark modules.
    pub color: Color,
    /// The colour of the light modules and the quiet zone.
    pub background: Color,
}

impl Slot {
    /// Returns the fields that the text of the slot reads.
    pub fn fields(&self) -> impl Iterator<Item = &String> {
        let text = match &self.content {
            Content::Text(text) => Some(text.value.fields()),
            _ => None,
        };
        text.into_iter().flatten()
    }

    /// Whether the slot cannot be drawn for a guest without this field.
    #[must_use]
    pub fn requires(&self, field: &str) -> bool {
        matches!(&self.content, Content::Text(text) if text.value.requires(field))
    }

    /// Returns the font file of the template that the slot uses.
    #[must_use]
    pub fn font_file(&self) -> Option<&str> {
        match self.typography().map(|typography| &typography.font) {
            Some(Font::File(name)) => Some(name),
            _ => None,
        }
    }

    /// Returns the appearance of the slot's text, if it draws one.
    #[must_use]
    pub fn typography(&self) -> Option<&Typography> {
        match &self.content {
            Content::Text(text) => Some(&text.typography),
            Content::Number(typography) => Some(typography),
            Content::Picture(_) | Content::Qr(_) => None,
        }
    }
}
