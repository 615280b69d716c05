//! How many mails a server gets at once.
//!
//! A server that asks for less, by 421 or by a status of its policy (4.7), gets half as many. While all goes well, it
//! gets one more after each round, until the most is reached again. One domain of recipients never has all of the
//! places: a server that asks that domain before it answers would hold up the mails to everybody else.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::telemetry::catalog::{MAIL_SLOWED, MAILS_AT_ONCE};
use tokio::sync::oneshot;

/// What a server says within this time is about the mails that it has already, not about those that it gets since.
const ONE_REASON: TimeDelta = TimeDelta::seconds(10);

/// Whose mail servers metrics tell apart: there is one of the installation, and any number of the workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::email) enum Whose {
    Installation,
    Workspace,
}

/// The places for mails that are handed over at the same time.
pub(super) struct Pressure(Arc<Inner>);

struct Inner {
    whose: Whose,
    state: Mutex<State>,
}

struct State {
    most: usize,
    limit: usize,
    /// Mails that went well since the limit last moved, while as many as one domain may have were under way.
    well: usize,
    halved_at: Option<DateTime<Utc>>,
    used: usize,
    by_domain: HashMap<String, usize>,
    waiting: VecDeque<(String, oneshot::Sender<Place>)>,
}

/// A place, which is free again when this is dropped.
pub(super) struct Place {
    inner: Arc<Inner>,
    domain: String,
    is_taken: bool,
}

impl Pressure {
    /// Begins with some places, of which there may be more later.
    pub(super) fn new(whose: Whose, begin: usize, most: usize) -> Self {
        let limit = begin.clamp(1, most.max(1));
        tell(whose, 0, limit);
        let state = State {
            most: most.max(1),
            limit,
            well: 0,
            halved_at: None,
            used: 0,
            by_domain: HashMap::new(),
            waiting: VecDeque::new(),
        };
        Self(Arc::new(Inner { whose, state: Mutex::new(state) }))
    }

    /// Waits for a place for a mail to this domain. Those who wait get theirs in order, unless their domain has enough.
    pub(super) async fn place(&self, domain: &str) -> Place {
        loop {
            let hears = {
                let mut state = self.0.lock();
                if state.has_room(domain) {
                    state.take(domain);
                    return Place { inner: self.0.clone(), domain: domain.to_owned(), is_taken: true };
                }
                let (tells, hears) = oneshot::channel();
                state.waiting.push_back((domain.to_owned(), tells));
                hears
            };
            if let Ok(place) = hears.await {
                return place;
            }
        }
    }

    /// Notes that the server took a mail.
    pub(super) fn went_well(&self) {
        let mut state = self.0.lock();
        // Whether it would take more at once shows only while it gets as many as it may.
        if state.used < state.of_one_domain() || state.limit >= state.most {
            return;
        }
        state.well += 1;
        if state.well >= state.limit {
            state.well = 0;
            state.limit += 1;
            tell(self.0.whose, state.limit - 1, state.limit);
            self.0.admit(&mut state);
        }
    }

    /// Notes that the server asked for less.
    pub(super) fn was_too_much(&self, now: DateTime<Utc>) {
        let mut state = self.0.lock();
        state.well = 0;
        if state.halved_at.is_some_and(|at| now - at < ONE_REASON) {
            return;
        }
        state.halved_at = Some(now);
        let before = state.limit;
        state.limit = (before / 2).max(1);
        tell(self.0.whose, before, state.limit);
        MAIL_SLOWED.add([self.0.whose.name()], 1);
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        self.0.lock().limit
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to those who wait.
    fn admit(self: &Arc<Self>, state: &mut State) {
        while state.used < state.limit {
            let next = state.waiting.iter().position(|(domain, _)| state.has_room(domain));
            let Some((domain, tells)) = next.and_then(|at| state.waiting.remove(at)) else { return };
            state.take(&domain);
            if let Err(mut unheard) = tells.send(Place { inner: self.clone(), domain, is_taken: true }) {
                // Whoever waited has given up.
                unheard.is_taken = false;
                state.give_back(&unheard.domain);
            }
        }
    }
}

impl State {
    fn has_room(&self, domain: &str) -> bool {
        let of_domain = self.by_domain.get(domain).copied().unwrap_or_default();
        self.used < self.limit && of_domain < self.of_one_domain()
    }

    /// How many places mails to one domain may have: all but a quarter.
    fn of_one_domain(&self) -> usize {
        self.limit - self.limit / 4
    }

    fn take(&mut self, domain: &str) {
        self.used += 1;
        *self.by_domain.entry(domain.to_owned()).or_default() += 1;
    }

