//! A fleet's limits share one count, and do without Redis when they must.

use std::time::Duration;

use herald_base::clock::Clock;
use herald_ledger::rate_limits::{Class, RateLimits, Subject};
use herald_tests::TestDatabase;
use redis::AsyncCommands;
use uuid::Uuid;

use super::{Counted, Counter, KEY, defaults};
use crate::fleet;

fn address() -> Subject {
    Subject::address([192, 0, 2, 1].into())
}

#[tokio::test]
async fn two_processes_have_one_limit_together() {
    let counter = Counter::new(Counted::InRedis, |_| {}).await;
    let (one, two) = (counter.process(), counter.process());
    for _ in 0..3 {
        assert!(one.decide(&[address()], Class::SignIn, 1).await.allowed);
    }
    assert_eq!(two.decide(&[address()], Class::SignIn, 2).await.remaining, 0);
    assert!(!one.decide(&[address()], Class::SignIn, 1).await.allowed);
    assert!(!two.decide(&[address()], Class::SignIn, 1).await.allowed);
}

#[tokio::test]
async fn keys_begin_with_the_prefix_show_no_account_and_do_not_stay() {
    let (config, redis) = fleet::redis().await;
    let limits = RateLimits::in_redis(&defaults(), &Clock::manual(TestDatabase::start()), KEY, redis);
    let account = limits.account("ann@example.com", "198.51.100.7".parse().unwrap());
    limits.decide(&[address(), account], Class::SignIn, 1).await;
    limits.decide(&[Subject::User(Uuid::from_u128(7))], Class::Chat, 1).await;
    let mut server = fleet::server().await;
    let mut keys: Vec<String> = server.keys(format!("{}:limit:*", config.prefix)).await.unwrap();
    keys.sort();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert_eq!(keys[0], format!("{}:limit:{{chat}}:3600:user:{}", config.prefix, Uuid::from_u128(7)));
    assert!(keys.iter().all(|key| !key.contains("ann") && !key.contains("example")), "{keys:?}");
    for (key, seconds) in keys.iter().zip([3_660, 87_840, 61, 61]) {
        let left: i64 = server.ttl(key).await.unwrap();
        assert!((seconds - 30..=seconds).contains(&left), "{key} stays {left} s");
    }
}

#[tokio::test]
async fn a_redis_that_has_forgotten_the_script_is_told_again() {
    let counter = Counter::new(Counted::InRedis, |_| {}).await;
    assert_eq!(counter.limits.decide(&[address()], Class::SignIn, 1).await.remaining, 4);
    let mut server = fleet::server().await;
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut server).await.unwrap();
    assert_eq!(counter.limits.decide(&[address()], Class::SignIn, 1).await.remaining, 3);
}

#[tokio::test]
async fn while_redis_is_away_sign_ins_are_still_limited_and_the_rest_goes_on() {
    let (proxy, redis) = fleet::redis_behind_a_proxy().await;
    let clock = Clock::manual(TestDatabase::start());
    let limits = RateLimits::in_redis(&defaults(), &clock, KEY, redis);
    let token = Subject::Token(Uuid::from_u128(7));
    let before = limits.decide(&[address()], Class::SignIn, 5).await;
    assert!(before.allowed && !limits.decide(&[address()], Class::SignIn, 1).await.allowed);
    proxy.sever();
    // A new count begins in this process's memory.
    let mut allowed = 0;
    for _ in 0..50 {
        allowed += u32::from(limits.decide(&[address()], Class::SignIn, 1).await.allowed);
        let general = limits.decide(&[token], Class::General, 1).await;
        assert!(general.allowed && general.windows.is_empty(), "nothing is said that nobody knows");
    }
    assert_eq!(allowed, 5);
    assert!(!limits.decide(&[address()], Class::SignIn, 1).await.allowed);
    // What was taken here is given back here.
    let chat = limits.decide(&[token], Class::Chat, 500).await;
    limits.give_back(chat.taken.unwrap()).await;
    assert!(limits.decide(&[token], Class::Chat, 500).await.allowed);
    proxy.mend();
    // Until it is asked again, it is away.
    assert!(limits.decide(&[token], Class::General, 1).await.windows.is_empty());
    clock.advance(Duration::from_secs(3));
    let back = limits.decide(&[token], Class::General, 1).await;
    assert_eq!(back.remaining, back.limit - 1);
    assert!(!limits.decide(&[address()], Class::SignIn, 1).await.allowed, "the fleet's count still stands");
    limits.give_back(before.taken.unwrap()).await;
    assert!(limits.decide(&[address()], Class::SignIn, 1).await.allowed);
}

#[tokio::test]
async fn a_redis_that_does_not_answer_holds_up_one_request_and_not_the_others() {
    let (proxy, redis) = fleet::redis_behind_a_proxy().await;
    let clock = Clock::manual(TestDatabase::start());
    let limits = RateLimits::in_redis(&defaults(), &clock, KEY, redis);
    let token = [Subject::Token(Uuid::from_u128(7))];
    assert_eq!(limits.decide(&token, Class::General, 1).await.remaining, 1_199);
    proxy.freeze();
    assert!(limits.decide(&token, Class::General, 1).await.windows.is_empty());
    let began = std::time::Instant::now();
    for _ in 0..100 {
        assert!(limits.decide(&token, Class::General, 1).await.allowed);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // The connection that hangs is not used again.
    proxy.mend();
    clock.advance(Duration::from_secs(3));
    assert!(limits.decide(&token, Class::General, 1).await.remaining < 1_199);
}
