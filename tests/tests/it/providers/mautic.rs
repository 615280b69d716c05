//! Mautic: whom it lists, where their pictures are, what is written to them, and how it fails.

mod access;
mod reading;
mod writing;

use std::time::Duration;

use herald_base::clock::Clock;
use herald_providers::{
    Http, HttpSettings,
    mautic::{Mautic, MauticAuth, MauticSecret, MauticSettings},
};
use herald_tests::fakes::FakeMautic;

/// A client as the user that the server knows.
fn user(server: &FakeMautic) -> Mautic {
    let auth = MauticAuth::Basic { user: FakeMautic::USER.to_owned() };
    connect(&server.url(), auth, FakeMautic::PASSWORD, Clock::system())
}

/// A client as the OAuth 2 client that the server knows.
fn client(server: &FakeMautic, clock: &Clock) -> Mautic {
    let auth = MauticAuth::Client { client_id: FakeMautic::CLIENT_ID.to_owned() };
    connect(&server.url(), auth, FakeMautic::CLIENT_SECRET, clock.clone())
}

fn connect(url: &str, auth: MauticAuth, secret: &str, clock: Clock) -> Mautic {
    let limits = HttpSettings { total_timeout: Duration::from_secs(20), ..HttpSettings::default() };
    let settings = MauticSettings { url: url.to_owned(), auth };
    let secret = MauticSecret { secret: secret.into(), webhook_secret: None };
    Mautic::new(Http::new(&limits).unwrap(), &settings, &secret, clock).unwrap()
}

/// So many contacts; their ids.
fn guests(server: &FakeMautic, count: usize) -> Vec<i64> {
    let add = |nth: usize| {
        let email = format!("guest{nth}@example.com");
        let id = server.add_contact(&[("firstname", "Ann"), ("lastname", "Example"), ("email", &email)]);
        i64::try_from(id).unwrap()
    };
    (0..count).map(add).collect()
}

fn unsigned(id: i64) -> u64 {
    u64::try_from(id).unwrap()
}
