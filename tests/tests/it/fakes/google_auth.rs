//! Tokens: signatures, PKCE, and everything that ends one.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{TimeZone, Utc};
use herald_base::clock::Clock;
use herald_tests::fakes::{FakeGoogle, Place};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Drive, Said, assertion, by_jwt, claims, form, send};

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
const BACK: &str = "http://127.0.0.1:9/back";

async fn consent(google: &FakeGoogle, change: impl FnOnce(&mut Vec<(&str, String)>)) -> Said {
    let mut words = vec![
        ("client_id", FakeGoogle::CLIENT_ID.to_owned()),
        ("redirect_uri", BACK.to_owned()),
        ("response_type", "code".to_owned()),
        ("scope", FakeGoogle::DRIVE_FILE.to_owned()),
        ("state", "the state".to_owned()),
        ("access_type", "offline".to_owned()),
        ("code_challenge_method", "S256".to_owned()),
        ("code_challenge", URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))),
    ];
    change(&mut words);
    let url = Url::parse_with_params(&google.auth_uri(), &words).unwrap();
    send(Method::GET, url.as_str(), &[], "").await.unwrap()
}

fn word(said: &Said, name: &str) -> Option<String> {
    let back = Url::parse(said.header("location")).unwrap();
    assert!(back.as_str().starts_with(BACK), "{back}");
    back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn change_code(google: &FakeGoogle, code: &str, verifier: &str) -> Said {
    let words = [
        ("grant_type", "authorization_code"),
        ("client_id", FakeGoogle::CLIENT_ID),
        ("client_secret", FakeGoogle::CLIENT_SECRET),
        ("redirect_uri", BACK),
        ("code", code),
        ("code_verifier", verifier),
    ];
    form(&google.token_uri(), &words).await
}

async fn refresh(google: &FakeGoogle, token: &str) -> Said {
    let words = [
        ("grant_type", "refresh_token"),
        ("client_id", FakeGoogle::CLIENT_ID),
        ("client_secret", FakeGoogle::CLIENT_SECRET),
        ("refresh_token", token),
    ];
    form(&google.token_uri(), &words).await
}

#[tokio::test]
async fn a_jwt_counts_only_with_the_accounts_signature_over_good_claims() {
    let google = FakeGoogle::start().await;
    let good = assertion(&google, &claims(&google, None));
    let said = by_jwt(&google, &good).await;
    assert_eq!((said.status, said.json()["expires_in"].as_u64()), (200, Some(3599)), "{said:?}");
    assert_eq!(said.json()["token_type"], "Bearer");

    let now = Clock::system().now().timestamp();
    let changed = |name: &str, value: serde_json::Value| {
        let mut claims = claims(&google, None);
        claims[name] = value;
        assertion(&google, &claims)
    };
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = claims(&google, Some("other@example.com"));
    let forged =
        format!("{}.{}.{signature}", signed.split('.').next().unwrap(), URL_SAFE_NO_PAD.encode(other.to_string()));
    for (wrong, description) in [
        (forged, "Invalid JWT Signature."),
        (changed("iss", json!("nobody@example.com")), "Invalid grant: account not found"),
        (changed("aud", json!("https://example.com/token")), "audience"),
        (changed("exp", json!(now + 3700)), "short-lived"),
        (changed("exp", json!(now - 1)), "short-lived"),
        (changed("iat", json!(now + 600)), "short-lived"),
        ("no.jwt.at all".to_owned(), "parse"),
    ] {
        let said = by_jwt(&google, &wrong).await;
        assert_eq!((said.status, &said.json()["error"]), (400, &json!("invalid_grant")), "{said:?}");
        let told = said.json()["error_description"].as_str().unwrap().to_owned();
        assert!(told.contains(description), "{told}");
    }
    let said = by_jwt(&google, &changed("scope", json!(""))).await;
    assert_eq!((said.status, &said.json()["error"]), (400, &json!("invalid_scope")));
}

#[tokio::test]
async fn a_service_account_acts_for_a_user_only_where_that_is_allowed() {
    let google = FakeGoogle::start().await;
    let jwt = assertion(&google, &claims(&google, Some(FakeGoogle::USER)));
    let said = by_jwt(&google, &jwt).await;
    assert_eq!((said.status, &said.json()["error"]), (401, &json!("unauthorized_client")));
    google.allow_delegation(true);
    let drive = Drive::of_robot(&google, Some(FakeGoogle::USER)).await;
    let about = drive.get("/about?fields=user(emailAddress)").await;
    assert_eq!(about.json(), json!({"user": {"emailAddress": FakeGoogle::USER}}));
    let said = by_jwt(&google, &assertion(&google, &claims(&google, Some("nobody@example.com")))).await;
    assert_eq!((said.status, &said.json()["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn consent_gives_a_code_that_only_its_verifier_changes_for_tokens_once() {
    let google = FakeGoogle::start().await;
    let said = consent(&google, |_| {}).await;
    assert_eq!((said.status, word(&said, "state").as_deref()), (302, Some("the state")));
    let code = word(&said, "code").unwrap();
    let wrong = change_code(&google, &code, &VERIFIER.replace('a', "b")).await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (400, &json!("invalid_grant")));
    let late = change_code(&google, &code, VERIFIER).await;
    assert_eq!(late.status, 400, "a code works once");

    let code = word(&consent(&google, |_| {}).await, "code").unwrap();
    let tokens = change_code(&google, &code, VERIFIER).await.json();
    assert_eq!(tokens["scope"], FakeGoogle::DRIVE_FILE);
    assert_eq!(refresh(&google, tokens["refresh_token"].as_str().unwrap()).await.status, 200);

    // Who consented before gets no refresh token, unless asked again in so many words.
    let code = word(&consent(&google, |_| {}).await, "code").unwrap();
    assert!(change_code(&google, &code, VERIFIER).await.json().get("refresh_token").is_none());
    let prompt = |words: &mut Vec<(&str, String)>| words.push(("prompt", "consent".to_owned()));
    let code = word(&consent(&google, prompt).await, "code").unwrap();
    assert!(change_code(&google, &code, VERIFIER).await.json().get("refresh_token").is_some());
}

#[tokio::test]
async fn the_consent_page_leads_back_only_to_whom_it_knows_and_says_no_when_the_user_does() {
    let google = FakeGoogle::start().await;
    for (name, value) in [
        ("client_id", "another"),
        ("redirect_uri", "https://example.com/back"),
        ("response_type", "token"),
        ("state", ""),
        ("access_type", "online"),
        ("code_challenge_method", "plain"),
        ("code_challenge", "short"),
        ("scope", ""),
    ] {
        let change = |words: &mut Vec<(&str, String)>| {
            words.iter_mut().find(|(key, _)| *key == name).unwrap().1 = value.to_owned();
        };
        let said = consent(&google, change).await;
        assert!(said.status >= 400 && said.header("location").is_empty(), "{name}: {said:?}");
    }
    google.deny_consent(true);
    let said = consent(&google, |_| {}).await;
    assert_eq!((word(&said, "error").as_deref(), word(&said, "code")), (Some("access_denied"), None));
}

#[tokio::test]
async fn tokens_end_with_their_time_with_the_consent_and_by_hand() {
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap());
    let google = FakeGoogle::start_at(&Place { clock: clock.clone(), ..Place::default() }).await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE).await;
    let list = "/files?pageSize=1";
    clock.advance(Duration::from_secs(3599));
    assert_eq!(drive.get(list).await.status, 200);
    clock.advance(Duration::from_secs(1));
    let said = drive.get(list).await;
    assert_eq!((said.status, said.reason().as_str()), (401, "authError"));

    let drive = Drive::of_user(&google, FakeGoogle::DRIVE).await;
    google.expire_tokens();
    assert_eq!(drive.get(list).await.status, 401);

    let token = google.consented(FakeGoogle::DRIVE);
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE).await;
    google.revoke_consent();
    assert_eq!(drive.get(list).await.status, 401);
    let said = refresh(&google, &token).await;
    assert_eq!(
        said.json(),
        json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
    );
    assert_eq!(said.status, 400);
}
