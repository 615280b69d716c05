//! Workbooks as spreadsheets write them, and as nobody should.

use std::io::{Cursor, Write};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook as Written};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// An archive of parts.
fn archive(parts: &[(&str, &str)]) -> Cursor<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap()
}

/// A workbook of one sheet with this inside of `sheetData`, and these shared texts.
fn sheet(data: &str, strings: &str) -> Cursor<Vec<u8>> {
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{data}</sheetData></worksheet>");
    workbook(&sheet, strings, "")
}

fn workbook(sheet: &str, strings: &str, properties: &str) -> Cursor<Vec<u8>> {
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |all: &[String]| format!("<Relationships>{}</Relationships>", all.concat());
    archive(&[
        ("[Content_Types].xml", "<Types/>"),
        ("_rels/.rels", &relations(&[relation("r1", "officeDocument", "xl/workbook.xml")])),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\">{properties}\
                 <sheets><sheet name=\"People\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &relations(&[
                relation("r1", "worksheet", "worksheets/sheet1.xml"),
                relation("r2", "sharedStrings", "/xl/sharedStrings.xml"),
            ]),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
        (
            "xl/sharedStrings.xml",
            &format!("<sst xmlns=\"{MAIN}\" count=\"1\" uniqueCount=\"4000000000\">{strings}</sst>"),
        ),
    ])
}

fn rows(input: Cursor<Vec<u8>>) -> Result<Vec<(u32, Vec<String>)>, String> {
    let mut found = Vec::new();
    let mut workbook = Workbook::open(input).map_err(|error| error.to_string())?;
    let each = &mut |row, cells: &[String]| {
        found.push((row, cells.to_vec()));
        Ok(())
    };
    workbook.rows(0, each).map_err(|error| error.to_string())?;
    Ok(found)
}

fn cells(input: Cursor<Vec<u8>>) -> Vec<Vec<String>> {
    rows(input).unwrap().into_iter().map(|(_, cells)| cells).collect()
}

fn csv(input: Cursor<Vec<u8>>, sheet: Option<&str>) -> Result<(String, Converted), String> {
    let mut out = Vec::new();
    let converted = to_csv(input, sheet, &mut out).map_err(|error| error.to_string())?;
    Ok((String::from_utf8(out).unwrap(), converted))
}

#[test]
fn cells_are_what_a_person_sees() {
    let mut book = Written::new();
    let sheet = book.add_worksheet();
    let of = |code: &str| Format::new().set_num_format(code);
    sheet.write_string(0, 0, "Amélie 测试 🎉").unwrap();
    sheet.write_number(0, 1, 447_911_123_456.0).unwrap();
    sheet.write_number_with_format(0, 2, 123.0, &of("00000")).unwrap();
    let day = ExcelDateTime::from_ymd(2026, 3, 1).unwrap();
    sheet.write_datetime_with_format(0, 3, &day, &of("d/m/yy")).unwrap();
    let moment = day.and_hms(14, 30, 0).unwrap();
    sheet.write_datetime_with_format(0, 4, &moment, &of("yyyy-mm-dd hh:mm")).unwrap();
    sheet.write_boolean(0, 5, true).unwrap();
    sheet.write_string(0, 6, "00123").unwrap();
    sheet.write_formula(0, 7, rust_xlsxwriter::Formula::new("=1+1").set_result("2")).unwrap();
    sheet.write_number_with_format(0, 8, 1_234.5, &of("#,##0.00 €")).unwrap();
    sheet.write_string(2, 1, "two\nlines").unwrap();
    let file = Cursor::new(book.save_to_buffer().unwrap());
    let found = rows(file).unwrap();
    let first = [
        "Amélie 测试 🎉",
        "447911123456",
        "00123",
        "2026-03-01",
        "2026-03-01 14:30:00",
        "TRUE",
        "00123",
        "2",
        "1,234.50 €",
    ];
    assert_eq!(found, [(1, first.map(str::to_owned).to_vec()), (3, vec![String::new(), "two\nlines".to_owned()])]);
}

#[test]
fn odd_ways_to_write_cells_are_read() {
    let strings = "<si><t>plain</t></si><si><r><t>rich </t></r><r><t>text</t></r><rPh><t>spoken</t></rPh></si>\
                   <si><t xml:space=\"preserve\"> a_x000D_b &amp; c </t></si>";
    let data = "<row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c><c r=\"E1\" t=\"s\"><v>2</v></c></row>\
                <row r=\"4\"><c t=\"inlineStr\"><is><t>in</t><r><t>line</t></r></is></c><c t=\"e\"><v>#REF!</v></c>\
                <c t=\"d\"><v>2026-03-01T00:00:00</v></c><c t=\"str\"><f>A1</f><v>result</v></c><c/></row>";
    let found = rows(sheet(data, strings)).unwrap();
    assert_eq!(found[0].1, ["plain", "rich text", "", "", " a\rb & c "]);
    assert_eq!(
        (found[1].0, found[1].1.as_slice()),
        (4, ["inline", "#REF!", "2026-03-01", "result"].map(str::to_owned).as_slice())
    );
    // Another prefix for the same names.
    let prefixed = format!(
        "<x:worksheet xmlns:x=\"{MAIN}\"><x:sheetData><x:row r=\"1\"><x:c r=\"A1\"><x:v>7</x:v></x:c></x:row>\
         </x:sheetData></x:worksheet>"
    );
    assert_eq!(cells(workbook(&prefixed, "", "")), [["7"]]);
}

