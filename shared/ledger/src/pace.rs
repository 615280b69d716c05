//! Pace: how a queue's rate is kept, by the generic cell rate algorithm (ITU-T I.371), whose whole state is one time.
//!
//! Every unit of cost pushes that time by `period / rate`. What lies between it and now is credit; what lies beyond now
//! is debt. So the rate holds over any length of time, whoever dispatches and however often it is looked at.
//!
//! At most `burst` units go at once. Credit may hold nearly one unit more, so that a late look loses nothing. Over any
//! length of time, no more goes than the rate gives, plus `burst`, plus one.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// A queue's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Units of cost …
    pub units: i64,
    /// … in so many seconds.
    pub seconds: i64,
    /// Units that may go at once after a pause. With a burst of 1 they go one by one; the one after a late one goes the
    /// sooner for it, and what is later than by a unit is not made up for.
    pub burst: i64,
}

/// The longest that units are gathered before they are given out together: a rate of 500 a second would otherwise be
/// 500 rounds a second.
const GATHERED: TimeDelta = TimeDelta::milliseconds(20);

impl Rate {
    /// A rate with a burst of its own, or of a tenth of a second's worth, at least one.
    pub fn new(units: i64, seconds: i64, burst: Option<i64>) -> Self {
        let burst = burst.unwrap_or(units / seconds.max(1) / 10).max(1);
        Self { units, seconds, burst }
    }

    /// Units that may go now, when the rate is used up to `paced_until`.
    pub fn available(&self, paced_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> i64 {
        let since = self.start(paced_until, now);
        let credit = now - since;
        let micros = i128::from(credit.num_microseconds().unwrap_or(i64::MAX));
        let units = micros * i128::from(self.units) / (i128::from(self.seconds) * 1_000_000);
        i64::try_from(units.clamp(0, i128::from(self.burst))).unwrap_or(self.burst)
    }

    /// Up to when the rate is used up after `units` more.
    pub fn after(&self, paced_until: Option<DateTime<Utc>>, now: DateTime<Utc>, units: i64) -> DateTime<Utc> {
        self.start(paced_until, now) + self.time_for(units)
    }

    /// When it is worth looking again: enough for a handful has gathered, or for one where the rate is slow.
    pub fn worth_waiting_for(&self, paced_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
        let wanted =
            (GATHERED.num_microseconds().unwrap_or(0) * self.units / (self.seconds * 1_000_000)).clamp(1, self.burst);
        self.start(paced_until, now) + self.time_for(wanted)
    }

    /// Credit is never older than a burst and a fraction of a unit: when a burst has gone, what is left is worth
    /// nothing by itself.
    fn start(&self, paced_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
        let full = now - self.time_for(self.burst);
        let fraction = self.time_for(1) - TimeDelta::microseconds(1);
        paced_until.map_or(full, |paced_until| paced_until.max(full - fraction))
    }

    /// Rounded up, so that rounding never makes a queue faster than its rate.
    fn time_for(&self, units: i64) -> TimeDelta {
        let micros = (i128::from(units) * i128::from(self.seconds) * 1_000_000 + i128::from(self.units - 1))
            / i128::from(self.units.max(1));
        TimeDelta::microseconds(i64::try_from(micros).unwrap_or(i64::MAX / 4))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_355_600, 0).unwrap()
    }

    #[test]
    fn a_burst_goes_at_once_and_then_the_rate_holds() {
        let rate = Rate::new(500, 1, None);
        assert_eq!(rate.burst, 50);
        let now = start();
        assert_eq!(rate.available(None, now), 50);
        let paced = rate.after(None, now, 50);
        assert_eq!(rate.available(Some(paced), now), 0);
        let again = rate.worth_waiting_for(Some(paced), now);
        assert_eq!(again - now, TimeDelta::milliseconds(20));
        assert_eq!(rate.available(Some(paced), again), 10);
    }

    #[test]
    fn a_slow_rate_gives_one_at_a_time() {
        let rate = Rate::new(6, 60, None);
        let paced = rate.after(None, start(), 1);
        assert_eq!(rate.worth_waiting_for(Some(paced), start()) - start(), TimeDelta::seconds(10));
        assert_eq!(rate.available(Some(paced), start() + TimeDelta::milliseconds(9_999)), 0);
        assert_eq!(rate.available(Some(paced), start() + TimeDelta::seconds(10)), 1);
    }

