//! Every way to fail does what it says, and no more.

use std::time::Duration;

use herald_tests::fakes::{FakeGoogle, FakeMautic, Fault, Faults, GoogleCall, MauticCall, Place};
use reqwest::Method;
use serde_json::json;

use super::{Drive, ask};

#[tokio::test]
async fn a_lost_answer_was_done_and_a_cut_connection_was_not() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    for (fault, files) in [(Fault::CutBefore, 0), (Fault::LostAnswer, 1), (Fault::CutBody, 2)] {
        google.fail_next(GoogleCall::Upload, fault, 1);
        let metadata = json!({"id": drive.new_id().await, "name": "ann.png"});
        drive.upload(Method::POST, "", &metadata, b"ann").await.unwrap_err();
        assert_eq!(google.files().len(), files, "{fault:?}");
    }
    let mautic = FakeMautic::start().await;
    let ann = mautic.add_contact(&[]);
    mautic.fail_next(MauticCall::Edit, Fault::LostAnswer, 1);
    ask(&mautic, Method::PATCH, &format!("/contacts/{ann}/edit"), Some(json!({"city": "Bonn"}))).await.unwrap_err();
    assert_eq!(mautic.contact(ann).unwrap()["city"], "Bonn");
    assert_eq!((mautic.faults().left(), google.faults().left()), (0, 0));
}

#[tokio::test]
async fn a_repeating_proxy_brings_the_second_answer() {
    let google = FakeGoogle::start().await;
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    google.fail_next(GoogleCall::Upload, Fault::Twice, 2);
    let metadata = json!({"id": drive.new_id().await});
    assert_eq!(drive.put(&metadata, b"ann").await.reason(), "fileIdInUse");
    assert_eq!(google.files().len(), 1);
    drive.put(&json!({"name": "without id"}), b"ann").await;
    assert_eq!(google.files().len(), 3, "without an id of one's own it is there twice");
    assert_eq!(google.requests(GoogleCall::Upload), 4);
}

#[tokio::test]
async fn errors_have_each_services_own_shape() {
    let (google, mautic) = (FakeGoogle::start().await, FakeMautic::start().await);
    let drive = Drive::of_user(&google, FakeGoogle::DRIVE_FILE).await;
    let list = async |fault| {
        google.fail_next(GoogleCall::List, fault, 1);
        drive.get("/files").await
    };
    assert_eq!(list(Fault::Server(503)).await.reason(), "backendError");
    assert!(list(Fault::Server(502)).await.header("content-type").starts_with("text/html"));
    let said = list(Fault::TooMany { retry_after: Some(7) }).await;
    assert_eq!((said.status, said.reason().as_str(), said.header("retry-after")), (429, "rateLimitExceeded", "7"));
    assert_eq!(list(Fault::TooMany { retry_after: None }).await.header("retry-after"), "");
    // An expired token stays expired.
    assert_eq!(list(Fault::Expired).await.reason(), "authError");
    assert_eq!(drive.get("/files").await.status, 401);

    let contacts = async |fault| {
        mautic.fail_next(MauticCall::Contacts, fault, 1);
        ask(&mautic, Method::GET, "/contacts", None).await.unwrap()
    };
    let said = contacts(Fault::TooMany { retry_after: Some(7) }).await;
    assert_eq!((said.status, said.json()["errors"][0]["code"].as_u64()), (429, Some(429)));
    assert_eq!((said.header("retry-after"), contacts(Fault::Server(500)).await.status), ("7", 500));
    let said = contacts(Fault::Reason("api_disabled")).await;
    assert_eq!((said.status, said.json()["errors"][0]["type"].as_str()), (403, Some("api_disabled")));
}

#[tokio::test]
async fn answers_to_later_requests_overtake_a_late_one() {
    let mautic = FakeMautic::start().await;
    let ann = mautic.add_contact(&[]);
    mautic.fail_next(MauticCall::Edit, Fault::Late(Duration::from_secs(3600)), 1);
    let path = format!("/contacts/{ann}/edit");
    let first = ask(&mautic, Method::PATCH, &path, Some(json!({"city": "Bonn"})));
    let mut first = std::pin::pin!(first);
    let done = herald_tests::wait_until("the first is done", async || {
        mautic.contact(ann).unwrap().get("city").is_some_and(|city| city == "Bonn")
    });
    tokio::select! {
        _ = &mut first => panic!("its answer is late"),
        () = done => {}
    }
    let later = tokio::select! {
        _ = &mut first => panic!("its answer is late"),
        later = ask(&mautic, Method::PATCH, &path, Some(json!({"city": "Kiel"}))) => later.unwrap(),
    };
    assert_eq!(later.status, 200);
    assert_eq!(mautic.contact(ann).unwrap()["city"], "Kiel");
}

#[tokio::test]
async fn a_service_that_is_down_answers_nothing_until_it_is_up() {
    let mautic = FakeMautic::start().await;
    mautic.faults().down(true);
    ask(&mautic, Method::GET, "/contacts", None).await.unwrap_err();
    mautic.faults().down(false);
    assert_eq!(ask(&mautic, Method::GET, "/contacts", None).await.unwrap().status, 200);
    assert_eq!((mautic.faults().injected()["down"], mautic.requests(MauticCall::Contacts)), (1, 1));
}

#[tokio::test]
async fn the_same_seed_fails_the_same_requests() {
    let run = async |seed| {
        let mautic = FakeMautic::start_at(&Place { faults: Faults::random(seed, 0.3), ..Place::default() }).await;
        let mut met = Vec::new();
        for _ in 0..60 {
            met.push(ask(&mautic, Method::GET, "/contacts", None).await.map(|said| said.status).ok());
        }
        (met, mautic.faults().injected())
    };
    let (one, same, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(one, same);
    assert_ne!(one.0, other.0);
}
