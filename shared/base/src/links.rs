//! Signed links. A person who has a link may see its invitation until the link expires. Nobody can forge a link.
//!
//! The token is `invitation id (16 bytes) ‖ expiry (hours since 1970, 4 bytes) ‖ the form of the token (1 byte) ‖
//! HMAC-SHA256, cut to 16 bytes`, in URL-safe base64: 50 characters, short enough for a coarse QR code.

mod numbered;

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use uuid::Uuid;

use crate::settings::SettingsError;

const SIGNED: usize = 16 + 4 + 1;
const MAC: usize = 16;
/// The length of a short token, in bytes: an id and eight bytes of its signature.
pub const SHORT_TOKEN: usize = 16 + 8;
/// The number of this form of token. A later form gets another number. The signature covers it, too.
const FORM: u8 = 1;

/// Creates and checks links. Cheap to clone.
#[derive(Clone)]
pub struct LinkSigner {
    /// The beginning of every link, without a slash at the end.
    base_url: String,
    /// The same for tracked links, if they have a domain of their own.
    tracking_url: Option<String>,
    /// The first key signs; the other keys still open older links.
    keys: Vec<[u8; 32]>,
    lifetime: Duration,
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSigner").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Why a link does not open an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// This Herald did not create the link, or the link was changed.
    Invalid,
    /// The link has expired.
    Expired,
}

impl LinkSigner {
    /// Creates a signer of links under `base_url`, which are signed with `key` and valid for `lifetime`.
    pub fn new(base_url: &str, key: [u8; 32], lifetime: Duration) -> Self {
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { base_url, tracking_url: None, keys: vec![key], lifetime }
    }

    /// Also opens the links that these keys signed.
    #[must_use]
    pub fn opening(mut self, older: impl IntoIterator<Item = [u8; 32]>) -> Self {
        self.keys.extend(older);
        self
    }

    /// Returns sixteen digits that identify the signing key without revealing it.
    pub fn fingerprint(&self) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.signing_key()).expect("HMAC takes a key of any length");
        mac.update(b"herald link key fingerprint 1");
        hex::encode(&mac.finalize().into_bytes()[..8])
    }

    /// Derives a key for another purpose. It is the same in every process that has the signing key, and does not reveal
    /// that key.
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        derived(self.signing_key(), purpose)
    }

    /// Returns a token that names an id for a purpose: `id ‖ HMAC-SHA256, cut to 16 bytes`, in 43 characters. It does
    /// not expire, and a token for one purpose opens nothing of another.
    pub fn token_for(&self, purpose: &str, id: Uuid) -> String {
        let mut token = [0; 16 + MAC];
        token[..16].copy_from_slice(id.as_bytes());
        token[16..].copy_from_slice(&sign_for(self.signing_key(), purpose, id).finalize().into_bytes()[..MAC]);
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// Returns the id that a token names for a purpose, if one of the keys signed it.
    pub fn open_token_for(&self, purpose: &str, token: &str) -> Option<Uuid> {
        let token: [u8; 16 + MAC] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let id = Uuid::from_bytes(token[..16].try_into().expect("sixteen bytes"));
        // This compares in constant time.
        let signed = |key| sign_for(key, purpose, id).verify_truncated_left(&token[16..]).is_ok();
        self.keys.iter().any(signed).then_some(id)
    }

    /// Returns a token for places with room for few characters, such as the local part of an address: `id ‖
    /// HMAC-SHA256, cut to 8 bytes`. Whoever wants to forge one has to try it here, once for each guess.
    pub fn short_token_for(&self, purpose: &str, id: Uuid) -> [u8; SHORT_TOKEN] {
        let mut token = [0; SHORT_TOKEN];
        token[..16].copy_from_slice(id.as_bytes());
        let mac = sign_for(self.signing_key(), purpose, id).finalize().into_bytes();
        token[16..].copy_from_slice(&mac[..SHORT_TOKEN - 16]);
        token
    }

    /// Returns the id that a short token names for a purpose, if one of the keys signed it.
    pub fn open_short_token_for(&self, purpose: &str, token: [u8; SHORT_TOKEN]) -> Option<Uuid> {
        let id = Uuid::from_bytes(token[..16].try_into().expect("sixteen bytes"));
        // This compares in constant time.
        let signed = |key| sign_for(key, purpose, id).verify_truncated_left(&token[16..]).is_ok();
        self.keys.iter().any(signed).then_some(id)
    }

    fn signing_key(&self) -> &[u8; 32] {
        self.keys.first().expect("a signer has a key")
    }

    /// Returns when a link that is created now expires. It is a whole hour, so that the same invitation has the same
    /// link.
    pub fn expiry(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let hours = (now + self.lifetime).timestamp() / 3_600 + 1;
        DateTime::from_timestamp(hours * 3_600, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Returns the link to an invitation.
    pub fn link(&self, invitation_id: Uuid, expires_at: DateTime<Utc>) -> String {
        let mut token = [0; SIGNED + MAC];
        token[..16].copy_from_slice(invitation_id.as_bytes());
        token[16..20].copy_from_slice(&u32::try_from(expires_at.timestamp() / 3_600).unwrap_or(u32::MAX).to_be_bytes());
        token[20] = FORM;
        let mac = sign(self.signing_key(), &token[..SIGNED]).finalize().into_bytes();
        token[SIGNED..].copy_from_slice(&mac[..MAC]);
        format!("{}/i/{}", self.base_url, BASE64_URL_SAFE_NO_PAD.encode(token))
    }

    /// Returns the address of a page for members, `path` below Herald's own address. It is not signed.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// Whether a link is one of Herald's own that none of these keys signed, so that nothing opens it any more.
    pub fn is_dead(&self, link: &str) -> bool {
        let Some((_, token)) = link.rsplit_once("/i/") else { return false };
        self.open(token, DateTime::UNIX_EPOCH) == Err(LinkError::Invalid)
    }

    /// Returns the invitation that a link's token opens.
    pub fn open(&self, token: &str, now: DateTime<Utc>) -> Result<Uuid, LinkError> {
        let token: [u8; SIGNED + MAC] = BASE64_URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|token| token.try_into().ok())
            .ok_or(LinkError::Invalid)?;
        let (signed, mac) = token.split_at(SIGNED);
        // This compares in constant time.
        if !self.keys.iter().any(|key| sign(key, signed).verify_truncated_left(mac).is_ok()) {
            return Err(LinkError::Invalid);
        }
        let hours = u32::from_be_bytes(signed[16..20].try_into().expect("four bytes"));
        if i64::from(hours) * 3_600 <= now.timestamp() {
            return Err(LinkError::Expired);
        }
        Ok(Uuid::from_bytes(signed[..16].try_into().expect("sixteen bytes")))
    }
}

fn sign(key: &[u8; 32], signed: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(b"herald link 1");
    mac.update(signed);
    mac
}

fn sign_for(key: &[u8; 32], purpose: &str, id: Uuid) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&derived(key, purpose)).expect("HMAC takes a key of any length");
    mac.update(id.as_bytes());
    mac
}