    #[test]
    fn a_dear_job_is_paid_for_afterwards() {
        let rate = Rate::new(10, 1, Some(10));
        let paced = rate.after(None, start(), 30);
        assert_eq!(rate.available(Some(paced), start() + TimeDelta::seconds(2)), 0);
        assert_eq!(rate.available(Some(paced), start() + TimeDelta::milliseconds(2_100)), 1);
    }

    /// Units that go in a minute, with looks at these distances again and again.
    fn in_a_minute(rate: Rate, milliseconds: &[i64]) -> i64 {
        let (mut now, mut paced, mut gone) = (start(), None, 0);
        for wait in milliseconds.iter().cycle() {
            let available = rate.available(paced, now);
            assert!(available <= rate.burst);
            if available > 0 {
                gone += available;
                paced = Some(rate.after(paced, now, available));
                assert_eq!(rate.available(paced, now), 0);
            }
            now += TimeDelta::milliseconds(*wait);
            if now - start() >= TimeDelta::minutes(1) {
                break;
            }
        }
        gone
    }

    #[test]
    fn a_slow_rate_is_reached_however_late_it_is_looked_at() {
        let rate = Rate::new(3, 1, None);
        assert_eq!(rate.burst, 1);
        for looks in [&[50][..], &[1], &[7, 330, 61, 140, 2, 299], &[333]] {
            let gone = in_a_minute(rate, looks);
            // One goes at once.
            assert!((179..=181).contains(&gone), "{gone} with looks every {looks:?} ms");
        }
        assert_eq!(in_a_minute(rate, &[1_000]), 60, "a look gives no more than a burst");
    }

    #[test]
    fn after_a_pause_a_burst_goes_and_then_the_next_one_is_near() {
        let rate = Rate::new(1, 1, Some(4));
        let hour_ago = Some(start() - TimeDelta::hours(1));
        assert_eq!(rate.available(hour_ago, start()), 4);
        let paced = Some(rate.after(hour_ago, start(), 4));
        assert_eq!(rate.available(paced, start()), 0);
        let soon = start() + TimeDelta::milliseconds(1);
        assert_eq!(rate.available(paced, soon), 1);
        let paced = Some(rate.after(paced, soon, 1));
        assert_eq!(rate.available(paced, start() + TimeDelta::milliseconds(999)), 0);
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_goes_than_rate_and_burst_and_one_and_no_less_than_the_rate(
            units in 1_i64..2_000, seconds in 1_i64..120, burst in 1_i64..200,
            waits in proptest::collection::vec(1_i64..50_000, 1..400),
        ) {
            let rate = Rate::new(units, seconds, Some(burst));
            let (mut now, mut paced, mut gone) = (start(), None, 0);
            let mut longest = 0;
            let (period, most) = (i128::from(seconds) * 1_000_000, i128::from(burst) + 1);
            // What has gone beyond the rate, in units times the period, and the least it was before any look.
            let mut least = i128::MAX;
            let beyond = |gone: i64, now: DateTime<Utc>| {
                i128::from(gone) * period - i128::from((now - start()).num_microseconds().unwrap()) * i128::from(units)
            };
            for wait in waits {
                now += TimeDelta::microseconds(wait);
                longest = longest.max(wait);
                least = least.min(beyond(gone, now));
                let available = rate.available(paced, now);
                prop_assert!(available <= burst);
                if available > 0 {
                    gone += available;
                    paced = Some(rate.after(paced, now, available));
                }
                prop_assert!(beyond(gone, now) - least <= most * period);
            }
            let micros = (now - start()).num_microseconds().unwrap();
            let by_rate = i128::from(micros) * i128::from(units) / period;
            // A look leaves less than one unit. What gathers until the next look beyond a burst is lost on purpose.
            if i128::from(longest) * i128::from(units) <= i128::from(burst) * period {
                prop_assert!(i128::from(gone) >= by_rate.min(by_rate * 99 / 100) - 2, "{gone} of {by_rate}");
            }
        }
    }
}
