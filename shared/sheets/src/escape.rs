//! The guard against formulas. A spreadsheet runs a cell that begins with `=`, so Herald writes `'=`, and removes the
//! `'` when such a file comes back.

/// Characters that begin a formula in some spreadsheet (the last four are full-width forms).
const TRIGGERS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Puts one `'` before a cell that a spreadsheet might run as a formula, even after white space or `'`.
/// [`unescape_cell`] undoes this exactly.
pub fn escape_cell(cell: &str) -> std::borrow::Cow<'_, str> {
    if is_guarded(cell.trim_start_matches('\'')) { format!("'{cell}").into() } else { cell.into() }
}

/// Removes exactly one `'` from a cell in which it guards a formula character. Every other cell stays as it is
/// (`'s-Gravenhage`).
pub fn unescape_cell(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_guarded(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

fn is_guarded(text: &str) -> bool {
    text.starts_with(TRIGGERS) || text.trim_start().starts_with(TRIGGERS)
}
