//! Tests of Google's client without Google.

mod errors;
mod key_file;
mod server;
mod tokens;

use std::sync::LazyLock;

use rsa::{
    RsaPrivateKey,
    pkcs8::{EncodePrivateKey, LineEnding},
    rand_core::OsRng,
};

/// A key that belongs to no account. Each run of these tests creates it, so that none has to be stored.
static KEY: LazyLock<String> = LazyLock::new(|| {
    let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
});
