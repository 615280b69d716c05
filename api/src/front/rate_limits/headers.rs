//! The headers that show clients their limits: `RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers-11, and `Retry-After`.
//!
//! ```text
//! RateLimit-Policy: "chat-hour";q=500;w=3600, "chat-day";q=2000;w=86400
//! RateLimit: "chat-hour";r=499;t=3660, "chat-day";r=1203;t=87840
//! ```
//!
//! An answer with status 429 lists only the limits that are used up. So `Retry-After` is never before the end of a time
//! in `RateLimit`.

use std::{fmt::Write, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use herald_ledger::rate_limits::Decision;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds the headers that an answer does not have yet. A limit that an inner layer has reached is the one that matters.
pub(super) fn add(headers: &mut HeaderMap, decision: &Decision) {
    for (name, value) in fields(decision) {
        headers.entry(name).or_insert(value);
    }
}

/// The two headers; empty if nothing was counted.
pub(super) fn fields(decision: &Decision) -> Vec<(HeaderName, HeaderValue)> {
    let (mut policy, mut limit) = (String::new(), String::new());
    for state in &decision.windows {
        let window = state.window;
        let comma = if policy.is_empty() { "" } else { ", " };
        let _ = write!(policy, "{comma}\"{}\";q={};w={}", window.name, window.limit, window.period.as_secs());
        if decision.allowed || !state.retry_after.is_zero() {
            let comma = if limit.is_empty() { "" } else { ", " };
            let seconds = whole_seconds(state.reset_after);
            let _ = write!(limit, "{comma}\"{}\";r={};t={seconds}", window.name, state.remaining);
        }
    }
    let fields = [(POLICY, policy), (LIMIT, limit)].into_iter().filter(|(_, value)| !value.is_empty());
    fields.filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?))).collect()
}

/// When the client may repeat a refused request (RFC 9110, section 10.2.3).
pub(super) fn retry_after(decision: &Decision) -> (HeaderName, HeaderValue) {
    (header::RETRY_AFTER, whole_seconds(decision.retry_after).into())
}

/// Rounds a time up, so a client that waits for it does not come too early.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use herald_app::config::Settings;
    use herald_base::clock::Clock;
    use herald_ledger::rate_limits::{Class, RateLimits, Subject};

    use super::*;

    #[tokio::test]
    async fn every_limit_is_told_and_a_refusal_names_those_that_are_used_up() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let limits = RateLimits::in_memory(&Settings::load(None).unwrap().limits, &clock, [0; 32]);
        let chat = async |cost| {
            let subject = Subject::address([192, 0, 2, 1].into());
            let decision = limits.decide(&[subject], Class::Chat, cost).await;
            let fields =
                fields(&decision).into_iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            (fields.collect::<Vec<_>>(), whole_seconds(decision.retry_after))
        };
        let policy = "ratelimit-policy: \"chat-hour\";q=500;w=3600, \"chat-day\";q=2000;w=86400";
        let (taken, _) = chat(1).await;
        assert_eq!(taken, [policy, "ratelimit: \"chat-hour\";r=499;t=3660, \"chat-day\";r=1999;t=87840"]);
        clock.advance(Duration::from_millis(500));
        chat(499).await;
        let (refused, retry_after) = chat(1).await;
        assert_eq!(refused, [policy, "ratelimit: \"chat-hour\";r=0;t=3660"]);
        assert_eq!(retry_after, 3_660, "3659.5 is rounded up");
    }
}
