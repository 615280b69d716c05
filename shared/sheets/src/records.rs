//! Splits text into rows and cells with `csv-core`, and adds what it does not tell: the line on which a quote opened,
//! an upper bound for a cell, and whether the quotes of a cell match.

use std::io::{self, BufRead};

/// One row before anything is understood of it. Reused from row to row.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    /// 1-based line on which the row starts.
    pub line: u64,
    /// How many cells the row has; at most the reader's `columns` of them are kept.
    pub count: usize,
    /// The first thing wrong with the row's shape.
    pub fault: Option<Fault>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A cell that cannot be taken as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// 1-based line on which the cell starts.
    pub line: u64,
    /// 0-based.
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
    /// The cell at a 0-based column; `None` when the row ends before it.
    pub(super) fn cell(&self, column: usize) -> Option<&str> {
        let end = *self.ends.get(column)?;
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        // Only cells cut for their size can end inside a character, and those rows are refused.
        Some(std::str::from_utf8(&self.text[start..end]).unwrap_or(""))
    }

    /// The kept cells in order.
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
    /// One cell and a byte more: a full buffer is a cell beyond the limit.
    cell: Vec<u8>,
    columns: usize,
    line: u64,
    last: u8,
}

/// What is known of the cell being read.
struct Open {
    line: u64,
    quoted: Option<bool>,
    quotes: usize,
    /// Bytes as they stand in the file.
    raw: usize,
    last: u8,
    length: usize,
    too_long: bool,
}

impl Open {
    /// How long a cell in quotes is without them, if each quote inside is doubled. After a quote that closes it early,
    /// the parser keeps every other as it is, and the cell gets longer.
    fn length_if_doubled(&self) -> usize {
        self.raw - self.quotes + self.quotes.saturating_sub(2) / 2
    }
}

impl<B: BufRead> Records<B> {
    /// Keeps at most `columns` cells of a row and `cell_bytes` of a cell.
    pub(super) fn new(input: B, delimiter: u8, columns: usize, cell_bytes: usize) -> Self {
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Records { input, parser, cell: vec![0; cell_bytes + 1], columns, line: 1, last: 0 }
    }

    /// Reads the next row into `record`; `false` at the end. Empty lines are skipped.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        if !self.skip_line_ends()? {
            return Ok(false);
        }
        record.clear(self.line);
        while self.read_cell(record)? {}
        Ok(true)
    }

    /// Reads one cell; `false` when it was the row's last.
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
        let quoted = open.quoted == Some(true);
        let too_long = open.too_long || open.length == self.cell.len();
        let kind = if unclosed {
            Some(FaultKind::UnclosedQuote)
        } else if quoted && (!too_long && open.length != open.length_if_doubled() || open.last != b'"') {
            Some(FaultKind::StrayQuote)
        } else {
            too_long.then_some(FaultKind::TooLong)
        };
        record.fault = record.fault.or(kind.map(|kind| Fault { line: open.line, column, kind }));
        record.count += 1;
        if column < self.columns {
            record.text.extend_from_slice(if kind.is_none() { &self.cell[..open.length] } else { b"" });
            record.ends.push(record.text.len());
        }
    }

    /// Moves to the first byte of the next row, so that `line` is the row's own; `false` at the end of the file.
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
