//! Google's client without Google.

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

/// Of nobody: made once a run of these tests, so that none has to be kept.
static KEY: LazyLock<String> = LazyLock::new(|| {
    let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
});
