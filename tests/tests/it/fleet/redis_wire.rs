//! What the Redis wire promises by itself, and what it does when the server has a bad day.

use std::time::Duration;

use chrono::TimeDelta;
use herald_db::Json;
use herald_ledger::{
    Leased,
    redis_wire::{Event, RedisConfig, RedisWire, RedisWireError},
};
use herald_tests::{TestDatabase, wait_until};
use redis::AsyncCommands;
use serde_json::json;
use uuid::Uuid;

use super::{redis, redis_behind_a_proxy, redis_config, server};

const WAIT: Duration = Duration::from_secs(10);

fn leased(number: u128) -> Leased {
    let now = TestDatabase::start();
    Leased {
        id: Uuid::from_u128(number),
        workspace_id: Uuid::from_u128(1),
        kind: "test.noop".to_owned(),
        queue: "cpu".to_owned(),
        args: Json(json!({ "number": number.to_string(), "name": "José ∎" })),
        attempt: 3,
        max_attempts: 5,
        run_at: now,
        lease_until: now + TimeDelta::seconds(8),
        batch_id: Some(Uuid::from_u128(2)),
        traceparent: None,
        limit_key: None,
        cost: 1,
        expires_at: None,
        open_hours: None,
        makes_room: false,
    }
}

fn ids(jobs: &[Leased]) -> Vec<u128> {
    jobs.iter().map(|job| job.id.as_u128()).collect()
}

#[tokio::test]
async fn jobs_arrive_whole_in_order_and_once() {
    let (_, wire) = redis().await;
    let jobs: Vec<Leased> = (0..10).map(leased).collect();
    wire.push("cpu", &jobs).await.unwrap();
    wire.push("sync", &[leased(99)]).await.unwrap();
    assert_eq!(wire.depths(&["cpu", "sync", "nobody"]).await.unwrap(), [10, 1, 0]);
    assert_eq!(wire.waiting("cpu").await.unwrap(), jobs.iter().map(Leased::key).collect::<Vec<_>>());
    let (mut one, mut two) = (wire.taker("cpu"), wire.taker("cpu"));
    let first = one.take(4, WAIT).await.unwrap();
    assert_eq!(ids(&first), [0, 1, 2, 3]);
    assert_eq!(serde_json::to_value(&first[2]).unwrap(), serde_json::to_value(&jobs[2]).unwrap());
    assert_eq!(ids(&two.take(100, WAIT).await.unwrap()), [4, 5, 6, 7, 8, 9]);
    assert!(one.take(1, Duration::from_millis(10)).await.unwrap().is_empty());
    assert_eq!(wire.depths(&["cpu", "sync"]).await.unwrap(), [0, 1]);
}

#[tokio::test]
async fn who_waits_is_given_what_comes() {
    let (_, wire) = redis().await;
    let mut taker = wire.taker("cpu");
    let waiting = tokio::spawn(async move { taker.take(5, WAIT).await.unwrap() });
    tokio::task::yield_now().await;
    wire.push("cpu", &[leased(1), leased(2)]).await.unwrap();
    let mut taken = ids(&waiting.await.unwrap());
    // It may have been given the first before it was asked for more; nothing is lost either way.
    if taken.len() == 1 {
        taken.extend(ids(&wire.taker("cpu").take(5, WAIT).await.unwrap()));
    }
    assert_eq!(taken, [1, 2]);
}

#[tokio::test]
async fn what_is_told_is_heard_by_every_process_of_the_prefix_and_by_no_other() {
    let (config, wire) = redis().await;
    let other = RedisWire::connect(&config).await.unwrap();
    let stranger =
        RedisWire::connect(&RedisConfig { prefix: format!("{}-other", config.prefix), ..config }).await.unwrap();
    let (mut heard, mut strange) = (other.events(), stranger.events());
    let job = Uuid::from_u128(7);
    wait_until("it listens", async || {
        wire.cancel(job).await.unwrap();
        heard.try_recv() == Ok(Event::Cancel(job))
    })
    .await;
    wire.tell_work().await.unwrap();
    wire.tell_room().await.unwrap();
    wait_until("work and room are heard", async || heard.try_recv() == Ok(Event::Work)).await;
    wait_until("room is heard", async || heard.try_recv() == Ok(Event::Room)).await;
    assert!(strange.try_recv().is_err());
}

#[tokio::test]
async fn a_broken_connection_is_made_anew_by_the_next_call() {
    let (proxy, wire) = redis_behind_a_proxy().await;
    let mut taker = wire.taker("cpu");
    assert!(taker.take(1, Duration::from_millis(1)).await.unwrap().is_empty());
    for round in 0..3 {
        proxy.cut();
        wait_until("it pushes again", async || wire.push("cpu", &[leased(round)]).await.is_ok()).await;
        wait_until("it takes again", async || {
            taker.take(1, Duration::from_millis(10)).await.is_ok_and(|taken| ids(&taken) == [round])
        })
        .await;
    }
    proxy.sever();
    assert!(wire.push("cpu", &[leased(9)]).await.is_err());
    assert!(taker.take(1, Duration::from_millis(10)).await.is_err());
    proxy.mend();
    wait_until("it pushes again", async || wire.push("cpu", &[leased(10)]).await.is_ok()).await;
}

#[tokio::test]
async fn who_listens_hears_again_after_a_break_and_is_told_that_something_may_have_been_missed() {
    let (proxy, wire) = redis_behind_a_proxy().await;
    let mut heard = wire.events();
    let job = Uuid::from_u128(7);
    wait_until("it listens", async || wire.cancel(job).await.is_ok() && heard.try_recv() == Ok(Event::Cancel(job)))
        .await;
    while heard.try_recv().is_ok() {}
    proxy.cut();
    wait_until("it hears that it may have missed work", async || heard.try_recv() == Ok(Event::Work)).await;
    wait_until("it hears what is told", async || {
        wire.cancel(job).await.is_ok() && heard.try_recv() == Ok(Event::Cancel(job))
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_no_job_is_stepped_over() {
    let (config, wire) = redis().await;
    let mut server = server().await;
    let key = format!("{}:queue:cpu", config.prefix);
    let _: i64 = server.rpush(&key, "not a job").await.unwrap();
    wire.push("cpu", &[leased(1)]).await.unwrap();
    assert_eq!(wire.waiting("cpu").await.unwrap().len(), 1);
    assert_eq!(ids(&wire.taker("cpu").take(10, WAIT).await.unwrap()), [1]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once() {
    let refused = |url: &str| RedisConfig { url: url.to_owned(), ..redis_config() };
    let error = RedisWire::connect(&refused("redis://127.0.0.1:1")).await.err().unwrap();
    assert!(matches!(error, RedisWireError::Redis(_)), "{error}");
    let error = RedisWire::connect(&refused("http://127.0.0.1:1")).await.err().unwrap();
    assert!(matches!(error, RedisWireError::Url(_)), "{error}");
    let url = redis_config().url;
    let (scheme_and_user, rest) = url.split_once('@').unwrap();
    let (begin, _) = scheme_and_user.rsplit_once(':').unwrap();
    let error = RedisWire::connect(&refused(&format!("{begin}:wrong@{rest}"))).await.err().unwrap().to_string();
    assert!(
        error.contains("WRONGPASS") || error.contains("AuthenticationFailed") || error.contains("authentication"),
        "{error}"
    );
}
