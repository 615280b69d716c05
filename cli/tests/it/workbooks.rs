//! Workbooks read by children of the program itself.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use herald_worker::workbooks::{Workbooks, WorkbooksError};
use rust_xlsxwriter::Workbook;

fn herald() -> Workbooks {
    Workbooks::InChildren(PathBuf::from(env!("CARGO_BIN_EXE_herald")))
}

/// A file with this content, at its beginning.
fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("People").unwrap().write_string(0, 0, "name").unwrap();
    book.add_worksheet().set_name("--help").unwrap().write_string(0, 0, "other").unwrap();
    book.save_to_buffer().unwrap()
}

async fn csv(workbooks: &Workbooks, content: &[u8], sheet: Option<&str>) -> Result<String, WorkbooksError> {
    let (_, mut csv) = workbooks.to_csv(file(content), sheet.map(str::to_owned)).await?;
    let mut text = String::new();
    csv.read_to_string(&mut text).unwrap();
    Ok(text)
}

#[tokio::test]
async fn a_child_reads_the_sheet_that_is_named() {
    let herald = herald();
    assert_eq!(csv(&herald, &workbook(), None).await.unwrap(), "name\n");
    // Whatever its name is, it is no option of the command.
    assert_eq!(csv(&herald, &workbook(), Some("--help")).await.unwrap(), "other\n");
    let unknown = csv(&herald, &workbook(), Some("Nobody")).await.unwrap_err().to_string();
    assert!(unknown.contains("its sheets are \"People\", \"--help\""), "{unknown}");
    let none = csv(&herald, b"PK\x03\x04", None).await.unwrap_err().to_string();
    assert!(none.contains("damaged"), "{none}");
}

#[tokio::test]
async fn a_child_that_ends_is_told_of_and_ends_alone() {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, script: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Workbooks::InChildren(path)
    };
    let greedy = program("greedy", "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$");
    let said = csv(&greedy, &workbook(), None).await.unwrap_err();
    assert!(matches!(said, WorkbooksError::Refused(_)), "{said:?}");
    assert!(said.to_string().contains("more memory than the 640 MB allowed; save the sheet"), "{said}");
    let slow = program("slow", "kill -XCPU $$");
    let said = csv(&slow, &workbook(), None).await.unwrap_err().to_string();
    assert!(said.contains("computed for longer than the 300 s allowed"), "{said}");
    // A program that does not know the command is nobody's workbook.
    let strange = program("strange", "exit 3");
    assert!(matches!(csv(&strange, &workbook(), None).await.unwrap_err(), WorkbooksError::Io(_)));
}
