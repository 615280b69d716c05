//! Prevents inserted values from turning the text around them.
//!
//! A Hebrew name in "Seat 5: … - 7" would move the numbers beside it to its other side. Unicode's isolates (UAX #9,
//! 2.4) around the name keep the line in order. The name follows its own direction, and the rest is set as if the name
//! were one character.

use std::ops::Range;

/// Begins an isolate that finds its own direction (FSI). It is never drawn and has no width.
pub const ISOLATE: char = '\u{2068}';
/// Ends an isolate (PDI).
pub const POP: char = '\u{2069}';

/// Puts isolates around the inserted values, where that can matter: text without right-to-left letters stays as it is.
///
/// Isolates, embeddings and overrides in the text are removed, so that no value can end the isolate around it.
pub(super) fn isolate(text: String, inserted: &[Range<usize>]) -> String {
    if !text.chars().any(|c| runs_right_to_left(c) || is_control(c)) {
        return text;
    }
    let clean = |range: Range<usize>| text.get(range).unwrap_or_default().chars().filter(|&c| !is_control(c));
    // A value that stands alone has no text to turn, and its direction is the direction of the line.
    let alone = matches!(inserted, [only] if *only == (0..text.len()));
    let mut out = String::with_capacity(text.len() + inserted.len() * 2 * ISOLATE.len_utf8());
    let mut at = 0;
    for range in inserted {
        out.extend(clean(at..range.start));
        at = range.end;
        let empty = range.is_empty();
        out.extend(Some(ISOLATE).filter(|_| !empty && !alone));
        out.extend(clean(range.clone()));
        out.extend(Some(POP).filter(|_| !empty && !alone));
    }
    out.extend(clean(at..text.len()));
    out
}

/// Whether a character belongs to a right-to-left script, or is a mark of that direction.
fn runs_right_to_left(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{200F}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// Whether a character is an embedding, an override or an isolate.
fn is_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use crate::expression::Expression;

    fn line(source: &str, name: &str) -> String {
        let expression = Expression::parse(source).unwrap();
        expression.evaluate_isolated(|field| Some(if field == "name" { name } else { "7" })).unwrap()
    }

    #[test]
    fn a_name_that_runs_right_to_left_is_isolated_in_a_line() {
        assert_eq!(line("Seat 5: {{ name }} - {{ table }}", "דנה"), "Seat 5: \u{2068}דנה\u{2069} - \u{2068}7\u{2069}");
        assert_eq!(line("ברוכה הבאה {{ name }}!", "Ada 3"), "ברוכה הבאה \u{2068}Ada 3\u{2069}!");
    }

    #[test]
    fn a_value_alone_and_a_line_without_such_letters_stay_as_they_are() {
        assert_eq!(line("{{ name }}", "דנה 7"), "דנה 7");
        assert_eq!(line("Seat 5: {{ name }} - {{ table }}", "Ada"), "Seat 5: Ada - 7");
        assert_eq!(line("Dear {{ name }}, שלום", ""), "Dear , שלום");
    }

    #[test]
    fn a_value_cannot_end_its_isolate() {
        assert_eq!(line("Seat {{ name }}.", "ד\u{2069}\u{202E}נה"), "Seat \u{2068}דנה\u{2069}.");
        assert_eq!(line("Seat {{ name }}.", "A\u{2069}\u{202E}da"), "Seat \u{2068}Ada\u{2069}.");
    }

    #[test]
    fn what_expressions_compute_with_has_no_isolates() {
        assert_eq!(line("{{ name | length }}: {{ name }}", "דנה"), "\u{2068}3\u{2069}: \u{2068}דנה\u{2069}");
        let expression = Expression::parse("x {{ name }}").unwrap();
        assert_eq!(expression.evaluate_with(|_| Some("דנה")).unwrap(), "x דנה");
    }
}
