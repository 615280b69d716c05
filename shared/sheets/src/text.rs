//! What happens to the text of a cell.

use super::escape::unescape_cell;
use unicode_normalization::UnicodeNormalization;

/// Any cell: one formula guard off, white space at the ends off, no control characters but tab and line end, NFC.
pub(super) fn cell(raw: &str) -> String {
    let around = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let text = match unescape_cell(raw) {
        unguarded if unguarded.len() < raw.len() => unguarded.trim_matches(around),
        _ => text_formula(raw.trim_matches(around)),
    };
    let text = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'));
    text.nfc().collect()
}

/// What `="007"` shows: lists have it where a spreadsheet must not take a text for a number. Herald writes no such
/// cell, as [`escape_cell`](super::escape_cell) guards the sign in front.
fn text_formula(cell: &str) -> &str {
    let inner = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(cell)
}

/// A name fit to be drawn: white space of any kind becomes one space, control characters and direction overrides (which
/// could turn the text around them) go. Joiners stay: Persian, Hindi and emoji need them.
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

/// Cuts a cell to what fits in a message.
pub(super) fn excerpt(cell: &str) -> String {
    const LENGTH: usize = 60;
    let line: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
