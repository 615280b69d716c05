//! Numbers as text.

/// A number as a cell without a format shows it: fifteen digits, and never an exponent, which would lose the digits of
/// a phone number.
pub(super) fn general(raw: &str) -> String {
    let raw = raw.trim();
    // An id of more digits than a number keeps, written by another program, is exact in the file.
    if raw.strip_prefix('-').unwrap_or(raw).bytes().all(|byte| byte.is_ascii_digit()) {
        return raw.to_owned();
    }
    match raw.parse::<f64>() {
        Ok(value) if value.is_finite() => fifteen(value).to_string(),
        _ => raw.to_owned(),
    }
}

/// The number with the fifteen digits that a workbook shows: 0.1 + 0.2 is 0.3.
pub(super) fn fifteen(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

/// A number with this number of digits behind the point, as its digits before and behind the point.
pub(super) fn fixed(value: f64, digits: usize) -> (String, String) {
    // Formatting rounds what is kept, and of 2.675 that is a little less. A person sees 2.68.
    let nudged = fifteen(value.abs());
    let nudged = nudged + nudged * f64::EPSILON;
    let text = format!("{nudged:.digits$}");
    match text.split_once('.') {
        Some((whole, rest)) => (whole.to_owned(), rest.to_owned()),
        None => (text, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_with_all_of_its_digits() {
        for (raw, shown) in [
            ("447911123456", "447911123456"),
            ("4.47911123456E11", "447911123456"),
            ("12345678901234567890", "12345678901234567890"),
            ("0.30000000000000004", "0.3"),
            ("7.0000000000000009", "7"),
            ("1E-3", "0.001"),
            ("-2.5", "-2.5"),
            ("1E+20", "100000000000000000000"),
            ("not a number", "not a number"),
        ] {
            assert_eq!(general(raw), shown, "{raw}");
        }
    }

    #[test]
    fn rounding_is_as_a_person_does_it() {
        assert_eq!(fixed(2.675, 2), ("2".into(), "68".into()));
        assert_eq!(fixed(0.5, 0), ("1".into(), String::new()));
        assert_eq!(fixed(-1234.5, 1), ("1234".into(), "5".into()));
    }
}
