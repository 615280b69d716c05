//! Pictures of a page that cannot be had.

use herald_people::Role;
use herald_tests::{TestDatabase, on_both_engines};

use super::{Browser, Page};
use crate::api::Service;

on_both_engines! { a_missing_picture_is_answered_by_a_line_and_a_person_by_a_page }

/// How browsers ask for a picture within a page: with its destination, and before they told it.
const AS_PICTURE: [&[(&str, &str)]; 2] = [
    &[("accept", "image/avif,image/webp,image/*,*/*;q=0.8"), ("sec-fetch-dest", "image")],
    &[("accept", "image/avif,image/webp,image/*,*/*;q=0.8")],
];
/// How a person asks who opens the picture alone.
const AS_PAGE: &[(&str, &str)] = &[("accept", "text/html,image/avif,*/*;q=0.8"), ("sec-fetch-dest", "document")];

fn is_a_line(page: &Page) -> bool {
    page.header("content-type").starts_with("text/plain") && page.text.len() < 200 && page.text.lines().count() == 1
}

async fn a_missing_picture_is_answered_by_a_line_and_a_person_by_a_page(database: &TestDatabase) {
    let service = Service::start(database).await;
    let browser = Browser::member(&service, "ann@example.com", Role::Staff).await;
    let gone = "00000000-0000-7000-8000-000000000000";
    for path in [
        format!("/w/default/runs/{gone}/guests/{gone}/picture"),
        format!("/w/default/runs/{gone}/guests/{gone}/invitation?width=96"),
        format!("/w/default/runs/checks/{gone}/samples/1"),
        format!("/w/default/templates/{gone}/preview"),
        format!("/w/default/templates/{gone}/draft"),
        format!("/w/elsewhere/templates/{gone}/preview"),
    ] {
        for headers in AS_PICTURE {
            let picture = browser.get_as(&path, headers).await;
            assert!(picture.status == 404 && is_a_line(&picture), "{path}: {} {}", picture.status, picture.text);
            assert_eq!(picture.header("cache-control"), "no-store", "{path}");
        }
        let page = browser.get_as(&path, AS_PAGE).await;
        assert!(page.status == 404 && page.text.contains("<h1"), "{path}: {} {}", page.status, page.text);
    }
    browser.forget();
    let path = format!("/w/default/templates/{gone}/preview");
    let picture = browser.get_as(&path, AS_PICTURE[0]).await;
    assert!(picture.status == 401 && is_a_line(&picture), "{} {}", picture.status, picture.text);
    let page = browser.get_as(&path, AS_PAGE).await;
    assert!(page.status == 303 && page.header("location").starts_with("/sign-in?then="), "{}", page.status);
}
