//! When a schedule's ticks are: a cron expression in a time zone.
//!
//! croner reads the expression and finds the next time on a calendar without time zones; what a clock change does to it
//! is decided here, by the rule of Vixie's cron (cron(8)), because croner calls only a single hour and minute a fixed
//! time and would lose or repeat `0,30 2 * * *`:
//!
//! - An expression whose second, minute and hour all begin with something else than `*` names times of day. Each
//!   happens once a day: one that the clock jumps over happens at the jump, one that the clock shows twice happens the
//!   first time.
//! - Any other one repeats with the clock: at each moment the clock shows such a time. What it jumps over does not
//!   happen, what it shows twice happens twice, and so every hour that passes has its ticks.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use thiserror::Error;

/// Longer ones are refused before they are read.
const LONGEST: usize = 256;

const NAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const FIELDS: [(&str, &str); 6] = [
    ("second", "0-59"),
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, or L for the last"),
    ("month", "1-12 or JAN-DEC"),
    ("day of the week", "0-7 (0 and 7 are Sunday) or SUN-SAT"),
];

/// Why a text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// It begins with @ and is not a known name.
    #[error("{0} is not known: use @hourly, @daily, @weekly, @monthly or @yearly, or five fields such as 0 9 * * 1-5")]
    Name(String),
    /// It has not as many fields as an expression has.
    #[error(
        "{0} fields: use five (minute, hour, day of the month, month, day of the week, \
         such as 0 9 * * 1-5) or six with the second first"
    )]
    Fields(usize),
    /// One field has a value it cannot have.
    #[error("the {name} cannot be {value:?}: use {range}, with *, lists (1,2), ranges (1-5) and steps (*/15)")]
    Field {
        /// What the field is.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// It is far longer than any expression needs to be.
    #[error("the expression is too long: use at most {LONGEST} characters")]
    TooLong,
    /// The fields are right and name a day that does not exist.
    #[error(
        "the expression never matches, because no such day exists (such as 30 February): check the day of the month \
         and the month"
    )]
    Never,
}

/// Why a text is not a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// No time zone has this name.
    #[error("there is no time zone {name:?}: use a name such as Europe/Madrid, America/New_York or UTC{}",
        hint(.similar))]
    Unknown {
        /// What was given.
        name: String,
        /// What may have been meant.
        similar: Vec<&'static str>,
    },
}

fn hint(similar: &[&str]) -> String {
    if similar.is_empty() { String::new() } else { format!(" (perhaps {})", similar.join(" or ")) }
}

/// The time zone of an IANA name.
pub fn zone(name: &str) -> Result<Tz, ZoneError> {
    name.parse().map_err(|_| {
        let wanted = name.trim().replace(' ', "_").to_lowercase();
        let city = format!("/{}", wanted.rsplit('/').next().unwrap_or_default());
        let known = TZ_VARIANTS.iter().map(|zone| zone.name());
        let mut similar: Vec<&str> = known
            .filter(|known| {
                let known = known.to_lowercase();
                !wanted.is_empty() && (known == wanted || known.ends_with(&city))
            })
            .collect();
        similar.sort_by_key(|known| (known.to_lowercase() != wanted, known.len()));
        similar.truncate(3);
        ZoneError::Unknown { name: name.to_owned(), similar }
    })
}

/// A cron expression that can come true.
#[derive(Clone, Debug)]
pub struct Expression {
    cron: Cron,
    /// It names times of day rather than a rhythm.
    fixed: bool,
}

