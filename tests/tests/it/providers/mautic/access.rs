//! Who may ask, what it costs, and what a test of the connection says.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_base::clock::Clock;
use herald_db::{Db, EngineKind, query};
use herald_ledger as ledger;
use herald_ledger::QueueLimits;
use herald_providers::{
    Class, Finding, Meter, ProviderError, Result,
    mautic::{Fields, Mautic, MauticAuth, MauticContact, Selection, check},
};
use herald_tests::{
    TestDatabase,
    fakes::{FakeMautic, Fault, MauticCall, Place},
    wait_until,
};

use super::{client, connect, guests, user};
use crate::ground::QUEUE;

async fn read(mautic: &Mautic) -> Result<Vec<MauticContact>> {
    read_for(mautic, &Meter::free()).await
}

async fn read_for(mautic: &Mautic, meter: &Meter) -> Result<Vec<MauticContact>> {
    mautic.contacts_after(&Selection::Search(String::new()), 0, 10, None, meter).await
}

fn basic(url: &str, password: &str) -> Mautic {
    connect(url, MauticAuth::Basic { user: FakeMautic::USER.to_owned() }, password, Clock::system())
}

#[track_caller]
fn assert_says(error: &ProviderError, class: Class, says: &str) {
    assert_eq!(error.class, class, "{error}");
    assert!(error.message.contains(says), "{error}");
    for secret in [FakeMautic::PASSWORD, FakeMautic::CLIENT_SECRET, "hunter2", "mautic-token", "example.com"] {
        assert!(!format!("{error:?}").contains(secret), "{error}");
    }
}

#[tokio::test]
async fn one_token_serves_all_until_a_minute_before_its_end() {
    let clock = Clock::manual(DateTime::UNIX_EPOCH);
    let server = FakeMautic::start_at(&Place { clock: clock.clone(), ..Place::default() }).await;
    guests(&server, 3);
    let mautic = client(&server, &clock);
    let clones = [mautic.clone(), mautic.clone(), mautic.clone(), mautic.clone()];
    let all = futures::future::join_all(clones.iter().map(read)).await;
    assert!(all.iter().all(|page| page.as_ref().is_ok_and(|page| page.len() == 3)));
    assert_eq!(server.requests(MauticCall::Token), 1);
    clock.advance(Duration::from_secs(3539));
    read(&mautic).await.unwrap();
    assert_eq!(server.requests(MauticCall::Token), 1);
    clock.advance(Duration::from_secs(1));
    read(&mautic).await.unwrap();
    assert_eq!(server.requests(MauticCall::Token), 2);
    assert_eq!(server.requests(MauticCall::Contacts), 6, "no request was refused");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let server = FakeMautic::start().await;
    let mautic = client(&server, &Clock::system());
    read(&mautic).await.unwrap();
    server.expire_tokens();
    let all = futures::future::join_all([read(&mautic), read(&mautic), read(&mautic)]).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.requests(MauticCall::Token), 2);

    server.fail_next(MauticCall::Contacts, Fault::Expired, 2);
    assert_says(&read(&mautic).await.unwrap_err(), Class::Auth, "a token that it has just issued");
    assert_eq!(server.requests(MauticCall::Token), 3);
    read(&mautic).await.unwrap();
}

#[tokio::test]
async fn whoever_mautic_does_not_let_in_is_told_what_to_do() {
    let server = FakeMautic::start().await;
    assert_says(&read(&basic(&server.url(), "hunter2")).await.unwrap_err(), Class::Auth, "user or password is wrong");
    let auth = MauticAuth::Client { client_id: FakeMautic::CLIENT_ID.to_owned() };
    let wrong = connect(&server.url(), auth, "hunter2", Clock::system());
    assert_says(&read(&wrong).await.unwrap_err(), Class::Auth, "public and secret key");

    server.enable_basic(false);
    assert_says(&read(&user(&server)).await.unwrap_err(), Class::Config, "turn on HTTP basic auth");
    read(&client(&server, &Clock::system())).await.unwrap();
    server.enable_api(false);
    for mautic in [user(&server), client(&server, &Clock::system())] {
        assert_says(&read(&mautic).await.unwrap_err(), Class::Config, "turn on the API in Mautic");
    }
}

#[tokio::test]
async fn a_mautic_that_is_away_or_busy_is_waited_for() {
    let server = FakeMautic::start().await;
    let mautic = user(&server);
    for (fault, class, says) in [
        (Fault::Server(500), Class::Transient, "500"),
        (Fault::Server(502), Class::Down, "not available"),
        (Fault::Server(503), Class::Down, "not available"),
        (Fault::CutBefore, Class::Down, "closed the connection before"),
        (Fault::CutBody, Class::Down, "closed the connection before"),
    ] {
        server.fail_next(MauticCall::Contacts, fault, 1);
        assert_says(&read(&mautic).await.unwrap_err(), class, says);
    }
    server.limit(Some(1), Duration::from_secs(3600));
    read(&mautic).await.unwrap();
    let error = read(&mautic).await.unwrap_err();
    assert_says(&error, Class::Rate, "limit");
    let wait = error.retry_after.unwrap().as_secs();
    assert!((3590..=3600).contains(&wait), "{wait}");
    let url = server.url();
    drop(server);
    assert_eq!(read(&basic(&url, "hunter2")).await.unwrap_err().class, Class::Down);
}

