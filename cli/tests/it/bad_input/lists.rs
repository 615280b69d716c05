//! Lists that cannot be read, and rows that are no guests.

use std::fs::File;

use crate::stage::{Stage, end};

#[test]
fn a_list_without_a_name_column_is_refused_with_the_columns_it_has() {
    let stage = Stage::new();
    stage.write("guests.csv", "email,table\nann@example.com,7\n");
    end(stage.invite("guests.csv", &[])).refused(
        "guests.csv: no column holds the guests' names; the columns are \"email\", \"table\"; \
         rename one to \"name\" (or two to \"first name\" and \"last name\")",
    );
    assert!(!stage.path("data").exists(), "something was kept of a list that was refused");
}

#[test]
fn an_empty_list_and_one_of_only_a_header_are_refused() {
    let stage = Stage::new();
    stage.write("empty.csv", "");
    stage.write("blank.csv", "\n  \n");
    stage.write("header.csv", "name,email\n");
    let empty = "the file is empty; it needs a line that names the columns and a line per guest";
    end(stage.invite("empty.csv", &[])).refused(&format!("empty.csv: {empty}"));
    end(stage.invite("blank.csv", &[])).refused(&format!("blank.csv: {empty}"));
    end(stage.invite("header.csv", &[]))
        .refused("header.csv: the file has a header but no guests; add a line per guest below it");
}

#[test]
fn a_list_that_is_not_there_is_named() {
    let stage = Stage::new();
    end(stage.invite("guests.csv", &[]))
        .refused("guests.csv: cannot read the file: No such file or directory (os error 2)");
}

#[test]
fn a_file_that_is_no_csv_is_called_what_it_is() {
    let stage = Stage::new();
    stage.write("guests.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    end(stage.invite("guests.csv", &[])).refused(
        "guests.csv: this is a PNG picture, not a CSV file; export the guest list as CSV and choose that file",
    );
    stage.write("guests.zip", [b"PK\x05\x06".as_slice(), &[0; 18]].concat());
    end(stage.invite("guests.zip", &[]))
        .refused("guests.zip: this is a ZIP archive, not an Excel workbook; unpack it and choose the file inside");
    stage.write("guests.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    end(stage.invite("guests.xls", &[])).refused(
        "guests.xls: this is an old Excel workbook (.xls), not an Excel workbook; open it and save it as \
         \"Excel workbook (.xlsx)\"",
    );
}

