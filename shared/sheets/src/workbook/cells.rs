//! Reads the cells of a sheet, row by row.

use std::io::{Read, Seek};

use quick_xml::events::{BytesStart, Event};

use super::{
    EachRow, WorkbookError,
    container::Container,
    format::Format,
    number::general,
    strings::{Strings, Text},
    styles::Styles,
    xml::{Walk, add_text, is_on, unescape_x},
};

/// The size of a sheet's grid.
const COLUMNS: usize = 16_384;
const ROWS: u32 = 1_048_576;

/// What a person should know of a sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SheetFacts {
    /// The number of hidden rows with cells.
    pub hidden_rows: u64,
    /// The number of groups of merged cells.
    pub merged: u64,
}

/// How the value of a cell is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Number,
    Shared,
    /// A text of its own, or the last result of a formula: text as it is.
    Text,
    Truth,
    Day,
}

#[derive(Default)]
struct Cell {
    column: usize,
    kind: Kind,
    style: usize,
    value: String,
    inline: String,
}

/// Reads the cells of one sheet.
pub(super) struct Cells<'w> {
    sheet: &'w str,
    strings: &'w Strings,
    styles: &'w Styles,
    is_1904: bool,
    row: u32,
    cell: Cell,
    cells: Vec<String>,
    is_hidden: bool,
    facts: SheetFacts,
}

impl<'w> Cells<'w> {
    pub(super) fn new(sheet: &'w str, strings: &'w Strings, styles: &'w Styles, is_1904: bool) -> Self {
        let (row, cell, cells) = (0, Cell::default(), Vec::new());
        Self { sheet, strings, styles, is_1904, row, cell, cells, is_hidden: false, facts: SheetFacts::default() }
    }

    pub(super) fn read<R: Read + Seek>(
        mut self,
        container: &mut Container<R>,
        name: &str,
        each: EachRow<'_>,
    ) -> Result<SheetFacts, WorkbookError> {
        let Some(part) = container.part(name)? else {
            return Err(WorkbookError::Damaged(format!("the part {name} of sheet \"{}\" is missing", self.sheet)));
        };
        let mut walk = Walk::new(name, part);
        let mut inline = Text::default();
        let (mut is_value, mut is_inline) = (false, false);
        while let Some(event) = walk.next()? {
            match &event {
                Event::Start(element) => match element.local_name().as_ref() {
                    b"row" => self.begin_row(element)?,
                    b"c" => self.begin_cell(element)?,
                    b"v" => is_value = true,
                    b"is" => is_inline = true,
                    b"mergeCell" => self.facts.merged += 1,
                    _ if is_inline => inline.take(&event, name, &mut self.cell.inline)?,
                    _ => {}
                },
                Event::End(element) => match element.local_name().as_ref() {
                    b"row" => {
                        let is_blank = self.cells.iter().all(String::is_empty);
                        self.facts.hidden_rows += u64::from(self.is_hidden && !is_blank);
                        each(self.row, &self.cells)?;
                    }
                    b"c" => self.end_cell()?,
                    b"v" => is_value = false,
                    b"is" => is_inline = false,
                    _ if is_inline => inline.take(&event, name, &mut self.cell.inline)?,
                    _ => {}
                },
                event if is_value => add_text(event, name, &mut self.cell.value)?,
                event if is_inline => inline.take(event, name, &mut self.cell.inline)?,
                _ => {}
            }
        }
        Ok(self.facts)
    }

    fn begin_row(&mut self, element: &BytesStart<'_>) -> Result<(), WorkbookError> {
        let mut number = self.row + 1;
        self.is_hidden = false;
        for attribute in element.attributes().flatten() {
            match attribute.key.local_name().as_ref() {
                b"r" => number = parsed(&attribute.value).unwrap_or(0),
                b"hidden" => self.is_hidden = is_on(element, "hidden"),
                _ => {}
            }
        }
        if number <= self.row || number > ROWS {
            let what = format!("row {number} stands behind row {}", self.row);
            return Err(WorkbookError::Cell { sheet: self.sheet.to_owned(), cell: format!("A{number}"), what });
        }
        self.row = number;
        self.cells.clear();
        self.cell = Cell::default();
        Ok(())
    }

