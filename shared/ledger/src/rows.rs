//! Rows of JSON that come piece by piece: one a line (NDJSON), or the elements of one array. Nothing is kept but the
//! row that is being read.

use std::{collections::VecDeque, io::Read};

use thiserror::Error;

/// The longest row, in bytes: arguments at their limit, written with escapes and spaces, fit in.
pub const LONGEST_ROW: usize = 256 << 10;
/// What rows that are read together take, in bytes; long rows are fewer at a time.
const TOGETHER: usize = 2 << 20;
/// What is read from a file at once, in bytes.
const PIECE: usize = 64 << 10;

/// How rows are put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A row a line. Empty lines are no rows.
    Lines,
    /// The elements of an array.
    Array,
}

/// A row as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Its JSON, right or wrong.
    Text(Vec<u8>),
    /// It is over [`LONGEST_ROW`], and was not kept.
    TooLong,
}

impl Row {
    /// The memory that it takes, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::TooLong => 0,
        }
    }
}

/// Why rows cannot be told apart.
#[derive(Debug, Error)]
pub enum RowsError {
    /// It is no array, or there is something else between its elements.
    #[error(
        "the rows are not a JSON array, or a comma between two of them is missing or stands twice: correct the array"
    )]
    NotAnArray,
    /// The array has no end.
    #[error("the JSON array ended early: send it again")]
    Torn,
    /// The file cannot be read.
    #[error("the rows cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Where in an array one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before its bracket.
    Before,
    /// Behind its bracket.
    First,
    /// In an element.
    In,
    /// Behind an element.
    After,
    /// Behind a comma.
    Next,
    /// Behind its other bracket.
    End,
}

/// Tells rows apart.
#[derive(Debug)]
pub struct Splitter {
    format: Format,
    place: Place,
    depth: usize,
    in_text: bool,
    escaped: bool,
    row: Vec<u8>,
    too_long: bool,
}

impl Splitter {
    /// At the beginning.
    pub fn new(format: Format) -> Self {
        let place = Place::Before;
        Self { format, place, depth: 0, in_text: false, escaped: false, row: Vec::new(), too_long: false }
    }

    /// Goes on with the next piece, and gives `take` each row that ends in it.
    ///
    /// # Errors
    /// [`RowsError::NotAnArray`].
    pub fn push(&mut self, piece: &[u8], take: &mut impl FnMut(Row)) -> Result<(), RowsError> {
        if self.format == Format::Array {
            return self.push_elements(piece, take);
        }
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.keep(line);
            if line.ends_with(b"\n") {
                self.close(take);
            }
        }
        Ok(())
    }

    /// Says that there is no further piece.
    ///
    /// # Errors
    /// [`RowsError::Torn`] if there must have been.
    pub fn finish(&mut self, take: &mut impl FnMut(Row)) -> Result<(), RowsError> {
        match self.format {
            Format::Lines => self.close(take),
            Format::Array if self.place != Place::End => return Err(RowsError::Torn),
            Format::Array => {}
        }
        Ok(())
    }

    fn push_elements(&mut self, piece: &[u8], take: &mut impl FnMut(Row)) -> Result<(), RowsError> {
        // Where in this piece what belongs to the open element begins.
        let mut from = 0;
        for (at, &byte) in piece.iter().enumerate() {
            if self.place == Place::In {
                let ended = self.ends_at(byte);
                if let Some(with_it) = ended {
                    self.keep(&piece[from..at + usize::from(with_it)]);
                    self.close(take);
                    self.place = Place::After;
                }
                if ended != Some(false) {
                    continue;
                }
            }
            self.place = match (self.place, byte) {
                (place, byte) if byte.is_ascii_whitespace() => place,
                (Place::Before, b'[') => Place::First,
                (Place::First | Place::After, b']') => Place::End,
                (Place::After, b',') => Place::Next,
                (Place::First | Place::Next, byte) if !matches!(byte, b']' | b',') => {
                    from = at;
                    self.ends_at(byte);
                    Place::In
                }
                _ => return Err(RowsError::NotAnArray),
            };
        }
        if self.place == Place::In {
            self.keep(&piece[from..]);
        }
        Ok(())
    }

    /// Whether the open element ends at this byte of it, and then whether the byte still belongs to it.
    fn ends_at(&mut self, byte: u8) -> Option<bool> {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return (!self.in_text && self.depth == 0).then_some(true);
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return (self.depth == 0).then_some(true);
            }
            b',' | b']' if self.depth == 0 => return Some(false),
            byte if self.depth == 0 && byte.is_ascii_whitespace() => return Some(false),
            _ => {}
        }
        None
    }

    fn keep(&mut self, part: &[u8]) {
        if self.row.len() + part.len() > LONGEST_ROW {
            self.too_long = true;
            self.row.clear();
        }
        if !self.too_long {
            self.row.extend_from_slice(part);
        }
    }

    fn close(&mut self, take: &mut impl FnMut(Row)) {
        let row = std::mem::take(&mut self.row);
        if std::mem::take(&mut self.too_long) {
            take(Row::TooLong);
        } else if !row.trim_ascii().is_empty() {
            take(Row::Text(row));
        }
    }
}

/// Rows of a file, some at a time.
#[derive(Debug)]
pub struct Rows<R> {
    file: R,
    splitter: Splitter,
    read: VecDeque<Row>,
    /// The memory that those take.
    held: usize,
    has_ended: bool,
}

