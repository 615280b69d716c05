//! What a limit means.

use std::time::Duration;

use herald_ledger::rate_limits::{Class, Subject};
use uuid::Uuid;

use super::{Counted, Counter, counted_both_ways};

counted_both_ways! {
    the_limit_is_reached_and_not_passed,
    a_window_slides,
    a_refused_request_may_come_when_it_was_told_and_not_before,
    a_refused_request_costs_nothing,
    a_request_is_taken_only_if_every_window_has_room,
    a_request_is_taken_only_if_every_subject_has_room,
    subjects_and_classes_do_not_count_for_each_other,
    a_cost_is_counted_as_a_whole_or_not_at_all,
    a_look_costs_nothing,
    what_is_given_back_is_as_if_it_had_not_been,
    what_is_switched_off_is_not_counted_and_what_guards_stays,
    many_at_once_get_no_more_than_the_limit,
    a_clock_set_back_gives_nothing_away,
}

const SECOND: Duration = Duration::from_secs(1);

fn token(number: u128) -> Subject {
    Subject::Token(Uuid::from_u128(number))
}

fn address(last: u8) -> Subject {
    Subject::address([192, 0, 2, last].into())
}

async fn the_limit_is_reached_and_not_passed(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    for left in (0..5).rev() {
        let taken = counter.limits.decide(&[address(1)], Class::SignIn, 1).await;
        assert!(taken.allowed);
        assert_eq!((taken.limit, taken.remaining, taken.retry_after), (5, left, Duration::ZERO));
        // All of it is back when the part of a second it was counted in lies a minute behind.
        assert_eq!(taken.reset_after, 61 * SECOND);
    }
    for _ in 0..10 {
        let refused = counter.limits.decide(&[address(1)], Class::SignIn, 1).await;
        assert!(!refused.allowed && refused.taken.is_none());
        assert_eq!((refused.limit, refused.remaining, refused.retry_after), (5, 0, 61 * SECOND));
    }
}

async fn a_window_slides(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let sign_in = async || counter.limits.decide(&[address(1)], Class::SignIn, 1).await.allowed;
    // One every ten seconds: the sixth finds four of the five still counting after 61 seconds.
    for _ in 0..5 {
        assert!(sign_in().await);
        counter.clock.advance(10 * SECOND);
    }
    assert!(!sign_in().await, "50 s after the first");
    counter.clock.advance(10 * SECOND);
    assert!(!sign_in().await, "60 s after the first, which may have been at the end of its second");
    counter.clock.advance(SECOND);
    assert!(sign_in().await, "61 s after the first");
    assert!(!sign_in().await, "the second came 51 s ago");
    counter.clock.advance(10 * SECOND);
    assert!(sign_in().await);
    counter.clock.advance(3_600 * SECOND);
    let full = counter.limits.decide(&[address(1)], Class::SignIn, 1).await;
    assert_eq!(full.remaining, 4);
}

async fn a_refused_request_may_come_when_it_was_told_and_not_before(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let subject = [token(1)];
    for seconds in [0, 100, 3_000, 400] {
        counter.clock.advance(Duration::from_secs(seconds) + Duration::from_micros(seconds * 7));
        assert!(counter.limits.decide(&subject, Class::Chat, 125).await.allowed);
    }
    for _ in 0..3 {
        let refused = counter.limits.decide(&subject, Class::Chat, 200).await;
        assert!(!refused.allowed);
        counter.clock.advance(refused.retry_after - Duration::from_micros(1));
        assert!(!counter.limits.decide(&subject, Class::Chat, 200).await.allowed);
        counter.clock.advance(Duration::from_micros(1));
        assert!(counter.limits.decide(&subject, Class::Chat, 200).await.allowed);
    }
}

async fn a_refused_request_costs_nothing(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let sign_in = async || counter.limits.decide(&[address(1)], Class::SignIn, 1).await.allowed;
    for _ in 0..5 {
        assert!(sign_in().await);
    }
    // Knocking without a pause does not keep the door shut.
    for _ in 0..60 {
        assert!(!sign_in().await);
        counter.clock.advance(SECOND);
    }
    counter.clock.advance(SECOND);
    for _ in 0..5 {
        assert!(sign_in().await);
    }
}

async fn a_request_is_taken_only_if_every_window_has_room(counted: Counted) {
    let counter = Counter::new(counted, |limits| (limits.chat_per_hour, limits.chat_per_day) = (10, 15)).await;
    let chat = async || counter.limits.decide(&[token(1)], Class::Chat, 1).await;
    for _ in 0..10 {
        assert!(chat().await.allowed);
    }
    let hour = chat().await;
    assert!(!hour.allowed);
    assert_eq!((hour.limit, hour.remaining, hour.retry_after), (10, 0, 61 * 60 * SECOND));
    assert_eq!(hour.windows[0].retry_after, hour.retry_after);
    assert_eq!((hour.windows[1].remaining, hour.windows[1].retry_after), (5, Duration::ZERO));
    counter.clock.advance(hour.retry_after);
    for _ in 0..5 {
        assert!(chat().await.allowed);
    }
    // Now it is the day that is full, and the hour gave nothing for what was refused.
    let day = chat().await;
    assert!(!day.allowed && day.retry_after > 20 * 3_600 * SECOND, "{day:?}");
    assert_eq!((day.limit, day.remaining, day.windows[0].remaining), (15, 0, 5));
    counter.clock.advance(day.retry_after);
    assert!(chat().await.allowed);
}

