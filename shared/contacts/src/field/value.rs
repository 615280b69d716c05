//! The one form in which a value of a type is kept: numbers plain with a point, days as 2026-03-01, `yes` or `no`, a
//! choice as it was set up, an address of the web as browsers write it.

use chrono::{Datelike, NaiveDate};
use url::Url;

use super::{ContactField, FieldType};

/// Digits of a number, in front of its point and behind it.
const DIGITS: usize = 30;

/// The words for yes and no in lower case, as lists write them.
const YES: &[&str] = &[
    "yes",
    "y",
    "true",
    "1",
    "x",
    "✓",
    "✔",
    "ja",
    "oui",
    "si",
    "sí",
    "sì",
    "sim",
    "tak",
    "да",
    "evet",
    "ya",
    "是",
    "はい",
    "예",
    "हाँ",
    "نعم",
];
const NO: &[&str] = &[
    "no",
    "n",
    "false",
    "0",
    "-",
    "nein",
    "nee",
    "non",
    "não",
    "nao",
    "nie",
    "нет",
    "hayır",
    "tidak",
    "否",
    "いいえ",
    "아니요",
    "नहीं",
    "لا",
];

impl ContactField {
    /// A value in the one form of the field's type.
    ///
    /// # Errors
    /// What is wrong, with the value and an example of a right one.
    pub fn fit(&self, text: &str) -> Result<String, String> {
        let given = text.trim();
        let (found, what) = match self.kind {
            FieldType::Text => (Some(text.to_owned()), String::new()),
            FieldType::Number => (number(given), "a number: write it like 12 or 12.5".to_owned()),
            FieldType::Date => (day(given), "a day: write it like 2026-03-01".to_owned()),
            FieldType::YesNo => (yes_or_no(given), "yes or no: write one of the two".to_owned()),
            FieldType::Choice => (self.choice(given), self.choices_in_words()),
            FieldType::Url => (web(given), "an address of the web: write it like https://example.com/page".to_owned()),
        };
        found.ok_or_else(|| format!("{}: {given:?} is not {what}", self.key))
    }

    /// Whether a value that is kept can be compared as its type: it is in the one form, or as a number or an address
    /// is read as well.
    pub fn fits(&self, text: &str) -> bool {
        let is_read = matches!(self.kind, FieldType::Number | FieldType::Url);
        self.fit(text).is_ok_and(|one| is_read || one == text)
    }

    fn choice(&self, text: &str) -> Option<String> {
        let wanted = text.to_lowercase();
        self.choices.0.iter().find(|one| one.to_lowercase() == wanted).cloned()
    }

    fn choices_in_words(&self) -> String {
        let all: Vec<&str> = self.choices.0.iter().map(String::as_str).collect();
        format!("one of its choices: write {}", herald_base::text_enum::any_of(&all))
    }
}

/// A number without anything that says nothing: no plus, no zeros around it.
pub(super) fn number(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) if !part.is_empty() => (whole, part),
        Some(_) => return None,
        None => (digits, ""),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(part) || whole.len() + part.len() > DIGITS {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let number = if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") };
    Some(if negative && number != "0" { format!("-{number}") } else { number })
}

/// A day with its year first. A time of midnight, as workbooks have it, says nothing.
pub(super) fn day(text: &str) -> Option<String> {
    let text = ["T00:00:00Z", "T00:00:00", " 00:00:00", " 00:00", " 0:00"]
        .iter()
        .find_map(|midnight| text.strip_suffix(midnight))
        .unwrap_or(text);
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let are_digits = [year, month, day].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if parts.next().is_some() || !are_digits || year.len() != 4 {
        return None;
    }
    of_parts(year, month, day)
}

/// A day of its parts, if there is such a day.
pub(super) fn of_parts(year: &str, month: &str, day: &str) -> Option<String> {
    let day = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    (day.year() > 0).then(|| day.format("%Y-%m-%d").to_string())
}

fn yes_or_no(text: &str) -> Option<String> {
    let word = text.to_lowercase();
    let is = |words: &[&str]| words.contains(&word.as_str());
    if is(YES) { Some("yes".to_owned()) } else { is(NO).then(|| "no".to_owned()) }
}

fn web(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.host_str().is_some_and(|host| !host.is_empty()).then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::field, *};

    #[test]
    fn every_type_has_one_form() {
        for (kind, given, kept) in [
            (FieldType::Text, " as it is ", " as it is "),
            (FieldType::Number, " 0012.50 ", "12.5"),
            (FieldType::Number, "+7", "7"),
            (FieldType::Number, "-0.0", "0"),
            (FieldType::Number, "-0.5", "-0.5"),
            (FieldType::Date, "2026-3-1", "2026-03-01"),
            (FieldType::Date, "2026/03/01", "2026-03-01"),
            (FieldType::Date, "2026-03-01 00:00:00", "2026-03-01"),
            (FieldType::YesNo, "TRUE", "yes"),
            (FieldType::YesNo, "Nein", "no"),
            (FieldType::Choice, "vegan", "Vegan"),
            (FieldType::Url, "HTTPS://Example.com", "https://example.com/"),
        ] {
            let field = field("diet", kind);
            let once = field.fit(given).unwrap();
            assert_eq!(once, kept, "{kind}");
            assert_eq!(field.fit(&once).unwrap(), once, "twice is the same");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_an_example() {
        for (kind, given, cure) in [
            (FieldType::Number, "12,5", "12.5"),
            (FieldType::Number, "", "12.5"),
            (FieldType::Number, ".5", "12.5"),
            (FieldType::Number, "1e5", "12.5"),
            (FieldType::Date, "01.03.2026", "2026-03-01"),
            (FieldType::Date, "2026-02-30", "2026-03-01"),
            (FieldType::Date, "2026-03-01 14:30", "2026-03-01"),
            (FieldType::YesNo, "perhaps", "yes or no"),
            (FieldType::Choice, "meat", "Vegan or Vegetarian"),
            (FieldType::Url, "example.com", "https://example.com/page"),
            (FieldType::Url, "javascript:alert(1)", "https://example.com/page"),
        ] {
            let said = field("diet", kind).fit(given).unwrap_err();
            assert!(
                said.starts_with("diet: ") && said.contains(&format!("{given:?}")) && said.contains(cure),
                "{said}"
            );
        }
    }
}
