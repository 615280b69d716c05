//! Tokens that name an id and a number, for links of which a message has many; and the domain on which such links lie.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::{LinkSigner, MAC, derived};

/// The id, and the number behind it.
const NAMED: usize = 16 + 2;

impl LinkSigner {
    /// The same, with [`LinkSigner::tracked_page`] on another domain. An empty text changes nothing.
    #[must_use]
    pub fn tracked_at(mut self, url: &str) -> Self {
        let url = url.trim_end_matches('/');
        self.tracking_url = (!url.is_empty()).then(|| url.to_owned());
        self
    }

    /// Returns the address of a page for recipients, `path` below the domain of tracked links. It is not signed.
    pub fn tracked_page(&self, path: &str) -> String {
        format!("{}{path}", self.tracking_url.as_deref().unwrap_or(&self.base_url))
    }

    /// Returns a token that names an id and a number for a purpose: `id ‖ number ‖ HMAC-SHA256, cut to 16 bytes`, in 46
    /// characters. It does not expire, and a token for one purpose opens nothing of another.
    pub fn numbered_token_for(&self, purpose: &str, id: Uuid, number: u16) -> String {
        let named = named(id, number);
        let mut token = [0; NAMED + MAC];
        token[..NAMED].copy_from_slice(&named);
        token[NAMED..].copy_from_slice(&sign(self.signing_key(), purpose, &named).finalize().into_bytes()[..MAC]);
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// Returns the id and the number that a token names for a purpose, if one of the keys signed it.
    pub fn open_numbered_token_for(&self, purpose: &str, token: &str) -> Option<(Uuid, u16)> {
        let token: [u8; NAMED + MAC] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (named, mac) = token.split_at(NAMED);
        // This compares in constant time.
        let signed = |key| sign(key, purpose, named).verify_truncated_left(mac).is_ok();
        if !self.keys.iter().any(signed) {
            return None;
        }
        let id = Uuid::from_bytes(named[..16].try_into().expect("sixteen bytes"));
        Some((id, u16::from_be_bytes(named[16..].try_into().expect("two bytes"))))
    }
}

fn named(id: Uuid, number: u16) -> [u8; NAMED] {
    let mut named = [0; NAMED];
    named[..16].copy_from_slice(id.as_bytes());
    named[16..].copy_from_slice(&number.to_be_bytes());
    named
}

fn sign(key: &[u8; 32], purpose: &str, named: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&derived(key, purpose)).expect("HMAC takes a key of any length");
    mac.update(named);
    mac
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn signer(key: u8) -> LinkSigner {
        LinkSigner::new("https://invites.example.com", [key; 32], Duration::days(365))
    }

    #[test]
    fn a_numbered_token_is_short_and_nothing_of_it_can_be_changed() {
        let id = Uuid::from_u128(42);
        let token = signer(7).numbered_token_for("track", id, 513);
        assert_eq!(token.len(), 46);
        assert_eq!(signer(7).open_numbered_token_for("track", &token), Some((id, 513)));
        assert_eq!(signer(7).open_numbered_token_for("unsubscribe", &token), None);
        assert_eq!(signer(7).open_token_for("track", &token), None);
        assert_eq!(signer(8).open_numbered_token_for("track", &token), None);
        assert_eq!(signer(8).opening([[7; 32]]).open_numbered_token_for("track", &token), Some((id, 513)));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            let forged = BASE64_URL_SAFE_NO_PAD.encode(forged);
            assert_eq!(signer(7).open_numbered_token_for("track", &forged), None, "byte {at}");
        }
        // A token without a number is none with one.
        assert_eq!(signer(7).open_numbered_token_for("track", &signer(7).token_for("track", id)), None);
    }

    #[test]
    fn tracked_links_lie_on_their_own_domain_if_there_is_one() {
        assert_eq!(signer(7).tracked_page("/t/x"), "https://invites.example.com/t/x");
        let own = signer(7).tracked_at("https://t.example.com/");
        assert_eq!(
            (own.tracked_page("/t/x"), own.page("/u/x")),
            ("https://t.example.com/t/x".to_owned(), "https://invites.example.com/u/x".to_owned())
        );
        assert_eq!(own.tracked_at("").tracked_page("/t/x"), "https://invites.example.com/t/x");
    }
}
