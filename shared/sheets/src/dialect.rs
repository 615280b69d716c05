//! Finds the character that separates the cells.

use super::{
    headers,
    records::{Fault, FaultKind, Record, Records},
};

const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The number of examined rows; more rows do not change the result.
const ROWS: usize = 50;

/// How the text is split into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    /// Whether the first line is Excel's `sep=;` and not a header.
    pub sep_line: bool,
}

/// How the CSV of a sheet is written.
pub(super) const OF_SHEETS: Dialect = Dialect { delimiter: b',', sep_line: false };

/// Decides from the beginning of the file. `whole` says that `sample` is the whole file.
pub(super) fn sniff(sample: &str, whole: bool) -> Dialect {
    if let Some(delimiter) = sep_line(sample) {
        return Dialect { delimiter, sep_line: true };
    }
    // `max_by_key` returns the last of equal elements, so the preferred candidate goes last.
    let delimiter = CANDIDATES.into_iter().rev().max_by_key(|d| score(sample, *d, whole)).unwrap_or(b',');
    Dialect { delimiter, sep_line: false }
}

/// The score of a delimiter. Known headers count most, then the rows that agree with the header, then the number of
/// columns.
fn score(sample: &str, delimiter: u8, whole: bool) -> (usize, usize, usize) {
    let mut records = Records::new(sample.as_bytes(), delimiter, 1024, sample.len());
    let mut rows: Vec<(usize, Option<Fault>)> = Vec::new();
    let mut known = 0;
    let mut record = Record::default();
    while rows.len() <= ROWS && records.read(&mut record).unwrap_or(false) {
        if rows.is_empty() {
            known = record.cells().filter(|cell| headers::role(cell).is_some()).count();
        }
        rows.push((record.count, record.fault));
    }
    if !whole && rows.len() > 1 && rows.len() <= ROWS {
        rows.pop();
    }
    let Some(((columns, _), data)) = rows.split_first() else { return (0, 0, 0) };
    let fits = |(count, fault): &&(usize, Option<Fault>)| {
        count == columns && !fault.is_some_and(|f| f.kind == FaultKind::StrayQuote)
    };
    let agreeing = data.iter().filter(fits).count();
    // A column of prose can agree with itself by chance, so one column never beats several columns that agree equally
    // well.
    (known, agreeing * 100 / data.len().max(1), if *columns > 1 { *columns } else { 0 })
}

fn sep_line(sample: &str) -> Option<u8> {
    let line = sample.split(['\r', '\n']).next()?.replace('"', "");
    let (key, value) = line.split_at_checked(4)?;
    let is_separator = |byte: &u8| byte.is_ascii_punctuation() || *byte == b'\t';
    // A program that does not know this line pads it to the header's width, with the separator that the program itself
    // uses.
    let bytes = value.trim_matches(' ').as_bytes();
    let last = bytes.last().filter(|_| key.eq_ignore_ascii_case("sep=") && bytes.iter().all(is_separator))?;
    bytes[1..].iter().all(|byte| byte == last).then_some(*last)
}
