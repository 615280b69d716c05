//! Google: how Herald says who it is, and Drive.
//!
//! There are three ways of being somebody at Google ([`GoogleAuth`]): a service account, a
//! service account that acts as a person of its domain, and a person's consent. Each ends in an access token for an
//! hour, which [`Tokens`] keeps; [`Drive`] makes its calls with that, and [`check()`] says what stands in the way.

mod account;
mod check;
mod client_file;
mod consent;
pub mod drive;
mod endpoints;
mod errors;
mod grant;
mod service_account;
mod settings;
mod signer;
mod token;
mod token_endpoint;

#[cfg(test)]
mod tests;

pub use self::account::{GoogleAuth, GoogleSecret};
pub use self::settings::GoogleSettings;
pub use self::{
    check::check,
    client_file::ClientFile,
    consent::Consent,
    drive::{About, Drive, Folder, NewFile, ShareError, Stored, UploadSizes, folder_id},
    endpoints::Endpoints,
    service_account::ServiceAccount,
    signer::Signer,
    token::Tokens,
};

/// What Herald asks leave for: all of the account's Drive.
///
/// `…/auth/drive.file` would sound better, but it covers only what the app made itself: a folder that a person made by
/// hand and names in Herald would not exist for it
/// (<https://developers.google.com/workspace/drive/api/guides/api-specific-auth>).
pub const DRIVE_SCOPE: &str = "https://www.googleapis.com/auth/drive";
