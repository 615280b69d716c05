//! What the check of a list found.

use herald_sheets::RowProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ContactField;

/// The rows of each sort that are named; the others are counted.
pub(crate) const NAMED: usize = 200;
/// The longest text that is kept of a row, in characters.
const LONGEST: usize = 300;

/// What the check of a list found. Nothing is written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Whether the list is a workbook.
    pub is_workbook: bool,
    /// The sheets of the workbook that can be chosen.
    pub sheets: Vec<String>,
    /// The sheet that is read.
    pub sheet: Option<String>,
    /// The columns, in their order.
    pub columns: Vec<ImportColumn>,
    /// The fields with a type that the list has, as they were when it was checked: by these types its cells are read
    /// when it is imported, too. `null`: it was checked by an older version.
    #[serde(default)]
    pub fields: Option<Vec<ContactField>>,
    /// The number of rows, blank ones left out.
    pub rows: u64,
    /// The contacts or leads that would be made.
    pub created: u64,
    /// The contacts or leads that would change.
    pub updated: u64,
    /// The contacts or leads that have everything already.
    pub unchanged: u64,
    /// The people or leads that the workspace does not know, if the import adds nobody.
    pub skipped: u64,
    /// The rows that would be left out.
    pub refused: u64,
    /// The number of remarks about rows that are taken in.
    pub remarked: u64,
    /// The first 200 rows that would be left out.
    pub problems: Vec<ImportFlaw>,
    /// The first 200 remarks.
    pub remarks: Vec<ImportFlaw>,
    /// Remarks about the list as a whole.
    pub notes: Vec<String>,
}

/// A column of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportColumn {
    /// The header as written; empty if the column has none.
    pub header: String,
    /// The field of the contact or lead that its cells become; empty if they become none.
    pub field: String,
    /// Whether Herald knows the meaning of the field. Every other field is the workspace's own.
    pub is_known: bool,
    /// The first cells that have a value.
    pub examples: Vec<String>,
}

/// A row that is left out, or a remark about one that is taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportFlaw {
    /// The line of the file, or the row of the sheet, from 1 on.
    pub line: u64,
    /// The name of the person, if the row has one.
    pub name: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl ImportReport {
    /// The people or leads that the import would take in.
    pub fn people(&self) -> u64 {
        self.created + self.updated + self.unchanged
    }

    /// Adds a row that is left out.
    pub fn refuse(&mut self, problem: &RowProblem) {
        self.rows += 1;
        self.refused += 1;
        if self.problems.len() < NAMED {
            self.problems.push(ImportFlaw::of(problem.line, &problem.guest, &problem.to_string()));
        }
    }

    /// Names a row that is left out while rows are taken in, unless the check has named it.
    pub(super) fn refuse_late(&mut self, problem: &RowProblem) {
        let is_named = self.problems.iter().any(|known| known.line == problem.line);
        if !is_named && self.problems.len() < NAMED {
            self.problems.push(ImportFlaw::of(problem.line, &problem.guest, &problem.to_string()));
        }
    }

    /// Adds a remark.
    pub fn remark(&mut self, line: u64, name: &str, message: &str) {
        self.remarked += 1;
        if self.remarks.len() < NAMED {
            self.remarks.push(ImportFlaw::of(line, name, message));
        }
    }
}

impl ImportFlaw {
    fn of(line: u64, name: &str, message: &str) -> Self {
        // The line stands beside the message.
        let own = format!("line {line}");
        let message = message.strip_prefix(&own).map_or(message, |rest| rest.trim_start_matches([',', ':', ' ']));
        Self { line, name: short(name), message: short(message) }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
