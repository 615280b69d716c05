//! Tests the middleware on a separate route: sign-ins had a class before they had a route in this crate.

use std::net::SocketAddr;

use axum::{Router, middleware, routing::post};
use chrono::DateTime;
use herald_base::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// Starts a service that has one route of a class and a clock that stands still.
async fn serve(class: Class, set: impl FnOnce(&mut Settings)) -> (SocketAddr, RateLimits) {
    let mut settings = Settings::load(None).unwrap();
    set(&mut settings);
    let rate_limits = RateLimits::in_memory(&settings.limits, &Clock::manual(DateTime::UNIX_EPOCH), [0; 32]);
    let limited_to = Limited { class, rate_limits: rate_limits.clone(), settings: Arc::new(settings) };
    let router = Router::new()
        .route("/", post(async || "in"))
        .layer(middleware::from_fn_with_state(limited_to, limited))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, rate_limits)
}

/// Returns the whole answer, including its status.
async fn ask(address: SocketAddr, header: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 0\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_sixth_sign_in_of_an_address_is_refused_whoever_it_says_it_is() {
    let (address, _) = serve(Class::SignIn, |_| {}).await;
    for left in (0..5).rev() {
        let answer = ask(address, &format!("x-forwarded-for: 203.0.113.{left}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(&format!("ratelimit: \"sign-in\";r={left};t=61\r\n")), "{answer}");
    }
    let refused = ask(address, "x-forwarded-for: 203.0.113.99\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    for part in
        ["retry-after: 61\r\n", "\"sign-in\";q=5;w=60\r\n", "ratelimit: \"sign-in\";r=0;t=61\r\n", "too-many-requests"]
    {
        assert!(refused.contains(part), "{part} is missing in {refused}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit() {
    let (address, _) = serve(Class::SignIn, |settings| {
        settings.limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for _ in 0..5 {
        assert!(ask(address, "x-forwarded-for: 2001:db8:0:1::7\r\n").await.starts_with("HTTP/1.1 200"));
    }
    let neighbour = ask(address, "x-forwarded-for: 2001:db8:0:1:ffff::\r\n").await;
    assert!(neighbour.starts_with("HTTP/1.1 429"), "the same network: {neighbour}");
    assert!(ask(address, "x-forwarded-for: 2001:db8:0:2::7\r\n").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_limit_that_a_handler_found_is_the_one_that_is_told() {
    let (_, rate_limits) = serve(Class::SignIn, |_| {}).await;
    let account = rate_limits.account("ann@example.com", "198.51.100.7".parse().unwrap());
    for _ in 0..5 {
        assert!(rate_limits.decide(&[account], Class::SignIn, 1).await.allowed);
    }
    let mut response = refusal(&rate_limits.decide(&[account], Class::SignIn, 1).await).into_response();
    let address = Subject::address([192, 0, 2, 1].into());
    headers::add(response.headers_mut(), &rate_limits.decide(&[address], Class::SignIn, 1).await);
    assert_eq!(response.headers()["ratelimit"], "\"sign-in\";r=0;t=61");
    assert_eq!(response.headers()["retry-after"], "61");
}