#[test]
fn a_workbook_is_a_list_of_guests() {
    let stage = Stage::new();
    let mut book = rust_xlsxwriter::Workbook::new();
    for (sheet, guest) in [("Guests", "Ann Example"), ("More", "Bo Example")] {
        let sheet = book.add_worksheet().set_name(sheet).unwrap();
        sheet.write_string(0, 0, "name").unwrap();
        sheet.write_string(1, 0, guest).unwrap();
    }
    stage.write("guests.xlsx", book.save_to_buffer().unwrap());
    let names = |more: &[&str]| {
        end(stage.invite("guests.xlsx", more)).with(0);
        stage.results().iter().map(|row| row["guest"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["Ann Example"]);
    assert_eq!(names(&["--sheet", "More"]), ["Bo Example"]);
    end(stage.invite("guests.xlsx", &["--sheet", "Nobody"]))
        .refused("guests.xlsx: the workbook has no sheet \"Nobody\"; its sheets are \"Guests\", \"More\"");
    stage.write("guests.csv", "name\nAnn Example\n");
    end(stage.invite("guests.csv", &["--sheet", "More"])).refused("guests.csv is not a workbook: leave out --sheet");
}

#[test]
fn a_list_of_two_gigabytes_is_refused_before_it_is_read() {
    let stage = Stage::new();
    let path = stage.write("guests.csv", "name\nAnn Example\n");
    File::options().write(true).open(path).unwrap().set_len(2 << 30).unwrap();
    end(stage.invite("guests.csv", &[]))
        .refused("guests.csv: the file has 2 GiB, the limit is 256 MiB; split it, or raise the import size limit");
}

#[test]
fn an_unknown_column_is_kept_and_can_be_shown() {
    let stage = Stage::new();
    stage.template(
        "seats",
        "[[slot]]\nkind = \"text\"\nvalue = \"Table {{ table_no }}\"\nsize = 12\nbox = [0, 0, 90, 20]\n",
    );
    stage.write("guests.csv", "name,Table No.\nAnn Example,7\n");
    stage.write("moved.csv", "name,Table No.\nAnn Example,8\n");
    let drawn = |list: &str, more: &[&str]| {
        let mut command = stage.herald(&["invite", list, "--template", "seats", "--format", "png"]);
        command.args(more);
        end(command).with(0);
        std::fs::read(stage.path(&stage.results()[0]["file"])).unwrap()
    };
    let first = drawn("guests.csv", &[]);
    let moved = drawn("moved.csv", &["--refresh"]);
    assert!(first != moved, "the invitation does not show the column");
    assert_eq!(stage.stored("invitations").len(), 1, "the guest was doubled");
}

#[test]
fn every_separator_and_encoding_an_agency_sends_is_read() {
    let stage = Stage::new();
    let text =
        "Name;E-mail;Town\r\n\"Zoë, Example\";zoe@example.com;Köln\r\nŁukasz Example;lukasz@example.com;Łódź\r\n";
    let western = "name;town\r\nZoë Example;Köln\r\nJosé Example;Málaga\r\n";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let utf16be: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let latin: Vec<u8> = western.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let cases: [(&str, Vec<u8>, [&str; 2]); 7] = [
        ("semicolon", text.as_bytes().to_vec(), ["Zoë, Example", "Łukasz Example"]),
        ("bom", format!("\u{feff}{text}").into_bytes(), ["Zoë, Example", "Łukasz Example"]),
        ("utf16", utf16, ["Zoë, Example", "Łukasz Example"]),
        ("utf16be", utf16be, ["Zoë, Example", "Łukasz Example"]),
        ("windows", latin, ["Zoë Example", "José Example"]),
        ("tab", "name\ttown\nAnn Example\tA, B\nBo Example\tC;D\n".into(), ["Ann Example", "Bo Example"]),
        ("newline", "name,note\n\"Ann\nExample\",x\nBo Example,\"two\nlines\"\n".into(), ["Ann Example", "Bo Example"]),
    ];
    for (name, bytes, guests) in cases {
        let list = format!("{name}.csv");
        stage.write(&list, bytes);
        end(stage.invite(&list, &["--event", name])).with(0);
        let results = stage.results();
        let found: Vec<&str> = results.iter().map(|row| row["guest"].as_str()).collect();
        assert_eq!(found, guests, "{name}");
    }
}

#[test]
fn bad_rows_are_named_and_the_other_guests_get_their_invitations() {
    let stage = Stage::new();
    stage.write(
        "guests.csv",
        "name,email,town\n\
         Ann Example,ann@example.com,Bonn\n\
         Bo Example,bo(at)example.com,Bern\n\
         Cem Example,cem@example.com,Rome,Italy\n\
         ANN Example,ANN@example.com,Bonn\n\
         ,nobody@example.com,Oslo\n\
         Dee Example\n\
         Eva Example,eva@example.com,\"Le\nMans\"\n",
    );
    let ended = end(stage.invite("guests.csv", &[])).with(1);
    let results = stage.results();
    let state = |guest: &str| results.iter().find(|row| row["guest"] == guest).map(|row| row["status"].as_str());
    for guest in ["Ann Example", "Bo Example", "Dee Example", "Eva Example"] {
        assert_eq!(state(guest), Some("made"), "{guest}");
    }
    let rejected: Vec<(&str, &str)> = results
        .iter()
        .filter(|row| row["status"] == "rejected")
        .map(|row| (row["guest"].as_str(), row["note"].as_str()))
        .collect();
    assert_eq!(
        rejected,
        [
            (
                "Cem Example",
                "line 4, column 4: the row has 4 cells but the header has 3; put quotes around a cell that contains \
                 the separator"
            ),
            (
                "ANN Example",
                "line 5, column 2 (email): same name and e-mail as line 2; remove one of the two, or give each an id"
            ),
            ("", "line 6, column 1 (name): the guest has no name; fill it in"),
        ]
    );
    assert!(ended.out.starts_with("4 made, 3 rows of the list rejected in "), "{}", ended.out);
    for (guest, problem) in rejected {
        let said = if guest.is_empty() { format!("  {problem}\n") } else { format!("  {guest}: {problem}\n") };
        assert!(ended.out.contains(&said), "not said: {said}\n{}", ended.out);
    }
    let remark = "Bo Example: line 3: \"bo(at)example.com\" is not an e-mail address: the guest is invited without one";
    assert!(ended.out.contains(remark), "{}", ended.out);

    // The corrected list makes the missing ones and nothing twice.
    stage.write(
        "guests.csv",
        "name,email,town\nAnn Example,ann@example.com,Bonn\nBo Example,bo@example.com,Bern\n\
         Cem Example,cem@example.com,Rome\nDee Example\nEva Example,eva@example.com,\"Le\nMans\"\n",
    );
    let summary = end(stage.invite("guests.csv", &["--json"])).with(0).summary();
    assert_eq!((&summary["made"], &summary["already"]), (&1.into(), &4.into()), "{summary}");
}

#[test]
fn a_quote_that_is_never_closed_is_named_with_its_line() {
    let stage = Stage::new();
    stage.write("guests.csv", "name,town\nAnn Example,Bonn\nBo Example,\"Bern\nCem Example,Rome\n");
    end(stage.invite("guests.csv", &[])).with(1);
    let results = stage.results();
    assert_eq!(results[0]["status"], "made");
    assert_eq!(
        results[1]["note"],
        "line 3, column 2 (town): the quote opened here is never closed, so nothing after it was read; \
         close it and import again"
    );
}
