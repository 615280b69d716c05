//! Recognises a file that is not CSV by its first bytes, so that the error can name its kind.

use super::problem::CsvError;

const SAVE_AS_CSV: &str = "open it and save it as \"CSV UTF-8\"";
const EXPORT_AS_CSV: &str = "export the guest list as CSV and choose that file";

const OLD_OFFICE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const WORD: &str = "a Word document";
const SLIDES: &str = "a PowerPoint presentation";

/// Binary kinds of files, by their first bytes.
const MAGIC: &[(&[u8], &str, &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", EXPORT_AS_CSV),
    (b"\xff\xd8\xff", "a JPEG picture", EXPORT_AS_CSV),
    (b"GIF87a", "a GIF picture", EXPORT_AS_CSV),
    (b"GIF89a", "a GIF picture", EXPORT_AS_CSV),
    (b"%PDF-", "a PDF document", EXPORT_AS_CSV),
    (OLD_OFFICE, "an old Excel or Word file", SAVE_AS_CSV),
    (b"{\\rtf", "a rich-text document", SAVE_AS_CSV),
    (b"\x1f\x8b", "a gzip archive", "unpack it and choose the CSV file inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and choose the CSV file inside"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it and choose the CSV file inside"),
    (b"SQLite format 3\0", "an SQLite database", EXPORT_AS_CSV),
    (b"\x00\x00\xfe\xff", "text in UTF-32", "save it as UTF-8"),
    (b"\xff\xfe\x00\x00", "text in UTF-32", "save it as UTF-8"),
];

/// Refuses a file by its first bytes (a few KiB are enough).
pub(super) fn refuse_binary(head: &[u8]) -> Result<(), CsvError> {
    if let Some((_, what, way_out)) = MAGIC.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err(CsvError::NotCsv { what, way_out });
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Err(zip_kind(head));
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Err(CsvError::NotCsv { what: "a WebP picture", way_out: EXPORT_AS_CSV });
    }
    Ok(())
}

/// Refuses a file that is neither CSV nor a workbook, by its first bytes: 64 KiB are enough. What may be a workbook is
/// left to its reader, which knows more of it.
///
/// # Errors
/// [`CsvError::NotCsv`]: what the file is.
pub fn refuse_other_files(head: &[u8]) -> Result<(), CsvError> {
    let is_office = head.starts_with(b"PK") || head.starts_with(OLD_OFFICE);
    match refuse_binary(head) {
        Err(CsvError::NotCsv { what, .. }) if is_office && what != WORD && what != SLIDES => Ok(()),
        refused => refused,
    }
}

/// Refuses text of another kind, by its decoded beginning.
pub(super) fn refuse_other_text(head: &str) -> Result<(), CsvError> {
    let start: String = head.trim_start().chars().take(32).collect::<String>().to_ascii_lowercase();
    let what = if ["<!doctype html", "<html", "<head", "<body", "<table"].iter().any(|tag| start.starts_with(tag)) {
        "a web page"
    } else if start.starts_with("<?xml") || start.starts_with("<svg") {
        "an XML file"
    } else if start.starts_with("begin:vcard") {
        "a vCard file"
    } else if start.starts_with('{') || start.starts_with("[{") || start.starts_with("[\n") || start.starts_with("[\r")
    {
        "a JSON file"
    } else {
        return Ok(());
    };
    Err(CsvError::NotCsv { what, way_out: EXPORT_AS_CSV })
}

/// The error for a NUL byte in a file that is not UTF-16.
pub(super) fn binary() -> CsvError {
    CsvError::NotCsv { what: "a binary file", way_out: EXPORT_AS_CSV }
}

/// Office files are ZIP archives whose first entries reveal their kind.
fn zip_kind(head: &[u8]) -> CsvError {
    let has = |needle: &[u8]| head.windows(needle.len()).any(|w| w == needle);
    let (what, way_out) = if has(b"xl/") || has(b"[Content_Types].xml") && !has(b"word/") && !has(b"ppt/") {
        ("an Excel workbook", SAVE_AS_CSV)
    } else if has(b"opendocument.spreadsheet") {
        ("an OpenDocument spreadsheet", SAVE_AS_CSV)
    } else if has(b"word/") {
        (WORD, SAVE_AS_CSV)
    } else if has(b"ppt/") {
        (SLIDES, EXPORT_AS_CSV)
    } else {
        ("a ZIP archive", "unpack it and choose the CSV file inside")
    };
    CsvError::NotCsv { what, way_out }
}
