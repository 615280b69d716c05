//! How requests fail: by a plan that a seed repeats, and by what a test asks for.
//!
//! One plan may serve several servers. Each request draws once, in the order in which requests come, so that the same
//! seed and the same order give the same faults.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A status of 500 to 599 in the service's own words, and nothing is done.
    Server(u16),
    /// Too many requests, in the service's own words, and nothing is done.
    TooMany {
        /// Seconds that `Retry-After` names, if it is there.
        retry_after: Option<u32>,
    },
    /// Refused for a reason the service names, such as `storageQuotaExceeded` or `api_disabled`; nothing is done.
    Reason(&'static str),
    /// The access token counts no longer, from this request on.
    Expired,
    /// The connection ends before anything is done.
    CutBefore,
    /// It is done, and the connection ends before the answer.
    LostAnswer,
    /// It is done, and the answer breaks off in the middle of its body.
    CutBody,
    /// It is done twice, as by a proxy that repeats, and the second answer comes.
    Twice,
    /// It is done, and the answer comes that much later: answers to later requests overtake it.
    Late(Duration),
}

impl Fault {
    /// What it is counted as.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server(_) => "server error",
            Self::TooMany { .. } => "too many requests",
            Self::Reason(_) => "refusal",
            Self::Expired => "expired token",
            Self::CutBefore => "connection cut",
            Self::LostAnswer => "lost answer",
            Self::CutBody => "answer cut",
            Self::Twice => "done twice",
            Self::Late(_) => "late answer",
        }
    }
}

/// The plan. Clones share it.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug)]
struct Plan {
    random: Option<(StdRng, f64)>,
    /// How many more requests a burst of errors lasts.
    burst: usize,
    asked_for: VecDeque<(Option<&'static str>, Fault)>,
    down: bool,
    latency: Duration,
    latest: Duration,
    /// Whether every "too many" names its wait.
    names_waits: bool,
    injected: BTreeMap<&'static str, usize>,
}

/// What a request meets.
pub(super) struct Drawn {
    pub(super) fault: Option<Fault>,
    pub(super) latency: Duration,
}

impl Faults {
    /// Nothing fails but what is asked for.
    pub fn none() -> Self {
        Self::planned(None)
    }

    /// That share of the requests fails, of all kinds of faults. Errors of the server come in bursts now and then,
    /// so that somewhat more than the share fails.
    pub fn random(seed: u64, share: f64) -> Self {
        Self::planned(Some((StdRng::seed_from_u64(seed), share)))
    }

    fn planned(random: Option<(StdRng, f64)>) -> Self {
        Self(Arc::new(Mutex::new(Plan {
            random,
            burst: 0,
            asked_for: VecDeque::new(),
            down: false,
            latency: Duration::ZERO,
            latest: Duration::from_millis(50),
            names_waits: false,
            injected: BTreeMap::new(),
        })))
    }

    /// Lets the next `times` requests of a kind fail; `None` is any kind. They come before what the plan draws.
    pub fn fail_next(&self, call: Option<&'static str>, fault: Fault, times: usize) {
        self.plan().asked_for.extend(std::iter::repeat_n((call, fault), times));
    }

    /// How many of the failures asked for have not happened yet.
    pub fn left(&self) -> usize {
        self.plan().asked_for.len()
    }

    /// Drops every connection from now on, or no longer.
    pub fn down(&self, down: bool) {
        self.plan().down = down;
    }

    /// How long each request waits before it is done.
    pub fn latency(&self, latency: Duration) {
        self.plan().latency = latency;
    }

    /// How late a late answer is at most; 50 ms unless told.
    pub fn latest(&self, latest: Duration) {
        self.plan().latest = latest;
    }

    /// Lets every refusal of too many requests name a wait of a second. Else half of them name none, and a client has
    /// to choose one: a long one, if it is careful.
    pub fn name_waits(&self) {
        self.plan().names_waits = true;
    }

