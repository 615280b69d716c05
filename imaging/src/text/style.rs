//! How a text is to look.

/// Horizontal placement of each line in its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Where the paragraph starts: left for Latin, right for Arabic.
    Start,
    /// In the middle.
    #[default]
    Center,
    /// Where the paragraph ends: right for Latin, left for Arabic.
    End,
    /// Left, whatever the script.
    Left,
    /// Right, whatever the script.
    Right,
}

/// Vertical placement of the lines in their box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VAlign {
    /// First line at the top.
    Top,
    /// In the middle.
    #[default]
    Middle,
    /// Last line at the bottom.
    Bottom,
}

/// A shadow behind the letters, not behind emoji.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shadow {
    /// Offset to the right, in em.
    pub dx: f32,
    /// Offset downwards, in em.
    pub dy: f32,
    /// Softness: about the distance over which the edge fades, in em; 0 is a hard edge.
    pub blur: f32,
    /// Red, green, blue, opacity.
    pub color: [u8; 4],
}

/// How a text is to look. Sizes are in pixels of the image unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct TextStyle {
    /// Font family: a name, a template's font file, or `serif`, `sans-serif`, `monospace`. `None`
    /// and unknown families mean DejaVu Sans.
    pub font: Option<String>,
    /// Bold face, where the family has one.
    pub bold: bool,
    /// Italic face, where the family has one.
    pub italic: bool,
    /// Largest font size (em height).
    pub size: f32,
    /// Smallest font size; a text that does not fit even then is cut with an ellipsis.
    pub min_size: f32,
    /// Most lines a text may be broken into; 1 never breaks. Line breaks in the text count.
    pub max_lines: usize,
    /// Distance from baseline to baseline, in em.
    pub line_height: f32,
    /// Red, green, blue, opacity.
    pub color: [u8; 4],
    /// Horizontal placement.
    pub align: Align,
    /// Vertical placement.
    pub valign: VAlign,
    /// Extra space after each letter, in em. Ignored where letters join (Arabic, Devanagari …).
    pub letter_spacing: f32,
    /// Clockwise rotation about the centre of the box, in degrees.
    pub rotation: f32,
    /// BCP 47 language of the text. Decides how Han characters are drawn (`zh-Hans`, `zh-Hant`,
    /// `ja`, `ko`) and language-specific letter forms. `None` guesses from the script.
    pub language: Option<String>,
    /// Shadow, if any.
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
