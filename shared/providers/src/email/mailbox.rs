//! The sender or recipient of an e-mail.

use std::fmt;

use lettre::Address;
use thiserror::Error;
use url::Host;

use super::line::one_line;

/// The longest address (RFC 5321, 4.5.3.1, without the brackets) and the longest name that is kept.
const LONGEST_ADDRESS: usize = 254;
const LONGEST_NAME: usize = 100;

/// An address to which e-mail can be sent, with an optional name. It holds nothing that can end a header or a command.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Address,
}

/// A text that is not an address. The error does not show the text: it may be a person's address with a typing error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a valid e-mail address: write it like ann@example.com")]
pub struct BadMailbox;

impl Mailbox {
    /// Creates a mailbox from an address and the name beside it. Characters that could end a line are removed from the
    /// name; in the address, they are an error.
    ///
    /// # Errors
    /// When the address is not valid.
    pub fn new(name: Option<&str>, address: &str) -> Result<Self, BadMailbox> {
        let strange = |c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\\' | ',' | ';' | ':')
        };
        if address.len() > LONGEST_ADDRESS || address.contains(strange) {
            return Err(BadMailbox);
        }
        let (user, domain) = address.rsplit_once('@').ok_or(BadMailbox)?;
        // Mail servers know only the ASCII form of a domain.
        let Ok(Host::Domain(domain)) = Host::parse(domain) else { return Err(BadMailbox) };
        let address = Address::new(user, domain).map_err(|_| BadMailbox)?;
        let name = name.map(|name| one_line(name, LONGEST_NAME)).filter(|name| !name.is_empty());
        Ok(Self { name, address })
    }

    /// Reads `Ann Example <ann@example.com>` or `ann@example.com`.
    ///
    /// # Errors
    /// When the text has neither form.
    pub fn parse(text: &str) -> Result<Self, BadMailbox> {
        let text = text.trim();
        match text.strip_suffix('>').map(|text| text.rsplit_once('<')) {
            Some(Some((name, address))) => Self::new(Some(name.trim().trim_matches('"')), address.trim()),
            Some(None) => Err(BadMailbox),
            None => Self::new(None, text),
        }
    }

    /// The address without the name.
    pub fn address(&self) -> &str {
        self.address.as_ref()
    }

    /// The domain after the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.address.domain()
    }

    /// The mailbox as lettre writes it into a header.
    pub(super) fn header(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name.clone(), self.address.clone())
    }
}

impl fmt::Debug for Mailbox {
    /// Omits the person, because this text gets into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox(…@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_a_name() {
        for (text, name, address) in [
            ("ann@example.com", None, "ann@example.com"),
            (" Ann Example <ann@example.com> ", Some("Ann Example"), "ann@example.com"),
            ("\"Example, Ann\" <ann.o'hara+news@example.com>", Some("Example, Ann"), "ann.o'hara+news@example.com"),
            ("<ann@example.com>", None, "ann@example.com"),
            ("عائشہ <ann@bücher.example>", Some("عائشہ"), "ann@xn--bcher-kva.example"),
            ("用户@example.com", None, "用户@example.com"),
            ("herald@localhost", None, "herald@localhost"),
        ] {
            let read = Mailbox::parse(text).unwrap();
            assert_eq!((read.name.as_deref(), read.address()), (name, address), "{text}");
        }
    }

    #[test]
    fn nothing_that_could_end_a_line_or_a_command_is_an_address() {
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@example.com\r\nBcc: bo@example.com",
            "ann\n@example.com",
            "ann@exam\0ple.com",
            "ann@example.com> SIZE=1",
            "ann@example.com,bo@example.com",
            "\"ann smith\"@example.com",
            "ann@[127.0.0.1]",
            "ann@127.0.0.1",
            "ann@example..com",
            "Ann <ann@example.com",
            "ann@example.com>",
            &format!("ann@{}.com", "a".repeat(260)),
        ] {
            assert_eq!(Mailbox::parse(text), Err(BadMailbox), "{text:?}");
        }
    }

    #[test]
    fn a_name_stays_on_its_line_and_a_person_is_not_shown() {
        let read = Mailbox::new(Some("Ann\r\nBcc: bo@example.com\0"), "ann@example.com").unwrap();
        assert_eq!(read.name.as_deref(), Some("Ann Bcc: bo@example.com"));
        assert_eq!(format!("{read:?}"), "Mailbox(…@example.com)");
    }
}
