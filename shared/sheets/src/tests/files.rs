use super::*;
use std::io::{self, Read, Seek, SeekFrom};

const LIST: &str = "Name,E-mail,Table No.\nJosé Müller,jose@example.com,7\nZoë Example,zoe@example.com,8\n";

#[test]
fn every_encoding_reads_the_same() {
    let plain = guests(LIST);
    assert_eq!(plain[0].name, "José Müller");
    let marked = [b"\xef\xbb\xbf", LIST.as_bytes()].concat();
    let (windows, _, unmappable) = encoding_rs::WINDOWS_1252.encode(LIST);
    assert!(!unmappable);
    for (bytes, encoding) in [
        (LIST.as_bytes().to_vec(), "UTF-8"),
        (marked, "UTF-8"),
        (utf16(LIST, true, true), "UTF-16LE"),
        (utf16(LIST, false, true), "UTF-16BE"),
        (utf16(LIST, true, false), "UTF-16LE"),
        (utf16(LIST, false, false), "UTF-16BE"),
        (windows.into_owned(), "windows-1252"),
    ] {
        assert_eq!(open(&bytes).unwrap().encoding(), encoding);
        assert_eq!(guests(&bytes), plain, "{encoding}");
    }
}

#[test]
fn a_list_with_macintosh_line_ends_has_macintosh_letters() {
    let list = "name;town\rJosé Núñez;Málaga\rZoé Müller;Köln\rÅsa Sørensen;Tromsø\rRené Garçon;Besançon\r";
    let (bytes, ..) = encoding_rs::MACINTOSH.encode(list);
    assert_eq!(open(&bytes).unwrap().encoding(), "macintosh");
    let names: Vec<_> = guests(&bytes).into_iter().map(|guest| guest.name).collect();
    assert_eq!(names, ["José Núñez", "Zoé Müller", "Åsa Sørensen", "René Garçon"]);
}

#[test]
fn a_guessed_encoding_is_said() {
    let (windows, ..) = encoding_rs::WINDOWS_1252.encode(LIST);
    let note = "the file does not say its encoding and was read as windows-1252; if names look wrong, save it as \
                \"CSV UTF-8\" and import it again";
    assert_eq!(open(&windows).unwrap().notes(), [note]);
    assert!(open(LIST.as_bytes()).unwrap().notes().is_empty());
}

#[test]
fn utf16_without_a_mark_is_found_when_the_names_are_not_latin() {
    let list = "name,phone\n一二三,+65 8000 0001\nنور مثال,+65 8000 0002\n";
    assert_eq!(guests(utf16(list, true, false)), guests(list));
    assert_eq!(guests(utf16(list, false, false)), guests(list));
}

#[test]
fn the_caller_may_name_the_encoding() {
    let (bytes, ..) = encoding_rs::SHIFT_JIS.encode("name\n例 太郎\n");
    let options = Options::default().encoding_label("shift_jis").unwrap();
    let file = GuestFile::from_bytes(&bytes, &options).unwrap();
    assert_eq!(file.map(|row| row.unwrap().name).collect::<Vec<_>>(), ["例 太郎"]);
    let unknown = Options::default().encoding_label("ebcdic").unwrap_err().to_string();
    assert_eq!(unknown, "\"ebcdic\" is not an encoding; try utf-8, utf-16le or windows-1252");
}

#[test]
fn an_accent_far_down_the_file_still_decides_the_encoding() {
    let mut list = String::from("name\n");
    (0..20_000).for_each(|n| list.push_str(&format!("Guest {n}\n")));
    list.push_str("Zoë Example\n");
    let (windows, ..) = encoding_rs::WINDOWS_1252.encode(&list);
    assert_eq!(guests(windows).last().unwrap().name, "Zoë Example");
    assert_eq!(guests(&list).last().unwrap().name, "Zoë Example");
}

#[test]
fn every_separator_is_found() {
    for separator in [",", ";", "\t", "|"] {
        assert_eq!(guests(LIST.replace(',', separator)), guests(LIST), "{separator:?}");
    }
}