impl<R: Read> Rows<R> {
    /// The rows of a file from its beginning.
    pub fn of(file: R, format: Format) -> Self {
        Self { file, splitter: Splitter::new(format), read: VecDeque::new(), held: 0, has_ended: false }
    }

    /// The next rows, at most `most`, and fewer if they are long; none at the end. It blocks.
    ///
    /// # Errors
    /// [`RowsError`].
    pub fn next(&mut self, most: usize) -> Result<Vec<Row>, RowsError> {
        let mut piece = vec![0; PIECE];
        while self.read.len() < most && self.held < TOGETHER && !self.has_ended {
            let bytes = self.file.read(&mut piece)?;
            let mut take = |row: Row| {
                self.held += row.bytes();
                self.read.push_back(row);
            };
            self.splitter.push(&piece[..bytes], &mut take)?;
            if bytes == 0 {
                self.has_ended = true;
                self.splitter.finish(&mut take)?;
            }
        }
        let (mut some, mut bytes) = (Vec::new(), 0);
        while some.len() < most && bytes < TOGETHER {
            let Some(row) = self.read.pop_front() else { break };
            bytes += row.bytes();
            some.push(row);
        }
        self.held -= bytes;
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of a text that comes in pieces of this size.
    fn split(format: Format, text: &str, size: usize) -> Result<Vec<String>, RowsError> {
        let mut rows = Vec::new();
        let mut take = |row| {
            rows.push(match row {
                Row::Text(text) => String::from_utf8(text).unwrap().trim().to_owned(),
                Row::TooLong => "too long".to_owned(),
            });
        };
        let mut splitter = Splitter::new(format);
        for piece in text.as_bytes().chunks(size) {
            splitter.push(piece, &mut take)?;
        }
        splitter.finish(&mut take)?;
        Ok(rows)
    }

    #[test]
    fn lines_are_rows_and_empty_ones_are_not() {
        let text = "{\"a\":1}\r\n\n  \n{\"b\":\"x\"}\nnonsense\n{\"c\":2}";
        for size in 1..text.len() {
            let rows = split(Format::Lines, text, size).unwrap();
            assert_eq!(rows, ["{\"a\":1}", "{\"b\":\"x\"}", "nonsense", "{\"c\":2}"]);
        }
        assert!(split(Format::Lines, "\n\n", 1).unwrap().is_empty());
    }

    #[test]
    fn elements_are_rows_whatever_they_hold() {
        let text = r#" [ {"a":"},]\"["} , {"b":[{"c":[]}]},17 ,"x,]", null ] "#;
        for size in 1..text.len() {
            let rows = split(Format::Array, text, size).unwrap();
            assert_eq!(rows, [r#"{"a":"},]\"["}"#, r#"{"b":[{"c":[]}]}"#, "17", r#""x,]""#, "null"]);
        }
        assert!(split(Format::Array, "[]", 1).unwrap().is_empty());
        for wrong in ["{}", "[{}{}]", "[{},]", "[,{}]", "[{}] x", "[{},,{}]"] {
            assert!(matches!(split(Format::Array, wrong, 3), Err(RowsError::NotAnArray)), "{wrong}");
        }
        for torn in ["", "[", "[{}", "[{},", "[\"x"] {
            assert!(matches!(split(Format::Array, torn, 3), Err(RowsError::Torn)), "{torn}");
        }
    }

    #[test]
    fn a_row_that_is_too_long_costs_only_itself() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LONGEST_ROW));
        let lines = split(Format::Lines, &format!("{{}}\n{long}\n{{}}\n"), 1_000).unwrap();
        assert_eq!(lines, ["{}", "too long", "{}"]);
        assert_eq!(split(Format::Array, &format!("[{{}},{long},{{}}]"), 1_000).unwrap(), ["{}", "too long", "{}"]);
    }

    #[test]
    fn a_file_is_read_some_rows_at_a_time() {
        let text = "{}\n".repeat(50_000);
        let mut rows = Rows::of(text.as_bytes(), Format::Lines);
        let mut sizes = Vec::new();
        loop {
            let some = rows.next(20_000).unwrap().len();
            sizes.push(some);
            if some == 0 {
                break;
            }
        }
        assert_eq!(sizes, [20_000, 20_000, 10_000, 0]);
    }

    #[test]
    fn long_rows_are_fewer_at_a_time() {
        let row = format!("{{\"a\":\"{}\"}}\n", "x".repeat(100 << 10));
        let text = row.repeat(50);
        let mut rows = Rows::of(text.as_bytes(), Format::Lines);
        let mut all = 0;
        loop {
            let some = rows.next(1_000).unwrap();
            if some.is_empty() {
                break;
            }
            assert!(some.iter().map(Row::bytes).sum::<usize>() <= TOGETHER + LONGEST_ROW);
            all += some.len();
        }
        assert_eq!(all, 50);
    }

    proptest! {
        #[test]
        fn what_serde_writes_is_split_again(values in prop::collection::vec("\\PC{0,20}", 0..8), size in 1_usize..40) {
            let rows: Vec<serde_json::Value> = values.iter().map(|text| serde_json::json!({ "a": [text] })).collect();
            let array = serde_json::to_string(&rows).unwrap();
            let wanted: Vec<String> = rows.iter().map(ToString::to_string).collect();
            prop_assert_eq!(split(Format::Array, &array, size).unwrap(), wanted.clone());
            prop_assert_eq!(split(Format::Lines, &wanted.join("\n"), size).unwrap(), wanted);
        }
    }
}
