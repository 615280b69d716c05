//! Phone numbers to E.164.

/// A phone number as far as it can be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phone {
    /// `+` and 7 to 15 digits.
    International(String),
    /// As given, and why.
    AsGiven(&'static str),
}

/// Normalises what begins with `+` or `00`, and national numbers when the calling code is configured. A leading 0 of a
/// national number is dropped, except in Italy (39) and San Marino (378), where it belongs to the number.
pub(super) fn normalise(cell: &str, calling_code: Option<&str>) -> Phone {
    let text = cell.strip_prefix("tel:").unwrap_or(cell).replace("(0)", "");
    let plus = text.trim_start().starts_with(['+', '\u{ff0b}']);
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' | '\u{ff0b}' if digits.is_empty() => {}
            ' ' | '-' | '.' | '/' | '(' | ')' | '\t' | '\u{a0}' | '\u{202f}' | '\u{2010}'..='\u{2013}' => {}
            // Bidirectional marks come along when a number is copied from a contact card.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            'E' | 'e' if !digits.is_empty() && text.contains("E+") => {
                return Phone::AsGiven("the spreadsheet rounded it; format the column as text and export again");
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
