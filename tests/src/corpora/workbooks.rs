//! Excel workbooks: Herald's own reader beside openpyxl, cell by cell.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use herald_sheets::workbook::Workbook;
use serde_json::Value;

use super::Line;

/// Names the Python that has openpyxl; `./tests/corpora` sets it.
const PYTHON: &str = "HERALD_CORPORA_PYTHON";

type Cells = BTreeMap<String, String>;

pub(super) fn read(folder: &Path) -> Result<Vec<Line>> {
    let python = std::env::var_os(PYTHON);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "xlsx" || extension == "xlsm"));
    files.sort();
    let line = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match &python {
            Some(python) => compare(&name, file, Path::new(python)),
            None => Ok(Line::unread(&name, "start it by ./tests/corpora, which installs openpyxl")),
        }
    };
    files.iter().map(line).collect()
}

fn compare(name: &str, file: &Path, python: &Path) -> Result<Line> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/workbooks/cells.py");
    let told = Command::new(python).arg(script).arg(file).output().context("openpyxl does not start")?;
    let told: Value = serde_json::from_slice(&told.stdout).context("openpyxl says nothing")?;
    let ours = sheets(file);
    let Some(theirs) = told["sheets"].as_array() else {
        // Where openpyxl gives up, Herald may do better; it must say something.
        let got = match ours {
            Ok(sheets) => format!("reads {} sheets", sheets.len()),
            Err(error) => error,
        };
        return Ok(Line::judge(name, "openpyxl does not read it", got, true));
    };
    let ours = match ours {
        Ok(ours) => ours,
        Err(error) => return Ok(Line::compare(name, "is read", &error)),
    };
    let mut cells = 0;
    for sheet in theirs {
        let title = sheet["name"].as_str().unwrap_or_default();
        let Some(own) = ours.get(title) else {
            return Ok(Line::compare(name, &format!("sheet {title}"), "is missing"));
        };
        for (cell, expected) in sheet["cells"].as_object().into_iter().flatten() {
            cells += 1;
            let got = own.get(cell).map_or("", String::as_str);
            if !is_same(&expected[0], &expected[1], got) {
                let place = format!("{title}!{cell} is {}", expected[1]);
                return Ok(Line::compare(name, &place, &format!("{got:?}")));
            }
        }
    }
    Ok(Line::judge(name, &format!("{cells} cells of openpyxl"), "the same", true))
}

/// The cells of every sheet, by the sheet's name and the cell's.
fn sheets(file: &Path) -> Result<BTreeMap<String, Cells>, String> {
    let told = |error: herald_sheets::workbook::WorkbookError| error.to_string();
    let mut book = Workbook::open(File::open(file).map_err(|error| error.to_string())?).map_err(told)?;
    let names: Vec<String> = book.sheets().iter().map(|sheet| sheet.name.clone()).collect();
    let mut sheets = BTreeMap::new();
    for (index, name) in names.into_iter().enumerate() {
        let mut cells = Cells::new();
        book.rows(index, &mut |row, found| {
            let filled = found.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
            cells.extend(filled.map(|(column, cell)| (format!("{}{row}", letters(column)), cell.clone())));
            Ok(())
        })
        .map_err(told)?;
        sheets.insert(name, cells);
    }
    Ok(sheets)
}

fn letters(column: usize) -> String {
    let last = char::from(b'A' + u8::try_from(column % 26).unwrap_or_default());
    match column / 26 {
        0 => last.to_string(),
        before => format!("{}{last}", letters(before - 1)),
    }
}

fn is_same(kind: &Value, expected: &Value, got: &str) -> bool {
    match kind.as_str() {
        Some("number") => {
            let (expected, got) = (expected.as_f64().unwrap_or(f64::NAN), got.parse::<f64>().unwrap_or(f64::NAN));
            (expected - got).abs() <= expected.abs() * 1e-14
        }
        // A format may show less of a moment than there is.
        Some("moment") => {
            let expected = expected.as_str().unwrap_or_default();
            expected == got
                || expected.starts_with(got) && !got.is_empty()
                || expected.ends_with(got) && !got.is_empty()
        }
        _ => plain(expected.as_str().unwrap_or_default()) == plain(got),
    }
}

/// Openpyxl leaves `_x000D_` in texts, and the ends of lines are nobody's concern.
fn plain(text: &str) -> String {
    text.replace("_x000D_", "\r").replace("\r\n", "\n").replace('\r', "\n")
}
