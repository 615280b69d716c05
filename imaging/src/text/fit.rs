//! Chooses line breaks and size. Everything is measured in em, so fitting is a division.

use std::borrow::Cow;
use std::ops::Range;

use unicode_bidi::Level;
use unicode_script::Script;
use unicode_segmentation::UnicodeSegmentation;

use crate::fonts::{FaceStack, FontLibrary, HanStyle, Want};

use super::clean::clean;
use super::itemize::{Item, itemize};
use super::shape::{Extent, Layout, Line, Shaper};
use super::style::TextStyle;
use super::wrap::{Break, Widths, breaks, fill, narrowest};

/// The largest number of lines, more than any template uses. It limits the search for the best number of lines.
const MAX_LINES: usize = 40;

/// The smallest font size, in pixels, which replaces unreadably small or invalid sizes.
const SMALLEST: f32 = 1.0;

/// Urdu letters that DejaVu lacks, and the letters nearest to them in shape and sound. Without them, very common
/// letters would vanish from names. A font made for Urdu makes them unnecessary.
const STAND_INS: [(char, char); 5] = [
    ('\u{06C1}', '\u{0647}'),
    ('\u{06C2}', '\u{06C0}'),
    ('\u{06C3}', '\u{0629}'),
    ('\u{06D2}', '\u{06CC}'),
    ('\u{06D3}', '\u{0626}'),
];

/// A paragraph that is shaped as one line, and the data for breaking it.
struct Paragraph<'t> {
    text: Cow<'t, str>,
    items: Vec<Item>,
    base: Level,
    line: Line,
}

/// Lays out a text in a box of `width` × `height` pixels. The size is the largest one up to `style.size` with which the
/// text fits in at most `style.max_lines` lines. It never fails: an empty text has no lines. If a text does not fit
/// even at `style.min_size`, an ellipsis replaces its end and the layout is marked [`Layout::clipped`].
pub fn layout(text: &str, style: &TextStyle, width: f32, height: f32, fonts: &FontLibrary) -> Layout {
    let stack = FaceStack::new(fonts, style.font.as_deref(), style.bold, style.italic);
    let clean = clean(text);
    let bounds = Bounds::new(style, width, height);
    let mut fitter = Fitter::new(style, &stack, bounds, &clean.text);
    let (mut layout, fits) = fitter.try_fit(&clean.text);
    let (missing, substituted) = (std::mem::take(&mut fitter.missing), std::mem::take(&mut fitter.substituted));
    if !fits || clean.cut {
        layout = fitter.cut(&clean.text);
        layout.clipped = true;
    }
    layout.missing = missing;
    layout.substituted = substituted;
    layout.font_found = stack.found();
    layout
}

/// Returns the characters of a text that no font has, without duplicates. This is the later [`Layout::missing`],
/// without the layout. Characters that a font has but cannot join are rare, and appear only in the layout.
pub fn missing(text: &str, style: &TextStyle, fonts: &FontLibrary) -> Vec<String> {
    if text.is_ascii() {
        // The compiled-in fonts have these characters.
        return Vec::new();
    }
    let stack = FaceStack::new(fonts, style.font.as_deref(), style.bold, style.italic);
    let clean = clean(text);
    let mut fitter = Fitter::new(style, &stack, Bounds::new(style, 0.0, 0.0), &clean.text);
    let mut missing: Vec<String> = Vec::new();
    for line in clean.text.lines() {
        let line = fitter.stand_in(line.trim());
        let itemized = itemize(&line, style, &stack, fitter.han);
        for cluster in itemized.missing {
            if !missing.contains(&cluster) {
                missing.push(cluster);
            }
        }
    }
    missing
}

/// The box and its allowed sizes, made safe for calculations.
#[derive(Clone, Copy)]
struct Bounds {
    width: f32,
    height: f32,
    max: f32,
    min: f32,
    lines: usize,
    line_height: f32,
}