async fn a_request_is_taken_only_if_every_subject_has_room(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let account = counter.limits.account("ann@example.com", "198.51.100.7".parse().unwrap());
    // Many addresses, one account.
    for from in 1..=5 {
        assert!(counter.limits.decide(&[address(from), account], Class::SignIn, 1).await.allowed);
    }
    let sixth = counter.limits.decide(&[address(6), account], Class::SignIn, 1).await;
    assert!(!sixth.allowed && sixth.remaining == 0, "{sixth:?}");
    // The address did not pay for what its account was refused.
    let other = counter.limits.account("bob@example.com", "198.51.100.7".parse().unwrap());
    for left in (0..5).rev() {
        let taken = counter.limits.decide(&[address(6), other], Class::SignIn, 1).await;
        assert_eq!((taken.allowed, taken.remaining), (true, left));
    }
    assert!(!counter.limits.decide(&[address(6)], Class::SignIn, 1).await.allowed);
}

async fn subjects_and_classes_do_not_count_for_each_other(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let same = Uuid::from_u128(7);
    for subject in
        [Subject::Token(same), Subject::User(same), Subject::Token(Uuid::from_u128(8)), address(1), address(2)]
    {
        for class in Class::ALL {
            let first = counter.limits.decide(&[subject], class, 1).await;
            assert_eq!(first.remaining, first.limit - 1, "{subject} {class:?}");
        }
    }
}

async fn a_cost_is_counted_as_a_whole_or_not_at_all(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let of = async |cost| counter.limits.decide(&[address(1)], Class::SignIn, cost).await;
    assert_eq!(of(3).await.remaining, 2);
    assert!(!of(3).await.allowed);
    assert_eq!(of(2).await.remaining, 0);
    let never = of(6).await;
    assert!(!never.allowed && never.retry_after > 60 * SECOND);
    counter.clock.advance(3_600 * SECOND);
    assert!(!of(6).await.allowed, "more than the limit never has room");
}

async fn a_look_costs_nothing(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let look = async || counter.limits.decide(&[address(1)], Class::SignIn, 0).await;
    for _ in 0..10 {
        let unused = look().await;
        assert_eq!((unused.allowed, unused.remaining, unused.reset_after), (true, 5, Duration::ZERO));
        assert!(unused.taken.is_none());
    }
    counter.limits.decide(&[address(1)], Class::SignIn, 4).await;
    assert_eq!(look().await.remaining, 1);
}

async fn what_is_given_back_is_as_if_it_had_not_been(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    let (one, two) = (address(1), counter.limits.account("ann@example.com", "198.51.100.7".parse().unwrap()));
    let mut taken = Vec::new();
    for _ in 0..5 {
        taken.push(counter.limits.decide(&[one, two], Class::SignIn, 1).await.taken.unwrap());
        counter.clock.advance(10 * SECOND);
    }
    counter.limits.give_back(taken.remove(2)).await;
    assert!(counter.limits.decide(&[one, two], Class::SignIn, 1).await.allowed);
    assert!(!counter.limits.decide(&[one], Class::SignIn, 1).await.allowed);
    assert!(!counter.limits.decide(&[two], Class::SignIn, 1).await.allowed);
    // What has run out by itself is not given back a second time.
    counter.clock.advance(120 * SECOND);
    for _ in 0..5 {
        assert!(counter.limits.decide(&[one, two], Class::SignIn, 1).await.allowed);
    }
    for old in taken {
        counter.limits.give_back(old).await;
    }
    assert!(!counter.limits.decide(&[one], Class::SignIn, 1).await.allowed);
}

async fn what_is_switched_off_is_not_counted_and_what_guards_stays(counted: Counted) {
    let counter = Counter::new(counted, |limits| {
        limits.general = false;
        (limits.general_per_minute, limits.public_per_minute, limits.address_per_minute) = (1, 1, 1);
    })
    .await;
    for class in [Class::General, Class::Public] {
        for _ in 0..10 {
            let decided = counter.limits.decide(&[token(1)], class, 1).await;
            assert!(decided.allowed && decided.windows.is_empty(), "{class:?}");
        }
    }
    for (class, limit) in [(Class::Address, 1), (Class::SignIn, 5)] {
        assert!(counter.limits.decide(&[address(1)], class, limit).await.allowed);
        assert!(!counter.limits.decide(&[address(1)], class, 1).await.allowed);
    }
}

async fn many_at_once_get_no_more_than_the_limit(counted: Counted) {
    let counter = Counter::new(counted, |limits| limits.general_per_minute = 100).await;
    let tries = (0..500).map(|_| {
        // In Redis each is a process of its own; in memory they share the process's counts.
        let limits = counter.redis.as_ref().map_or_else(|| counter.limits.clone(), |_| counter.process());
        tokio::spawn(async move { limits.decide(&[token(1)], Class::General, 1).await.allowed })
    });
    let allowed = futures::future::join_all(tries).await.into_iter().filter(|allowed| *allowed.as_ref().unwrap());
    assert_eq!(allowed.count(), 100);
}

async fn a_clock_set_back_gives_nothing_away(counted: Counted) {
    let counter = Counter::new(counted, |_| {}).await;
    counter.clock.advance(30 * SECOND);
    for _ in 0..5 {
        assert!(counter.limits.decide(&[address(1)], Class::SignIn, 1).await.allowed);
    }
    let mut behind =
        Counter { clock: herald_base::clock::Clock::manual(herald_tests::TestDatabase::start()), ..counter };
    if behind.redis.is_none() {
        // Only counts outside of a process are seen by another clock.
        return;
    }
    behind.limits = behind.process();
    let refused = behind.limits.decide(&[address(1)], Class::SignIn, 1).await;
    assert!(!refused.allowed);
    assert_eq!(refused.retry_after, 91 * SECOND);
}
