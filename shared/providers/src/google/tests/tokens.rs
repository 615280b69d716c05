//! Tokens: requested once, renewed in time, never shown.

use std::time::Duration;

use chrono::DateTime;
use futures::future::join_all;
use secrecy::ExposeSecret;

use super::server::Server;
use crate::{
    Class, Http, HttpSettings,
    google::{Endpoints, GoogleAuth, GoogleSecret, Tokens},
};
use herald_base::clock::Clock;

const FIRST: &str = r#"{"access_token":"token-1","expires_in":3599,"token_type":"Bearer"}"#;
const SECOND: &str = r#"{"access_token":"token-2","expires_in":3599,"token_type":"Bearer"}"#;
const WITHDRAWN: &str = r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;

fn tokens(server: &Server) -> (Tokens, Clock) {
    let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
    let auth = GoogleAuth::User { client_id: "client-1".into() };
    let secret = GoogleSecret::User { client_secret: "hunter2".into(), refresh_token: Some("refresh-hunter2".into()) };
    let http = Http::new(&HttpSettings::default()).unwrap();
    (Tokens::new(http, Endpoints::at(&server.origin), auth, secret, clock.clone()).unwrap(), clock)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test]
async fn fifty_who_ask_at_once_make_one_request() {
    let server = Server::start(&[(200, FIRST), (200, SECOND)]).await;
    let (tokens, _) = tokens(&server);
    server.open(false);
    let asking = join_all((0..50).map(|_| tokens.get()));
    let (got, ()) = tokio::join!(asking, async {
        server.wait_for_requests(1).await;
        server.open(true);
    });
    assert!(got.iter().all(|token| token.as_ref().unwrap().expose_secret() == "token-1"));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_failed_request_is_everybodys_answer_and_is_not_repeated_at_once() {
    let server = Server::start(&[(400, WITHDRAWN)]).await;
    let (tokens, clock) = tokens(&server);
    for error in join_all((0..50).map(|_| tokens.get())).await {
        let error = error.unwrap_err();
        assert_eq!(error.class, Class::Auth);
        assert!(error.message.contains("connect again with `herald connect google"), "{error}");
    }
    assert!(tokens.get().await.is_err());
    assert_eq!(server.requests(), 1);
    server.answers(200, FIRST);
    clock.advance(Duration::from_secs(3));
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-1");
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let server = Server::start(&[(200, FIRST), (200, SECOND)]).await;
    let (tokens, clock) = tokens(&server);
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-1");
    clock.advance(minutes(54));
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-1");
    clock.advance(minutes(1));
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-2");
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn while_google_is_away_the_old_token_serves_to_its_end() {
    let server = Server::start(&[(200, FIRST), (503, "")]).await;
    let (tokens, clock) = tokens(&server);
    tokens.get().await.unwrap();
    clock.advance(minutes(56));
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-1");
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-1");
    assert_eq!(server.requests(), 2);
    clock.advance(minutes(4));
    assert_eq!(tokens.get().await.unwrap_err().class, Class::Down);
}

#[tokio::test]
async fn a_withdrawn_consent_ends_the_old_token_too() {
    let server = Server::start(&[(200, FIRST), (400, WITHDRAWN)]).await;
    let (tokens, clock) = tokens(&server);
    tokens.get().await.unwrap();
    clock.advance(minutes(56));
    assert_eq!(tokens.get().await.unwrap_err().class, Class::Auth);
}

#[tokio::test]
async fn a_refused_token_is_not_given_out_again_and_a_newer_one_stays() {
    let server = Server::start(&[(200, FIRST), (200, SECOND)]).await;
    let (tokens, _) = tokens(&server);
    let first = tokens.get().await.unwrap();
    tokens.refused(&first);
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-2");
    // Another user of the first token was refused as well.
    tokens.refused(&first);
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-2");
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn who_stops_waiting_leaves_no_request_behind_that_others_wait_for() {
    let server = Server::start(&[(200, FIRST)]).await;
    let (tokens, _) = tokens(&server);
    server.open(false);
    let waiting = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.get().await }
    });
    server.wait_for_requests(1).await;
    waiting.abort();
    let _ = waiting.await;
    server.open(true);
    assert_eq!(tokens.get().await.unwrap().expose_secret(), "token-1");
}

#[tokio::test]
async fn no_secret_shows() {
    let server = Server::start(&[(200, FIRST), (400, WITHDRAWN)]).await;
    let (tokens, clock) = tokens(&server);
    let token = tokens.get().await.unwrap();
    clock.advance(minutes(61));
    let error = tokens.get().await.unwrap_err();
    let shown = format!("{tokens:?} {token:?} {error:?} {error}");
    assert!(!shown.contains("hunter2") && !shown.contains("token-1"), "{shown}");
}