#[tokio::test]
async fn an_address_without_a_mautic_is_named() {
    let server = FakeMautic::start().await;
    let elsewhere = basic(&format!("{}/elsewhere", server.url()), FakeMautic::PASSWORD);
    let error = read(&elsewhere).await.unwrap_err();
    assert_eq!(error.class, Class::Config, "{error}");
    // Whatever was copied from the browser leads to the site.
    for copied in ["/", "/s/dashboard", "/index.php/s/contacts", "/api"] {
        read(&basic(&format!("{}{copied}", server.url()), FakeMautic::PASSWORD)).await.unwrap();
    }
}

#[tokio::test]
async fn every_request_is_paid_for_before_it_is_made() {
    let database = TestDatabase::new(EngineKind::Sqlite).await;
    let server = FakeMautic::start().await;
    let db = &database.db;
    let mut tx = db.begin().await.unwrap();
    let limits = QueueLimits { rate: Some(1), rate_seconds: 3600, ..QueueLimits::default() };
    ledger::set_limits(&mut tx, QUEUE, &limits).await.unwrap();
    tx.commit().await.unwrap();

    // The job has paid for the token, and the rate has one request ready, for the first page. The second page is beyond
    // both.
    let (mautic, meter) = (client(&server, &Clock::system()), herald_accounts::meter_of_job(db, QUEUE, 1));
    read_for(&mautic, &meter).await.unwrap();
    let second = tokio::spawn({
        let mautic = mautic.clone();
        async move { read_for(&mautic, &meter).await }
    });
    wait_until("the second page takes its place in the rate", async || paced_until(db).await > Some(db.now())).await;
    assert_eq!((server.requests(MauticCall::Token), server.requests(MauticCall::Contacts)), (1, 1));
    db.clock().advance(Duration::from_secs(2 * 3600));
    second.await.unwrap().unwrap();
    assert_eq!(server.requests(MauticCall::Contacts), 2);
}

async fn paced_until(db: &Db) -> Option<DateTime<Utc>> {
    let found: Option<(Option<DateTime<Utc>>,)> =
        query("select paced_until from queues where name = $1").bind(QUEUE).optional(db).await.unwrap();
    found.and_then(|(until,)| until)
}

fn wrong(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter(|finding| !finding.ok).map(|finding| finding.text.as_str()).collect()
}

#[tokio::test]
async fn a_test_of_the_connection_finds_what_would_fail_later() {
    let server = FakeMautic::start().await;
    guests(&server, 2);
    // More fields than Mautic sends at a time.
    for nth in 0..40 {
        server.add_field(&format!("extra_{nth}"), "text", 64);
    }
    server.add_field("invitation_link", "url", 191);
    server.add_field("lucky_number", "text", 64);
    server.add_form(3, "Gala", &[("photo", "file")]);
    server.add_form(4, "Newsletter", &[("email", "email")]);
    let fields = |link: &str| Fields::new(link, Some("lucky_number".to_owned())).unwrap();
    for mautic in [user(&server), client(&server, &Clock::system())] {
        let findings = check(&mautic, Some(&fields("invitation_link")), Some(3)).await;
        assert_eq!(wrong(&findings), Vec::<&str>::new());
        let texts: Vec<_> = findings.iter().map(|finding| finding.text.as_str()).collect();
        let expected = ["Mautic 5.2.1", "2 contacts", "«invitation_link»", "«lucky_number»", "«Gala»", "«photo»"];
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        assert!(texts.iter().zip(expected).all(|(text, expected)| text.contains(expected)), "{texts:?}");
    }
    assert_eq!(check(&user(&server), None, None).await.len(), 2);

    server.make_unique("extra_2");
    for (link, form, says) in [
        ("extra_1", None, "accepts only 64 characters"),
        ("extra_2", None, "is a unique identifier"),
        ("nowhere", None, "there is no contact field «nowhere»"),
        ("invitation_link", Some(4), "no upload field"),
        ("invitation_link", Some(5), "no form 5"),
    ] {
        let findings = check(&user(&server), Some(&fields(link)), form).await;
        let wrong = wrong(&findings);
        assert_eq!(wrong.len(), 1, "{findings:?}");
        assert!(wrong[0].contains(says), "{wrong:?}");
    }
    server.enable_api(false);
    let findings = check(&user(&server), Some(&fields("invitation_link")), Some(3)).await;
    assert_eq!(findings.len(), 1);
    assert!(wrong(&findings)[0].starts_with("turn on the API"), "{findings:?}");
}
