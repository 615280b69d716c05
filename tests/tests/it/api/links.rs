//! What the links in invitations lead to.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use herald_invitations as domain;
use herald_providers::files::{Area, Key, folder};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use uuid::Uuid;

use super::{Answer, Service, worker};

on_both_engines! {
    a_link_shows_the_invitation_once_it_is_made,
    a_link_never_shows_anything_but_its_own_invitation,
    a_link_stays_open_while_its_invitation_is_made_anew,
    a_link_that_was_changed_leads_nowhere,
    a_link_expires,
}

const DAY: Duration = Duration::from_secs(86_400);

/// One guest's run, imported; the path of the guest's link.
async fn invited(service: &Service) -> (Uuid, String) {
    service.template().await;
    let run = service.run("name,table\nAna Example,1\n").await;
    worker::import(service, run, &["Ana Example"]).await;
    let guests = domain::run_guests(&service.db, service.workspace, run, None, None, 1).await.unwrap();
    let path = guests[0].link.strip_prefix(&format!("http://{}", service.address)).unwrap().to_owned();
    (run, path)
}

async fn a_link_shows_the_invitation_once_it_is_made(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (_, path) = invited(&service).await;
    let open = |method: Method| Answer::to(service.open(method, &path));
    let early = open(Method::GET).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
    assert!(early.text().contains("not ready yet"), "{}", early.text());
    worker::finish(&service, &[Ok(())]).await;
    let shown = open(Method::GET).await;
    assert_eq!((shown.status, shown.text().as_str()), (StatusCode::OK, "a picture"));
    for (header, value) in [
        ("content-type", "image/png"),
        ("content-length", "9"),
        ("content-disposition", "inline"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, max-age=300"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(shown.header(header), value, "{header}");
    }
    let head = open(Method::HEAD).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!((head.header("content-type"), head.header("content-length")), ("image/png", "9"));
    open(Method::POST).await.problem(405, "method-not-allowed");
    // A file that is gone is not a guest's fault.
    let file: Vec<String> =
        service.files.list(&folder(service.workspace, Area::Invitations)).try_collect().await.unwrap();
    std::fs::remove_file(service.files.place(&file[0])).unwrap();
    assert_eq!(open(Method::GET).await.status, StatusCode::NOT_FOUND);
}

async fn a_link_stays_open_while_its_invitation_is_made_anew(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    let (_, path) = invited(&service).await;
    worker::finish(&service, &[Ok(())]).await;
    let form = super::Form::of("Gala", "gala", "name,table\nAna Example,1\n").text("refresh", "true");
    let again = service.post_form("/api/v1/invitation-runs", form).await.json();
    let again = again["id"].as_str().unwrap().parse().unwrap();
    worker::import(&service, again, &["Ana Example"]).await;
    assert_eq!(Answer::to(service.open(Method::GET, &path)).await.text(), "a picture");
}

/// The file that an invitation's row names.
async fn file_of(service: &Service, run: Uuid) -> Key {
    let guests = domain::run_guests(&service.db, service.workspace, run, None, None, 1).await.unwrap();
    Key::known(service.workspace, guests[0].file.as_deref().unwrap()).unwrap()
}

async fn a_link_never_shows_anything_but_its_own_invitation(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (run, path) = invited(&service).await;
    worker::finish(&service, &[Ok(())]).await;
    let open = async || Answer::to(service.open(Method::GET, &path)).await;
    assert_eq!(open().await.text(), "a picture");
    // Somebody else's bytes came to lie under its name.
    let file = file_of(&service, run).await;
    service.files.put(&file, Bytes::from_static(b"not Ana's")).await.unwrap();
    for _ in 0..2 {
        let shown = open().await;
        assert_eq!(shown.status, StatusCode::NOT_FOUND);
        assert!(shown.text().contains("not ready yet"), "{}", shown.text());
    }
    // It is drawn anew, once, and has its number and link still.
    let drawn = service.get("/api/v1/jobs?kind=invitation.render&state=ready").await.json();
    assert_eq!(drawn["items"].as_array().unwrap().len(), 1, "{drawn}");
    worker::finish(&service, &[Ok(())]).await;
    assert_eq!(open().await.text(), "a picture");
    let run = domain::find_run(&service.db, service.workspace, run).await.unwrap().unwrap();
    assert_eq!((run.state.as_str(), run.made, run.total), ("complete", 1, 1));
}

async fn a_link_that_was_changed_leads_nowhere(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (_, path) = invited(&service).await;
    worker::finish(&service, &[Ok(())]).await;
    let strange = service.links.link(service.db.new_id(), service.links.expiry(service.db.now()));
    let strange = strange.strip_prefix(&format!("http://{}", service.address)).unwrap().to_owned();
    let cut = path[..path.len() - 4].to_owned();
    let mut forged = path.clone();
    forged.replace_range(5..6, if &forged[5..6] == "A" { "B" } else { "A" });
    for path in [strange, cut, forged, "/i/x".to_owned(), "/i/%00".to_owned(), "/i/%ff".to_owned()] {
        let page = Answer::to(service.open(Method::GET, &path)).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.text().contains("does not lead to an invitation"), "{}", page.text());
    }
}

async fn a_link_expires(database: &TestDatabase) {
    let service = Service::start(database).await;
    let (_, path) = invited(&service).await;
    worker::finish(&service, &[Ok(())]).await;
    service.db.clock().advance(364 * DAY);
    assert_eq!(Answer::to(service.open(Method::GET, &path)).await.status, StatusCode::OK);
    service.db.clock().advance(2 * DAY);
    let gone = Answer::to(service.open(Method::GET, &path)).await;
    assert_eq!(gone.status, StatusCode::GONE);
    assert!(gone.text().contains("expired"));
    assert_eq!(gone.header("cache-control"), "no-store");
}
