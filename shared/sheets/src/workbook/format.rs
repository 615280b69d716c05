//! Formats of numbers, and numbers in them.
//!
//! A format has up to four sections: for positive numbers, negative ones, zero, and texts. What stands in a section is
//! shown as it is, but for the places of digits. Formats with conditions, fractions or exponents are left out: their
//! numbers are shown plainly, which loses nothing.

use super::{
    number::{fifteen, fixed, general},
    serial::{self, Shown},
};

/// How a cell shows its number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Format {
    General,
    Moment(Shown),
    Sections(Vec<Section>),
}

/// The pattern of one kind of number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    parts: Vec<Part>,
    /// Whether thousands are set apart.
    is_grouped: bool,
    /// The number is shown times ten to the power of this.
    power: i32,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// The place of a digit: `0` is always there, `#` and `?` only if the number has one.
    Digit(char),
    Point,
    /// The number without a format.
    Plain,
    Text(String),
}

impl Format {
    /// The format that a number from 0 to 163 stands for.
    pub(super) fn built_in(id: u32) -> Self {
        let code = match id {
            1 => "0",
            2 => "0.00",
            3 => "#,##0",
            4 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            37 | 38 => "#,##0;(#,##0)",
            39 | 40 => "#,##0.00;(#,##0.00)",
            14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 => return Self::Moment(Shown::Date),
            18..=21 | 32..=35 | 45 | 47 | 55 | 56 => return Self::Moment(Shown::Time),
            22 => return Self::Moment(Shown::Both),
            46 => return Self::Moment(Shown::Elapsed),
            _ => return Self::General,
        };
        Self::parse(code)
    }

    /// Reads a format.
    pub(super) fn parse(code: &str) -> Self {
        let Some(sections) = tokens(code) else { return Self::General };
        if let Some(shown) = sections.first().and_then(|tokens| moment(tokens)) {
            return Self::Moment(shown);
        }
        let sections: Option<Vec<Section>> = sections.iter().map(|tokens| section(tokens)).collect();
        match sections {
            Some(sections) if sections[0].parts != [Part::Plain] => Self::Sections(sections),
            _ => Self::General,
        }
    }

    /// A number in this format.
    pub(super) fn show(&self, raw: &str, is_1904: bool) -> String {
        let Ok(value) = raw.trim().parse::<f64>() else { return raw.to_owned() };
        let shown = match self {
            Self::General => None,
            Self::Moment(shown) => serial::text(value, *shown, is_1904),
            Self::Sections(sections) => in_sections(sections, value, raw),
        };
        shown.unwrap_or_else(|| general(raw))
    }
}

/// A character of a format, and whether it means itself.
type Token = (char, bool);

/// The sections of a format. `None` if it has what is not understood.
fn tokens(code: &str) -> Option<Vec<Vec<Token>>> {
    let mut sections: Vec<Vec<Token>> = vec![Vec::new()];
    let mut rest = code.chars();
    while let Some(character) = rest.next() {
        let section = sections.last_mut()?;
        match character {
            '"' => section.extend(rest.by_ref().take_while(|c| *c != '"').map(|c| (c, true))),
            '\\' => section.extend(rest.next().map(|c| (c, true))),
            // The width of a character, and a character that fills the cell.
            '_' | '*' => drop(rest.next()),
            '[' => {
                let inside: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let is_elapsed =
                    !inside.is_empty() && inside.chars().all(|c| matches!(c, 'h' | 'H' | 'm' | 'M' | 's' | 'S'));
                if inside.starts_with(['<', '>', '=']) {
                    return None;
                } else if is_elapsed {
                    section.push(('[', false));
                } else if let Some(currency) = inside.strip_prefix('$') {
                    section.extend(currency.split('-').next().unwrap_or_default().chars().map(|c| (c, true)));
                }
            }
            ';' => sections.push(Vec::new()),
            character => section.push((character, false)),
        }
    }
    Some(sections)
}

