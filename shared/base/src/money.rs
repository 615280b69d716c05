//! Amounts of money: whole numbers of a currency's smallest unit, and the way in which people write them.

use iso_currency::Currency;

/// The number of digits behind the point of a currency's amounts: 2 for `EUR`, 0 for `JPY`, 3 for `BHD`. `None`: ISO
/// 4217 has no such currency, or it has no smaller unit, such as `XAU`.
pub fn digits(currency: &str) -> Option<u32> {
    let digits = Currency::from_code(currency)?.exponent()?;
    Some(u32::from(digits))
}

/// Reads an amount as people write it, such as `2500`, `2,500.50` or `2.500,5`. The last comma or point parts the
/// smaller unit, if as many digits stand behind it as the currency has, or fewer.
///
/// # Errors
/// What is wrong, and how an amount is written.
pub fn parse(text: &str, digits: u32) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not an amount: write it like 2500 or 2500.50");
    let digits = usize::try_from(digits).unwrap_or(0);
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    let (whole, part) = match plain.rfind(['.', ',']) {
        Some(at) if (1..=digits.min(plain.len())).contains(&(plain.len() - at - 1)) && digits != 3 => {
            (&plain[..at], &plain[at + 1..])
        }
        // Of three digits nobody can tell whether they are thousands: only a point parts them.
        Some(at) if digits == 3 && plain[at..].starts_with('.') && plain.matches('.').count() == 1 => {
            (&plain[..at], &plain[at + 1..])
        }
        _ => (plain.as_str(), ""),
    };
    let whole: String = whole.chars().filter(|c| !matches!(c, '.' | ',')).collect();
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(&whole) || !all_digits(part) || part.len() > digits {
        return Err(wrong());
    }
    format!("{whole}{part:0<digits$}").parse().map_err(|_| wrong())
}

/// An amount as programs read it: `2500.50`.
pub fn plain(minor: i64, digits: u32) -> String {
    show(minor, digits).replace(',', "")
}

/// An amount as it is shown: `2,500.50`.
pub fn show(minor: i64, digits: u32) -> String {
    let unit = 10_u64.pow(digits);
    let (whole, part) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let mut grouped = String::new();
    let plain = whole.to_string();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if minor < 0 { "-" } else { "" };
    match digits {
        0 => format!("{sign}{grouped}"),
        _ => format!("{sign}{grouped}.{part:0width$}", width = usize::try_from(digits).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_the_digits_of_iso_4217() {
        assert_eq!((digits("EUR"), digits("JPY"), digits("BHD")), (Some(2), Some(0), Some(3)));
        assert_eq!((digits("EURO"), digits("XYZ"), digits("eur")), (None, None, None));
    }

    #[test]
    fn an_amount_is_read_as_people_write_it() {
        for (text, digits, minor) in [
            ("2500", 2, 250_000),
            ("2,500.50", 2, 250_050),
            ("2.500,5", 2, 250_050),
            ("2 500", 2, 250_000),
            ("1.234.567", 2, 123_456_700),
            ("0,99", 2, 99),
            ("2,500", 0, 2_500),
            ("2500", 3, 2_500_000),
            ("2500.125", 3, 2_500_125),
            ("2,500", 3, 2_500_000),
        ] {
            assert_eq!(parse(text, digits), Ok(minor), "{text}");
        }
        for wrong in ["", "ten", "-5", "1.2.3x", "99999999999999999999", "."] {
            assert!(parse(wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_shown_with_its_digits() {
        assert_eq!(show(123_456_789, 2), "1,234,567.89");
        assert_eq!(show(5, 2), "0.05");
        assert_eq!(show(2_500, 0), "2,500");
        assert_eq!(show(-2_500_125, 3), "-2,500.125");
    }
}
