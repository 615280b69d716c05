//! Removes unwanted characters from a text before it is shaped.

use herald_template::expression::{ISOLATE, POP};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The largest number of characters in a text. It is far beyond any name, and keeps a hostile field from costing
/// seconds.
pub(super) const MAX_CHARS: usize = 2_000;

/// The largest number of consecutive combining marks. Unicode's own limit for text that must stream is 30; no
/// orthography comes near 8.
const MAX_MARKS: usize = 8;

/// A cleaned text.
pub(super) struct Clean {
    /// The text in NFC, with `\n` as the only control character.
    pub(super) text: String,
    /// Whether characters were cut off at the end.
    pub(super) cut: bool,
}

/// Normalises and cleans a text.
///
/// Controls, bidi embeddings and overrides are removed, because a name must not turn its neighbours around. Isolates
/// are removed, too, except those that expressions put around inserted values. The joiners, variation selectors and
/// tags of emoji and Indic text stay, and so do the plain direction marks. All kinds of line break become `\n`.
pub(super) fn clean(text: &str) -> Clean {
    let mut out = String::with_capacity(text.len());
    let (mut chars, mut marks, mut cut, mut previous) = (0, 0, false, ' ');
    for c in text.nfc() {
        let before = std::mem::replace(&mut previous, c);
        let c = match c {
            '\n' if before == '\r' => continue,
            '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => ' ',
            ISOLATE | POP => {
                // These characters are not counted, because they only change the order.
                out.push(c);
                continue;
            }
            _ if is_stripped(c) => continue,
            _ => c,
        };
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            continue;
        }
        if chars == MAX_CHARS {
            cut = true;
            break;
        }
        chars += 1;
        out.push(c);
    }
    let text = out.trim().to_owned();
    Clean { text, cut }
}

fn is_stripped(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2067}' | '\u{206A}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0001}'
            // These are non-characters.
            | '\u{FDD0}'..='\u{FDEF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        clean(text).text
    }

    #[test]
    fn overrides_and_controls_go_and_joiners_stay() {
        assert_eq!(cleaned("a\u{202E}b\u{0}\u{7}c\u{2066}d\u{FEFF}"), "abcd");
        assert_eq!(cleaned("क्\u{200D}ष"), "क्\u{200D}ष");
        assert_eq!(cleaned("می\u{200C}خواهم"), "می\u{200C}خواهم");
        assert_eq!(cleaned("❤\u{FE0F}"), "❤\u{FE0F}");
    }

    #[test]
    fn the_isolates_of_expressions_stay_and_are_not_counted() {
        assert_eq!(cleaned("a \u{2068}b\u{2069} c"), "a \u{2068}b\u{2069} c");
        let book = format!("\u{2068}{}\u{2069}", "x".repeat(MAX_CHARS));
        assert!(!clean(&book).cut);
    }

    #[test]
    fn decomposed_letters_are_composed() {
        assert_eq!(cleaned("Nguye\u{0302}\u{0303}n"), "Nguyễn");
    }

    #[test]
    fn every_line_break_is_one_newline() {
        assert_eq!(cleaned("a\r\nb\rc\u{2028}d\u{85}e\n\nf\r\n\r\ng\n"), "a\nb\nc\nd\ne\n\nf\n\ng");
    }

    #[test]
    fn a_tower_of_marks_is_cut_to_size() {
        let tower = format!("a{}b", "\u{0316}".repeat(500));
        assert_eq!(cleaned(&tower).chars().count(), 2 + MAX_MARKS);
    }

    #[test]
    fn a_book_is_cut_and_says_so() {
        let book = "x".repeat(MAX_CHARS + 1);
        let clean = clean(&book);
        assert!(clean.cut);
        assert_eq!(clean.text.len(), MAX_CHARS);
        assert!(!super::clean(&book[1..]).cut);
    }
}