/// What a section shows of a moment; `None` if it shows a number.
fn moment(tokens: &[Token]) -> Option<Shown> {
    if is_general(tokens) {
        return None;
    }
    let has = |letters: &str| tokens.iter().any(|(c, is_text)| !is_text && letters.contains(c.to_ascii_lowercase()));
    match (has("yd"), has("hs"), has("["), has("m")) {
        (_, _, true, _) => Some(Shown::Elapsed),
        (true, true, ..) => Some(Shown::Both),
        (false, true, ..) => Some(Shown::Time),
        (true, false, ..) | (false, false, _, true) => Some(Shown::Date),
        (false, false, _, false) => None,
    }
}

fn is_general(tokens: &[Token]) -> bool {
    let text: String = tokens.iter().filter(|(_, is_text)| !is_text).map(|(c, _)| c.to_ascii_lowercase()).collect();
    text.contains("general")
}

/// The pattern of a section; `None` if it has what is not understood.
fn section(tokens: &[Token]) -> Option<Section> {
    let mut section = Section::default();
    let is_general = is_general(tokens);
    let mut commas = 0;
    let mut text = String::new();
    for (at, (character, is_text)) in tokens.iter().enumerate() {
        let part = match (*character, *is_text) {
            ('0' | '#' | '?', false) if !is_general => {
                // A comma between digits sets thousands apart; behind them each stands for a thousand.
                section.is_grouped |= commas > 0;
                commas = 0;
                Part::Digit(*character)
            }
            ('.', false) if !is_general => Part::Point,
            ('@', false) => Part::Plain,
            (',', false) if section.parts.iter().any(|part| matches!(part, Part::Digit(_))) => {
                commas += 1;
                continue;
            }
            ('/' | 'E' | 'e', false) if !is_general => return None,
            ('G' | 'g', false) if is_general => Part::Plain,
            // The rest of the word.
            (c, false) if is_general && at > 0 && "eneral".contains(c.to_ascii_lowercase()) => continue,
            (c, is_text) => {
                section.power += if c == '%' && !is_text { 2 } else { 0 };
                text.push(c);
                continue;
            }
        };
        if !text.is_empty() {
            section.parts.push(Part::Text(std::mem::take(&mut text)));
        }
        section.parts.push(part);
    }
    if !text.is_empty() {
        section.parts.push(Part::Text(text));
    }
    section.power -= 3 * commas;
    Some(section)
}

/// A number in the section for it. `None`: the section hides it, which is no reason to lose it.
fn in_sections(sections: &[Section], value: f64, raw: &str) -> Option<String> {
    let (section, has_own_sign) = match sections {
        [_, negative, ..] if value < 0.0 => (negative, true),
        [_, _, zero, ..] if value == 0.0 => (zero, false),
        [first, ..] => (first, false),
        [] => return None,
    };
    let shown = section.show(value, raw)?;
    let is_zero = !shown.contains(|c: char| ('1'..='9').contains(&c));
    Some(if value < 0.0 && !has_own_sign && !is_zero { format!("-{shown}") } else { shown })
}

