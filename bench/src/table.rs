//! Markdown tables, written to a file and shown.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;

/// A table under construction: a heading row, then rows of as many cells.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles.
    pub(crate) fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|t| (*t).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows[0].len();
        let width = |c: usize| self.rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(3).max(3);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                if column == 0 { write!(f, "| {cell:width$} ")? } else { write!(f, "| {cell:>width$} ")? }
            }
            f.write_str("|\n")?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let right = if column == 0 { "-" } else { ":" };
                    write!(f, "|{}{right}", "-".repeat(width + 1))?;
                }
                f.write_str("|\n")?;
            }
        }
        Ok(())
    }
}

/// Prints `text` and keeps it as `<name>.md`, and `data` as `<name>.json`.
pub(crate) fn publish(results: &Path, name: &str, text: &str, data: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{text}");
    std::fs::create_dir_all(results).context("making the results folder")?;
    let mut with_newline = text.to_owned();
    writeln!(with_newline).expect("writing to a string does not fail");
    std::fs::write(results.join(format!("{name}.md")), with_newline).context("writing the table")?;
    let json = serde_json::to_string_pretty(data).context("encoding the figures")?;
    std::fs::write(results.join(format!("{name}.json")), json).context("writing the figures")
}
