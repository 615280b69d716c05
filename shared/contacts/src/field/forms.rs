//! Numbers and days as people write them in lists: `1.234,50` and `1,234.50`, `31/03/2026` and `03/31/2026`.
//!
//! Alone, `01/02/2026` and `1,234` can mean two things. The other values of the same column say which. If none does,
//! the value is left out with a remark: a wrong day would look like a right one.

use std::collections::BTreeMap;

use super::{ContactField, FieldType, value};

/// What the values of each column say about its form, by the key of the field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forms {
    of: BTreeMap<String, Seen>,
    /// Whether Herald wrote the list.
    is_exported: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// A value that only makes sense if the comma, or the point, stands before the fraction.
    comma: bool,
    point: bool,
    /// A value that only makes sense if the day, or the month, comes first.
    day_first: bool,
    month_first: bool,
}

/// What a value means.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// One thing.
    One(String),
    /// The first if the comma stands before the fraction, or if the day comes first; or else the second.
    Two(String, String),
    None,
}

impl Forms {
    /// `is_exported`: Herald wrote the list. A value in the one form of its field means itself there, whatever old
    /// values stand beside it.
    pub(crate) fn new(is_exported: bool) -> Self {
        Self { of: BTreeMap::new(), is_exported }
    }

    /// Takes note of a value of a column.
    pub(crate) fn learn(&mut self, field: &ContactField, text: &str) {
        let text = text.trim();
        if self.means_itself(field, text) {
            return;
        }
        let seen = match field.kind {
            FieldType::Number => number_form(text),
            FieldType::Date => day_form(text),
            _ => return,
        };
        if seen == Seen::default() {
            return;
        }
        let known = self.of.entry(field.key.clone()).or_default();
        known.comma |= seen.comma;
        known.point |= seen.point;
        known.day_first |= seen.day_first;
        known.month_first |= seen.month_first;
    }

    /// A value of a list in the one form of its field.
    ///
    /// # Errors
    /// What is wrong, with the value and the cure.
    pub(crate) fn fit(&self, field: &ContactField, text: &str) -> Result<String, String> {
        let given = text.trim();
        if self.means_itself(field, given) {
            return Ok(given.to_owned());
        }
        let (meaning, first, second) = match field.kind {
            FieldType::Number => (number_meaning(given), self.seen(field).comma, self.seen(field).point),
            FieldType::Date => (day_meaning(given), self.seen(field).day_first, self.seen(field).month_first),
            _ => return field.fit(text),
        };
        match meaning {
            Meaning::One(value) => Ok(value),
            Meaning::Two(one, _) if first && !second => Ok(one),
            Meaning::Two(_, other) if second && !first => Ok(other),
            Meaning::Two(one, other) => {
                Err(format!("{}: {given:?} may be {one} or {other}: write it so that it is one of them", field.key))
            }
            Meaning::None => field.fit(text),
        }
    }

    /// Whether a value of an exported list is in the one form of its field.
    fn means_itself(&self, field: &ContactField, text: &str) -> bool {
        let one = match field.kind {
            FieldType::Number => value::number(text),
            FieldType::Date => value::day(text),
            _ => return false,
        };
        self.is_exported && one.as_deref() == Some(text)
    }

    fn seen(&self, field: &ContactField) -> Seen {
        self.of.get(&field.key).copied().unwrap_or_default()
    }
}

/// A number without its spaces and apostrophes, which only part its thousands.
fn closed(text: &str) -> String {
    let is_between = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’');
    text.chars().filter(|c| !is_between(*c)).collect()
}

/// The number if this sign stands before the fraction, and the other one between thousands.
fn with_fraction(text: &str, sign: char) -> Option<String> {
    let other = if sign == ',' { '.' } else { ',' };
    let (whole, part) = text.split_once(sign).unwrap_or((text, ""));
    if part.contains([',', '.']) || text.ends_with(sign) {
        return None;
    }
    let digits = whole.trim_start_matches(['-', '−', '+']);
    let mut groups = digits.split(other);
    let first = groups.next().unwrap_or_default();
    let is_grouped = digits.contains(other);
    if is_grouped && (!(1..=3).contains(&first.len()) || first.starts_with('0') || groups.any(|group| group.len() != 3))
    {
        return None;
    }
    let whole: String = whole.chars().filter(|c| *c != other).collect();
    value::number(&if part.is_empty() { whole } else { format!("{whole}.{part}") })
}

fn number_meaning(text: &str) -> Meaning {
    let text = closed(text);
    match (with_fraction(&text, ','), with_fraction(&text, '.')) {
        (Some(one), Some(other)) if one == other => Meaning::One(one),
        (Some(one), Some(other)) => Meaning::Two(one, other),
        (Some(one), None) | (None, Some(one)) => Meaning::One(one),
        (None, None) => Meaning::None,
    }
}

fn number_form(text: &str) -> Seen {
    let text = closed(text);
    if !text.contains([',', '.']) {
        return Seen::default();
    }
    let (comma, point) = (with_fraction(&text, ',').is_some(), with_fraction(&text, '.').is_some());
    Seen { comma: comma && !point, point: point && !comma, ..Seen::default() }
}