    /// From now on that share of the requests fails, as with [`Faults::random`].
    pub fn storm(&self, seed: u64, share: f64) {
        self.plan().random = Some((StdRng::seed_from_u64(seed), share));
    }

    /// Ends what the plan draws. What was asked for and `down` stay.
    pub fn calm(&self) {
        let mut plan = self.plan();
        (plan.random, plan.burst) = (None, 0);
    }

    /// How many requests failed in which way, by [`Fault::name`]; `down` counts connections dropped by
    /// [`Faults::down`].
    pub fn injected(&self) -> BTreeMap<&'static str, usize> {
        self.plan().injected.clone()
    }

    /// What becomes of the next request; `None` drops its connection. `tokens` is whether the service's tokens expire.
    pub(super) fn draw(&self, call: &'static str, tokens: bool) -> Option<Drawn> {
        let mut plan = self.plan();
        if plan.down {
            *plan.injected.entry("down").or_default() += 1;
            return None;
        }
        let drawn = plan.draw(tokens);
        let asked_for = plan.asked_for.iter().position(|(of, _)| of.is_none_or(|of| of == call));
        let asked_for = asked_for.and_then(|at| plan.asked_for.remove(at)).map(|(_, fault)| fault);
        let fault = asked_for.or(drawn);
        if let Some(fault) = fault {
            *plan.injected.entry(fault.name()).or_default() += 1;
        }
        Some(Drawn { fault, latency: plan.latency })
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn draw(&mut self, tokens: bool) -> Option<Fault> {
        let (random, share) = self.random.as_mut()?;
        // Always the same number of draws, so that what one request meets does not depend on the kinds of others.
        let (chance, kind, detail, lateness) = (
            random.random::<f64>(),
            random.random_range(0..10),
            random.random_range(0..6_usize),
            random.random::<f64>(),
        );
        let server = Fault::Server([503, 503, 503, 500, 502, 504][detail]);
        if self.burst > 0 {
            self.burst -= 1;
            return Some(server);
        }
        if chance >= *share {
            return None;
        }
        Some(match kind {
            0 | 1 => {
                self.burst = [0, 0, 0, 0, 1, 3][detail];
                server
            }
            2 if self.names_waits => Fault::TooMany { retry_after: Some(1) },
            // Google has two words for it.
            2 if tokens && detail == 1 => Fault::Reason("userRateLimitExceeded"),
            2 => Fault::TooMany { retry_after: (detail % 2 == 0).then_some(1) },
            3 => Fault::CutBefore,
            4 | 5 => Fault::LostAnswer,
            6 => Fault::CutBody,
            7 => Fault::Twice,
            8 => Fault::Late(self.latest.mul_f64(lateness)),
            _ if tokens => Fault::Expired,
            _ => Fault::CutBefore,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousand(seed: u64) -> Vec<Option<Fault>> {
        let faults = Faults::random(seed, 0.1);
        (0..1000).map(|_| faults.draw("any", true).unwrap().fault).collect()
    }

    #[test]
    fn a_seed_repeats_its_faults_and_all_kinds_come_in_about_the_share() {
        assert_eq!(thousand(7), thousand(7));
        assert_ne!(thousand(7), thousand(8));
        let faults = Faults::random(7, 0.1);
        let failed = (0..10_000).filter(|_| faults.draw("any", true).unwrap().fault.is_some()).count();
        assert!((900..1400).contains(&failed), "{failed}");
        assert_eq!(faults.injected().len(), 9, "every kind");
    }

    #[test]
    fn what_is_asked_for_meets_the_kind_it_was_asked_for() {
        let faults = Faults::none();
        faults.fail_next(Some("get"), Fault::Twice, 1);
        faults.fail_next(None, Fault::CutBody, 1);
        let draw = |call| faults.draw(call, false).unwrap().fault;
        assert_eq!([draw("put"), draw("get"), draw("get")], [Some(Fault::CutBody), Some(Fault::Twice), None]);
        assert_eq!(faults.left(), 0);
    }
}
