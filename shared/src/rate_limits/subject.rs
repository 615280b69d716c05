//! Who is counted.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// Whose requests are counted together. Its text is part of a key in Redis: it has a bounded length, and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An IPv4 address, or the network of an IPv6 one; make it with [`Subject::address`].
    Address(IpAddr),
    /// A token, by its id.
    Token(Uuid),
    /// A person who has signed in, by their id.
    User(Uuid),
    /// A workspace, by its id.
    Workspace(Uuid),
    /// An account somebody tries to get into; make it with [`super::RateLimits::account`].
    Account([u8; 16]),
}

impl Subject {
    /// Who asks from this address. A customer of a provider has a whole IPv6 network of 2^64 addresses, so such a network is one subject.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        })
    }

    pub(super) fn account(key: &[u8; 32], email: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(b"herald account 1 ");
        // Written differently it is the same mailbox, and must not be another try.
        let same: String = email.trim().nfkc().flat_map(char::to_lowercase).collect();
        mac.update(same.as_bytes());
        let mut cut = [0; 16];
        cut.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Self::Account(cut)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address:{address}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Workspace(id) => write!(f, "workspace:{id}"),
            Self::Account(hash) => write!(f, "account:{}", hex::encode(hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> String {
        Subject::address(text.parse().unwrap()).to_string()
    }

    #[test]
    fn an_ipv6_network_is_one_subject_and_an_ipv4_address_in_ipv6_is_itself() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), "address:2001:db8:1:2::");
        assert_eq!(address("2001:db8:1:2::"), "address:2001:db8:1:2::");
        assert_ne!(address("2001:db8:1:3::"), address("2001:db8:1:2::"));
        assert_eq!(address("192.0.2.7"), "address:192.0.2.7");
        assert_eq!(address("::ffff:192.0.2.7"), "address:192.0.2.7");
    }

    #[test]
    fn an_account_is_the_same_however_it_is_written_and_shows_nothing() {
        let account = |key: u8, email| Subject::account(&[key; 32], email);
        let ann = account(7, "ann@example.com");
        for same in [" Ann@Example.COM ", "ANN@EXAMPLE.COM\n", "ａｎｎ@example.com"] {
            assert_eq!(account(7, same), ann, "{same:?}");
        }
        assert_ne!(account(7, "anne@example.com"), ann);
        assert_ne!(account(8, "ann@example.com"), ann);
        assert!(!ann.to_string().contains("ann@") && ann.to_string().len() == 40, "{ann}");
    }
}
