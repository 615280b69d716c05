//! What a scheduler does about the ticks it finds due.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Missed, Overlap, Timetable};

/// Missed ticks that are made up for one by one at most; older ones are left out.
pub const MOST_CAUGHT_UP: usize = 100;
/// A tick fired within this time counts as fired in time: restarting a scheduler must not cost a day's report.
pub const ON_TIME: TimeDelta = TimeDelta::minutes(1);

/// Ticks that are counted one by one at most. A month of seconds would hold up every other schedule.
const COUNTED: u64 = 100_000;

/// The ticks from `next_run` until now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last of them, at most [`MOST_CAUGHT_UP`], oldest first.
    pub last: Vec<DateTime<Utc>>,
    /// How many there were, or more if there were a hundred thousand.
    pub count: u64,
}

impl Due {
    /// The ticks of a timetable from `first`, which is one, until `now`.
    pub fn until(timetable: &Timetable, first: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let just_before = |time: DateTime<Utc>| time - TimeDelta::seconds(1);
        let all = Self::walk(timetable, just_before(first), now);
        if all.count < COUNTED {
            return all;
        }
        // Too many to walk through them all: only the last ones matter.
        let mut back = TimeDelta::minutes(10);
        loop {
            let recent = Self::walk(timetable, just_before(now - back), now);
            if recent.last.len() == MOST_CAUGHT_UP || now - back <= first {
                return Self { count: COUNTED, ..recent };
            }
            back = back * 2;
        }
    }

    fn walk(timetable: &Timetable, after: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let mut last = VecDeque::with_capacity(MOST_CAUGHT_UP);
        let mut count = 0;
        for tick in timetable.ticks(after).take_while(|tick| *tick <= now) {
            if last.len() == MOST_CAUGHT_UP {
                last.pop_front();
            }
            last.push_back(tick);
            count += 1;
            if count == COUNTED {
                break;
            }
        }
        Self { last: last.into(), count }
    }
}

/// What a scheduler does about the ticks that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The ticks that get a job each, oldest first.
    pub run: Vec<DateTime<Utc>>,
    /// How many ticks get none of their own.
    pub missed: u64,
    /// The tick that fires next.
    pub next: Option<DateTime<Utc>>,
}

impl Plan {
    /// What the policies ask for. `next_run` is the first tick that nobody has fired.
    pub fn make(
        timetable: &Timetable,
        next_run: DateTime<Utc>,
        now: DateTime<Utc>,
        missed: Missed,
        overlap: Overlap,
    ) -> Self {
        let due = Due::until(timetable, next_run, now);
        let mut run = due.last;
        match missed {
            Missed::Skip => {
                run.drain(..run.len().saturating_sub(1));
                run.retain(|tick| now - *tick <= ON_TIME);
            }
            Missed::Once => drop(run.drain(..run.len().saturating_sub(1))),
            // Several at once would overlap.
            Missed::All if overlap == Overlap::Skip => drop(run.drain(..run.len().saturating_sub(1))),
            Missed::All => {}
        }
        let missed = due.count.saturating_sub(run.len() as u64);
        // From now, not from the last tick: what was missed is dealt with.
        Self { missed, run, next: timetable.next(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedules::{Expression, zone};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn plan(cron: &str, next_run: &str, now: &str, missed: Missed, overlap: Overlap) -> Plan {
        let timetable = Timetable::new(Expression::parse(cron).unwrap(), zone("UTC").unwrap());
        Plan::make(&timetable, at(next_run), at(now), missed, overlap)
    }

    #[test]
    fn a_tick_in_time_fires_whatever_the_policy() {
        for missed in [Missed::Skip, Missed::Once, Missed::All] {
            let plan = plan("0 9 * * *", "2026-03-02T09:00:00Z", "2026-03-02T09:00:59Z", missed, Overlap::Allow);
            assert_eq!(plan.run, [at("2026-03-02T09:00:00Z")]);
            assert_eq!((plan.missed, plan.next), (0, Some(at("2026-03-03T09:00:00Z"))));
        }
    }

    #[test]
    fn missed_ticks_are_left_out_made_up_for_once_or_each() {
        let plan = |missed, overlap| plan("0 * * * *", "2026-03-02T09:00:00Z", "2026-03-02T12:30:00Z", missed, overlap);
        let next = Some(at("2026-03-02T13:00:00Z"));
        assert_eq!(plan(Missed::Skip, Overlap::Allow), Plan { run: vec![], missed: 4, next });
        let last = vec![at("2026-03-02T12:00:00Z")];
        assert_eq!(plan(Missed::Once, Overlap::Allow), Plan { run: last.clone(), missed: 3, next });
        assert_eq!(plan(Missed::All, Overlap::Skip), Plan { run: last, missed: 3, next });
        let all = plan(Missed::All, Overlap::Allow);
        assert_eq!((all.run.len(), all.missed, all.next), (4, 0, next));
        assert!(all.run.is_sorted());
    }

    #[test]
    fn skipping_still_fires_the_tick_that_is_in_time() {
        let plan = plan("*/10 * * * * *", "2026-03-02T09:00:00Z", "2026-03-02T09:00:45Z", Missed::Skip, Overlap::Allow);
        assert_eq!((plan.run, plan.missed), (vec![at("2026-03-02T09:00:40Z")], 4));
    }

    #[test]
    fn of_more_ticks_than_are_caught_up_the_oldest_are_left_out() {
        let minutes = plan("* * * * *", "2026-03-02T09:00:00Z", "2026-03-02T11:00:00Z", Missed::All, Overlap::Allow);
        assert_eq!((minutes.run.len(), minutes.missed), (MOST_CAUGHT_UP, 21));
        assert_eq!(minutes.run[0], at("2026-03-02T09:21:00Z"));
    }

    #[test]
    fn a_month_of_seconds_is_not_walked_through() {
        let seconds = plan("* * * * * *", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", Missed::All, Overlap::Allow);
        assert_eq!(seconds.run.len(), MOST_CAUGHT_UP);
        assert_eq!(seconds.run.last(), Some(&at("2026-04-01T00:00:00Z")));
        assert_eq!((seconds.missed, seconds.next), (COUNTED - 100, Some(at("2026-04-01T00:00:01Z"))));
    }

    #[test]
    fn a_tick_that_is_not_due_is_not_fired() {
        let plan = plan("0 9 * * *", "2026-03-03T09:00:00Z", "2026-03-02T09:30:00Z", Missed::All, Overlap::Allow);
        assert_eq!((plan.run, plan.missed), (vec![], 0));
    }
}