impl Expression {
    /// Reads five fields, six with the second first, or a name such as `@daily`. An expression that never comes true is
    /// refused.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(ExpressionError::TooLong);
        }
        let text = if text.starts_with('@') {
            let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
            named.ok_or_else(|| ExpressionError::Name(text.to_owned()))?.1
        } else {
            text
        };
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        match fields.len() {
            5 => fields.insert(0, "0"),
            6 => {}
            others => return Err(ExpressionError::Fields(others)),
        }
        // One at a time, to know which of them is wrong.
        for (at, (name, range)) in FIELDS.into_iter().enumerate() {
            let mut alone = ["*"; 6];
            alone[at] = fields[at];
            if read(&alone).is_none() {
                return Err(ExpressionError::Field { name, value: fields[at].to_owned(), range });
            }
        }
        let cron = read(&fields).ok_or(ExpressionError::Never)?;
        let fixed = fields[..3].iter().all(|field| !field.starts_with(['*', '?']));
        let expression = Self { cron, fixed };
        match expression.after(DateTime::UNIX_EPOCH.naive_utc()) {
            Some(_) => Ok(expression),
            None => Err(ExpressionError::Never),
        }
    }

    /// The next such time on a calendar without time zones.
    fn after(&self, civil: NaiveDateTime) -> Option<NaiveDateTime> {
        self.cron.find_next_occurrence(&civil.and_utc(), false).ok().map(|next| next.naive_utc())
    }
}

fn read(fields: &[&str]) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build().parse(&fields.join(" ")).ok()
}

/// An expression in a time zone: all ticks of a schedule.
#[derive(Clone, Debug)]
pub struct Timetable {
    expression: Expression,
    zone: Tz,
}

impl Timetable {
    /// The ticks of `expression` by the clocks of `zone`.
    pub fn new(expression: Expression, zone: Tz) -> Self {
        Self { expression, zone }
    }

    /// The first tick later than `after`. Ticks fall on whole seconds.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = after.trunc_subsecs(0).with_timezone(&self.zone);
        let next = if self.expression.fixed { self.next_time_of_day(&after) } else { self.next_beat(&after) };
        next.map(|next| next.to_utc())
    }

    /// Every tick later than `after`, in order.
    pub fn ticks(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next(after), |tick| self.next(*tick))
    }

    /// A moment as the clocks of the schedule's time zone show it.
    pub fn local(&self, at: DateTime<Utc>) -> DateTime<Tz> {
        at.with_timezone(&self.zone)
    }

    fn next_time_of_day(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let mut civil = after.naive_local();
        loop {
            civil = self.expression.after(civil)?;
            let at = match self.zone.from_local_datetime(&civil) {
                MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at,
                MappedLocalTime::None => self.end_of_gap(civil)?,
            };
            if at > *after {
                return Some(at);
            }
        }
    }

    fn next_beat(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let mut civil = after.naive_local();
        let ahead = loop {
            civil = self.expression.after(civil)?;
            match self.zone.from_local_datetime(&civil) {
                MappedLocalTime::Single(at) => break at,
                MappedLocalTime::Ambiguous(at, _) if at > *after => break at,
                MappedLocalTime::Ambiguous(_, at) if at > *after => break at,
                MappedLocalTime::Ambiguous(..) => {}
                MappedLocalTime::None => civil = self.end_of_gap(civil)?.naive_local() - TimeDelta::seconds(1),
            }
        };
        // The clock may be set back between these times, and then shows the same times once more.
        Some(self.next_beat_of_second_showing(after).map_or(ahead, |again| again.min(ahead)))
    }

    /// The first tick after the clock was set back, if `after` lies in the time that it will then show again.
    fn next_beat_of_second_showing(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let MappedLocalTime::Ambiguous(first, second) = self.zone.from_local_datetime(&after.naive_local()) else {
            return None;
        };
        if *after != first {
            return None;
        }
        let set_back = self.change_between(&first, &second);
        let civil = self.expression.after(set_back.naive_local() - TimeDelta::seconds(1))?;
        self.zone.from_local_datetime(&civil).latest()
    }

    /// The moment between two at which the clock is set.
    fn change_between(&self, before: &DateTime<Tz>, behind: &DateTime<Tz>) -> DateTime<Tz> {
        let (mut before, mut behind) = (*before, *behind);
        let offset = before.naive_local() - before.naive_utc();
        while behind - before > TimeDelta::seconds(1) {
            let between = before + TimeDelta::seconds((behind - before).num_seconds() / 2);
            if between.naive_local() - between.naive_utc() == offset {
                before = between;
            } else {
                behind = between;
            }
        }
        behind
    }

    /// The moment at which the clock jumps over `civil`.
    fn end_of_gap(&self, civil: NaiveDateTime) -> Option<DateTime<Tz>> {
        GapInfo::new(&civil, &self.zone)?.end
    }
}

#[cfg(test)]
mod tests;