impl Bounds {
    fn new(style: &TextStyle, width: f32, height: f32) -> Self {
        let positive = |value: f32| if value.is_finite() { value.max(0.0) } else { 0.0 };
        let max = positive(style.size).clamp(SMALLEST, 10_000.0);
        let min = positive(style.min_size).clamp(SMALLEST, max);
        let lines = style.max_lines.clamp(1, MAX_LINES);
        let line_height = positive(style.line_height).clamp(0.1, 10.0);
        Self { width: positive(width), height: positive(height), max, min, lines, line_height }
    }

    /// Returns the largest allowed size for a block with these measures in em; it may be less than `min`.
    fn size(&self, width: f32, height: f32) -> f32 {
        let fit = |room: f32, need: f32| if need > 0.0 { room / need } else { f32::MAX };
        self.max.min(fit(self.width, width)).min(fit(self.height, height))
    }
}

/// The measures of a block of lines, and the largest allowed size with which it fits its box.
struct Block {
    nominal: Extent,
    needed: Extent,
    size: f32,
}

struct Fitter<'a> {
    stack: &'a FaceStack<'a>,
    style: &'a TextStyle,
    shaper: Shaper<'a>,
    han: HanStyle,
    bounds: Bounds,
    missing: Vec<String>,
    substituted: Vec<String>,
}

impl<'a> Fitter<'a> {
    fn new(style: &'a TextStyle, stack: &'a FaceStack<'a>, bounds: Bounds, text: &str) -> Self {
        let by_language = style.language.as_deref().and_then(HanStyle::of_language);
        let han = by_language.unwrap_or_else(|| HanStyle::of_text(text));
        Self {
            stack,
            style,
            shaper: Shaper::new(style, han),
            han,
            bounds,
            missing: Vec::new(),
            substituted: Vec::new(),
        }
    }

    /// Lays out the whole text. The flag says whether it fits.
    fn try_fit(&mut self, text: &str) -> (Layout, bool) {
        let hard_lines = text.lines().count();
        // If there are more line breaks than allowed lines, they become spaces.
        let joined = (hard_lines > self.bounds.lines).then(|| text.replace('\n', " "));
        let text = joined.as_deref().unwrap_or(text);
        let paragraphs: Vec<Paragraph<'_>> = text.lines().map(|line| self.paragraph(line)).collect();

        if !paragraphs.is_empty() && self.bounds.lines > paragraphs.len() {
            let one = self.block(paragraphs.iter().map(|paragraph| &paragraph.line));
            if one.size < self.bounds.max
                && let Some(broken) = self.broken(&paragraphs)
            {
                return broken;
            }
        }
        self.finish(paragraphs.into_iter().map(|paragraph| paragraph.line).collect())
    }

