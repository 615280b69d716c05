//! Google's client against a Google of the test's own.

mod access;
mod files;
mod folders;
mod pieces;

use std::collections::BTreeMap;

use bytes::Bytes;
use herald_base::clock::Clock;
use herald_providers::{
    Http, HttpSettings, Meter,
    google::{Drive, Endpoints, GoogleAuth, GoogleSecret, NewFile, ServiceAccount, Tokens, UploadSizes},
};
use herald_tests::fakes::FakeGoogle;
use sha2::{Digest, Sha256};
use url::Url;

fn http() -> Http {
    Http::new(&HttpSettings::default()).unwrap()
}

fn endpoints(google: &FakeGoogle) -> Endpoints {
    Endpoints::at(&Url::parse(&google.origin()).unwrap())
}

/// Large files are those of more than 300 KiB, and go in pieces of 256 KiB.
fn drive(google: &FakeGoogle, (auth, secret): (GoogleAuth, GoogleSecret)) -> Drive {
    let tokens = Tokens::new(http(), endpoints(google), auth, secret, Clock::system()).unwrap();
    Drive::new(http(), tokens, endpoints(google)).with_sizes(UploadSizes { whole: 300 << 10, chunk: 256 << 10 })
}

fn account(google: &FakeGoogle, subject: Option<&str>) -> (GoogleAuth, GoogleSecret) {
    ServiceAccount::parse(&google.service_account_key_json()).unwrap().connection(subject.map(str::to_owned))
}

fn person(google: &FakeGoogle) -> (GoogleAuth, GoogleSecret) {
    let refresh_token = Some(google.consented(FakeGoogle::DRIVE).into());
    (
        GoogleAuth::User { client_id: FakeGoogle::CLIENT_ID.to_owned() },
        GoogleSecret::User { client_secret: FakeGoogle::CLIENT_SECRET.into(), refresh_token },
    )
}

/// As a person who has a folder.
async fn with_folder() -> (FakeGoogle, Drive, String) {
    let google = FakeGoogle::start().await;
    let folder = google.add_folder("Gala");
    let drive = drive(&google, person(&google));
    (google, drive, folder)
}

async fn new_file(drive: &Drive, folder: &str, content: impl Into<Bytes>) -> NewFile {
    let id = drive.reserve_ids(1, &Meter::free()).await.unwrap().remove(0);
    let file = NewFile {
        id,
        name: "invite-7.png".to_owned(),
        mime_type: "image/png".to_owned(),
        parent: folder.to_owned(),
        app_properties: BTreeMap::from([("contact".to_owned(), "7".to_owned())]),
        bytes: Bytes::new(),
        sha256: String::new(),
    };
    with_content(&file, content)
}

fn with_content(file: &NewFile, content: impl Into<Bytes>) -> NewFile {
    let bytes = content.into();
    NewFile { sha256: hex::encode(Sha256::digest(&bytes)), bytes, ..file.clone() }
}

/// Content that differs everywhere, so that pieces cannot be mistaken for each other.
fn large(pieces: usize, seed: u8) -> Vec<u8> {
    let end = pieces * (256 << 10) + 1000;
    (0..end).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect()
}
