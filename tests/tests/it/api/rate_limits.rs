//! Limits of requests as clients meet them: embedded (SQLite, counts in memory) and in a fleet (PostgreSQL, counts in
//! Redis).

use std::time::Duration;

use futures::{StreamExt, stream};
use herald_app::config::Settings;
use herald_db::{DbConfig, query};
use herald_ledger::redis_wire::RedisWire;
use herald_tests::{EngineKind, TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};

use super::{Answer, Service};
use crate::fleet;

on_both_engines! {
    a_token_is_told_its_limit_and_refused_beyond_it,
    who_waits_as_told_is_let_through_again,
    a_token_can_be_guessed_thousands_of_times_only_at_the_limit,
    a_valid_token_does_not_use_up_its_addresss_limit,
    who_works_goes_on_while_somebody_at_the_same_address_guesses,
    a_token_that_was_taken_back_is_a_guess_like_any_other,
    what_an_untrusted_peer_says_of_its_address_is_not_believed,
    behind_a_trusted_proxy_every_client_counts_for_itself_and_an_ipv6_network_as_one,
    links_have_a_limit_of_their_own_and_health_has_none,
    a_stream_counts_once,
    switched_off_nothing_is_told_and_tokens_still_cannot_be_guessed,
    refusals_are_counted_by_class,
}

const QUEUES: &str = "/api/v1/queues";

/// Counts as such a database's processes do.
pub(super) async fn counts(database: &TestDatabase) -> Option<RedisWire> {
    match database.config() {
        DbConfig::Sqlite { .. } => None,
        DbConfig::Postgres { .. } => Some(fleet::redis().await.1),
    }
}

async fn service(database: &TestDatabase, set: impl FnOnce(&mut Settings)) -> Service {
    Service::start_counting(database, counts(database).await, set).await
}

async fn a_token_is_told_its_limit_and_refused_beyond_it(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.general_per_minute = 3).await;
    for left in (0..3).rev() {
        let answer = service.get(QUEUES).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("ratelimit-policy"), "\"general\";q=3;w=60");
        assert_eq!(answer.header("ratelimit"), format!("\"general\";r={left};t=61"));
    }
    let refused = service.get(QUEUES).await;
    let detail = refused.problem(429, "too-many-requests");
    assert_eq!(detail, "the limit of 3 requests in 60 seconds is reached: try again in 61 seconds");
    assert_eq!(refused.header("retry-after"), "61");
    assert_eq!(refused.header("ratelimit-policy"), "\"general\";q=3;w=60");
    assert_eq!(refused.header("ratelimit"), "\"general\";r=0;t=61");
    // Another token of the same address has its own.
    let other = service.other_workspace().await;
    let answer = Answer::to(service.open(Method::GET, QUEUES).bearer_auth(other)).await;
    assert_eq!((answer.status, answer.header("ratelimit")), (StatusCode::OK, "\"general\";r=2;t=61"));
}

async fn who_waits_as_told_is_let_through_again(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.general_per_minute = 2).await;
    service.db.clock().advance(Duration::from_millis(2_700));
    service.get(QUEUES).await;
    service.db.clock().advance(Duration::from_millis(20_400));
    service.get(QUEUES).await;
    let refused = service.get(QUEUES).await;
    refused.problem(429, "too-many-requests");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    service.db.clock().advance(Duration::from_secs(seconds - 1));
    service.get(QUEUES).await.problem(429, "too-many-requests");
    service.db.clock().advance(Duration::from_secs(1));
    assert_eq!(service.get(QUEUES).await.status, StatusCode::OK);
    service.get(QUEUES).await.problem(429, "too-many-requests");
}

async fn a_token_can_be_guessed_thousands_of_times_only_at_the_limit(database: &TestDatabase) {
    let service = service(database, |_| {}).await;
    let guess = |number: usize| {
        let request = service.open(Method::GET, QUEUES).bearer_auth(format!("herald_guess_{number}"));
        async move { request.send().await.expect("the service answers").status().as_u16() }
    };
    let answers: Vec<u16> = stream::iter((0..2_000).map(guess)).buffer_unordered(32).collect().await;
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((of(401), of(429)), (600, 1_400), "600 are looked up, the others are not");
}