#[test]
fn days_are_counted_from_where_the_workbook_says() {
    let data = "<row r=\"1\"><c r=\"A1\" t=\"n\"><v>44620</v></c></row>";
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{data}</sheetData></worksheet>");
    let open = |properties| Workbook::open(workbook(&sheet, "", properties)).unwrap().is_1904;
    assert!(open("<workbookPr date1904=\"1\"/>") && !open("<workbookPr/>"));
}

#[test]
fn a_sheet_becomes_csv_with_a_record_for_each_row() {
    let data = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>name</t></is></c>\
                <c r=\"B2\" t=\"inlineStr\"><is><t>email</t></is></c></row>\
                <row r=\"4\" hidden=\"1\"><c r=\"A4\" t=\"inlineStr\"><is><t>Ann \"A\" Example</t></is></c></row>";
    let (text, converted) = csv(sheet(data, ""), None).unwrap();
    assert_eq!(text, "\"\"\nname,email\n\"\"\n\"Ann \"\"A\"\" Example\",\n");
    assert_eq!(converted.sheet, "People");
    assert_eq!(converted.notes, ["1 rows of the sheet are hidden, and are read as well"]);
    // And the guest list names the row of the sheet, not the line of the CSV.
    let options = crate::Options { is_sheet: true, ..crate::Options::default() };
    let guests: Vec<_> = crate::GuestFile::from_bytes(text.as_bytes(), &options).unwrap().map(Result::unwrap).collect();
    assert_eq!((guests[0].name.as_str(), guests[0].line), ("Ann \"A\" Example", 4));
}

#[test]
fn the_sheet_that_a_person_names_is_read() {
    let mut book = Written::new();
    book.add_worksheet().set_name("Notes").unwrap().set_hidden(true);
    book.add_worksheet().set_name("Guests").unwrap().set_active(true).write_string(0, 0, "name").unwrap();
    book.add_worksheet().set_name("Old guests").unwrap().write_string(0, 0, "old").unwrap();
    let file = book.save_to_buffer().unwrap();
    let of = |sheet| csv(Cursor::new(file.clone()), sheet);
    assert_eq!(of(None).unwrap().0, "name\n");
    assert_eq!(of(Some("Old guests")).unwrap().0, "old\n");
    assert!(of(None).unwrap().1.notes[0].contains("and not \"Notes\", \"Old guests\""));
    assert!(of(Some("Gäste")).unwrap_err().contains("its sheets are \"Notes\", \"Guests\", \"Old guests\""));
}

#[test]
fn what_is_no_workbook_is_named_with_its_cure() {
    let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more".to_vec();
    for (input, part) in [
        (Cursor::new([old.clone(), encrypted].concat()), "remove the password"),
        (Cursor::new(old), "old Excel workbook (.xls)"),
        (archive(&[("mimetype", "x"), ("content.xml", "<x/>")]), "OpenDocument"),
        (archive(&[("[Content_Types].xml", ""), ("xl/workbook.bin", "")]), "(.xlsb)"),
        (archive(&[("a.csv", "name")]), "unpack it"),
        (archive(&[("[Content_Types].xml", ""), ("ppt/presentation.xml", "")]), "a PowerPoint presentation"),
        (archive(&[("[Content_Types].xml", "<Types/>")]), "xl/workbook.xml is missing"),
        (Cursor::new(b"PK\x03\x04 and nothing".to_vec()), "damaged"),
        (Cursor::new(b"name,email".to_vec()), "save it as"),
    ] {
        let said = csv(input, None).unwrap_err();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn lies_and_bombs_are_refused() {
    let refused = |input| rows(input).unwrap_err();
    let of = |data: &str| refused(sheet(data, "<si><t>one</t></si>"));
    assert!(
        of("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>7</v></c></row>")
            .contains("cell A1: the workbook has no text number 7")
    );
    assert!(of("<row r=\"1\"><c r=\"XFE1\"><v>7</v></c></row>").contains("cell XFE1: it lies outside of the grid"));
    assert!(of("<row r=\"1048577\"/>").contains("row 1048577"));
    assert!(of("<row r=\"3\"/><row r=\"2\"/>").contains("row 2 stands behind row 3"));
    assert!(of(&"<a>".repeat(70)).contains("nest too deep"));
    assert!(of("<row r=\"1\"><c r=\"A1\"><v>&lol;</v></c></row>").contains("no character &lol;"));
    let entity = "<!DOCTYPE x [<!ENTITY lol \"lol\">]><worksheet><sheetData/></worksheet>";
    assert!(refused(workbook(entity, "", "")).contains("document type"));
    assert!(of("<row r=\"1\"><c r=\"A1\"><v>7</v>").contains("damaged") || rows(sheet("<row r=\"1\">", "")).is_err());
    // Thousands of sheets take a few kilobytes in the archive.
    let sheets = |count: usize, name: &str| {
        let one = format!("<sheet name=\"{name}\" r:id=\"r1\"/>");
        rows(workbook("<worksheet/>", "", &format!("<sheets>{}</sheets>", one.repeat(count))))
    };
    assert!(sheets(499, "x").is_ok());
    assert!(sheets(100_000, "x").unwrap_err().contains("more than 500 sheets; save the sheet with the people as CSV"));
    assert!(sheets(1, &"x".repeat(201)).unwrap_err().contains("the name of a sheet has more than 200 characters"));
    // 80 MB of one letter take 80 kB in the archive.
    let bomb =
        sheet(&format!("<row r=\"1\"><c t=\"inlineStr\"><is><t>{}</t></is></c></row>", "x".repeat(80 << 20)), "");
    assert!(bomb.get_ref().len() < 1 << 20);
    let said = refused(bomb);
    assert!(said.contains("far more than its size") && said.contains("as CSV"), "{said}");
}
