//! A guest as read from a file.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;

/// One good row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRow {
    /// The 1-based line of the file on which the row starts.
    pub line: u64,
    /// The 1-based number of the guest in the file, blank lines not counted.
    pub row: u64,
    /// The name column, or first and last name joined. Never empty, NFC, single spaces, no control characters.
    pub name: String,
    /// The first-name column.
    pub first_name: Option<String>,
    /// The last-name column.
    pub last_name: Option<String>,
    /// As written, checked for syntax. Two spellings of an address have the same [`email_key`].
    pub email: Option<String>,
    /// E.164 where it could be understood, otherwise as written (and a note says why).
    pub phone: Option<String>,
    /// The guest's id in the system the list comes from.
    pub external_id: Option<String>,
    /// A file name or a URL, not looked at here.
    pub picture: Option<String>,
    /// Every other column of the header under its field key, also when the cell is empty.
    pub custom: BTreeMap<String, String>,
    /// The guest's identity when there is neither e-mail nor external id, and only then: 32 hexadecimal digits of a hash
    /// of name and phone, a dash, and the number of the guest among those of the file with the same name and phone.
    /// Importing the same list again, sorted differently or with other columns changed, gives the same keys.
    pub row_key: Option<String>,
    /// What the admin should know although the row is good, each with its line.
    pub notes: Vec<String>,
}

/// What makes two spellings of an e-mail address the same guest: trimmed, NFC, lower case.
pub fn email_key(email: &str) -> String {
    email.trim().nfc().flat_map(char::to_lowercase).collect()
}

/// The hash behind [`GuestRow::row_key`], the same on every machine and in every release.
pub(super) fn identity_hash(name: &str, phone: Option<&str>) -> [u8; 16] {
    let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let mut hash = Sha256::new();
    hash.update(b"herald guest 1\0");
    hash.update(folded.as_bytes());
    hash.update(b"\0");
    hash.update(phone.unwrap_or_default().as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}
