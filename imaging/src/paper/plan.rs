//! Which line of a paper stands where: its pages, before any of them is drawn, so that each can say how many there are.
//!
//! All lengths are points, from the top left corner of the page.

use std::ops::Range;

use super::{Paper, Part};

/// The width and the height of A4.
pub(super) const SIZE: (f32, f32) = (595.28, 841.89);
/// The distance from the edges of the page.
pub(super) const MARGIN: f32 = 42.0;
/// The width between the edges.
pub(super) const WIDTH: f32 = SIZE.0 - 2.0 * MARGIN;
/// The height of a row of a table: two lines, and the space around them.
pub(super) const ROW: f32 = 27.0;
/// The height of a number with its bar.
pub(super) const BAR: f32 = 15.0;
/// The height of the note about missing fonts.
pub(super) const NOTE: f32 = 40.0;

const TITLE: f32 = 52.0;
const HEADING: f32 = 30.0;
const COLUMNS: f32 = 17.0;
/// Where the last line of a page ends. The foot stands below.
const END: f32 = SIZE.1 - MARGIN - 16.0;

/// Lines that stand together on a page.
#[derive(Debug)]
pub(super) enum Block {
    Title,
    Note,
    /// The heading of a part.
    Heading(usize),
    /// Bars of a part.
    Bars(usize, Range<usize>),
    /// The headings of the columns of a part.
    Columns(usize),
    /// Rows of a part.
    Rows(usize, Range<usize>),
    /// The sentence of a part that has nothing.
    Empty(usize),
}

/// A page: its blocks, and where each begins.
pub(super) type Page = Vec<(f32, Block)>;

struct Pages {
    done: Vec<Page>,
    page: Page,
    at: f32,
}

impl Pages {
    /// Places a block below the last one.
    fn put(&mut self, block: Block, height: f32) {
        self.page.push((self.at, block));
        self.at += height;
    }

    /// Goes on with a new page, unless this one has room for a height.
    fn need(&mut self, height: f32) -> bool {
        let is_full = self.at + height > END && !self.page.is_empty();
        if is_full {
            self.done.push(std::mem::take(&mut self.page));
            self.at = MARGIN;
        }
        is_full
    }

    /// How many lines of a height have room, at least one.
    fn room(&self, height: f32) -> usize {
        (((END - self.at) / height) as usize).max(1)
    }
}

/// The pages of a paper.
pub(super) fn pages(paper: &Paper, has_note: bool) -> Vec<Page> {
    let mut pages = Pages { done: Vec::new(), page: Vec::new(), at: MARGIN };
    pages.put(Block::Title, TITLE);
    if has_note {
        pages.put(Block::Note, NOTE);
    }
    for (part, content) in paper.parts.iter().enumerate() {
        // A heading never stands alone at the end of a page.
        pages.need(HEADING + COLUMNS + 2.0 * ROW);
        pages.put(Block::Heading(part), HEADING);
        match content {
            Part::Bars { bars, .. } => lines(&mut pages, bars.len(), BAR, |_| (), |range| Block::Bars(part, range)),
            Part::Table { rows, .. } if rows.is_empty() => pages.put(Block::Empty(part), ROW),
            Part::Table { rows, .. } => {
                let columns = |pages: &mut Pages| pages.put(Block::Columns(part), COLUMNS);
                lines(&mut pages, rows.len(), ROW, columns, |range| Block::Rows(part, range));
            }
        }
    }
    pages.done.push(pages.page);
    pages.done
}

/// Places lines of one height, with something above the first of each page.
fn lines(
    pages: &mut Pages,
    count: usize,
    height: f32,
    above: impl Fn(&mut Pages),
    block: impl Fn(Range<usize>) -> Block,
) {
    let mut next = 0;
    above(pages);
    while next < count {
        if pages.need(height) {
            above(pages);
        }
        let end = count.min(next + pages.room(height));
        pages.put(block(next..end), (end - next) as f32 * height);
        next = end;
    }
}
