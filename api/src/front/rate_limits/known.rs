//! Tokens that were valid a short while ago. Nobody is let in for it: the token is checked each time; it only is not
//! counted as a guess.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// How long a token is known at least after its last use, and at most twice that.
const LASTS: TimeDelta = TimeDelta::minutes(10);
/// Tokens known at most, twice.
const MOST: usize = 10_000;

/// What a token is recognised by. The token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// Those used since the last turn, and those used only before: at the next turn they are forgotten.
#[derive(Default)]
pub(super) struct Known {
    young: HashSet<Fingerprint>,
    old: HashSet<Fingerprint>,
    turned: DateTime<Utc>,
}

impl Known {
    pub(super) fn has(&mut self, fingerprint: &Fingerprint, now: DateTime<Utc>) -> bool {
        self.turn_if_due(now);
        self.young.contains(fingerprint) || self.old.contains(fingerprint)
    }

    pub(super) fn add(&mut self, fingerprint: Fingerprint, now: DateTime<Utc>) {
        self.turn_if_due(now);
        self.young.insert(fingerprint);
    }

    pub(super) fn forget(&mut self, fingerprint: &Fingerprint) {
        self.young.remove(fingerprint);
        self.old.remove(fingerprint);
    }

    fn turn_if_due(&mut self, now: DateTime<Utc>) {
        let age = now - self.turned;
        if age >= LASTS * 2 {
            // Nobody came for so long that the young ones are old, too.
            self.young.clear();
        }
        if age >= LASTS || self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
            self.turned = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_for_a_while_after_its_last_use_and_not_for_ever() {
        let (mut known, start) = (Known::default(), DateTime::UNIX_EPOCH + TimeDelta::days(1));
        let at = |minutes| start + TimeDelta::minutes(minutes);
        let (one, two) = (Fingerprint::of("one"), Fingerprint::of("two"));
        known.add(one, at(0));
        known.add(two, at(0));
        for minutes in [5, 14, 23] {
            assert!(known.has(&one, at(minutes)), "{minutes}");
            known.add(one, at(minutes));
        }
        assert!(!known.has(&two, at(24)));
        known.forget(&one);
        assert!(!known.has(&one, at(24)));
        known.add(one, at(24));
        assert!(!known.has(&one, at(60)));
    }

    #[test]
    fn however_many_come_few_are_kept() {
        let mut known = Known::default();
        for number in 0..3 * MOST {
            known.add(Fingerprint::of(&number.to_string()), DateTime::UNIX_EPOCH);
        }
        assert!(known.young.len() + known.old.len() <= 2 * MOST);
    }
}
