//! The service account's key: made once per process, so that none has to be kept in the repository.

use std::sync::OnceLock;

use rsa::{
    RsaPrivateKey,
    pkcs1v15::{Signature, VerifyingKey},
    pkcs8::{EncodePrivateKey, LineEnding},
    rand_core::OsRng,
    sha2::Sha256,
    signature::Verifier,
};

/// The key's id.
pub(super) const ID: &str = "herald-test-key-1";

const BITS: usize = 2048;

fn key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, BITS).expect("a key of 2048 bits can be made"))
}

/// The private key as PKCS#8.
pub(super) fn private_pem() -> String {
    key().to_pkcs8_pem(LineEnding::LF).expect("a key can be written").to_string()
}

/// Whether the private key signed that, with RSASSA-PKCS1-v1_5 and SHA-256.
pub(super) fn signed(text: &str, signature: &[u8]) -> bool {
    let verifying = VerifyingKey::<Sha256>::new(key().to_public_key());
    Signature::try_from(signature).is_ok_and(|signature| verifying.verify(text.as_bytes(), &signature).is_ok())
}