async fn a_valid_token_does_not_use_up_its_addresss_limit(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.address_per_minute = 2).await;
    let (one, two, three) =
        (service.token.clone(), service.other_workspace().await, service.another_token("three").await);
    for token in [&one, &two, &three, &one, &two, &three] {
        let answer = Answer::to(service.open(Method::GET, QUEUES).bearer_auth(token)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("ratelimit").starts_with("\"general\""), "{:?}", answer.headers);
    }
    let without = Answer::to(service.open(Method::GET, QUEUES)).await;
    without.problem(401, "unauthorized");
    assert_eq!(without.header("ratelimit"), "\"address\";r=1;t=61");
}

async fn who_works_goes_on_while_somebody_at_the_same_address_guesses(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.address_per_minute = 2).await;
    let other = service.other_workspace().await;
    assert_eq!(service.get(QUEUES).await.status, StatusCode::OK);
    let guess = async || Answer::to(service.open(Method::GET, "/metrics").bearer_auth("herald_wrong")).await;
    guess().await.problem(401, "unauthorized");
    guess().await.problem(401, "unauthorized");
    guess().await.problem(429, "too-many-requests");
    assert_eq!(service.get(QUEUES).await.status, StatusCode::OK);
    // Whoever was not seen before cannot be told from a guess.
    let new = Answer::to(service.open(Method::GET, QUEUES).bearer_auth(&other)).await;
    new.problem(429, "too-many-requests");
    service.db.clock().advance(Duration::from_secs(61));
    assert_eq!(Answer::to(service.open(Method::GET, QUEUES).bearer_auth(&other)).await.status, StatusCode::OK);
}

async fn a_token_that_was_taken_back_is_a_guess_like_any_other(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.address_per_minute = 2).await;
    assert_eq!(service.get(QUEUES).await.status, StatusCode::OK);
    let mut tx = service.db.begin().await.unwrap();
    query("delete from api_tokens").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..3 {
        service.get(QUEUES).await.problem(401, "unauthorized");
    }
    service.get(QUEUES).await.problem(429, "too-many-requests");
}

async fn what_an_untrusted_peer_says_of_its_address_is_not_believed(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.address_per_minute = 3).await;
    for number in 0..6 {
        let said = format!("203.0.113.{number}");
        let request = service.open(Method::GET, QUEUES).header("x-forwarded-for", &said);
        let answer = Answer::to(request.header("forwarded", format!("for={said}"))).await;
        assert_eq!(answer.status.as_u16(), if number < 3 { 401 } else { 429 }, "{number}");
    }
}

async fn behind_a_trusted_proxy_every_client_counts_for_itself_and_an_ipv6_network_as_one(database: &TestDatabase) {
    let service = service(database, |settings| {
        settings.limits.address_per_minute = 1;
        settings.limits.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    })
    .await;
    for (said, status) in [
        ("198.51.100.7", 401),
        ("198.51.100.7", 429),
        ("198.51.100.8", 401),
        // What a client put there itself stands to the left of what the proxy saw.
        ("203.0.113.1, 198.51.100.8", 429),
        ("203.0.113.1, 198.51.100.9, 10.1.2.3", 401),
        ("203.0.113.2, 198.51.100.9, 10.3.2.1", 429),
        ("2001:db8:0:1::1", 401),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", 429),
        ("2001:db8:0:2::1", 401),
    ] {
        let answer = Answer::to(service.open(Method::GET, QUEUES).header("x-forwarded-for", said)).await;
        assert_eq!(answer.status.as_u16(), status, "{said}");
    }
}

