//! Ids of Drive. One of a file ends in a check of what it begins with, so that a server which was started again knows
//! the ids that its predecessor gave.

use herald_base::ids::Ids;
use sha2::{Digest, Sha256};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Where they come from.
#[derive(Debug)]
pub(super) struct DriveIds(Ids);

impl DriveIds {
    pub(super) fn new() -> Self {
        Self(Ids::random())
    }

    /// A file's or folder's.
    pub(super) fn file(&self) -> String {
        let begins = format!("1{}", letters(&self.0.bytes::<24>()));
        let check = check(&begins);
        begins + &check
    }

    /// A shared drive's.
    pub(super) fn drive(&self) -> String {
        format!("0A{}Uk9PVA", letters(&self.0.bytes::<11>()))
    }

    /// What nobody guesses.
    pub(super) fn secret(&self, prefix: &str) -> String {
        format!("{prefix}{}", letters(&self.0.bytes::<32>()))
    }
}

/// Whether an id of a file is one that `generateIds` gives.
pub(super) fn was_given(id: &str) -> bool {
    id.len() == 33 && id.is_char_boundary(25) && id.starts_with('1') && check(&id[..25]) == id[25..]
}

fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

fn check(begins: &str) -> String {
    letters(&Sha256::digest(begins)[..8])
}
