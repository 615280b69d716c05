//! Cleans the text of a cell.

use super::escape::unescape_cell;
use unicode_normalization::UnicodeNormalization;

/// Cleans any cell: it removes one formula guard, white space at the ends, and control characters except tab and line
/// end, and converts to NFC.
pub(super) fn cell(raw: &str) -> String {
    let around = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let text = match unescape_cell(raw) {
        unguarded if unguarded.len() < raw.len() => unguarded.trim_matches(around),
        _ => text_formula(raw.trim_matches(around)),
    };
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let text = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'));
    text.nfc().collect()
}

/// Returns the text inside `="007"`. Lists contain this form where a spreadsheet must not treat a text as a number.
/// Herald writes no such cell, because [`escape_cell`](super::escape_cell) guards the equals sign.
fn text_formula(cell: &str) -> &str {
    let inner = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(cell)
}

/// Cleans a name for drawing. White space of any kind becomes one space. Control characters and direction overrides,
/// which could turn the text around them, are removed. Joiners stay, because Persian, Hindi and emoji need them.
pub(super) fn name(cell: &str) -> String {
    let words = cell.split(|c: char| c.is_whitespace());
    let mut name = String::with_capacity(cell.len());
    for word in words {
        let before = name.len();
        name.extend(word.chars().filter(|c| !c.is_control() && !overrides_direction(*c)));
        if before > 0 && name.len() > before {
            name.insert(before, ' ');
        }
    }
    name
}

fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Cuts a cell to a length that fits into a message.
pub(super) fn excerpt(cell: &str) -> String {
    const LENGTH: usize = 60;
    let line: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