    fn begin_cell(&mut self, element: &BytesStart<'_>) -> Result<(), WorkbookError> {
        let cell = &mut self.cell;
        cell.value.clear();
        cell.inline.clear();
        (cell.kind, cell.style) = (Kind::Number, 0);
        let mut column = None;
        for attribute in element.attributes().flatten() {
            let value = attribute.value.as_ref();
            match attribute.key.local_name().as_ref() {
                b"r" => column = Some(column_of(value)),
                b"s" => cell.style = parsed(value).unwrap_or(0),
                b"t" => {
                    cell.kind = match value {
                        b"s" => Kind::Shared,
                        b"str" | b"inlineStr" | b"e" => Kind::Text,
                        b"b" => Kind::Truth,
                        b"d" => Kind::Day,
                        _ => Kind::Number,
                    }
                }
                _ => {}
            }
        }
        let next = cell.column + 1;
        let column = column.unwrap_or(next);
        if column == 0 || column > COLUMNS {
            let place = element.attributes().flatten().find(|one| one.key.local_name().as_ref() == b"r");
            let place = place.map(|place| String::from_utf8_lossy(&place.value).into_owned()).unwrap_or_default();
            let what = "it lies outside of the grid of a sheet".to_owned();
            return Err(WorkbookError::Cell { sheet: self.sheet.to_owned(), cell: place, what });
        }
        cell.column = column;
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), WorkbookError> {
        let cell = &self.cell;
        let text = match cell.kind {
            // A text of its own stands beside the value, whatever the value is.
            _ if !cell.inline.is_empty() => unescape_x(&cell.inline),
            _ if cell.value.is_empty() => return Ok(()),
            Kind::Text => unescape_x(&cell.value),
            Kind::Truth => if cell.value.trim() == "0" { "FALSE" } else { "TRUE" }.to_owned(),
            Kind::Day => day(&cell.value),
            Kind::Number => match self.styles.get(cell.style) {
                Some(format) => format.show(&cell.value, self.is_1904),
                None => Format::General.show(&cell.value, self.is_1904),
            },
            Kind::Shared => {
                let index = general(&cell.value).parse().ok();
                let shared = index.and_then(|index| self.strings.get(index));
                shared.ok_or_else(|| self.no_text())?.to_owned()
            }
        };
        let at = self.cell.column - 1;
        if self.cells.len() <= at {
            self.cells.resize(at + 1, String::new());
        }
        self.cells[at] = text;
        Ok(())
    }

    fn no_text(&self) -> WorkbookError {
        WorkbookError::Cell {
            sheet: self.sheet.to_owned(),
            cell: format!("{}{}", letters(self.cell.column), self.row),
            what: format!("the workbook has no text number {}", self.cell.value),
        }
    }
}

fn parsed<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// The number of the column in `AB12`, from 1 on; 0 if there is none.
fn column_of(cell: &[u8]) -> usize {
    let letters = cell.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let number = |sum: usize, byte: &u8| {
        sum.saturating_mul(26).saturating_add(usize::from(byte.to_ascii_uppercase() - b'A') + 1)
    };
    letters.fold(0, number)
}

/// The letters of a column, from 1 on.
fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    while column > 0 {
        column -= 1;
        letters.push(b'A' + u8::try_from(column % 26).unwrap_or_default());
        column /= 26;
    }
    letters.reverse();
    String::from_utf8(letters).unwrap_or_default()
}

/// A moment that is written out, as `2026-03-01T14:30:00`.
fn day(text: &str) -> String {
    let text = text.trim().trim_end_matches('Z');
    match text.split_once('T') {
        Some((date, time)) if time.trim_end_matches(['0', ':', '.']).is_empty() => date.to_owned(),
        Some((date, time)) => format!("{date} {}", time.split('.').next().unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (name, number) in [("A1", 1), ("Z9", 26), ("AA1", 27), ("XFD1048576", 16_384), ("7", 0)] {
            assert_eq!(column_of(name.as_bytes()), number, "{name}");
        }
        assert_eq!((letters(1), letters(27), letters(16_384)), ("A".into(), "AA".into(), "XFD".into()));
        assert_eq!(
            (day("2026-03-01T00:00:00"), day("2026-03-01T14:30:00.000Z")),
            ("2026-03-01".into(), "2026-03-01 14:30:00".into())
        );
    }
}
