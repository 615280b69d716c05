//! Tokens: 256 random bits behind a word that says what they are. They are shown once; the database keeps their
//! SHA-256.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use herald_base::ids::Ids;

/// A new token.
pub(super) fn new(prefix: &str, ids: &Ids) -> String {
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(ids.bytes::<32>()))
}

/// The kept form of a token. Rows are looked up by it, so the time of a comparison tells something of the hash, not of
/// the token.
pub(super) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}