impl Section {
    fn show(&self, value: f64, raw: &str) -> Option<String> {
        if self.parts.is_empty() {
            return None;
        }
        let point = self.parts.iter().position(|part| *part == Part::Point).unwrap_or(self.parts.len());
        let (before, behind) = self.parts.split_at(point);
        let is_digit = |part: &&Part| matches!(part, Part::Digit(_));
        let value = fifteen(value * 10_f64.powi(self.power));
        let (whole, rest) = fixed(value, behind.iter().filter(is_digit).count());
        let mut shown = self.whole(before, &whole, raw);
        shown.push_str(&fraction(behind, &rest, raw));
        Some(shown.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The part before the point, from its last digit on.
    fn whole(&self, parts: &[Part], digits: &str, raw: &str) -> String {
        let mut left: Vec<char> = if digits == "0" { Vec::new() } else { digits.chars().collect() };
        let first = parts.iter().position(|part| matches!(part, Part::Digit(_)));
        let mut pieces: Vec<String> = Vec::new();
        let mut placed = 0;
        let mut place = |digit: char| {
            let comma = self.is_grouped && placed > 0 && placed % 3 == 0;
            placed += 1;
            if comma { format!("{digit},") } else { digit.to_string() }
        };
        for (at, part) in parts.iter().enumerate().rev() {
            match part {
                Part::Digit(kind) => {
                    match left.pop() {
                        Some(digit) => pieces.push(place(digit)),
                        None if *kind == '0' => pieces.push(place('0')),
                        None => {}
                    }
                    if Some(at) == first {
                        while let Some(digit) = left.pop() {
                            pieces.push(place(digit));
                        }
                    }
                }
                Part::Point => {}
                Part::Plain => pieces.push(general(raw)),
                Part::Text(text) => pieces.push(text.clone()),
            }
        }
        pieces.reverse();
        pieces.concat()
    }
}

/// The part from the point on.
fn fraction(parts: &[Part], digits: &str, raw: &str) -> String {
    let needed = digits.trim_end_matches('0').len();
    let mut shown = String::new();
    let mut digits = digits.chars().enumerate();
    for part in parts {
        match part {
            Part::Point => shown.push('.'),
            Part::Digit(kind) => {
                if let Some((at, digit)) = digits.next()
                    && (*kind == '0' || at < needed)
                {
                    shown.push(digit);
                }
            }
            Part::Plain => shown.push_str(&general(raw)),
            Part::Text(text) => shown.push_str(text),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str, raw: &str) -> String {
        Format::parse(code).show(raw, false)
    }

    #[test]
    fn numbers_look_as_they_do_in_the_workbook() {
        for (code, raw, seen) in [
            ("General", "447911123456", "447911123456"),
            ("00000", "123", "00123"),
            ("0", "2.5", "3"),
            ("0.00", "-0.001", "0.00"),
            ("#,##0.00", "1234567.891", "1,234,567.89"),
            ("#,##0", "-1234", "-1,234"),
            ("0%", "0.5", "50%"),
            ("0.0%", "0.125", "12.5%"),
            ("#.##", "0.5", ".5"),
            ("0.0#", "1.5", "1.5"),
            ("#,##0;(#,##0)", "-1234", "(1,234)"),
            ("(000) 000-0000", "2025550144", "(202) 555-0144"),
            ("[$€-407] #,##0.00", "19.9", "€ 19.90"),
            ("#,##0.00\\ \"kr\"", "1234.5", "1,234.50 kr"),
            ("0,\"k\"", "12345", "12k"),
            ("[Red]0.0;[Blue]-0.0", "-2.25", "-2.3"),
            ("_-* #,##0_-;-* #,##0_-", "12", "12"),
            ("General\" kg\"", "12.5", "12.5 kg"),
            // What is not understood, or hides the number, shows it plainly.
            ("0.00E+00", "1234", "1234"),
            ("# ?/?", "0.5", "0.5"),
            ("[>100]0;0.0", "5", "5"),
            (";;;", "5", "5"),
        ] {
            assert_eq!(shown(code, raw), seen, "{code} of {raw}");
        }
    }

    #[test]
    fn formats_of_days_are_told_from_those_of_numbers() {
        for (code, seen) in [
            ("yyyy\\-mm\\-dd", "2026-03-01"),
            ("d mmm", "2026-03-01"),
            ("mmmm", "2026-03-01"),
            ("[$-409]d/m/yy h:mm AM/PM;@", "2026-03-01 14:30:00"),
            ("h:mm:ss", "14:30:00"),
            ("mm:ss", "14:30:00"),
            ("[h]:mm", "1105982:30:00"),
            ("\"day\" 0", "day 46083"),
        ] {
            assert_eq!(shown(code, "46082.6041666667"), seen, "{code}");
        }
    }

    #[test]
    fn every_built_in_format_shows_a_number() {
        for id in 0..170 {
            assert!(!Format::built_in(id).show("46082.6", false).is_empty(), "{id}");
        }
        assert_eq!(Format::built_in(14).show("46082", false), "2026-03-01");
        assert_eq!(Format::built_in(4).show("1234.5", false), "1,234.50");
    }
}
