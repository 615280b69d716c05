//! Encrypts secrets at rest, with a key that does not lie in the database.
//!
//! It uses XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), whose nonces are long enough to be drawn at random. A sealed
//! value is bound to its place: a row that is copied over another one does not open. Layout: `key id (8) ‖ nonce (24) ‖
//! ciphertext and tag`.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{ids::Ids, settings::SettingsError};

const KEY_ID: usize = 8;
const NONCE: usize = 24;

/// The installation's keys. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    /// The first key seals; all keys open.
    keys: Vec<Key>,
    ids: Ids,
}

#[derive(Clone)]
struct Key {
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
    /// The key for data that are not secret but must not be forged: see [`Sealer`].
    seal: [u8; 32],
}

/// Seals data that everybody may read and nobody else may write. The seals are keyed hashes (HMAC-SHA256) with keys
/// that do not lie in the database. Cheap to clone.
#[derive(Clone)]
pub struct Sealer(std::sync::Arc<[([u8; KEY_ID], [u8; 32])]>);

/// The result of checking a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// The data are the ones that were sealed.
    True,
    /// The data are not the ones that were sealed.
    False,
    /// The data were sealed with a key that this process does not have.
    OtherKey,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.0.len()).finish()
    }
}

impl Sealer {
    fn mac(key: &[u8; 32], label: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
        // Each part is hashed with its length, so that no two lists of parts give the same bytes.
        for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }

    /// Returns the seal of these parts: the key's id and the hash, in hex, separated by a colon.
    pub fn seal(&self, label: &str, parts: &[&[u8]]) -> String {
        let (id, key) = &self.0[0];
        format!("{}:{}", hex::encode(id), hex::encode(Self::mac(key, label, parts).finalize().into_bytes()))
    }

    /// Returns the seals that these parts have under each of the keys, the current one first.
    pub fn seals(&self, label: &str, parts: &[&[u8]]) -> Vec<String> {
        let seal = |(id, key): &(_, _)| {
            format!("{}:{}", hex::encode(id), hex::encode(Self::mac(key, label, parts).finalize().into_bytes()))
        };
        self.0.iter().map(seal).collect()
    }

    /// Checks whether a seal belongs to these parts.
    pub fn check(&self, label: &str, parts: &[&[u8]], seal: &str) -> Sealed {
        let Some((id, hash)) = seal.split_once(':') else { return Sealed::False };
        let Some((_, key)) = self.0.iter().find(|(known, _)| hex::encode(known) == id) else { return Sealed::OtherKey };
        let hash = hex::decode(hash).unwrap_or_default();
        match Self::mac(key, label, parts).verify_slice(&hash) {
            Ok(()) => Sealed::True,
            Err(_) => Sealed::False,
        }
    }
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The value was sealed with a key that this process does not have.
    #[error(
        "this process does not have the key for it: give every process the same secrets.key (with older keys after \
         the first), or enter the credentials again"
    )]
    OtherKey,
    /// The value is not the one that was sealed for this place.
    #[error("it is damaged, or was copied from another place: enter the credentials again")]
    Damaged,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Creates a vault that seals with `first`, and opens values that this key or one of `older` sealed.
    pub fn new(first: [u8; 32], older: impl IntoIterator<Item = [u8; 32]>, ids: Ids) -> Self {
        let keys = std::iter::once(first).chain(older).map(|key| Key::new(&key)).collect();
        Self { keys, ids }
    }

    /// Seals a value for `place`, such as `connection:…`.
    pub fn seal<T: Serialize>(&self, place: &str, value: &T) -> Vec<u8> {
        let plain: SecretSlice<u8> = serde_json::to_vec(value).expect("secrets are plain data").into();
        let key = self.keys.first().expect("a vault has a key");
        let nonce = self.ids.bytes::<NONCE>();
        let payload = Payload { msg: plain.expose_secret(), aad: place.as_bytes() };
        let sealed =
            key.cipher.encrypt(XNonce::from_slice(&nonce), payload).expect("a secret is far from the cipher's limit");
        [key.id.as_slice(), &nonce, &sealed].concat()
    }

    /// Opens a value that was sealed for `place`.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open<T: DeserializeOwned>(&self, place: &str, sealed: &[u8]) -> Result<T, VaultError> {
        let (id, rest) = sealed.split_at_checked(KEY_ID).ok_or(VaultError::Damaged)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(VaultError::Damaged)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(VaultError::OtherKey)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let plain: SecretSlice<u8> =
            key.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| VaultError::Damaged)?.into();
        serde_json::from_slice(plain.expose_secret()).map_err(|_| VaultError::Damaged)
    }

    /// Returns a sealer with this vault's keys.
    pub fn sealer(&self) -> Sealer {
        Sealer(self.keys.iter().map(|key| (key.id, key.seal)).collect())
    }

    /// Whether the value was sealed with the current key.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|key| sealed.starts_with(&key.id))
    }
}

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"herald secrets key id 1");
        hash.update(key);
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&hash.finalize()[..KEY_ID]);
        let mut seal = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
        seal.update(b"herald seal key 1");
        Self { id, cipher: XChaCha20Poly1305::new(key.into()), seal: seal.finalize().into_bytes().into() }
    }
}

