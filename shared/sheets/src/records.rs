//! Splits text into rows and cells with `csv-core`. It adds parts that `csv-core` lacks: the line on which a quote
//! opened, an upper limit for a cell, and a check that the quotes of a cell match.

use std::io::{self, BufRead};

/// One unparsed row. The value is reused from row to row.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    /// The 1-based line on which the row starts.
    pub line: u64,
    /// The number of cells in the row; at most the reader's `columns` of them are kept.
    pub count: usize,
    /// The first fault of the row's structure.
    pub fault: Option<Fault>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A cell that cannot be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// The 1-based line on which the cell starts.
    pub line: u64,
    /// The 0-based column.
    pub column: usize,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    TooLong,
    StrayQuote,
    UnclosedQuote,
}

impl Record {
    /// Returns the cell in a 0-based column; `None` if the row ends before it.
    pub(super) fn cell(&self, column: usize) -> Option<&str> {
        let end = *self.ends.get(column)?;
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        // Only a cell that was cut for its size can end inside a character, and its row is refused.
        Some(std::str::from_utf8(&self.text[start..end]).unwrap_or(""))
    }

    /// Returns the kept cells in order.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).filter_map(|column| self.cell(column))
    }

    /// Whether every cell is white space.
    pub(super) fn is_blank(&self) -> bool {
        self.fault.is_none() && self.cells().all(|cell| cell.trim().is_empty())
    }

    fn clear(&mut self, line: u64) {
        *self = Record {
            line,
            text: std::mem::take(&mut self.text),
            ends: std::mem::take(&mut self.ends),
            ..Record::default()
        };
        self.text.clear();
        self.ends.clear();
    }
}

/// Reads records from UTF-8 text.
pub(super) struct Records<B> {
    input: B,
    parser: csv_core::Reader,
    /// The buffer for one cell and one more byte: a full buffer means that the cell exceeds the limit.
    cell: Vec<u8>,
    columns: usize,
    line: u64,
    last: u8,
    /// The number of records that were read, if rows are counted by them.
    count: Option<u64>,
}

/// The state of the cell that is being read.
struct Open {
    line: u64,
    quoted: Option<bool>,
    quotes: usize,
    /// The number of bytes in the file.
    raw: usize,
    last: u8,
    length: usize,
    too_long: bool,
}

impl Open {
    /// Returns the length of a quoted cell without its quotes, if each quote inside is doubled. After a quote that
    /// closes the cell early, the parser keeps all further quotes, and the cell becomes longer.
    fn length_if_doubled(&self) -> usize {
        self.raw - self.quotes + self.quotes.saturating_sub(2) / 2
    }
}

impl<B: BufRead> Records<B> {
    /// Creates a reader that keeps at most `columns` cells of a row and `cell_bytes` of a cell.
    pub(super) fn new(input: B, delimiter: u8, columns: usize, cell_bytes: usize) -> Self {
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Records { input, parser, cell: vec![0; cell_bytes + 1], columns, line: 1, last: 0, count: None }
    }

    /// Has rows counted by records instead of lines.
    pub(super) fn count_records(&mut self) {
        self.count = Some(0);
    }

    /// Reads the next row into `record`; returns `false` at the end. Empty lines are skipped.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        if !self.skip_line_ends()? {
            return Ok(false);
        }
        self.count = self.count.map(|count| count + 1);
        record.clear(self.count.unwrap_or(self.line));
        while self.read_cell(record)? {}
        Ok(true)
    }

    /// Reads one cell; returns `false` if it was the last one of the row.
    fn read_cell(&mut self, record: &mut Record) -> io::Result<bool> {
        use csv_core::ReadFieldResult::{End, Field, InputEmpty, OutputFull};
        let mut open = Open { line: self.line, quoted: None, quotes: 0, raw: 0, last: 0, length: 0, too_long: false };
        loop {
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            // A last row without a line end gets one; only an open quote swallows it.
            let input = if at_end { b"\n" } else { input };
            let (result, read, written) = self.parser.read_field(input, &mut self.cell[open.length..]);
            open.length += written;
            let ended = matches!(result, Field { .. } | End);
            let (raw, mark) = input[..read].split_at(read - usize::from(ended && read > 0));
            if let Some(first) = raw.first() {
                let quoted = *open.quoted.get_or_insert(*first == b'"');
                open.quotes += if quoted { raw.iter().filter(|b| **b == b'"').count() } else { 0 };
                open.raw += raw.len();
                open.last = *raw.last().unwrap_or(first);
            }
            if at_end {
                let unclosed = !ended;
                self.keep(record, &open, unclosed);
                return Ok(false);
            }
            for byte in raw.iter().chain(mark) {
                self.line += u64::from(*byte == b'\r' || *byte == b'\n' && self.last != b'\r');
                self.last = *byte;
            }
            self.input.consume(read);
            match result {
                InputEmpty => {}
                OutputFull => {
                    open.too_long = true;
                    open.length = 0;
                }
                Field { record_end } => {
                    self.keep(record, &open, false);
                    return Ok(!record_end);
                }
                End => return Ok(false),
            }
        }
    }

    fn keep(&self, record: &mut Record, open: &Open, unclosed: bool) {
        let column = record.count;
        let line = self.count.unwrap_or(open.line);
        let quoted = open.quoted == Some(true);
        let too_long = open.too_long || open.length == self.cell.len();
        let kind = if unclosed {
            Some(FaultKind::UnclosedQuote)
        } else if quoted && (!too_long && open.length != open.length_if_doubled() || open.last != b'"') {
            Some(FaultKind::StrayQuote)
        } else {
            too_long.then_some(FaultKind::TooLong)
        };
        record.fault = record.fault.or(kind.map(|kind| Fault { line, column, kind }));
        record.count += 1;
        if column < self.columns {
            record.text.extend_from_slice(if kind.is_none() { &self.cell[..open.length] } else { b"" });
            record.ends.push(record.text.len());
        }
    }

    /// Moves to the first byte of the next row, so that `line` is correct; returns `false` at the end of the file.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return Ok(false);
            }
            let ends = input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            let more = ends < input.len();
            for byte in &input[..ends] {
                self.line += u64::from(*byte == b'\r' || *byte == b'\n' && self.last != b'\r');
                self.last = *byte;
            }
            self.input.consume(ends);
            if more {
                return Ok(true);
            }
        }
    }
}