    fn paragraph<'t>(&mut self, text: &'t str) -> Paragraph<'t> {
        let text = self.stand_in(text.trim());
        let itemized = itemize(&text, self.style, self.stack, self.han);
        let line = self.shaper.line(&text, &itemized.items, itemized.base, 0..text.len());
        for cluster in itemized.missing.into_iter().chain(self.shaper.lost.drain(..)) {
            if !self.missing.contains(&cluster) {
                self.missing.push(cluster);
            }
        }
        Paragraph { text, items: itemized.items, base: itemized.base, line }
    }

    /// Replaces letters that no font has by similar letters with the same number of bytes.
    fn stand_in<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for (letter, relative) in STAND_INS {
            if !text.contains(letter) {
                continue;
            }
            let want = Want {
                script: Script::Arabic,
                emoji: false,
                serif: self.stack.serif(),
                bold: self.style.bold,
                italic: self.style.italic,
                han: self.han,
            };
            if self.stack.pick(letter.encode_utf8(&mut [0; 4]), want).is_none() {
                text = Cow::Owned(text.replace(letter, relative.encode_utf8(&mut [0; 4])));
                let letter = letter.to_string();
                if !self.substituted.contains(&letter) {
                    self.substituted.push(letter);
                }
            }
        }
        text
    }

    /// Breaks paragraphs into more lines if that allows a larger size.
    fn broken(&mut self, paragraphs: &[Paragraph<'_>]) -> Option<(Layout, bool)> {
        let widths: Vec<Widths> = paragraphs
            .iter()
            .map(|paragraph| {
                let glyphs = paragraph.line.runs.iter().flat_map(|run| &run.glyphs);
                Widths::new(glyphs.map(|glyph| (glyph.cluster, glyph.advance)))
            })
            .collect();
        let block = self.block(paragraphs.iter().map(|paragraph| &paragraph.line));
        let edges = block.needed.above + block.needed.below;
        for anywhere in [false, true] {
            let breaks: Vec<Vec<Break>> = paragraphs
                .iter()
                .zip(&widths)
                .map(|(paragraph, widths)| breaks(&paragraph.text, widths, anywhere))
                .collect();
            let (mut best, mut best_size) = (None, 0.0);
            for lines in paragraphs.len()..=self.bounds.lines {
                let width = narrowest(&breaks, lines);
                let size = self.bounds.size(width, edges + (lines - 1) as f32 * self.bounds.line_height);
                // An additional line must be worthwhile.
                if size > best_size * 1.02 {
                    (best, best_size) = (Some(width), size);
                }
            }
            if best_size >= self.bounds.min {
                // The width is slightly larger than computed: sums of widths in another order differ in the last bit.
                let width = best? * 1.000_01;
                let lines = self.lines(paragraphs, &breaks, width);
                return Some(self.finish(lines));
            }
        }
        None
    }

    fn lines(&mut self, paragraphs: &[Paragraph<'_>], breaks: &[Vec<Break>], width: f32) -> Vec<Line> {
        let mut lines = Vec::new();
        for (paragraph, breaks) in paragraphs.iter().zip(breaks) {
            for range in fill(breaks, width) {
                let range: Range<usize> = range;
                lines.push(self.shaper.line(&paragraph.text, &paragraph.items, paragraph.base, range));
            }
        }
        lines
    }

    /// Measures lines that are set as a block.
    ///
    /// The metrics of the primary face place the baselines, so they do not move from guest to guest. Ink that extends
    /// beyond them (stacked Vietnamese accents, Nastaliq) makes the block higher.
    fn block<'l>(&self, lines: impl ExactSizeIterator<Item = &'l Line>) -> Block {
        let nominal = self
            .stack
            .primary()
            .map_or(Extent { above: 0.9, below: 0.25 }, |face| Extent { above: face.ascent(), below: face.descent() });
        let depth = lines.len().saturating_sub(1) as f32 * self.bounds.line_height;
        let (mut needed, mut width) = (nominal, 0.0f32);
        for (at, line) in lines.enumerate() {
            let baseline = at as f32 * self.bounds.line_height;
            width = width.max(line.width());
            needed.above = needed.above.max(line.ink[3] - baseline);
            needed.below = needed.below.max(baseline - depth - line.ink[1]);
        }
        let size = self.bounds.size(width, needed.above + depth + needed.below);
        Block { nominal, needed, size }
    }

    fn finish(&self, lines: Vec<Line>) -> (Layout, bool) {
        let Block { nominal, needed, size } = self.block(lines.iter());
        // Rounding must not make an exactly fitting text appear too large.
        let fits = lines.is_empty() || size >= self.bounds.min * 0.9999;
        let size = size.max(self.bounds.min);
        let layout = Layout { size, lines, nominal, needed, line_height: self.bounds.line_height, ..Layout::default() };
        (layout, fits)
    }

    /// Returns the longest beginning of the text that fits with an ellipsis after it.
    fn cut(&mut self, text: &str) -> Layout {
        let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
        let with_ellipsis = |end: usize| {
            let kept = text.get(..end).unwrap_or_default().trim_end();
            let mut cut = String::with_capacity(kept.len() + 3);
            cut.push_str(kept);
            cut.push('…');
            cut
        };
        // Widths grow with the text, so bisection finds the longest beginning that fits.
        let (mut low, mut high) = (0, ends.len());
        let mut best = None;
        while low < high {
            let middle = (low + high).div_ceil(2);
            let (layout, fits) = self.try_fit(&with_ellipsis(ends.get(middle).copied().unwrap_or(text.len())));
            if fits {
                (low, best) = (middle, Some(layout));
            } else {
                high = middle - 1;
            }
        }
        best.unwrap_or_else(|| self.try_fit(&with_ellipsis(0)).0)
    }
}
