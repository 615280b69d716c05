//! The subjects that are counted.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use herald_base::address::Address;

/// Number of parts into which the world's networks are divided. An attacker in a few networks uses up an account's
/// tries for one part, or a few, and cannot know from outside which these are. From the whole world there are as many
/// times the limit.
pub(super) const PARTS: u8 = 8;

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
    /// An account and a part of the networks from which somebody tries to get into it; make it with
    /// [`super::RateLimits::account`].
    Account([u8; 16]),
}

impl Subject {
    /// A client at this address. A provider's customer has a whole IPv6 network of 2^64 addresses, so such a network is
    /// one subject.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        })
    }

    pub(super) fn account(key: &[u8; 32], email: &str, from: IpAddr) -> Self {
        let mac = || Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        let mut part = mac();
        part.update(b"herald network 1 ");
        part.update(&network(from));
        let part = part.finalize().into_bytes()[0] % PARTS;
        let mut mac = mac();
        mac.update(b"herald account 2 ");
        mac.update(&[part]);
        // Written differently it is the same mailbox, and must not be another try.
        let same: String = email.trim().nfkc().flat_map(char::to_lowercase).collect();
        let same = Address::parse(&same).map_or(same, |address| address.key().to_owned());
        mac.update(same.as_bytes());
        let mut cut = [0; 16];
        cut.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Self::Account(cut)
    }
}

/// What one customer of a provider has, or one small provider.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets()[..2].to_vec(),
        IpAddr::V6(v6) => v6.octets()[..4].to_vec(),
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

    fn account(key: u8, email: &str, from: &str) -> Subject {
        Subject::account(&[key; 32], email, from.parse().unwrap())
    }

    #[test]
    fn an_account_is_the_same_however_it_is_written_and_shows_nothing() {
        let account = |key, email| account(key, email, "192.0.2.7");
        let ann = account(7, "ann@example.com");
        for same in [" Ann@Example.COM ", "ANN@EXAMPLE.COM\n", "ａｎｎ@example.com"] {
            assert_eq!(account(7, same), ann, "{same:?}");
        }
        assert_ne!(account(7, "anne@example.com"), ann);
        assert_ne!(account(8, "ann@example.com"), ann);
        assert!(!ann.to_string().contains("ann@") && ann.to_string().len() == 40, "{ann}");
    }

    #[test]
    fn a_network_is_in_one_part_and_the_world_in_eight() {
        let from = |address: &str| account(7, "ann@example.com", address);
        assert_eq!(from("192.0.2.7"), from("192.0.99.1"));
        assert_eq!(from("192.0.2.7"), from("::ffff:192.0.2.8"));
        assert_eq!(from("2001:db8::1"), from("2001:db8:ffff::1"));
        let parts: std::collections::HashSet<Subject> =
            (0..=255_u8).flat_map(|a| [from(&format!("{a}.1.2.3")), from(&format!("2a{a:02x}::1"))]).collect();
        assert_eq!(parts.len(), usize::from(PARTS));
    }
}
