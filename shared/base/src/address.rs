//! E-mail addresses that identify people.

use std::fmt;

use email_address::{EmailAddress, Options};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// The longest address (RFC 5321, 4.5.3.1.3, without the angle brackets).
const LONGEST: usize = 254;

/// The text is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not an e-mail address")]
pub struct AddressError;

/// An address as its owner writes it, and its canonical spelling.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    written: String,
    key: String,
    /// The key from the time before domains were compared in their ASCII form.
    former: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let written: String = text.trim().nfc().collect();
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let parsed = EmailAddress::parse_with_options(&written, options);
        let refused = written.len() > LONGEST || written.chars().any(char::is_control) || is_unusual(&written);
        if parsed.is_err() || refused {
            return Err(AddressError);
        }
        // RFC 5321 lets mail servers distinguish capitals of the local part. No important server does, and people do
        // not.
        let former: String = written.to_lowercase().nfc().collect();
        let key = in_ascii(&former).unwrap_or_else(|| former.clone());
        Ok(Self { written, key, former })
    }

    /// The address as its owner writes it.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The canonical spelling, by which the address is compared.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The canonical spelling from the time before domains were compared in their ASCII form. An account has this key
    /// only if another account already had the new key.
    pub fn former_key(&self) -> &str {
        &self.former
    }
}

/// Whether the address is valid only by the letter of RFC 5321. A quoted local part names the same mailbox as the
/// unquoted one, so it would give its owner two accounts. No real domain has a slash, or ends with a number.
fn is_unusual(address: &str) -> bool {
    let domain = address.rsplit('@').next().unwrap_or_default();
    let last = domain.rsplit('.').next().unwrap_or_default();
    address.starts_with('"') || domain.contains('/') || last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Converts the domain into the form that mail servers look up: `münchen.example` and `xn--mnchen-3ya.example` are one
/// domain. Returns `None` if the address has no valid domain.
fn in_ascii(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let domain = idna::domain_to_ascii(domain).ok().filter(|domain| !domain.is_empty())?;
    Some(format!("{local}@{domain}"))
}

impl fmt::Debug for Address {
    /// An address is personal data and must not get into logs by accident.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_have_one_key() {
        let key = |text: &str| Address::parse(text).unwrap().key().to_owned();
        assert_eq!(key("Ann@Example.com"), key("  ann@example.COM "));
        assert_eq!(key("Zoe\u{301}@example.com"), key("zo\u{e9}@example.com"));
        assert_ne!(key("ann+a@example.com"), key("ann@example.com"));
    }

    #[test]
    fn an_international_domain_is_one_domain_in_both_forms() {
        let key = |text: &str| Address::parse(text).unwrap().key().to_owned();
        assert_eq!(key("ann@M\u{fc}nchen.example"), "ann@xn--mnchen-3ya.example");
        assert_eq!(key("Ann@mu\u{308}nchen.example"), key("ann@XN--MNCHEN-3YA.example"));
        assert_eq!(key("ann@stra\u{df}e.example"), "ann@xn--strae-oqa.example", "not strasse.example");
        assert_ne!(key("ann@munchen.example"), key("ann@m\u{fc}nchen.example"));
        assert_eq!(Address::parse("ann@M\u{fc}nchen.example").unwrap().written(), "ann@M\u{fc}nchen.example");
        assert_eq!(key("zo\u{e9}@example.com"), "zo\u{e9}@example.com", "the local part is the server's own");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in
            ["", "ann", "ann@", "@example.com", "a b@example.com", "a@b\r\nBcc: c@example.com", "ann@localhost", &long]
        {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
        assert!(Address::parse("Ann <ann@example.com>").is_err());
    }

    #[test]
    fn a_mailbox_has_no_second_spelling_in_quotes() {
        assert!(Address::parse("ann@example.com").is_ok());
        for text in ["\"ann\"@example.com", "\"a b\"@example.com", "\"\"@example.com"] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_domain_has_no_slash_and_does_not_end_in_a_number() {
        for text in ["ann@192.0.2.1", "ann@example.123", "ann@example/mail.com"] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
        assert!(Address::parse("ann@123.com").is_ok());
    }
}
