//! Days and times, which a workbook counts in days.

use chrono::{Days, NaiveDate, NaiveTime};

/// The last day that a workbook can have, 31 December 9999.
const LAST: f64 = 2_958_466.0;
const SECONDS: f64 = 86_400.0;

/// Which parts of a moment are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Date,
    Time,
    Both,
    /// Hours that do not begin again after a day.
    Elapsed,
}

/// A count of days as text: `2026-03-01`, `14:30:00`, or both. `None` if it is no day.
pub(super) fn text(serial: f64, shown: Shown, is_1904: bool) -> Option<String> {
    if !(0.0..LAST).contains(&serial) {
        return None;
    }
    // To the second, as a workbook shows it.
    let seconds = (serial * SECONDS).round();
    let (days, within) = ((seconds / SECONDS).floor(), seconds % SECONDS);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are small and not negative")]
    let (days, within) = (days as u64, within as u32);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(within, 0)?;
    let clock = time.format("%H:%M:%S");
    Some(match shown {
        Shown::Time => clock.to_string(),
        Shown::Elapsed => format!("{}:{}", days * 24 + u64::from(within / 3_600), time.format("%M:%S")),
        Shown::Date => date(days, is_1904)?,
        Shown::Both => format!("{} {clock}", date(days, is_1904)?),
    })
}

fn date(days: u64, is_1904: bool) -> Option<String> {
    if is_1904 {
        return Some(NaiveDate::from_ymd_opt(1904, 1, 1)?.checked_add_days(Days::new(days))?.to_string());
    }
    // The count has a 29 February 1900, which did not exist.
    match days {
        60 => Some("1900-02-29".to_owned()),
        ..60 => Some(NaiveDate::from_ymd_opt(1899, 12, 31)?.checked_add_days(Days::new(days))?.to_string()),
        _ => Some(NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(days))?.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_workbook_does() {
        let day = |serial| text(serial, Shown::Date, false).unwrap();
        assert_eq!((day(1.0), day(59.0)), ("1900-01-01".into(), "1900-02-28".into()));
        assert_eq!((day(60.0), day(61.0)), ("1900-02-29".into(), "1900-03-01".into()));
        assert_eq!(day(46082.0), "2026-03-01");
        assert_eq!(text(44620.0, Shown::Date, true).unwrap(), "2026-03-01");
        assert_eq!(text(46_082.604_166_666_7, Shown::Both, false).unwrap(), "2026-03-01 14:30:00");
        // A second too late by the way that numbers are kept is not the next minute.
        assert_eq!(text(0.999_999_999, Shown::Elapsed, false).unwrap(), "24:00:00");
        assert_eq!(text(1.104_166_666_7, Shown::Elapsed, false).unwrap(), "26:30:00");
        assert_eq!(text(0.25, Shown::Time, false).unwrap(), "06:00:00");
        assert_eq!(text(-1.0, Shown::Date, false), None);
        assert_eq!(text(1e300, Shown::Date, false), None);
    }
}