async fn links_have_a_limit_of_their_own_and_health_has_none(database: &TestDatabase) {
    let service = service(database, |settings| {
        (settings.limits.public_per_minute, settings.limits.address_per_minute) = (2, 1);
    })
    .await;
    let ask = async |path| Answer::to(service.open(Method::GET, path)).await;
    for _ in 0..2 {
        let link = ask("/i/no-such-link").await;
        assert_eq!((link.status.as_u16(), link.header("ratelimit-policy")), (404, "\"public\";q=2;w=60"));
    }
    ask("/i/no-such-link").await.problem(429, "too-many-requests");
    ask(QUEUES).await.problem(401, "unauthorized");
    ask(QUEUES).await.problem(429, "too-many-requests");
    for path in ["/healthz", "/readyz", "/about", "/problems"] {
        for _ in 0..4 {
            let open = ask(path).await;
            assert_eq!((open.status, open.header("ratelimit")), (StatusCode::OK, ""), "{path}");
        }
    }
    assert_eq!(service.get("/metrics").await.status, StatusCode::TOO_MANY_REQUESTS, "a token not seen before");
}

async fn a_stream_counts_once(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.general_per_minute = 2).await;
    let mut stream = service.request(Method::GET, "/api/v1/queues/events").send().await.unwrap();
    assert_eq!(stream.headers()["ratelimit"], "\"general\";r=1;t=61");
    // Whatever it says from now on.
    assert!(stream.chunk().await.unwrap().is_some());
    assert_eq!(service.get(QUEUES).await.header("ratelimit"), "\"general\";r=0;t=61");
    service.stop.cancel();
}

async fn switched_off_nothing_is_told_and_tokens_still_cannot_be_guessed(database: &TestDatabase) {
    let service = service(database, |settings| {
        settings.limits.general = false;
        (settings.limits.general_per_minute, settings.limits.address_per_minute) = (1, 1);
    })
    .await;
    for _ in 0..5 {
        let answer = service.get(QUEUES).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (StatusCode::OK, ""));
    }
    let guess = async || Answer::to(service.open(Method::GET, QUEUES).bearer_auth("herald_wrong")).await;
    guess().await.problem(401, "unauthorized");
    guess().await.problem(429, "too-many-requests");
}

async fn refusals_are_counted_by_class(database: &TestDatabase) {
    let service = service(database, |settings| settings.limits.public_per_minute = 1).await;
    let refused = async || {
        let text = service.get("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix("herald_rate_limited_total{class=\"public\"} "));
        line.expect("the metric is there from the start").parse::<u64>().unwrap()
    };
    let before = refused().await;
    for _ in 0..3 {
        Answer::to(service.open(Method::GET, "/i/no-such-link")).await;
    }
    // Other tests of this process count, too.
    assert!(refused().await >= before + 2);
}

#[tokio::test]
async fn two_processes_share_one_limit_over_redis() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let redis = fleet::redis().await.1;
    let few = |settings: &mut Settings| settings.limits.general_per_minute = 4;
    let one = Service::start_counting(&database, Some(redis.clone()), few).await;
    let two = Service::start_counting(&database, Some(redis), few).await;
    for (service, left) in [(&one, 3), (&two, 2), (&one, 1), (&two, 0)] {
        let answer = Answer::to(service.open(Method::GET, QUEUES).bearer_auth(&one.token)).await;
        assert_eq!(answer.header("ratelimit"), format!("\"general\";r={left};t=61"));
    }
    for service in [&one, &two] {
        let refused = Answer::to(service.open(Method::GET, QUEUES).bearer_auth(&one.token)).await;
        refused.problem(429, "too-many-requests");
    }
    assert_eq!(two.get(QUEUES).await.status, StatusCode::OK, "another token");
    database.end().await;
}

#[tokio::test]
async fn without_redis_people_go_on_working_and_guesses_are_still_counted() {
    let database = TestDatabase::new(EngineKind::Postgres).await;
    let (proxy, redis) = fleet::redis_behind_a_proxy().await;
    let service = Service::start_counting(&database, Some(redis), |settings| {
        (settings.limits.general_per_minute, settings.limits.address_per_minute) = (1, 2);
    })
    .await;
    proxy.sever();
    for _ in 0..5 {
        assert_eq!(service.get(QUEUES).await.status, StatusCode::OK);
    }
    let guess =
        async || Answer::to(service.open(Method::GET, QUEUES).bearer_auth("herald_wrong")).await.status.as_u16();
    assert_eq!([guess().await, guess().await, guess().await], [401, 401, 429]);
    database.end().await;
}
