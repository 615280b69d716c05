//! Draws the pages of a paper.

use krilla::{
    Document, SerializeSettings,
    metadata::{DateTime, Metadata},
    page::PageSettings,
};

use super::{
    Bar, Cell, Column, Paper, PaperError, Part,
    plan::{BAR, Block, MARGIN, NOTE, Page, ROW, SIZE, WIDTH},
    sheet::{Faces, Ink, Set, Sheet},
};
use crate::fonts::FontLibrary;

const INK: Ink = [27, 36, 48];
const SOFT: Ink = [91, 100, 112];
const RULE: Ink = [227, 222, 210];
const ACCENT: Ink = [138, 100, 23];
const TRACK: Ink = [243, 240, 233];
const HELP: Ink = [251, 239, 211];

/// The space between the columns of a table.
const GAP: f32 = 8.0;

pub(super) fn draw(
    paper: &Paper,
    note: Option<&str>,
    pages: &[Page],
    fonts: &FontLibrary,
) -> Result<Vec<u8>, PaperError> {
    let settings = SerializeSettings { enable_tagging: false, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let (year, month, day) = paper.made;
    document.set_metadata(
        Metadata::new()
            .title(paper.title.clone())
            .creator("Herald".to_owned())
            .producer("Herald".to_owned())
            .creation_date(DateTime::new(year).month(month).day(day).hour(0).minute(0).second(0)),
    );
    let mut faces = Faces::new(fonts);
    for (number, blocks) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(SIZE.0, SIZE.1).ok_or_else(|| PaperError("no page".to_owned()))?;
        let mut page = document.start_page_with(settings);
        // Both end with the scope, which writes the page down.
        let mut sheet = Sheet { surface: page.surface(), faces: &mut faces };
        for (at, block) in blocks {
            put(&mut sheet, paper, note, *at, block)?;
        }
        let foot = SIZE.1 - MARGIN;
        sheet.area([MARGIN, foot - 12.0, WIDTH, 0.5], RULE);
        sheet.text(&paper.foot, (MARGIN, foot), WIDTH * 0.75, Set::new(7.5, SOFT))?;
        let number = format!("Page {} of {}", number + 1, pages.len());
        sheet.text(&number, (MARGIN + WIDTH * 0.75, foot), WIDTH * 0.25, Set::new(7.5, SOFT).right(true))?;
    }
    document.finish().map_err(|error| PaperError(error.to_string()))
}

fn put(sheet: &mut Sheet<'_, '_>, paper: &Paper, note: Option<&str>, y: f32, block: &Block) -> Result<(), PaperError> {
    match block {
        Block::Title => {
            sheet.text(&paper.title, (MARGIN, y + 20.0), WIDTH, Set::new(20.0, INK).bold())?;
            sheet.text(&paper.subtitle, (MARGIN, y + 37.0), WIDTH, Set::new(9.5, SOFT))?;
        }
        Block::Note => {
            sheet.area([MARGIN, y, WIDTH, NOTE - 8.0], HELP);
            let set = Set::new(8.5, INK).lines(2);
            sheet.text(note.unwrap_or_default(), (MARGIN + 8.0, y + 13.0), WIDTH - 16.0, set)?;
        }
        Block::Heading(part) => {
            let (Part::Bars { heading, .. } | Part::Table { heading, .. }) = of(paper, *part)?;
            sheet.text(heading, (MARGIN, y + 20.0), WIDTH, Set::new(12.5, INK).bold())?;
        }
        Block::Bars(part, range) => {
            if let Part::Bars { bars, .. } = of(paper, *part)? {
                let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
                for (line, bar) in bars.get(range.clone()).unwrap_or_default().iter().enumerate() {
                    self::bar(sheet, y + line as f32 * BAR, bar, most)?;
                }
            }
        }
        Block::Columns(part) => {
            if let Part::Table { columns, .. } = of(paper, *part)? {
                for (column, x, width) in places(columns) {
                    let set = Set::new(7.5, SOFT).bold().right(column.is_number);
                    sheet.text(column.heading, (x, y + 9.0), width, set)?;
                }
                sheet.area([MARGIN, y + 15.0, WIDTH, 0.75], SOFT);
            }
        }
        Block::Rows(part, range) => {
            if let Part::Table { columns, rows, .. } = of(paper, *part)? {
                for (line, cells) in rows.get(range.clone()).unwrap_or_default().iter().enumerate() {
                    row(sheet, y + line as f32 * ROW, columns, cells)?;
                }
            }
        }
        Block::Empty(part) => {
            if let Part::Table { empty, .. } = of(paper, *part)? {
                sheet.text(empty, (MARGIN, y + 10.0), WIDTH, Set::new(9.0, SOFT))?;
            }
        }
    }
    Ok(())
}

fn of(paper: &Paper, part: usize) -> Result<&Part, PaperError> {
    paper.parts.get(part).ok_or_else(|| PaperError("a part is gone".to_owned()))
}

/// The columns, where each begins, and how wide it is.
fn places(columns: &[Column]) -> impl Iterator<Item = (&Column, f32, f32)> {
    let shares: f32 = columns.iter().map(|column| column.share).sum();
    let room = WIDTH - GAP * columns.len().saturating_sub(1) as f32;
    let mut x = MARGIN;
    columns.iter().map(move |column| {
        let (at, width) = (x, room * column.share / shares.max(f32::EPSILON));
        x += width + GAP;
        (column, at, width)
    })
}

fn row(sheet: &mut Sheet<'_, '_>, y: f32, columns: &[Column], cells: &[Cell]) -> Result<(), PaperError> {
    for ((column, x, width), cell) in places(columns).zip(cells) {
        let lines = if cell.below.is_empty() { 2 } else { 1 };
        let set = Set::new(8.5, INK).right(column.is_number).lines(lines);
        sheet.text(&cell.text, (x, y + 10.0), width, set)?;
        if lines == 1 {
            let set = Set::new(7.5, SOFT).right(column.is_number);
            sheet.text(&cell.below, (x, y + 20.5), width, set)?;
        }
    }
    sheet.area([MARGIN, y + ROW - 2.0, WIDTH, 0.4], RULE);
    Ok(())
}

/// A number, its bar as long as it is of the largest one, and the remark.
fn bar(sheet: &mut Sheet<'_, '_>, y: f32, bar: &Bar, most: u64) -> Result<(), PaperError> {
    const LABEL: f32 = 150.0;
    const TRACK_WIDTH: f32 = 170.0;
    const COUNT: f32 = 42.0;
    sheet.text(&bar.label, (MARGIN, y + 9.5), LABEL - GAP, Set::new(8.5, INK))?;
    let x = MARGIN + LABEL;
    sheet.area([x, y + 2.5, TRACK_WIDTH, 8.0], TRACK);
    sheet.area([x, y + 2.5, TRACK_WIDTH * (bar.count as f32 / most as f32), 8.0], ACCENT);
    let x = x + TRACK_WIDTH;
    let count = grouped(bar.count);
    sheet.text(&count, (x, y + 9.5), COUNT, Set::new(8.5, INK).bold().right(true))?;
    let x = x + COUNT + 2.0 * GAP;
    sheet.text(&bar.remark, (x, y + 9.5), MARGIN + WIDTH - x, Set::new(8.5, SOFT).right(true))?;
    Ok(())
}

/// A number as people write it: `12,500`.
fn grouped(number: u64) -> String {
    let plain = number.to_string();
    let mut shown = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