#[test]
fn separators_inside_quotes_do_not_decide() {
    let list = "name;note\n\"Ann, Bob, Cid\";\"a,b,c,d\"\n\"Dan, Eve, Fay\";\"a,b,c,d\"\n";
    assert_eq!(guests(list)[0].name, "Ann, Bob, Cid");
    assert_eq!(guests(list)[1].custom["note"], "a,b,c,d");
    assert_eq!(guests("name\nExample, Ann\n")[0].name, "Example, Ann");
}

#[test]
fn excels_separator_line_is_obeyed() {
    for first in ["sep=;", "SEP=;", "\"sep=;\"", "sep= ;", "sep=;;", "sep=,;", "\"sep=,\";"] {
        let guest = &guests(format!("{first}\r\nname;note\r\nAnn;a,b\r\n"))[0];
        assert_eq!((guest.line, guest.name.as_str(), guest.custom["note"].as_str()), (3, "Ann", "a,b"));
    }
    assert_eq!(guests("sep=~\nname~note\nAnn~x\n")[0].custom["note"], "x");
}

#[test]
fn every_line_end_is_understood_and_lines_are_counted() {
    for end in ["\n", "\r\n", "\r"] {
        let list = ["", "name,note", "Ann,\"two", "lines\"", "", "Bob,", ",,", "Cid,"].join(end);
        let lines: Vec<_> = guests(list).into_iter().map(|guest| (guest.name, guest.line, guest.row)).collect();
        let expected = [("Ann".into(), 3, 1), ("Bob".into(), 6, 2), ("Cid".into(), 8, 3)];
        assert_eq!(lines, expected, "{end:?}");
    }
}

#[test]
fn an_empty_file_is_refused() {
    for bytes in ["", "\n\n", " \t\r\n", "\u{feff}", ",,\n,,\n", "\"\""] {
        assert_eq!(refusal(bytes), "the file is empty; it needs a line that names the columns and a line per guest");
    }
}

#[test]
fn a_header_alone_is_refused() {
    for bytes in ["name,email", "name,email\n", "name,email\n\n,,\n"] {
        assert_eq!(refusal(bytes), "the file has a header but no guests; add a line per guest below it");
    }
}

#[test]
fn without_a_name_column_the_columns_are_listed() {
    assert_eq!(
        refusal("E-mail,Who\nann@example.com,Ann\n"),
        "no column holds the guests' names; the columns are \"E-mail\", \"Who\"; rename one to \"name\" (or two to \
         \"first name\" and \"last name\")"
    );
}

#[test]
fn a_file_without_a_header_is_recognised() {
    assert_eq!(
        refusal("\nAnn,ann@example.com\nBob,bob@example.com\n"),
        "line 2 should name the columns but looks like a guest; add a first line such as name,email,phone"
    );
}

#[test]
fn duplicate_headers_are_refused_by_name() {
    assert_eq!(refusal("Name,Note, name \nAnn,x,y\n"), "columns 1 and 3 are both called \"name\"; rename one");
}

#[test]
fn custom_columns_that_would_become_one_field_are_named() {
    assert_eq!(
        refusal("name,Table No.,table-no\nAnn,1,2\n"),
        "columns \"Table No.\" and \"table-no\" would both become the field \"table_no\"; rename one"
    );
}

#[test]
fn too_many_columns_are_refused() {
    let header: Vec<String> = (0..300).map(|n| format!("c{n}")).collect();
    assert_eq!(
        refusal(format!("name,{}\nAnn\n", header.join(","))),
        "the header has 301 columns, the limit is 256; remove the columns that are not needed"
    );
}

#[test]
fn a_header_with_an_open_quote_names_the_line() {
    assert_eq!(
        refusal("\nname,\"note\nAnn,x\n"),
        "the header cannot be read: line 2, column 2: the quote opened here is never closed, so nothing after it was \
         read; close it and import again"
    );
}