/// `[secrets]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct SecretsSettings {
    pub key: String,
    pub key_file: String,
}

impl fmt::Debug for SecretsSettings {
    /// Omits the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl SecretsSettings {
    /// Returns the keys of the settings: the first one seals, the others still open older values. If there are none,
    /// the data folder has the key.
    ///
    /// # Errors
    /// [`SettingsError::Key`] when one is not 64 hexadecimal digits.
    pub fn keys(&self) -> Result<Vec<[u8; 32]>, SettingsError> {
        crate::settings::keys("secrets.key", &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(first: u8, older: &[u8]) -> Vault {
        Vault::new([first; 32], older.iter().map(|key| [*key; 32]), Ids::seeded(1))
    }

    #[test]
    fn what_is_sealed_opens_only_in_its_place_and_does_not_show() {
        let sealed = vault(1, &[]).seal("connection:a", &"hunter2");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(vault(1, &[]).open::<String>("connection:a", &sealed).as_deref(), Ok("hunter2"));
        assert_eq!(vault(1, &[]).open::<String>("connection:b", &sealed), Err(VaultError::Damaged));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault(1, &[]).open::<String>("connection:a", &changed).is_err(), "byte {at}");
        }
        assert_eq!(vault(1, &[]).open::<String>("connection:a", &sealed[..20]), Err(VaultError::Damaged));
    }

    #[test]
    fn an_older_key_still_opens_and_the_new_one_seals() {
        let old = vault(1, &[]).seal("x", &1);
        let both = vault(2, &[1]);
        assert_eq!(both.open::<i32>("x", &old), Ok(1));
        assert!(!both.is_current(&old));
        assert!(both.is_current(&both.seal("x", &1)));
        assert_eq!(vault(2, &[]).open::<i32>("x", &old), Err(VaultError::OtherKey));
    }

    #[test]
    fn a_seal_holds_for_its_parts_alone_and_with_older_keys() {
        let seal = vault(1, &[]).sealer().seal("audit", &[b"ab", b"c"]);
        let check = |vault: Vault, label: &str, parts: &[&[u8]]| vault.sealer().check(label, parts, &seal);
        assert_eq!(check(vault(1, &[]), "audit", &[b"ab", b"c"]), Sealed::True);
        assert_eq!(check(vault(2, &[1]), "audit", &[b"ab", b"c"]), Sealed::True);
        assert_eq!(check(vault(1, &[]), "audit", &[b"a", b"bc"]), Sealed::False);
        assert_eq!(check(vault(1, &[]), "other", &[b"ab", b"c"]), Sealed::False);
        assert_eq!(check(vault(2, &[]), "audit", &[b"ab", b"c"]), Sealed::OtherKey);
        assert_eq!(vault(1, &[]).sealer().check("audit", &[], "abc"), Sealed::False);
    }

    #[test]
    fn the_same_secret_is_never_sealed_to_the_same_bytes() {
        let vault = vault(1, &[]);
        assert_ne!(vault.seal("x", &1), vault.seal("x", &1));
    }
}
