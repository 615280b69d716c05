//! Google's token server and Drive v3 for tests, under one origin.
//!
//! It keeps what shows only in production: signatures and PKCE are verified, a bare service account has no storage, an
//! id in use is 409, `fields` decides what is answered, items of shared drives need `supportsAllDrives`, a scope of
//! `drive.file` sees only what the app made, a search may lag behind, quotas are counted.
//!
//! Shapes follow <https://developers.google.com/workspace/drive/api/reference/rest/v3> and
//! <https://developers.google.com/identity/protocols/oauth2>.

mod auth;
mod calls;
mod consent;
mod create;
mod errors;
mod fields;
mod ids;
mod items;
mod jwt;
mod key;
mod list;
mod multipart;
mod page;
mod permissions;
mod query;
mod resource;
mod resumable;
mod settings;
mod state;
mod update;

use std::sync::MutexGuard;

use serde_json::json;

use self::state::State;
pub use self::{
    calls::GoogleCall,
    items::{DriveFile, Permission},
};
use super::{
    faults::{Fault, Faults},
    server::{Place, Server},
};

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeGoogle(Server<State>);

impl FakeGoogle {
    /// The user who consents, and whose My Drive there is.
    pub const USER: &str = "owner@example.com";
    /// The service account.
    pub const SERVICE_ACCOUNT: &str = "herald@herald-test.iam.gserviceaccount.com";
    /// The OAuth client.
    pub const CLIENT_ID: &str = "herald-test.apps.googleusercontent.com";
    /// Its secret.
    pub const CLIENT_SECRET: &str = "a client secret of the test";
    /// The scope that sees everything.
    pub const DRIVE: &str = "https://www.googleapis.com/auth/drive";
    /// The scope that sees what the app made.
    pub const DRIVE_FILE: &str = "https://www.googleapis.com/auth/drive.file";

    /// A server on any free port in which nothing fails.
    pub async fn start() -> Self {
        Self::start_at(&Place::default()).await
    }

    /// A server with one user, one service account, one OAuth client and an empty My Drive.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start_at(place: &Place) -> Self {
        let clock = place.clock.clone();
        Self(Server::start(place, |origin| State::new(origin, clock)).await)
    }

    /// Where all of it is.
    pub fn origin(&self) -> String {
        self.0.origin()
    }

    /// The token endpoint.
    pub fn token_uri(&self) -> String {
        format!("{}/token", self.origin())
    }

    /// The consent page.
    pub fn auth_uri(&self) -> String {
        format!("{}/o/oauth2/v2/auth", self.origin())
    }

    /// The base of Drive.
    pub fn drive(&self) -> String {
        format!("{}/drive/v3", self.origin())
    }

    /// The base of Drive's uploads.
    pub fn upload(&self) -> String {
        format!("{}/upload/drive/v3", self.origin())
    }

    /// How its requests fail.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Lets the next `times` requests of a kind fail. [`Fault::Reason`] takes any reason of Drive's errors.
    pub fn fail_next(&self, call: GoogleCall, fault: Fault, times: usize) {
        self.0.faults.fail_next(Some(call.name()), fault, times);
    }

    /// The key file of the service account, as Google's console downloads it. The key is made once per process.
    pub fn service_account_key_json(&self) -> String {
        let file = json!({
            "type": "service_account", "project_id": "herald-test", "private_key_id": key::ID,
            "private_key": key::private_pem(), "client_email": Self::SERVICE_ACCOUNT,
                "client_id": "100000000000000000001",
            "auth_uri": self.auth_uri(), "token_uri": self.token_uri(), "universe_domain": "googleapis.com",
        });
        format!("{file:#}")
    }

    /// The secret file of the OAuth client, as Google's console downloads it.
    pub fn client_secret_json(&self, redirect_uris: &[&str]) -> String {
        let file = json!({"web": {
            "client_id": Self::CLIENT_ID, "project_id": "herald-test", "auth_uri": self.auth_uri(),
            "token_uri": self.token_uri(), "client_secret": Self::CLIENT_SECRET, "redirect_uris": redirect_uris,
        }});
        format!("{file:#}")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}
