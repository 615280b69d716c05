//! The envelope sender of a message, so that a bounce names the message that it is about (VERP).
//!
//! A mail server that cannot deliver a mail writes to the envelope sender, and many such reports quote nothing from
//! which the mail could be recognised. Each message of a sender with a domain for bounces therefore has an envelope
//! sender of its own: `b+<token>@<domain>`. The token names the message and is signed, so that nobody can report the
//! messages of others as undeliverable. It is written in an alphabet without case, because mail servers change the case
//! of addresses.

use herald_base::links::{LinkSigner, SHORT_TOKEN};
use uuid::Uuid;

const PURPOSE: &str = "bounce";
/// What stands before the token. A mail server can deliver everything to `b` with it, whatever comes after the plus.
const BEFORE: &str = "b+";
/// Base32 of RFC 4648, in small letters.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The length of a token, in characters.
const CHARACTERS: usize = (SHORT_TOKEN * 8).div_ceil(5);

/// Returns the envelope sender of a message, at the domain to which its bounces go. The part before the `@` has 41
/// characters; a mail server takes 64.
pub fn address(links: &LinkSigner, message_id: Uuid, domain: &str) -> String {
    format!("{BEFORE}{}@{domain}", encoded(&links.short_token_for(PURPOSE, message_id)))
}

/// Returns the message whose bounces go to an address, if Herald made that address. The address may stand in angle
/// brackets, without its domain, or without what stands before the token, because mail servers pass it on in all these
/// forms. Capital and small letters mean the same.
pub fn open(links: &LinkSigner, address: &str) -> Option<Uuid> {
    let address = address.trim();
    let address = address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(address);
    let local = address.split_once('@').map_or(address, |(local, _)| local);
    let token = match local.split_at_checked(BEFORE.len()) {
        Some((before, token)) if before.eq_ignore_ascii_case(BEFORE) => token,
        _ => local,
    };
    links.open_short_token_for(PURPOSE, decoded(token)?)
}

fn encoded(bytes: &[u8; SHORT_TOKEN]) -> String {
    let mut text = String::with_capacity(CHARACTERS);
    let (mut kept, mut bits) = (0_u32, 0);
    for byte in bytes {
        kept = kept << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(kept >> bits));
        }
    }
    if bits > 0 {
        text.push(letter(kept << (5 - bits)));
    }
    text
}

/// The letter of the five lowest bits.
fn letter(bits: u32) -> char {
    usize::try_from(bits & 31).ok().and_then(|at| ALPHABET.get(at)).map_or('a', |letter| char::from(*letter))
}

fn decoded(token: &str) -> Option<[u8; SHORT_TOKEN]> {
    if token.len() != CHARACTERS {
        return None;
    }
    let mut bytes = Vec::with_capacity(SHORT_TOKEN);
    let (mut kept, mut bits) = (0_u32, 0);
    for letter in token.bytes() {
        let value = ALPHABET.iter().position(|known| known.eq_ignore_ascii_case(&letter))?;
        kept = (kept << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(kept >> bits & 0xff).ok()?);
        }
    }
    // One token has one form: the bits that belong to no byte are zero.
    (kept & ((1 << bits) - 1) == 0).then_some(bytes)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;

    fn links() -> LinkSigner {
        LinkSigner::new("https://invites.example.com", [7; 32], Duration::days(365))
    }

    #[test]
    fn an_address_is_short_and_opens_its_message_in_every_form_in_which_it_comes_back() {
        let id = Uuid::from_u128(42);
        let made = address(&links(), id, "bounces.example.com");
        let (local, domain) = made.split_once('@').unwrap();
        assert_eq!((local.len(), domain), (BEFORE.len() + CHARACTERS, "bounces.example.com"));
        assert!(local.len() <= 64 && local.starts_with("b+"), "{local}");
        let token = local.strip_prefix("b+").unwrap();
        for form in [&made, &made.to_uppercase(), &format!(" <{made}> "), local, token, &token.to_uppercase()] {
            assert_eq!(open(&links(), form), Some(id), "{form}");
        }
        assert_ne!(address(&links(), Uuid::from_u128(43), "bounces.example.com"), made);
    }

    #[test]
    fn nobody_makes_an_address_up() {
        let id = Uuid::from_u128(42);
        let made = address(&links(), id, "bounces.example.com");
        let (local, _) = made.split_once('@').unwrap();
        for at in BEFORE.len()..local.len() {
            let mut forged = local.as_bytes().to_vec();
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            assert_eq!(open(&links(), std::str::from_utf8(&forged).unwrap()), None, "character {at}");
        }
        let other = LinkSigner::new("https://invites.example.com", [8; 32], Duration::days(365));
        assert_eq!(open(&other, &made), None);
        assert_eq!(open(&other.opening([[7; 32]]), &made), Some(id));
        for wrong in ["", "b+", "@", "<>", "b+é", "é", "b", "ann@example.com", &format!("{local}a"), &local[..40]] {
            assert_eq!(open(&links(), wrong), None, "{wrong}");
        }
        // A token of another purpose is none of this one.
        let token = encoded(&links().short_token_for("unsubscribe", id));
        assert_eq!(open(&links(), &token), None);
    }

    proptest! {
        #[test]
        fn every_token_is_read_back(bytes in prop::array::uniform24(any::<u8>())) {
            let text = encoded(&bytes);
            prop_assert_eq!(text.len(), CHARACTERS);
            prop_assert_eq!(decoded(&text), Some(bytes));
        }

        #[test]
        fn no_text_is_too_strange_to_be_refused(text in ".{0,60}") {
            prop_assert_eq!(open(&links(), &text), None);
        }
    }
}
