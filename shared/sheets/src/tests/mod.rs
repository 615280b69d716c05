use super::{Bare, CsvError, GuestFile, GuestRow, Limits, Options, RowProblem};
use std::io::Cursor;

mod files;
mod round_trip;
mod rows;

type Bytes<'a> = GuestFile<Cursor<&'a [u8]>>;

fn open(bytes: &[u8]) -> Result<Bytes<'_>, CsvError> {
    GuestFile::from_bytes(bytes, &Options::default())
}

/// Returns the error that refuses a file.
fn refusal(bytes: impl AsRef<[u8]>) -> String {
    match open(bytes.as_ref()) {
        Ok(_) => panic!("the file was accepted"),
        Err(error) => error.to_string(),
    }
}

/// Returns the guests of a file in which every row is good.
fn guests(bytes: impl AsRef<[u8]>) -> Vec<GuestRow> {
    read(bytes).into_iter().map(|row| row.unwrap()).collect()
}

fn read(bytes: impl AsRef<[u8]>) -> Vec<Result<GuestRow, RowProblem>> {
    open(bytes.as_ref()).unwrap().collect()
}

/// Returns each row as its name or its problem.
fn outline(bytes: impl AsRef<[u8]>) -> Vec<String> {
    read(bytes).into_iter().map(|row| row.map_or_else(|problem| problem.to_string(), |guest| guest.name)).collect()
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}
