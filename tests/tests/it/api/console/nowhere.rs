//! Paths at which there is nothing.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;

use super::Browser;
use crate::api::{Answer, Service};

on_both_engines! { a_browser_gets_a_page_and_a_program_a_problem }

async fn a_browser_gets_a_page_and_a_program_a_problem(database: &TestDatabase) {
    let service = Service::start(database).await;
    Answer::to(service.open(Method::GET, "/nowhere")).await.problem(404, "not-found");
    Answer::to(service.open(Method::POST, "/nowhere")).await.problem(404, "not-found");
    let looked_at = |path: &str| service.open(Method::GET, path).header("accept", "text/html,*/*;q=0.8");
    Answer::to(looked_at("/api/v1/nowhere")).await.problem(404, "not-found");
    let page = Answer::to(looked_at("/nowhere/at-all")).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(page.text().contains("<h1") && page.text().contains("leads nowhere"), "{}", page.text());
    // What is there answers as before.
    assert_eq!(Answer::to(looked_at("/healthz")).await.status, 200);
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    assert_eq!(browser.get("/w/default/search?q=ann").await.status, 200);
}