/// The parts of a day whose year comes last, and the sign between them.
fn parts(text: &str) -> Option<(&str, &str, &str, char)> {
    let sign = text.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
    let mut parts = text.split(sign);
    let (one, other, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str, long: std::ops::RangeInclusive<usize>| {
        long.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_day = parts.next().is_none() && is_number(one, 1..=2) && is_number(other, 1..=2) && is_number(year, 4..=4);
    is_day.then_some((one, other, year, sign))
}

fn day_meaning(text: &str) -> Meaning {
    let Some((one, other, year, sign)) = parts(text) else {
        return value::day(text).map_or(Meaning::None, Meaning::One);
    };
    match (value::of_parts(year, other, one), value::of_parts(year, one, other)) {
        (Some(day_first), Some(month_first)) if day_first == month_first => Meaning::One(day_first),
        // With points nobody writes the month first.
        (Some(day_first), _) if sign == '.' => Meaning::One(day_first),
        (_, _) if sign == '.' => Meaning::None,
        (Some(day_first), Some(month_first)) => Meaning::Two(day_first, month_first),
        (Some(day), None) | (None, Some(day)) => Meaning::One(day),
        (None, None) => Meaning::None,
    }
}

fn day_form(text: &str) -> Seen {
    let Some((one, other, year, sign)) = parts(text) else { return Seen::default() };
    if sign == '.' {
        return Seen::default();
    }
    let day_first = value::of_parts(year, other, one).is_some();
    let month_first = value::of_parts(year, one, other).is_some();
    Seen { day_first: day_first && !month_first, month_first: month_first && !day_first, ..Seen::default() }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::field, *};

    fn read(kind: FieldType, column: &[&str]) -> Vec<String> {
        read_by(Forms::default(), kind, column)
    }

    fn read_by(mut forms: Forms, kind: FieldType, column: &[&str]) -> Vec<String> {
        let field = field("x", kind);
        column.iter().for_each(|text| forms.learn(&field, text));
        column.iter().map(|text| forms.fit(&field, text).unwrap_or_else(|said| format!("! {said}"))).collect()
    }

    #[test]
    fn a_column_of_numbers_says_what_its_signs_mean() {
        let comma = read(FieldType::Number, &["1.234", "2,5", "1.234,50", "1 234", "-3", "1.000.000"]);
        assert_eq!(comma, ["1234", "2.5", "1234.5", "1234", "-3", "1000000"]);
        let point = read(FieldType::Number, &["1,234", "2.5", "1,234.50", "1'234.5", "0.125"]);
        assert_eq!(point, ["1234", "2.5", "1234.5", "1234.5", "0.125"]);
        let unsure = read(FieldType::Number, &["1.234", "12", "0,125"]);
        assert_eq!(unsure, ["1234", "12", "0.125"]);
        let unknown = read(FieldType::Number, &["1.234", "12"]);
        assert!(unknown[0].contains("may be 1234 or 1.234") && unknown[1] == "12", "{unknown:?}");
        let both = read(FieldType::Number, &["2,5", "2.5", "1,234"]);
        assert!(both[..2] == ["2.5", "2.5"] && both[2].contains("may be"), "{both:?}");
        let wrong = read(FieldType::Number, &["ten", "1,2,3", "1.2345.6", "12,"]);
        assert!(wrong.iter().all(|said| said.contains("12.5")), "{wrong:?}");
    }

    #[test]
    fn values_of_an_exported_list_mean_themselves() {
        let numbers = read_by(Forms::new(true), FieldType::Number, &["1.234", "2,5", "-7.125", "12"]);
        assert_eq!(numbers, ["1.234", "2.5", "-7.125", "12"]);
        assert_eq!(read_by(Forms::new(true), FieldType::Number, &["1.234"]), ["1.234"]);
        let days = read_by(Forms::new(true), FieldType::Date, &["2026-02-01", "3/31/2026"]);
        assert_eq!(days, ["2026-02-01", "2026-03-31"]);
        // In other lists the column decides.
        assert_eq!(read_by(Forms::new(false), FieldType::Number, &["1.234", "2,5"]), ["1234", "2.5"]);
    }

    #[test]
    fn a_column_of_days_says_what_comes_first() {
        let day = read(FieldType::Date, &["01/02/2026", "31/03/2026", "2026-03-01", "05-06-2026"]);
        assert_eq!(day, ["2026-02-01", "2026-03-31", "2026-03-01", "2026-06-05"]);
        let month = read(FieldType::Date, &["01/02/2026", "3/31/2026"]);
        assert_eq!(month, ["2026-01-02", "2026-03-31"]);
        let points = read(FieldType::Date, &["1.2.2026", "5.5.2026"]);
        assert_eq!(points, ["2026-02-01", "2026-05-05"]);
        let unknown = read(FieldType::Date, &["01/02/2026", "3/3/2026"]);
        assert!(unknown[0].contains("may be 2026-02-01 or 2026-01-02") && unknown[1] == "2026-03-03", "{unknown:?}");
        let wrong = read(FieldType::Date, &["3.13.2026", "1/2/26", "soon", "31/31/2026"]);
        assert!(wrong.iter().all(|said| said.contains("2026-03-01")), "{wrong:?}");
    }
}
