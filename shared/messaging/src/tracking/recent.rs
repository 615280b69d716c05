//! What was done with messages a moment ago, from which a scanner is known that calls itself a browser: it looks before
//! a person can have read anything, follows the link that no person sees, or follows one link after the other.
//!
//! This is kept in memory for some minutes, for messages that are only counted too, and is never written down.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{PIXEL, TRAP};

/// Nobody opens a message and follows a link so soon after it was handed over. Its recipient's server may look at it
/// before it even answers.
const SOON: TimeDelta = TimeDelta::seconds(4);
/// So many links are not followed by a person within [`QUICK`].
const MANY: usize = 3;
const QUICK: TimeDelta = TimeDelta::seconds(5);
/// For how long whoever was caught is taken for a scanner.
const CAUGHT: TimeDelta = TimeDelta::minutes(2);
/// The messages that are kept in mind, at most.
const MOST: usize = 50_000;

/// What was done a moment ago, by message.
#[derive(Debug, Default)]
pub(super) struct Recent {
    messages: HashMap<Uuid, Doings>,
}

#[derive(Debug, Default)]
struct Doings {
    links: Vec<(u16, DateTime<Utc>)>,
    caught: Option<DateTime<Utc>>,
}

impl Recent {
    /// Why a request is no person's, in a word; none: it may be one's.
    pub(super) fn robot(
        &mut self,
        (message, number): (Uuid, u16),
        sent_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Option<&'static str> {
        if number == PIXEL {
            return soon(sent_at, at);
        }
        if self.messages.len() >= MOST {
            self.messages.retain(|_, doings| doings.is_of_use(at));
            if self.messages.len() >= MOST {
                self.messages.clear();
            }
        }
        let doings = self.messages.entry(message).or_default();
        if number == TRAP {
            doings.caught = Some(at);
            return Some("hidden_link");
        }
        if doings.caught.is_some_and(|caught| at - caught < CAUGHT) {
            return Some("hidden_link");
        }
        doings.links.retain(|(own, when)| *own != number && at - *when < QUICK);
        doings.links.push((number, at));
        if doings.links.len() >= MANY {
            return Some("many_links");
        }
        soon(sent_at, at)
    }
}

impl Doings {
    fn is_of_use(&self, now: DateTime<Utc>) -> bool {
        self.caught.is_some_and(|caught| now - caught < CAUGHT) || self.links.iter().any(|(_, at)| now - *at < QUICK)
    }
}

fn soon(sent_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Option<&'static str> {
    // Without a time, the answer of the recipient's server has not even been written down.
    sent_at.is_none_or(|sent_at| at - sent_at < SOON).then_some("too_soon")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_what_no_person_does_is_caught() {
        let message = Uuid::from_u128(1);
        let sent = DateTime::UNIX_EPOCH;
        let at = |seconds: i64| sent + TimeDelta::seconds(seconds);
        let mut recent = Recent::default();
        let mut ask = |number: u16, seconds: i64| recent.robot((message, number), Some(sent), at(seconds));
        assert_eq!((ask(PIXEL, 1), ask(1, 3)), (Some("too_soon"), Some("too_soon")));
        assert_eq!((ask(PIXEL, 60), ask(1, 60), ask(1, 61), ask(2, 62)), (None, None, None, None));
        assert_eq!((ask(3, 63), ask(4, 100)), (Some("many_links"), None));
        assert_eq!((ask(TRAP, 200), ask(1, 201), ask(1, 400)), (Some("hidden_link"), Some("hidden_link"), None));
        // Another message is another matter.
        assert_eq!(recent.robot((Uuid::from_u128(2), 1), Some(sent), at(202)), None);
        assert_eq!(recent.robot((Uuid::from_u128(3), 1), None, at(202)), Some("too_soon"));
    }

    #[test]
    fn what_is_kept_in_mind_has_a_bound() {
        let mut recent = Recent::default();
        for number in 0..=u128::try_from(MOST).unwrap() {
            recent.robot((Uuid::from_u128(number), 1), None, DateTime::UNIX_EPOCH);
        }
        assert!(recent.messages.len() <= MOST, "{}", recent.messages.len());
    }
}
