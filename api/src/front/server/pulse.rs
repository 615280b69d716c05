//! The state that a connection waits in, and since when.
//!
//! The stream records incoming bytes and writes that block. The service records the requests that are being answered.
//! The watcher checks whether a wait has lasted too long. Events do not wake the watcher: it checks again when the
//! earliest limit could be over.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::bounds::Times;

/// The state of one connection.
pub(super) struct Pulse(Mutex<State>);

struct State {
    /// The event that the connection waits for while no request is being answered.
    waits: Waits,
    /// The number of requests that are being answered.
    requests: usize,
    /// Whether the connection uses HTTP/2. Its frames also come between requests, so incoming bytes do not begin a
    /// request.
    framed: bool,
    /// Since when a write is blocked.
    blocked: Option<Instant>,
}

enum Waits {
    /// The connection waits for the end of a request's headers.
    Head(Instant),
    /// The connection waits for another request.
    Idle(Instant),
}

/// The reason for which a connection ends. It is a label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Head,
    Idle,
    Stalled,
}

impl Why {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
        }
    }
}

/// The result of a check by the watcher.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Over(Why),
    LookAgain(Instant),
}

/// A request in progress. It ends when its answer's body is dropped.
pub(super) struct Request(Arc<Pulse>);

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { waits: Waits::Head(now), requests: 0, framed: false, blocked: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records incoming bytes.
    pub(super) fn received(&self, now: Instant) {
        let mut state = self.state();
        if !state.framed && matches!(state.waits, Waits::Idle(_)) {
            state.waits = Waits::Head(now);
        }
    }

    /// Records a finished write.
    pub(super) fn sent(&self) {
        self.state().blocked = None;
    }

    /// Records a blocked write.
    pub(super) fn blocked(&self, now: Instant) {
        self.state().blocked.get_or_insert(now);
    }

    /// Records a request whose headers are complete.
    pub(super) fn begins(self: &Arc<Self>, framed: bool) -> Request {
        let mut state = self.state();
        state.requests += 1;
        state.framed = framed;
        Request(self.clone())
    }

    fn ends(&self, now: Instant) {
        let mut state = self.state();
        state.requests -= 1;
        if state.requests == 0 {
            state.waits = Waits::Idle(now);
        }
    }

    /// Returns when the connection has made Herald wait for too long.
    pub(super) async fn overdue(&self, times: &Times) -> Why {
        loop {
            match self.look(Instant::now(), times) {
                Verdict::Over(why) => return why,
                Verdict::LookAgain(at) => tokio::time::sleep_until(at).await,
            }
        }
    }

    fn look(&self, now: Instant, times: &Times) -> Verdict {
        let state = self.state();
        // A wait that begins after this check ends after the shortest limit at the earliest, so no wait is noticed
        // late.
        let mut next = now + times.head.min(times.idle).min(times.stall);
        let blocked = state.blocked.map(|since| (since + times.stall * 2, Why::Stalled));
        let waits = match state.waits {
            _ if state.requests > 0 => None,
            Waits::Head(since) => Some((since + times.head, Why::Head)),
            Waits::Idle(since) => Some((since + times.idle, Why::Idle)),
        };
        for (deadline, why) in blocked.into_iter().chain(waits) {
            if deadline <= now {
                return Verdict::Over(why);
            }
            next = next.min(deadline);
        }
        // Timers have a resolution of a millisecond.
        Verdict::LookAgain(next.max(now + Duration::from_millis(1)))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.ends(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times =
        Times { head: Duration::from_secs(10), idle: Duration::from_secs(75), stall: Duration::from_secs(30) };

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_connection_that_never_asks_is_over_after_the_head_limit() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        assert_eq!(pulse.look(start, &TIMES), Verdict::LookAgain(after(start, 10)));
        pulse.received(after(start, 9));
        assert_eq!(pulse.look(after(start, 9), &TIMES), Verdict::LookAgain(after(start, 10)), "bytes buy no time");
        assert_eq!(pulse.look(after(start, 10), &TIMES), Verdict::Over(Why::Head));
    }

    #[tokio::test]
    async fn between_requests_the_idle_limit_holds_until_a_byte_comes() {
        let start = Instant::now();
        let pulse = Arc::new(Pulse::new(start));
        let request = pulse.begins(false);
        assert_eq!(pulse.look(after(start, 500), &TIMES), Verdict::LookAgain(after(start, 510)), "it is answered");
        std::mem::forget(request);
        pulse.ends(after(start, 500));
        assert!(matches!(pulse.look(after(start, 574), &TIMES), Verdict::LookAgain(_)));
        assert_eq!(pulse.look(after(start, 575), &TIMES), Verdict::Over(Why::Idle));
        pulse.received(after(start, 560));
        assert_eq!(pulse.look(after(start, 570), &TIMES), Verdict::Over(Why::Head));
    }

    #[tokio::test]
    async fn frames_between_requests_of_http_2_begin_none() {
        let start = Instant::now();
        let pulse = Arc::new(Pulse::new(start));
        std::mem::forget(pulse.begins(true));
        pulse.ends(start);
        pulse.received(after(start, 1));
        assert!(matches!(pulse.look(after(start, 60), &TIMES), Verdict::LookAgain(_)));
        assert_eq!(pulse.look(after(start, 75), &TIMES), Verdict::Over(Why::Idle));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_is_over() {
        let start = Instant::now();
        let pulse = Arc::new(Pulse::new(start));
        let _request = pulse.begins(false);
        pulse.blocked(start);
        pulse.blocked(after(start, 50));
        assert_eq!(pulse.look(after(start, 60), &TIMES), Verdict::Over(Why::Stalled));
        pulse.sent();
        assert!(matches!(pulse.look(after(start, 60), &TIMES), Verdict::LookAgain(_)));
    }
}
