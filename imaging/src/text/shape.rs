//! Shapes items into positioned glyphs, and lines into visual order.

use std::ops::Range;
use std::sync::Arc;

use harfrust::{
    Buffer, BufferFlags, Direction, Feature, GlyphId, Language, Script, ShapeOptions, ShaperFont, Tag, shape,
};
use unicode_bidi::{BidiInfo, Level};
use unicode_script::Script as UnicodeScript;
use unicode_segmentation::UnicodeSegmentation;

use crate::fonts::{Face, HanStyle, PlanKey};

use super::itemize::Item;
use super::style::TextStyle;

/// A text that is broken into lines, fitted to a box and ready to draw.
#[derive(Default)]
pub struct Layout {
    /// The font size that fits, in pixels.
    pub size: f32,
    /// The lines, top to bottom.
    pub lines: Vec<Line>,
    /// The grapheme clusters that no font has, without duplicates, in order. They are not drawn.
    pub missing: Vec<String>,
    /// Letters that no font has and that are drawn as similar ones, without duplicates: Urdu `ہ` as Arabic `ه` and `ے`
    /// as `ی`, if only the compiled-in font is available.
    pub substituted: Vec<String>,
    /// Whether the text does not fit even at the smallest size, so that its end was cut.
    pub clipped: bool,
    /// Whether the style's font family exists; if not, the default family is used.
    pub font_found: bool,
    /// The extent that places the block, by the metrics of the primary face. It is the same for every text.
    pub(super) nominal: Extent,
    /// The extent that the block needs: the nominal one, and all ink beyond it.
    pub(super) needed: Extent,
    /// The distance between baselines, in em.
    pub(super) line_height: f32,
}

/// The height of a block of lines above its first and below its last baseline, in em.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Extent {
    pub(super) above: f32,
    pub(super) below: f32,
}

/// One line of a [`Layout`]. Lengths are in em.
#[derive(Default)]
pub struct Line {
    pub(crate) runs: Vec<Run>,
    /// The distance from the first pen position to the last, without trailing space.
    pub(super) advance: f32,
    /// The ink relative to the pen's start and the baseline, y upwards: left, bottom, right, top.
    pub(super) ink: [f32; 4],
    /// Whether the paragraph runs right to left.
    pub(super) rtl: bool,
}

impl Line {
    /// How far ink extends before the pen's start.
    pub(super) fn overhang(&self) -> f32 {
        (-self.ink[0]).max(0.0)
    }

    /// The width, including ink that extends beyond either end.
    pub(crate) fn width(&self) -> f32 {
        self.overhang() + self.advance.max(self.ink[2])
    }
}

/// The glyphs of one face in visual order.
pub(crate) struct Run {
    pub(crate) face: Arc<Face>,
    pub(crate) glyphs: Vec<Glyph>,
    /// What the glyphs show, and where it begins in the paragraph.
    pub(crate) text: String,
    pub(crate) start: usize,
    /// The letter spacing after the last glyph, which is not part of a line that ends there.
    trailing: f32,
}

/// A glyph positioned by shaping. Lengths are in em, y upwards.
#[derive(Clone, Copy)]
pub(crate) struct Glyph {
    pub(crate) id: GlyphId,
    /// The position in the paragraph where the cluster begins, in bytes.
    pub(crate) cluster: usize,
    pub(crate) advance: f32,
    pub(crate) dx: f32,
    pub(crate) dy: f32,
}

/// Shapes texts of one style, and keeps the buffers between calls.
pub(super) struct Shaper<'a> {
    style: &'a TextStyle,
    buffer: Buffer,
    language: Option<Language>,
    han: Language,
    features: Vec<Feature>,
    /// Clusters for which the font turned out to have no glyph.
    pub(super) lost: Vec<String>,
}

impl<'a> Shaper<'a> {
    pub(super) fn new(style: &'a TextStyle, han: HanStyle) -> Self {
        let mut buffer = Buffer::new();
        buffer.set_flags(BufferFlags::DO_NOT_INSERT_DOTTED_CIRCLE | BufferFlags::REMOVE_DEFAULT_IGNORABLES);
        let language = style.language.as_deref().and_then(Language::new);
        let han = Language::new(han.language()).expect("the tags are well formed");
        let spaced = style.letter_spacing != 0.0;
        let off = |tag| Feature::new(Tag::new(tag), 0, ..);
        let features = if spaced { vec![off(b"liga"), off(b"clig")] } else { Vec::new() };
        Self { style, buffer, language, han, features, lost: Vec::new() }
    }

