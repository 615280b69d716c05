//! The style of a text.

/// The horizontal alignment of each line in its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// The side where the paragraph starts: left for Latin, right for Arabic.
    Start,
    /// The middle.
    #[default]
    Center,
    /// The side where the paragraph ends: right for Latin, left for Arabic.
    End,
    /// Left in every script.
    Left,
    /// Right in every script.
    Right,
}

/// The vertical alignment of the lines in their box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VAlign {
    /// The first line is at the top.
    Top,
    /// The lines are in the middle.
    #[default]
    Middle,
    /// The last line is at the bottom.
    Bottom,
}

/// A shadow behind the letters, not behind emoji.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shadow {
    /// The offset to the right, in em.
    pub dx: f32,
    /// The downward offset, in em.
    pub dy: f32,
    /// The softness: about the distance over which the edge fades, in em; 0 is a hard edge.
    pub blur: f32,
    /// The colour: red, green, blue, opacity.
    pub color: [u8; 4],
}

/// The style of a text. Sizes are in pixels of the image unless stated otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct TextStyle {
    /// The font family: a name, a template's font file, or `serif`, `sans-serif`, `monospace`. `None` and unknown
    /// families mean DejaVu Sans.
    pub font: Option<String>,
    /// Whether the face is bold, if the family has a bold face.
    pub bold: bool,
    /// Whether the face is italic, if the family has an italic face.
    pub italic: bool,
    /// The largest font size (em height).
    pub size: f32,
    /// The smallest font size. A text that does not fit even then is cut with an ellipsis.
    pub min_size: f32,
    /// The largest number of lines; with 1 the text is never broken. Line breaks in the text count.
    pub max_lines: usize,
    /// The distance from baseline to baseline, in em.
    pub line_height: f32,
    /// The colour: red, green, blue, opacity.
    pub color: [u8; 4],
    /// The horizontal alignment.
    pub align: Align,
    /// The vertical alignment.
    pub valign: VAlign,
    /// The additional space after each letter, in em. It is ignored where letters join (Arabic, Devanagari …).
    pub letter_spacing: f32,
    /// The clockwise rotation about the centre of the box, in degrees.
    pub rotation: f32,
    /// The BCP 47 language of the text. It decides how Han characters are drawn (`zh-Hans`, `zh-Hant`, `ja`, `ko`) and
    /// selects language-specific letter forms. `None` guesses from the script.
    pub language: Option<String>,
    /// The shadow, if any.
    pub shadow: Option<Shadow>,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            font: None,
            bold: false,
            italic: false,
            size: 48.0,
            min_size: 12.0,
            max_lines: 1,
            line_height: 1.2,
            color: [0, 0, 0, 255],
            align: Align::default(),
            valign: VAlign::default(),
            letter_spacing: 0.0,
            rotation: 0.0,
            language: None,
            shadow: None,
        }
    }
}
