//! A guest from a list.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::headers::unstruck;

/// A row without problems.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRow {
    /// The 1-based line of the file on which the row starts.
    pub line: u64,
    /// The 1-based number of the guest in the file, without blank lines.
    pub row: u64,
    /// The name column, or first and last name joined. It is never empty, and has NFC, single spaces, and no control
    /// characters.
    pub name: String,
    /// The first-name column.
    pub first_name: Option<String>,
    /// The last-name column.
    pub last_name: Option<String>,
    /// The address as written, without any characters around it. Two spellings of an address have the same
    /// [`email_key`].
    pub email: Option<String>,
    /// The number in E.164 if it could be parsed, otherwise as written (and a note says why).
    pub phone: Option<String>,
    /// The guest's id in the system that the list comes from.
    pub external_id: Option<String>,
    /// A file name or a URL, which is not checked here.
    pub picture: Option<String>,
    /// All other columns of the header by their field keys, including empty cells.
    pub custom: BTreeMap<String, String>,
    /// The guest's identity, only if the guest has neither e-mail nor external id. It is 32 hexadecimal digits of a
    /// hash of name and phone, a dash, and a number. The number counts the guests of the file with the same name and
    /// phone. The same list gives the same keys, even if it is sorted differently or other columns have changed.
    pub row_key: Option<String>,
    /// The row key that the guest would have without e-mail and external id. An earlier list without them used this key
    /// for the same guest. It is only useful if no row of this list has that hash as its row key.
    pub row_key_before: Option<String>,
    /// Notes for the admin about a good row, each with its line.
    pub notes: Vec<String>,
}

/// Returns the form in which two spellings of an e-mail address are equal: trimmed, NFC, lower case.
pub fn email_key(email: &str) -> String {
    if email.is_ascii() {
        return email.trim().to_ascii_lowercase();
    }
    email.trim().nfc().flat_map(char::to_lowercase).collect()
}

/// Returns the form in which two spellings of a name are equal if the address is equal. Capitals, accents of Latin
/// letters, punctuation and the order of words do not matter.
pub fn name_key(name: &str) -> String {
    let plain = plain(name);
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    words.sort_unstable();
    // A name that consists only of signs is compared as it is.
    if words.is_empty() { name.nfkc().flat_map(char::to_lowercase).collect() } else { joined(&words) }
}

/// Returns the form in which a name is searched for by its beginning: as [`name_key`], with the words in their order.
/// Empty for a name that consists only of signs.
pub fn find_key(name: &str) -> String {
    let plain = plain(name);
    let words: Vec<&str> = plain.split_whitespace().collect();
    joined(&words)
}

/// Returns the [`find_key`] of the last word of a name that has several: many people are looked for by it.
pub fn find_last(name: &str) -> Option<String> {
    let (_, last) = name.trim().rsplit_once(char::is_whitespace)?;
    Some(find_key(last)).filter(|key| !key.is_empty())
}

fn joined(words: &[&str]) -> String {
    let text = words.join(" ");
    if text.is_ascii() { text } else { text.nfc().collect() }
}

/// Lower case, without accents of Latin letters and without punctuation.
fn plain(name: &str) -> String {
    // Most names of most lists need no tables.
    if !name.is_ascii() {
        return plain_of_any(name);
    }
    let letters = name.bytes().filter(|byte| !matches!(byte, b'\'' | b'`'));
    letters.map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { ' ' }).collect()
}

fn plain_of_any(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.nfkd().flat_map(char::to_lowercase) {
        match c {
            // These are Latin accents; other scripts spell with combining marks.
            '\u{300}'..='\u{36f}' | '\'' | '’' | '‘' | 'ʼ' | '`' | '´' => {}
            c if c.is_alphanumeric() || is_combining_mark(c) => match unstruck(c) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(c),
            },
            _ => plain.push(' '),
        }
    }
    plain
}

/// The hash behind [`GuestRow::row_key`], the same on every machine and in every release.
pub(super) fn identity_hash(name: &str, phone: Option<&str>) -> [u8; 16] {
    let folded: String = match name.is_ascii() {
        true => name.to_ascii_lowercase(),
        false => name.nfkc().flat_map(char::to_lowercase).collect(),
    };
    let mut hash = Sha256::new();
    hash.update(b"herald guest 1\0");
    hash.update(folded.as_bytes());
    hash.update(b"\0");
    hash.update(phone.unwrap_or_default().as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_beginning_and_by_its_last_word() {
        assert_eq!(find_key("Amélie  Fauçonnier-Brûlé"), "amelie fauconnier brule");
        assert_eq!(find_last("Amélie Fauçonnier-Brûlé").as_deref(), Some("fauconnier brule"));
        assert_eq!((find_last("Q"), find_last("Ann ★"), find_key("★")), (None, None, String::new()));
    }

    #[test]
    fn plain_letters_are_folded_as_all_others() {
        for byte in 0..128u8 {
            let name = format!("A{}z", char::from(byte));
            assert_eq!(plain(&name), plain_of_any(&name), "{name:?}");
        }
        assert_eq!(email_key(" Ann@Example.COM\t"), email_key("Ann@Example.COM"));
    }

    #[test]
    fn one_name_in_two_spellings_is_one_name() {
        for (one, other) in [
            ("Ida Fern", "IDA  FERN"),
            ("José Ñandú", "Jose Nandu"),
            ("Søren Ångström", "Soren Angstrom"),
            ("Fern, Ida", "Ida Fern"),
            ("Anne-Marie O'Hallow", "Anne Marie O’Hallow"),
            ("Weiß", "WEISS"),
            ("가나", "\u{1100}\u{1161}\u{1102}\u{1161}"),
        ] {
            assert_eq!(name_key(one), name_key(other), "{one}");
        }
        for (one, other) in [("Jan Smith", "Jane Smith"), ("राम", "रम"), ("Ann", "Ann Jr."), ("★", "☆"), ("か", "が")]
        {
            assert_ne!(name_key(one), name_key(other), "{one}");
        }
    }
}