    fn give_back(&mut self, domain: &str) {
        self.used = self.used.saturating_sub(1);
        if let Some(count) = self.by_domain.get_mut(domain) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_domain.remove(domain);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_taken {
            let mut state = self.inner.lock();
            state.give_back(&self.domain);
            self.inner.admit(&mut state);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let limit = self.lock().limit;
        tell(self.whose, limit, 0);
    }
}

impl Whose {
    fn name(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Workspace => "workspace",
        }
    }
}

/// Tells the metrics that a limit has moved. They show the sum over all servers of one kind.
fn tell(whose: Whose, before: usize, after: usize) {
    static SUMS: Mutex<[u32; 2]> = Mutex::new([0; 2]);
    let small = |limit| u32::try_from(limit).unwrap_or(u32::MAX);
    let mut sums = SUMS.lock().unwrap_or_else(PoisonError::into_inner);
    let [installation, workspaces] = &mut *sums;
    let sum = match whose {
        Whose::Installation => installation,
        Whose::Workspace => workspaces,
    };
    *sum = sum.saturating_add(small(after)).saturating_sub(small(before));
    MAILS_AT_ONCE.set([whose.name()], f64::from(*sum));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use herald_base::clock::Clock;

    use super::*;

    fn pressure(begin: usize, most: usize) -> Pressure {
        Pressure::new(Whose::Workspace, begin, most)
    }

    fn now_free(pressure: &Pressure, domain: &str) -> Option<Place> {
        pressure.place(domain).now_or_never()
    }

    /// Mails to domains of their own take all places and go well, this often.
    fn rounds(pressure: &Pressure, count: usize) {
        for _ in 0..count {
            let all: Vec<Place> = (0..).map_while(|number| now_free(pressure, &format!("{number}.example"))).collect();
            all.iter().for_each(|_| pressure.went_well());
        }
    }

    #[test]
    fn the_limit_is_halved_once_a_reason_and_grows_by_one_a_round() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let pressure = pressure(32, 40);
        for _ in 0..10 {
            pressure.was_too_much(clock.now());
        }
        assert_eq!(pressure.limit(), 16, "the same burst is one reason");
        clock.advance(Duration::from_secs(9));
        pressure.was_too_much(clock.now());
        assert_eq!(pressure.limit(), 16);
        clock.advance(Duration::from_secs(1));
        pressure.was_too_much(clock.now());
        assert_eq!(pressure.limit(), 8);
        rounds(&pressure, 3);
        assert_eq!(pressure.limit(), 11);
        rounds(&pressure, 100);
        assert_eq!(pressure.limit(), 40, "it is never more than allowed");
        for _ in 0..10 {
            clock.advance(Duration::from_secs(10));
            pressure.was_too_much(clock.now());
        }
        assert_eq!(pressure.limit(), 1, "one mail always goes");
    }

    #[test]
    fn mails_one_after_the_other_do_not_show_that_more_would_go_at_once() {
        let pressure = pressure(4, 40);
        for _ in 0..1_000 {
            let place = now_free(&pressure, "example.com");
            pressure.went_well();
            drop(place);
        }
        assert_eq!(pressure.limit(), 4);
    }

    #[test]
    fn one_domain_leaves_places_to_the_others() {
        let pressure = pressure(8, 8);
        let slow: Vec<Place> = (0..).map_while(|_| now_free(&pressure, "slow.example")).collect();
        assert_eq!(slow.len(), 6);
        let others: Vec<Place> = (0..).map_while(|_| now_free(&pressure, "fast.example")).collect();
        assert_eq!(others.len(), 2);
        // Fast ones follow each other although the slow domain waits before them.
        let mut waits = Box::pin(pressure.place("slow.example"));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(others);
        assert!(waits.as_mut().now_or_never().is_none(), "its domain has enough");
        assert!(now_free(&pressure, "fast.example").is_some());
        drop(slow);
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn whoever_waits_gets_a_place_in_order_and_whoever_gives_up_keeps_none() {
        let pressure = pressure(1, 1);
        let first = now_free(&pressure, "a.example").unwrap();
        let mut second = Box::pin(pressure.place("b.example"));
        let mut third = Box::pin(pressure.place("c.example"));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(second);
        drop(first);
        let third = third.now_or_never().expect("the one before has given up");
        // One that gives up after it got its place, before it took it.
        let mut fourth = Box::pin(pressure.place("d.example"));
        assert!(fourth.as_mut().now_or_never().is_none());
        drop(third);
        drop(fourth);
        assert!(now_free(&pressure, "e.example").is_some());
    }

    #[test]
    fn fewer_places_hold_up_the_next_and_not_those_who_have_one() {
        let pressure = pressure(4, 4);
        let mut places: Vec<Place> =
            (0..4).map(|number| now_free(&pressure, &format!("{number}.example")).unwrap()).collect();
        pressure.was_too_much(DateTime::UNIX_EPOCH);
        places.truncate(2);
        assert!(now_free(&pressure, "x.example").is_none());
        places.truncate(1);
        assert!(now_free(&pressure, "x.example").is_some());
    }
}