    /// Shapes the part of an item that lies in `range`. The surrounding text is the context, so letters join across a
    /// change of font.
    pub(super) fn run(&mut self, paragraph: &str, item: &Item, range: &Range<usize>) -> Run {
        let start = item.range.start.max(range.start);
        let end = item.range.end.min(range.end).max(start);
        let text = paragraph.get(start..end).unwrap_or_default();
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.set_pre_context(paragraph.get(range.start..start).unwrap_or_default());
        buffer.push_str(text);
        buffer.set_post_context(paragraph.get(end..range.end).unwrap_or_default());

        let direction = if item.level.is_rtl() { Direction::RightToLeft } else { Direction::LeftToRight };
        let script = Script::from_iso15924_tag(Tag::from_be_bytes(item.script.as_iso15924_tag().to_be_bytes()));
        let language = match item.script {
            UnicodeScript::Han => Some(&self.han),
            _ => self.language.as_ref(),
        };
        let joined = is_joined(item.script);
        let features = if joined { &[][..] } else { &self.features };
        buffer.set_direction(direction);
        buffer.set_script(script);
        buffer.set_language(language.cloned());
        let plan = item.face.plan(PlanKey { direction, script, language, features });
        let options = ShapeOptions::new().plan(Some(&plan)).features(features);
        let font = ShaperFont::new(item.face.font());
        let mut glyphs = Vec::new();
        match shape(&font, buffer, options) {
            Ok(()) => {
                let em = item.face.em_per_unit();
                glyphs.extend(buffer.glyph_infos().iter().zip(buffer.glyph_positions()).map(|(info, at)| Glyph {
                    id: info.glyph_id.into(),
                    cluster: start + info.cluster as usize,
                    advance: at.x_advance as f32 * em,
                    dx: at.x_offset as f32 * em,
                    dy: at.y_offset as f32 * em,
                }));
            }
            Err(error) => tracing::debug!(%error, "text cannot be shaped"),
        }
        let lost = &mut self.lost;
        glyphs.retain(|glyph| {
            let drawn = glyph.id != GlyphId::NOTDEF;
            if !drawn {
                // A box is never drawn: the font knows the characters, but not in this combination.
                lost.extend(
                    paragraph.get(glyph.cluster..).and_then(|rest| rest.graphemes(true).next()).map(str::to_owned),
                );
            }
            drawn
        });
        let spacing = if joined || glyphs.is_empty() { 0.0 } else { self.style.letter_spacing };
        if spacing != 0.0 {
            space(&mut glyphs, spacing);
        }
        Run { face: item.face.clone(), glyphs, text: text.to_owned(), start, trailing: spacing }
    }

    /// Shapes one line of a paragraph: the bytes in `range`, in visual order.
    pub(super) fn line(&mut self, paragraph: &str, items: &[Item], base: Level, range: Range<usize>) -> Line {
        let inside: Vec<&Item> =
            items.iter().filter(|item| item.range.start < range.end && item.range.end > range.start).collect();
        let levels: Vec<Level> = inside.iter().map(|item| item.level).collect();
        let order = BidiInfo::reorder_visual(&levels);
        let mut line = Line { rtl: base.is_rtl(), ..Line::default() };
        let mut ink: Option<[f32; 4]> = None;
        for item in order.into_iter().filter_map(|at| inside.get(at)) {
            let run = self.run(paragraph, item, &range);
            for glyph in &run.glyphs {
                if let Some([left, bottom, right, top]) = run.face.ink(glyph.id) {
                    let (x, y) = (line.advance + glyph.dx, glyph.dy);
                    let [l, b, r, t] = ink.unwrap_or([f32::MAX, f32::MAX, f32::MIN, f32::MIN]);
                    ink = Some([l.min(left + x), b.min(bottom + y), r.max(right + x), t.max(top + y)]);
                }
                line.advance += glyph.advance;
            }
            line.runs.push(run);
        }
        line.advance -= line.runs.last().map_or(0.0, |run| run.trailing);
        line.ink = ink.unwrap_or_default();
        line
    }
}

/// Adds letter spacing after each cluster.
fn space(glyphs: &mut [Glyph], spacing: f32) {
    for at in 0..glyphs.len() {
        let next = glyphs.get(at + 1).map(|glyph| glyph.cluster);
        if let Some(glyph) = glyphs.get_mut(at).filter(|glyph| Some(glyph.cluster) != next) {
            glyph.advance += spacing;
        }
    }
}

/// Whether the letters of a script touch, so that spacing would tear words apart.
fn is_joined(script: UnicodeScript) -> bool {
    use UnicodeScript as S;
    matches!(
        script,
        S::Arabic
            | S::Syriac
            | S::Mongolian
            | S::Nko
            | S::Mandaic
            | S::Manichaean
            | S::Phags_Pa
            | S::Hanifi_Rohingya
            | S::Adlam
            | S::Sogdian
            | S::Psalter_Pahlavi
            | S::Devanagari
            | S::Bengali
            | S::Gurmukhi
    )
}
