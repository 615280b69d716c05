//! Google: how Herald authenticates itself, and Drive.
//!
//! There are three identities at Google ([`GoogleAuth`]): a service account, a service account that acts as a person of
//! its domain, and a person's consent. Each leads to an access token for an hour, which [`Tokens`] keeps. [`Drive`]
//! uses the token for its calls, and [`check()`] reports all obstacles.

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

/// The scope that Herald asks for: all of the account's Drive.
///
/// `…/auth/drive.file` would be narrower, but it covers only files that the app itself created. A folder that a person
/// created by hand and names in Herald would be invisible to it
/// (<https://developers.google.com/workspace/drive/api/guides/api-specific-auth>).
pub const DRIVE_SCOPE: &str = "https://www.googleapis.com/auth/drive";
