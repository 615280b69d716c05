//! How many mails a connection takes before its server closes it.
//!
//! Many servers close a connection after a hundred mails, some much earlier. A mail that meets a closed connection is
//! only sent over another, but each such meeting costs a round trip. So Herald learns the number from a server that
//! closes three connections in a row after the same number of mails, and asks anew after a while.

use chrono::{DateTime, TimeDelta, Utc};

/// The most mails for one connection.
const MOST: u32 = 100;
/// This many connections closed alike are a rule of the server, and not a restart.
const ALIKE: u32 = 3;
/// How long what was learned holds.
const HOLDS: TimeDelta = TimeDelta::minutes(10);

/// What is known of a server.
#[derive(Debug, Default)]
pub(super) struct Each {
    last: u32,
    alike: u32,
    learned: Option<(u32, DateTime<Utc>)>,
}

impl Each {
    /// How many mails a connection is used for.
    pub(super) fn most(&self, now: DateTime<Utc>) -> u32 {
        match self.learned {
            Some((mails, at)) if now - at < HOLDS => mails,
            _ => MOST,
        }
    }

    /// Notes that the server closed a connection right after this many mails.
    pub(super) fn closed_after(&mut self, mails: u32, now: DateTime<Utc>) {
        self.alike = if mails == self.last { self.alike + 1 } else { 1 };
        self.last = mails;
        if self.alike >= ALIKE && mails > 0 {
            self.learned = Some((mails, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use herald_base::clock::Clock;

    use super::*;

    #[test]
    fn a_rule_is_learned_and_forgotten_and_a_restart_is_none() {
        let (mut each, clock) = (Each::default(), Clock::manual(DateTime::UNIX_EPOCH));
        for mails in [3, 9, 9, 4, 4, 0, 0, 0, 7] {
            each.closed_after(mails, clock.now());
            assert_eq!(each.most(clock.now()), MOST, "{mails}");
        }
        for most in [MOST, MOST, 20] {
            each.closed_after(20, clock.now());
            assert_eq!(each.most(clock.now()), most);
        }
        clock.advance(Duration::from_secs(599));
        assert_eq!(each.most(clock.now()), 20);
        clock.advance(Duration::from_secs(1));
        assert_eq!(each.most(clock.now()), MOST);
    }
}
