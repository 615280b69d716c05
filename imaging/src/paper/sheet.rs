//! A page under the pen: texts, lines and areas.

use std::collections::HashMap;

use krilla::{
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    num::NormalizedF32,
    paint::Fill,
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};

use super::PaperError;
use crate::{
    fonts::{Face, FontLibrary},
    text::{Line, TextStyle, layout},
};

/// A colour: red, green and blue.
pub(super) type Ink = [u8; 3];

/// How a text is set.
#[derive(Clone, Copy)]
pub(super) struct Set {
    pub(super) size: f32,
    pub(super) ink: Ink,
    pub(super) is_bold: bool,
    /// Whether it ends at the right edge of its width.
    pub(super) is_right: bool,
    /// The most lines that it may take.
    pub(super) lines: usize,
}

impl Set {
    pub(super) fn new(size: f32, ink: Ink) -> Self {
        Self { size, ink, is_bold: false, is_right: false, lines: 1 }
    }

    pub(super) fn bold(self) -> Self {
        Self { is_bold: true, ..self }
    }

    pub(super) fn right(self, is_right: bool) -> Self {
        Self { is_right, ..self }
    }

    pub(super) fn lines(self, lines: usize) -> Self {
        Self { lines, ..self }
    }

    /// The distance from one line to the next.
    fn leading(self) -> f32 {
        self.size * 1.25
    }
}

/// The fonts of a file, each embedded once.
pub(super) struct Faces<'f> {
    pub(super) library: &'f FontLibrary,
    embedded: HashMap<u32, Font>,
}

impl<'f> Faces<'f> {
    pub(super) fn new(library: &'f FontLibrary) -> Self {
        Self { library, embedded: HashMap::new() }
    }

    fn of(&mut self, face: &Face) -> Result<Font, PaperError> {
        if let Some(font) = self.embedded.get(&face.id()) {
            return Ok(font.clone());
        }
        let (blob, index) = face.file();
        let data = match blob {
            harfrust::font::Blob::Static(bytes) => bytes.into(),
            harfrust::font::Blob::Shared(bytes) => bytes.into(),
        };
        let font = Font::new(data, index).ok_or_else(|| PaperError("a font cannot be embedded".to_owned()))?;
        self.embedded.insert(face.id(), font.clone());
        Ok(font)
    }
}

/// A page under the pen.
pub(super) struct Sheet<'s, 'f> {
    pub(super) surface: Surface<'s>,
    pub(super) faces: &'s mut Faces<'f>,
}

impl Sheet<'_, '_> {
    /// Writes a text whose first baseline lies at `y`, cut to the width, and returns how many lines it took.
    pub(super) fn text(&mut self, text: &str, (x, y): (f32, f32), width: f32, set: Set) -> Result<usize, PaperError> {
        let style = TextStyle {
            bold: set.is_bold,
            size: set.size,
            // A long name is set smaller before it is cut.
            min_size: set.size * 0.8,
            max_lines: set.lines,
            ..TextStyle::default()
        };
        // Only the width is limited: tall letters may reach beyond their line.
        let laid = layout(text, &style, width, set.size * 100.0, self.faces.library);
        self.surface.set_fill(Some(fill(set.ink)));
        let mut y = y;
        for line in &laid.lines {
            let free = width - line.width() * laid.size;
            let x = if set.is_right { x + free } else { x };
            self.line(line, (x, y), laid.size)?;
            y += set.leading();
        }
        Ok(laid.lines.len())
    }

    fn line(&mut self, line: &Line, (x, y): (f32, f32), size: f32) -> Result<(), PaperError> {
        let mut pen = x;
        for run in &line.runs {
            // The glyphs of one cluster share its characters, which end where those of the next cluster begin.
            let mut starts: Vec<usize> = run.glyphs.iter().map(|glyph| glyph.cluster - run.start).collect();
            starts.sort_unstable();
            starts.dedup();
            let characters = |cluster: usize| {
                let next = starts.partition_point(|&start| start <= cluster);
                cluster..starts.get(next).copied().unwrap_or(run.text.len())
            };
            let begins = pen;
            let glyphs: Vec<KrillaGlyph> = run
                .glyphs
                .iter()
                .map(|glyph| {
                    pen += glyph.advance * size;
                    let range = characters(glyph.cluster - run.start);
                    let id = GlyphId::new(glyph.id.to_u32());
                    KrillaGlyph::new(id, glyph.advance, glyph.dx, glyph.dy, 0.0, range, None)
                })
                .collect();
            let font = self.faces.of(&run.face)?;
            self.surface.draw_glyphs(Point::from_xy(begins, y), &glyphs, font, &run.text, size, false);
        }
        Ok(())
    }

    /// Fills an area: left, top, width and height.
    pub(super) fn area(&mut self, [x, y, width, height]: [f32; 4], ink: Ink) {
        let Some(rect) = Rect::from_xywh(x, y, width, height) else { return };
        let mut path = PathBuilder::new();
        path.push_rect(rect);
        if let Some(path) = path.finish() {
            self.surface.set_fill(Some(fill(ink)));
            self.surface.draw_path(&path);
        }
    }
}

fn fill([r, g, b]: Ink) -> Fill {
    Fill { paint: rgb::Color::new(r, g, b).into(), opacity: NormalizedF32::ONE, rule: Default::default() }
}
