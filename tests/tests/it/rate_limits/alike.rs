//! Memory and Redis decide alike, whatever comes; and both keep what a limit promises.

use std::{collections::HashMap, time::Duration};

use herald_ledger::rate_limits::{Class, RateLimits, SLOTS, Subject};
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    sample::select,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{Counted, Counter, seen};

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// Time goes by: microseconds.
    Wait(u64),
    /// A request of these subjects.
    Ask { subjects: Vec<u8>, class: Class, cost: u32 },
    /// The request taken this many before the last is given back.
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = proptest::prop_oneof![
        0..2_000_000u64,
        0..70_000_000u64,
        0..4_000_000_000u64,
        0..100_000_000_000u64,
        select(vec![1_000_000, 60_000_000, 61_000_000, 3_600_000_000, 3_660_000_000, 86_400_000_000]),
    ];
    let ask = (vec(0..3u8, 1..3), select(vec![Class::SignIn, Class::Chat]), 0..4u32);
    let ask = ask.prop_map(|(mut subjects, class, cost)| {
        subjects.dedup();
        Step::Ask { subjects, class, cost }
    });
    let step = proptest::prop_oneof![
        2 => wait.prop_map(Step::Wait),
        6 => ask,
        1 => any::<proptest::sample::Index>().prop_map(|index| Step::GiveBack(index.index(8))),
    ];
    vec(step, 1..60)
}

#[test]
fn memory_and_redis_decide_alike_and_never_more_than_the_limit_in_a_window() {
    let runtime = Runtime::new().unwrap();
    let few = |limits: &mut herald_app::config::Limits| {
        (limits.sign_in_per_minute, limits.chat_per_hour, limits.chat_per_day) = (5, 8, 12);
    };
    let redis = runtime.block_on(Counter::new(Counted::InRedis, few));
    let mut cases = 0;
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 150, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let cases = std::cell::RefCell::new(&mut cases);
    runner
        .run(&steps(), |steps| {
            // Subjects that no case before has used.
            **cases.borrow_mut() += 1;
            let case = **cases.borrow();
            let memory = RateLimits::in_memory(&redis.settings, &redis.clock, super::KEY);
            runtime.block_on(run(&redis, &memory, case, &steps));
            Ok(())
        })
        .unwrap();
}

async fn run(counter: &Counter, memory: &RateLimits, case: u128, steps: &[Step]) {
    let mut taken = Vec::new();
    let mut log: HashMap<(u8, Class), Vec<(i64, u32)>> = HashMap::new();
    for step in steps {
        match step {
            Step::Wait(micros) => counter.clock.advance(Duration::from_micros(*micros)),
            Step::Ask { subjects, class, cost } => {
                let who: Vec<Subject> =
                    subjects.iter().map(|n| Subject::User(Uuid::from_u128(case << 8 | u128::from(*n)))).collect();
                let here = memory.decide(&who, *class, *cost).await;
                let there = counter.limits.decide(&who, *class, *cost).await;
                assert_eq!(seen(&here), seen(&there), "{step:?}");
                let now = counter.clock.now().timestamp_micros();
                if here.allowed && *cost > 0 {
                    for subject in subjects {
                        log.entry((*subject, *class)).or_default().push((now, *cost));
                    }
                    taken.push((here.taken.unwrap(), there.taken.unwrap(), subjects.clone(), *class, *cost, now));
                } else if !here.allowed {
                    may_be_refused(counter, &log, subjects, *class, *cost, now);
                }
            }
            Step::GiveBack(back) => {
                if let Some(at) = taken.len().checked_sub(back + 1) {
                    let (here, there, subjects, class, cost, at) = taken.remove(at);
                    memory.give_back(here).await;
                    counter.limits.give_back(there).await;
                    for subject in subjects {
                        let entries = log.get_mut(&(subject, class)).unwrap();
                        let entry = entries.iter().position(|entry| *entry == (at, cost)).unwrap();
                        entries.remove(entry);
                    }
                }
            }
        }
    }
    for ((subject, class), entries) in log {
        for (limit, period) in windows(counter, class) {
            for (from, _) in &entries {
                let within = entries.iter().filter(|(at, _)| (*from..=from + period).contains(at));
                let used: u32 = within.map(|(_, cost)| cost).sum();
                assert!(used <= limit, "{used} of {subject} in {period} µs, {class:?}");
            }
        }
    }
}

/// Nobody is refused for what is longer ago than the window and one of its parts.
fn may_be_refused(
    counter: &Counter,
    log: &HashMap<(u8, Class), Vec<(i64, u32)>>,
    subjects: &[u8],
    class: Class,
    cost: u32,
    now: i64,
) {
    let full = subjects.iter().any(|subject| {
        let entries = log.get(&(*subject, class)).map_or(&[][..], Vec::as_slice);
        windows(counter, class).iter().any(|(limit, period)| {
            let since = now - period - period / SLOTS;
            let used: u32 = entries.iter().filter(|(at, _)| *at >= since).map(|(_, cost)| cost).sum();
            used + cost > *limit
        })
    });
    assert!(full, "{class:?} was refused though there was room");
}

fn windows(counter: &Counter, class: Class) -> Vec<(u32, i64)> {
    let limits = &counter.settings;
    match class {
        Class::SignIn => vec![(limits.sign_in_per_minute, 60_000_000)],
        _ => vec![(limits.chat_per_hour, 3_600_000_000), (limits.chat_per_day, 86_400_000_000)],
    }
}
