//! What became of a request.

use std::time::Duration;

use super::{Asked, Class, Counts, Subject, WindowState};

/// What became of a request. `limit`, `remaining` and `reset_after` are those of the window with the least room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may go on.
    pub allowed: bool,
    /// How many that window allows.
    pub limit: u32,
    /// How many are left in it.
    pub remaining: u32,
    /// The time within which no more than these should be used.
    pub reset_after: Duration,
    /// How long to wait before this request is taken; zero if it was.
    pub retry_after: Duration,
    /// Every window; none if nothing was counted.
    pub windows: Vec<WindowState>,
    /// What was counted, so that it can be given back.
    pub taken: Option<Taken>,
}

/// A request that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub(super) class: Class,
    pub(super) subjects: Vec<Subject>,
    pub(super) cost: u32,
    /// When, in microseconds since 1970.
    pub(super) at: i64,
    pub(super) place: Place,
}

/// Where something was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Memory,
    Redis,
}

impl Decision {
    /// Nothing is counted here.
    pub(super) fn unlimited() -> Self {
        Self {
            allowed: true,
            limit: u32::MAX,
            remaining: u32::MAX,
            reset_after: Duration::ZERO,
            retry_after: Duration::ZERO,
            windows: Vec::new(),
            taken: None,
        }
    }

    pub(super) fn new(asked: &Asked<'_>, allowed: bool, counts: &Counts, place: Place) -> Self {
        let mut windows: Vec<WindowState> = Vec::with_capacity(asked.windows.len());
        for (number, window) in asked.windows.iter().enumerate() {
            let of_each = counts.iter().skip(number).step_by(asked.windows.len());
            let states = of_each.map(|counts| window.state(asked.now, counts, asked.cost, allowed));
            windows.extend(states.max_by_key(tightness));
        }
        let tightest = windows.iter().copied().max_by_key(tightness);
        let taken = (allowed && asked.cost > 0).then(|| Taken {
            class: asked.class,
            subjects: asked.subjects.to_vec(),
            cost: asked.cost,
            at: asked.now,
            place,
        });
        let Some(tightest) = tightest else { return Self::unlimited() };
        Self {
            allowed,
            limit: tightest.window.limit,
            remaining: tightest.remaining,
            reset_after: tightest.reset_after,
            retry_after: tightest.retry_after,
            windows,
            taken,
        }
    }
}

/// Ranks windows: highest the one that delays a request longest, then the one with least room, then the one that takes
/// longest to be empty again.
fn tightness(state: &WindowState) -> (Duration, u32, Duration) {
    (state.retry_after, u32::MAX - state.remaining, state.reset_after)
}
