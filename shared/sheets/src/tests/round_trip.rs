use super::*;
use crate::{CsvExport, email_key, escape_cell, unescape_cell};
use proptest::prelude::*;

#[test]
fn an_export_quotes_guards_and_comes_back() {
    let mut export = CsvExport::new(Vec::new(), ["name", "phone", "note"]).unwrap();
    export.row(["Ann \"A\" Example", "+6580000001", "=1+1"]).unwrap();
    export.row(["'=Bob", "", "two\nlines; and, more"]).unwrap();
    let bytes = export.finish().unwrap();
    assert_eq!(
        std::str::from_utf8(&bytes).unwrap(),
        "\u{feff}\"name\",\"phone\",\"note\"\r\n\"Ann \"\"A\"\" Example\",\"'+6580000001\",\"'=1+1\"\r\n\
         \"''=Bob\",\"\",\"two\nlines; and, more\"\r\n"
    );
    let rows = guests(&bytes);
    assert_eq!((rows[0].phone.as_deref(), rows[0].custom["note"].as_str()), (Some("+6580000001"), "=1+1"));
    assert_eq!((rows[1].name.as_str(), rows[1].custom["note"].as_str()), ("'=Bob", "two\nlines; and, more"));
}

#[test]
fn a_row_that_does_not_fit_the_header_is_refused() {
    let mut export = CsvExport::new(Vec::new(), ["a", "b"]).unwrap();
    assert_eq!(export.row(["1"]).unwrap_err().to_string(), "a row of 1 cells under a header of 2");
}

#[test]
fn no_guarded_cell_begins_a_formula() {
    for cell in ["=1", "+1", "-1", "@a", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠a", " =1", "'=1", "''+1"] {
        assert_eq!(escape_cell(cell), format!("'{cell}"));
    }
    for cell in ["", "Ann", "'s-Gravenhage", "1-2", "a=b"] {
        assert_eq!(escape_cell(cell), cell);
    }
}

#[test]
fn an_email_has_one_key() {
    assert_eq!(email_key(" Ann@EXAMPLE.com "), "ann@example.com");
}

/// A cell that stays the same after trimming and cleaning.
fn cell() -> impl Strategy<Value = String> {
    "[ -~\n\téüßçñ€]{0,24}".prop_map(|text| text.trim().to_owned())
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(file) = open(&bytes) {
            prop_assert!(file.take(1000).count() < 1000);
        }
    }

    #[test]
    fn nearly_csv_never_panics(tail in "[a\"',;|\t\r\n=\u{0}é]{0,200}") {
        let bytes = format!("name,email\n{tail}");
        if let Ok(file) = open(bytes.as_bytes()) {
            prop_assert!(file.take(1000).count() < 1000);
        }
    }

    #[test]
    fn the_guard_is_exactly_undone(text in "['=+@a \t\n-]{0,6}|.{0,12}") {
        let guarded = escape_cell(&text);
        prop_assert_eq!(unescape_cell(&guarded), text.as_str());
    }

    #[test]
    fn what_we_export_we_read_back(rows in prop::collection::vec((cell(), cell()), 1..8)) {
        let mut export = CsvExport::new(Vec::new(), ["name", "a", "b"]).unwrap();
        for (a, b) in &rows {
            export.row(["Ann", a, b]).unwrap();
        }
        let read = guests(export.finish().unwrap());
        let back: Vec<_> = read.into_iter().map(|mut g| (g.custom.remove("a").unwrap(),
            g.custom.remove("b").unwrap())).collect();
        prop_assert_eq!(back, rows);
    }

    #[test]
    fn a_table_reads_the_same_in_every_dress(
        rows in prop::collection::vec((cell(), cell()), 1..8),
        separator in prop::sample::select(vec![",", ";", "\t", "|"]),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        encoding in 0..6,
    ) {
        // Lone carriage returns indicate a Macintosh, and its encoding.
        prop_assume!(encoding < 5 || end != "\r");
        let mut list = ["name", "email", "first note", "second note"].join(separator) + end;
        for (a, b) in &rows {
            // A euro sign and an umlaut in every row make the guess of the legacy encoding reliable.
            list += &[quote("Jürgen Müller, 5 €"), String::new(), quote(&escape_cell(a)),
                quote(&escape_cell(b))].join(separator);
            list += end;
        }
        let bytes = match encoding {
            0 => list.into_bytes(),
            1 => format!("\u{feff}{list}").into_bytes(),
            2 | 3 => utf16(&list, encoding == 2, true),
            4 => utf16(&list, true, false),
            _ => encoding_rs::WINDOWS_1252.encode(&list).0.into_owned(),
        };
        let back: Vec<_> = guests(bytes)
            .into_iter()
            .map(|mut g| (g.custom.remove("first_note").unwrap(), g.custom.remove("second_note").unwrap()))
            .collect();
        prop_assert_eq!(back, rows);
    }
}
