//! Converts phone numbers to E.164.

use super::email;

/// A parsed phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phone {
    /// `+` and 7 to 15 digits.
    International(String),
    /// The number as written, and why it could not be parsed.
    AsGiven(&'static str),
}

/// What is said of a number that a spreadsheet has rounded.
const ROUNDED: &str = "the spreadsheet rounded it; format the column as text and export again";

impl Phone {
    /// Whether digits of the number are lost.
    pub(super) fn is_rounded(&self) -> bool {
        *self == Self::AsGiven(ROUNDED)
    }
}

/// Normalises numbers with `+` or `00`, and national numbers if the calling code is configured. A leading 0 of a
/// national number is dropped, except in Italy (39) and San Marino (378), where it belongs to the number.
pub fn normalise_phone(cell: &str, calling_code: Option<&str>) -> Phone {
    let text = without_label(cell).replace("(0)", "");
    // A plus in brackets has the same meaning: (+44) 20 ….
    let plus = text.chars().find(|c| !is_between(*c)).is_some_and(is_plus);
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            // These are the same digits, full-width and Arabic.
            '\u{ff10}'..='\u{ff19}' => digits.push(digit(c, '\u{ff10}')),
            '\u{660}'..='\u{669}' => digits.push(digit(c, '\u{660}')),
            '\u{6f0}'..='\u{6f9}' => digits.push(digit(c, '\u{6f0}')),
            c if is_plus(c) && digits.is_empty() => {}
            c if is_between(c) => {}
            'E' | 'e' if !digits.is_empty() && text.contains("E+") => {
                return Phone::AsGiven(ROUNDED);
            }
            _ => return Phone::AsGiven("it has characters a phone number cannot have"),
        }
    }
    let number = if plus {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else if let Some(code) = calling_code {
        let national = if matches!(code, "39" | "378") { &digits } else { digits.trim_start_matches('0') };
        format!("{code}{national}")
    } else {
        return Phone::AsGiven("it has no country code; write it with + and the country code");
    };
    if (7..=15).contains(&number.len()) && !number.starts_with('0') {
        Phone::International(format!("+{number}"))
    } else {
        Phone::AsGiven("an international number has 7 to 15 digits")
    }
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '\u{ff0b}')
}

/// Whether a character between digits has no meaning. Invisible characters come along when a number is copied from a
/// contact card.
fn is_between(c: char) -> bool {
    let written = matches!(
        c,
        ' ' | '-' | '.' | '/' | '(' | ')' | '[' | ']' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}'
            | '\u{202f}' | '\u{3000}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff08}' | '\u{ff09}'
    );
    written || email::is_invisible(c)
}

fn digit(c: char, zero: char) -> char {
    u8::try_from(u32::from(c) - u32::from(zero)).map_or('0', |value| char::from(b'0' + value))
}

fn without_label(cell: &str) -> &str {
    let start = cell.get(..4).unwrap_or_default();
    if start.eq_ignore_ascii_case("tel:") || start.eq_ignore_ascii_case("tel.") { &cell[4..] } else { cell }
}