fn derived(key: &[u8; 32], purpose: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(b"herald link key for ");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

/// `[links]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct LinksSettings {
    pub key: String,
    pub key_file: String,
    pub lifetime_days: u32,
}

impl fmt::Debug for LinksSettings {
    /// Omits the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("lifetime_days", &self.lifetime_days).finish_non_exhaustive()
    }
}

impl LinksSettings {
    /// Returns the keys of the settings: the first one signs, the others still open older links. If there are none, the
    /// data folder has the key.
    ///
    /// # Errors
    /// [`SettingsError::Key`] when one is not 64 hexadecimal digits.
    pub fn keys(&self) -> Result<Vec<[u8; 32]>, SettingsError> {
        crate::settings::keys("links.key", &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> LinkSigner {
        LinkSigner::new("https://invites.example.com/", [7; 32], Duration::days(365))
    }

    fn token(link: &str) -> &str {
        link.rsplit('/').next().unwrap()
    }

    #[test]
    fn a_link_opens_its_invitation_until_it_expires() {
        let id = Uuid::from_u128(42);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let expires = signer().expiry(now);
        let link = signer().link(id, expires);
        assert!(link.starts_with("https://invites.example.com/i/"));
        assert_eq!(signer().open(token(&link), now), Ok(id));
        assert_eq!(signer().open(token(&link), expires - Duration::seconds(1)), Ok(id));
        assert_eq!(signer().open(token(&link), expires), Err(LinkError::Expired));
    }

    #[test]
    fn a_changed_link_or_another_key_opens_nothing() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let link = signer().link(Uuid::from_u128(42), signer().expiry(now));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token(&link)).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert_eq!(
                signer().open(&BASE64_URL_SAFE_NO_PAD.encode(forged), now),
                Err(LinkError::Invalid),
                "byte {at}"
            );
        }
        let other = LinkSigner::new("https://invites.example.com", [8; 32], Duration::days(365));
        assert_eq!(other.open(token(&link), now), Err(LinkError::Invalid));
        assert_eq!(signer().open("", now), Err(LinkError::Invalid));
    }

    #[test]
    fn a_token_for_a_purpose_is_short_and_opens_nothing_else() {
        let id = Uuid::from_u128(42);
        let token = signer().token_for("unsubscribe", id);
        assert_eq!(token.len(), 43);
        assert_eq!(signer().open_token_for("unsubscribe", &token), Some(id));
        assert_eq!(signer().open_token_for("track", &token), None);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            let forged = BASE64_URL_SAFE_NO_PAD.encode(forged);
            assert_eq!(signer().open_token_for("unsubscribe", &forged), None, "byte {at}");
        }
        let other = LinkSigner::new("https://invites.example.com", [8; 32], Duration::days(365));
        assert_eq!(other.open_token_for("unsubscribe", &token), None);
        assert_eq!(other.opening([[7; 32]]).open_token_for("unsubscribe", &token), Some(id));
    }

    #[test]
    fn a_short_token_opens_its_id_for_its_purpose_alone() {
        let id = Uuid::from_u128(42);
        let token = signer().short_token_for("bounce", id);
        assert_eq!(signer().open_short_token_for("bounce", token), Some(id));
        assert_eq!(signer().open_short_token_for("unsubscribe", token), None);
        for at in 0..SHORT_TOKEN {
            let mut forged = token;
            forged[at] ^= 1;
            assert_eq!(signer().open_short_token_for("bounce", forged), None, "byte {at}");
        }
        let other = LinkSigner::new("https://invites.example.com", [8; 32], Duration::days(365));
        assert_eq!(other.open_short_token_for("bounce", token), None);
        assert_eq!(other.opening([[7; 32]]).open_short_token_for("bounce", token), Some(id));
    }

    #[test]
    fn an_older_key_still_opens_its_links_and_signs_no_new_ones() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let id = Uuid::from_u128(42);
        let old = signer().link(id, signer().expiry(now));
        let new = LinkSigner::new("https://invites.example.com", [8; 32], Duration::days(365)).opening([[7; 32]]);
        assert_eq!(new.open(token(&old), now), Ok(id));
        let link = new.link(id, new.expiry(now));
        assert_eq!(new.open(token(&link), now), Ok(id));
        assert_eq!(signer().open(token(&link), now), Err(LinkError::Invalid));
        assert_ne!(new.fingerprint(), signer().fingerprint());
        assert!(!signer().fingerprint().contains("0707"));
    }
}
