//! Tokens that were valid a short while ago. Herald still checks such a token each time, but does not count it as a
//! guess.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// How long a token stays known after its last use, at least. It stays known at most twice as long.
const LASTS: TimeDelta = TimeDelta::minutes(10);
/// The largest number of tokens in each of the two sets.
const MOST: usize = 10_000;

/// The hash by which a token is recognised. The token itself is not stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// The tokens used since the last turn, and those used only before it. The next turn forgets the older ones.
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
            // No request came for so long that the young tokens are old, too.
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