#[test]
fn what_is_not_csv_is_refused_by_what_it_is() {
    let xlsx = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml";
    let save = "not a CSV file; open it and save it as \"CSV UTF-8\"";
    let export = "not a CSV file; export the guest list as CSV and choose that file";
    for (bytes, expected) in [
        (&xlsx[..], format!("this is an Excel workbook, {save}")),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..", format!("this is an old Excel or Word file, {save}")),
        (
            b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            format!("this is an OpenDocument spreadsheet, {save}"),
        ),
        (b"PK\x03\x04[Content_Types].xml word/document.xml", format!("this is a Word document, {save}")),
        (b"PK\x03\x04[Content_Types].xml ppt/slides", format!("this is a PowerPoint presentation, {export}")),
        (
            b"PK\x03\x04notes.txt",
            "this is a ZIP archive, not a CSV file; unpack it and choose the CSV file inside".into(),
        ),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", format!("this is a PNG picture, {export}")),
        (b"%PDF-1.7\n", format!("this is a PDF document, {export}")),
        (b"name,a\0b\nAnn,1\n", format!("this is a binary file, {export}")),
        (b"\n <!DOCTYPE html><p>name,email", format!("this is a web page, {export}")),
        (b"<?xml version=\"1.0\"?>", format!("this is an XML file, {export}")),
        (b"[{\"name\":\"Ann\"}]", format!("this is a JSON file, {export}")),
        (b"BEGIN:VCARD\nFN:Ann", format!("this is a vCard file, {export}")),
    ] {
        assert_eq!(refusal(bytes), expected);
    }
}

#[test]
fn what_is_neither_csv_nor_a_workbook_is_refused_before_it_is_read() {
    let refused = |bytes: &[u8]| crate::refuse_other_files(bytes).err().map(|error| error.to_string());
    for (bytes, what) in [
        (&b"%PDF-1.7\n"[..], "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"PK\x03\x04[Content_Types].xml word/document.xml", "a Word document"),
    ] {
        assert!(refused(bytes).unwrap().starts_with(&format!("this is {what}, not a CSV file; ")));
    }
    // The reader of workbooks says more of these.
    for bytes in [&b"PK\x03\x04xl/"[..], b"PK\x03\x04a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"name,email"] {
        assert_eq!(refused(bytes), None);
    }
}

/// A file of two gigabytes of which only the beginning may be read.
struct Huge {
    at: u64,
}

impl Read for Huge {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        assert!(self.at < 1 << 20, "a file beyond the limit must not be read");
        into.fill(b'a');
        self.at += into.len() as u64;
        Ok(into.len())
    }
}

impl Seek for Huge {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(_) => 2 << 30,
            SeekFrom::Current(_) => self.at,
        };
        Ok(self.at)
    }
}

#[test]
fn two_gigabytes_are_refused_without_reading_them() {
    let message = GuestFile::new(Huge { at: 0 }, &Options::default()).err().unwrap().to_string();
    assert_eq!(message, "the file has 2 GiB, the limit is 256 MiB; split it, or raise the import size limit");
}

#[test]
fn a_missing_file_says_so() {
    let message = GuestFile::open("/nonexistent/guests.csv", &Options::default()).err().unwrap().to_string();
    assert!(message.starts_with("cannot read the file: "), "{message}");
}

#[test]
fn a_file_on_disk_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("guests.csv");
    std::fs::write(&path, LIST).unwrap();
    assert_eq!(GuestFile::open(&path, &Options::default()).unwrap().count(), 2);
}

#[test]
fn more_guests_than_allowed_end_the_file_with_a_problem() {
    let options = Options { limits: Limits { rows: 2, ..Limits::default() }, ..Options::default() };
    let rows: Vec<_> = GuestFile::from_bytes(b"name\nAnn\n\nBob\nCid\nDan\n", &options).unwrap().collect();
    assert_eq!(rows.len(), 3);
    let problem = rows[2].as_ref().unwrap_err();
    assert!(problem.ends_file());
    assert_eq!(
        problem.to_string(),
        "line 5: the file has more than 2 guests, and nothing from here on was read; split it"
    );
}
