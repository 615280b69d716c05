//! The first person, signing in, and signing out.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::{Browser, PASSWORD};
use crate::api::{
    Answer, Service,
    people::{Person, open},
};

on_both_engines! {
    the_link_of_the_first_start_makes_one_owner,
    of_two_who_follow_the_link_at_once_one_is_the_owner,
    a_session_goes_on_in_pages_opened_side_by_side_and_ends_when_it_is_told_to,
    an_access_token_makes_no_token_that_lasts,
    a_wrong_password_keeps_the_address_and_says_so,
    a_page_says_to_browsers_what_they_may_load,
}

const FIRST: &[(&str, &str)] = &[("email", "ann@example.com"), ("password", PASSWORD), ("time_zone", "Europe/Vienna")];

async fn the_link_of_the_first_start_makes_one_owner(database: &TestDatabase) {
    let service = Service::start(database).await;
    let earlier = service.people.setup_token().await.unwrap().expect("there is nobody yet");
    let link = format!("/setup/{}", service.people.setup_token().await.unwrap().unwrap());
    let browser = Browser::new(&service);
    assert_eq!(browser.get(&format!("/setup/{earlier}")).await.status, 410, "a later start voids the link");
    assert!(browser.get(&link).await.text.contains("Welcome to Herald"));

    let refused = browser.send(&link, &[("email", "ann@example.com"), ("password", "short")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("choose another password") && refused.text.contains("ann@example.com"));

    assert_eq!(browser.send(&link, FIRST).await.header("location"), "/");
    let home = browser.get("/").await;
    assert_eq!((home.status.as_u16(), home.header("location")), (303, "/w/default"));
    let today = browser.get("/w/default").await;
    assert_eq!(today.status, 200, "{}", today.text);
    assert!(today.text.contains("owner"));

    let another = Browser::new(&service);
    assert_eq!(another.get(&link).await.status, 410);
    let late = another.send(&link, &[("email", "ben@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(late.status, 422, "{}", late.text);
    assert!(service.people.setup_token().await.unwrap().is_none(), "there is somebody");
}

async fn of_two_who_follow_the_link_at_once_one_is_the_owner(database: &TestDatabase) {
    let service = Service::start(database).await;
    let link = format!("/setup/{}", service.people.setup_token().await.unwrap().unwrap());
    let (one, two) = (Browser::new(&service), Browser::new(&service));
    let ben = [("email", "ben@example.com"), ("password", PASSWORD)];
    let (ann, ben) = tokio::join!(one.send(&link, FIRST), two.send(&link, &ben));
    let mut statuses = [ann.status.as_u16(), ben.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
}

async fn a_session_goes_on_in_pages_opened_side_by_side_and_ends_when_it_is_told_to(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let pages = futures::future::join_all((0..8).map(|_| browser.get("/w/default"))).await;
    assert!(pages.iter().all(|page| page.status == 200));
    // Longer than an access token is valid.
    service.db.clock().advance(std::time::Duration::from_secs(3_600));
    let page = browser.get("/w/default").await;
    assert_eq!(page.status, 200);

    let out = browser.send("/sign-out", &[("form_token", &page.hidden("form_token"))]).await;
    assert_eq!(out.header("location"), "/sign-in");
    let after = browser.get("/w/default/jobs?state=dead").await;
    assert_eq!(after.header("location"), "/sign-in?then=%2Fw%2Fdefault%2Fjobs%3Fstate%3Ddead");
}

async fn an_access_token_makes_no_token_that_lasts(database: &TestDatabase) {
    let service = Service::start(database).await;
    let ann = Person::new(&service, "ann@example.com").await;
    let path = "/api/v1/auth/browser";
    open(&service, path, json!({ "refresh_token": ann.access })).await.problem(401, "invalid-credentials");
    let made = open(&service, path, json!({ "refresh_token": ann.refresh })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let me = async || Answer::to(service.open(Method::GET, "/api/v1/me").bearer_auth(&token)).await;
    assert_eq!(me().await.json()["email"], "ann@example.com");
    // The refresh token is used up. One that comes again was stolen, and ends the session.
    open(&service, path, json!({ "refresh_token": ann.refresh })).await.problem(401, "invalid-credentials");
    me().await.problem(401, "unauthorized");
}

async fn a_wrong_password_keeps_the_address_and_says_so(database: &TestDatabase) {
    let service = Service::start(database).await;
    Browser::member(&service, "ann@example.com", Role::Staff).await;
    let browser = Browser::new(&service);
    let refused = browser.send("/sign-in", &[("email", "ann@example.com"), ("password", "wrong words here")]).await;
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("value=\"ann@example.com\"") && refused.text.contains("role=\"alert\""));
    assert!(!refused.text.contains("wrong words here"), "a password is not sent back");
    // Nobody is led to another host.
    let fields = [("email", "ann@example.com"), ("password", PASSWORD), ("then", "//evil.example/")];
    assert_eq!(browser.send("/sign-in", &fields).await.header("location"), "/");
}

async fn a_page_says_to_browsers_what_they_may_load(database: &TestDatabase) {
    let service = Service::start(database).await;
    let page = Browser::new(&service).get("/sign-in").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    for part in ["style=", "<script>", "onclick"] {
        assert!(!page.text.contains(part), "{part}");
    }
    let style = page.text.split_once("href=\"/assets/").unwrap().1.split('"').next().unwrap();
    let style = Browser::new(&service).get(&format!("/assets/{style}")).await;
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
}
