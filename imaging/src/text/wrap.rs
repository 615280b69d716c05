//! Finds the places where lines may break, and breaks them.

use std::ops::Range;

use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_segmentation::UnicodeSegmentation;

/// A place where a line may end.
#[derive(Clone, Copy)]
pub(super) struct Break {
    /// The position where the next line begins, in bytes.
    pub(super) next: usize,
    /// The position where this line ends, in bytes: before the spaces that vanish at the break.
    pub(super) end: usize,
    /// The width from the paragraph's start to `next`, in em.
    next_at: f32,
    /// The width from the paragraph's start to `end`, in em.
    end_at: f32,
}

/// The widths of a paragraph's clusters, by the position where each begins, in logical order.
pub(super) struct Widths(Vec<(usize, f32)>);

impl Widths {
    /// Creates the widths from the advances of shaped glyphs in any order: `(cluster byte, advance)`.
    pub(super) fn new(glyphs: impl Iterator<Item = (usize, f32)>) -> Self {
        let mut widths: Vec<(usize, f32)> = glyphs.collect();
        widths.sort_unstable_by_key(|&(cluster, _)| cluster);
        let mut sum = 0.0;
        for (_, width) in &mut widths {
            sum += *width;
            *width = sum;
        }
        Self(widths)
    }

    /// Returns the width of everything before a position.
    fn before(&self, byte: usize) -> f32 {
        let at = self.0.partition_point(|&(cluster, _)| cluster < byte);
        at.checked_sub(1).and_then(|at| self.0.get(at)).map_or(0.0, |&(_, sum)| sum)
    }
}

/// Returns the places where a paragraph may be broken; its end is the last one. `anywhere` also allows breaks within
/// words, between grapheme clusters.
pub(super) fn breaks(paragraph: &str, widths: &Widths, anywhere: bool) -> Vec<Break> {
    let at = |next: usize| {
        let end = paragraph.get(..next).unwrap_or(paragraph).trim_end().len();
        Break { next, end, next_at: widths.before(next), end_at: widths.before(end) }
    };
    if anywhere {
        return paragraph.grapheme_indices(true).map(|(start, text)| at(start + text.len())).collect();
    }
    let mut breaks: Vec<Break> = linebreaks(paragraph)
        .filter(|&(next, kind)| kind == BreakOpportunity::Mandatory || !within_hangul(paragraph, next))
        .map(|(next, _)| at(next))
        .collect();
    if breaks.last().is_none_or(|last| last.next != paragraph.len()) {
        breaks.push(at(paragraph.len()));
    }
    breaks
}

/// Whether the position is within a Korean word. Korean uses spaces, so a name is not broken between its syllables.
fn within_hangul(text: &str, at: usize) -> bool {
    let hangul = |c: char| matches!(c, '\u{1100}'..='\u{11FF}' | '\u{AC00}'..='\u{D7FF}');
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    before.chars().next_back().is_some_and(hangul) && after.chars().next().is_some_and(hangul)
}

/// Fills lines up to `limit` em. A piece that is wider by itself gets a line of its own.
pub(super) fn fill(breaks: &[Break], limit: f32) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut start_at) = (0, 0.0);
    let mut fits: Option<&Break> = None;
    for candidate in breaks {
        if let Some(last) = fits.filter(|_| candidate.end_at - start_at > limit) {
            lines.push(start..last.end);
            (start, start_at) = (last.next, last.next_at);
        }
        fits = Some(candidate);
    }
    if let Some(last) = fits {
        lines.push(start..last.end);
    }
    lines
}

/// Returns the smallest line width, in em, with which the paragraphs take at most `lines` lines together. It gives
/// lines of about equal length, and so the largest type.
pub(super) fn narrowest(paragraphs: &[Vec<Break>], lines: usize) -> f32 {
    let total = |limit: f32| paragraphs.iter().map(|breaks| fill(breaks, limit).len()).sum::<usize>();
    let (mut low, mut high) = (0.0, widest(paragraphs));
    // Halving 24 times determines the width to a ten-millionth, which is exact for f32.
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if total(middle) <= lines {
            high = middle;
        } else {
            low = middle;
        }
    }
    // A piece that fits no line still takes its width.
    let filled = paragraphs.iter().flat_map(|breaks| fill_widths(breaks, high));
    filled.fold(0.0, f32::max)
}

/// Returns the width of the longest unbroken paragraph, in em.
fn widest(paragraphs: &[Vec<Break>]) -> f32 {
    paragraphs.iter().filter_map(|breaks| breaks.last()).map(|last| last.end_at).fold(0.0, f32::max)
}

fn fill_widths(breaks: &[Break], limit: f32) -> impl Iterator<Item = f32> {
    let width = |line: Range<usize>| {
        let end = breaks.iter().find(|b| b.end == line.end).map_or(0.0, |b| b.end_at);
        let start = breaks.iter().find(|b| b.next == line.start).map_or(0.0, |b| b.next_at);
        end - start
    };
    fill(breaks, limit).into_iter().map(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte of ASCII is one em wide.
    fn pieces(text: &str, anywhere: bool) -> Vec<Break> {
        breaks(text, &Widths::new(text.char_indices().map(|(at, _)| (at, 1.0))), anywhere)
    }

    fn lines<'t>(text: &'t str, breaks: &[Break], limit: f32) -> Vec<&'t str> {
        fill(breaks, limit).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_lose_them() {
        let text = "Anna Maria  von Trapp";
        assert_eq!(lines(text, &pieces(text, false), 10.0), ["Anna Maria", "von Trapp"]);
    }

    #[test]
    fn a_word_too_long_stands_alone_and_breaks_only_when_allowed() {
        let text = "a Rhabarber b";
        assert_eq!(lines(text, &pieces(text, false), 4.0), ["a", "Rhabarber", "b"]);
        assert_eq!(lines(text, &pieces(text, true), 4.0), ["a Rh", "abar", "ber", "b"]);
    }

    #[test]
    fn lines_are_balanced() {
        let text = "one two three four five six";
        let breaks = vec![pieces(text, false)];
        let width = narrowest(&breaks, 2);
        assert_eq!(lines(text, &breaks[0], width), ["one two three", "four five six"]);
        assert_eq!(width, 13.0);
    }

    #[test]
    fn chinese_breaks_between_characters_and_korean_does_not() {
        let breaks_of = |text: &str| pieces(text, false).len();
        assert_eq!(breaks_of("欧阳文静"), 4);
        assert_eq!(breaks_of("김서연"), 1);
        assert_eq!(breaks_of("김 서연"), 2);
    }
}
