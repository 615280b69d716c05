//! Lucky numbers: unique in their event, and in no order that tells who came first.
//!
//! The n-th invitation of an event gets the n-th number of a keyed shuffle of all numbers with the event's digits: a
//! Feistel network over the range, walked until it lands inside (cycle walking; Black and Rogaway, "Ciphers with
//! Arbitrary Finite Domains", 2002). So numbers need no search for a free one, never repeat, and cannot be guessed from
//! one another. When an event has more guests than its digits can number, the next ones get one digit more.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

/// The most digits an event may ask for.
const MAX_DIGITS: u32 = 12;
/// Rounds of the network; four make a good shuffle, more cost nothing here.
const ROUNDS: u8 = 6;

/// Why a number format is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NumberFormatError {
    /// Too few or too many digits.
    #[error("digits is {0}: use 1 to {MAX_DIGITS}")]
    Digits(i64),
    /// A prefix that does not fit on an invitation or in a file name.
    #[error("prefix {0:?} is not valid: use at most 12 letters, digits, `-` or `_`")]
    Prefix(String),
}

pub(super) fn check_format(prefix: &str, digits: i64) -> Result<(), NumberFormatError> {
    if !(1..=i64::from(MAX_DIGITS)).contains(&digits) {
        return Err(NumberFormatError::Digits(digits));
    }
    let fits = prefix.len() <= 12 && prefix.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if fits { Ok(()) } else { Err(NumberFormatError::Prefix(prefix.to_owned())) }
}

/// The lucky number of the `index`-th invitation (from 0) of the event whose shuffle `key` keys.
pub(super) fn format_number(index: u64, prefix: &str, digits: u32, key: &[u8]) -> String {
    // 0 is nobody's lucky number: the first range is 1 ..= 10^digits - 1, each later one what one digit more adds.
    let mut start = 1;
    let mut width = digits;
    let mut left = index;
    loop {
        let range = 10_u64.pow(width) - start;
        if left < range {
            let number = start + shuffle(left, range, width, key);
            return format!("{prefix}{number:0width$}", width = digits as usize);
        }
        left -= range;
        start = 10_u64.pow(width);
        width += 1;
    }
}

/// Where `value` lands in a keyed shuffle of `0..range`.
fn shuffle(value: u64, range: u64, tweak: u32, key: &[u8]) -> u64 {
    let half_bits = (64 - (range - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u64 << half_bits) - 1;
    let mut value = value;
    loop {
        let (mut left, mut right) = (value >> half_bits, value & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (mix(right, round, tweak, key) & mask));
        }
        value = (left << half_bits) | right;
        // Outside the range: walk on; the network is a permutation, so the walk comes back inside.
        if value < range {
            return value;
        }
    }
}

fn mix(value: u64, round: u8, tweak: u32, key: &[u8]) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(&value.to_be_bytes());
    mac.update(&[round]);
    mac.update(&tweak.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    u64::from_be_bytes(digest[..8].try_into().expect("a SHA-256 digest has eight bytes"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_number_repeats_and_none_is_zero_until_the_digits_run_out_and_beyond() {
        let numbers: Vec<String> = (0..2_500).map(|index| format_number(index, "", 3, b"key")).collect();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 2_500);
        let first: HashSet<u64> = numbers[..999].iter().map(|number| number.parse().unwrap()).collect();
        assert_eq!(first, (1..=999).collect());
        assert!(numbers[..999].iter().all(|number| number.len() == 3));
        assert!(numbers[999..].iter().all(|number| number.len() == 4 && !number.starts_with('0')));
    }

    #[test]
    fn the_order_tells_nothing_and_differs_between_events() {
        let of = |key: &[u8]| (0..100).map(|index| format_number(index, "", 4, key)).collect::<Vec<_>>();
        let mut sorted = of(b"one");
        sorted.sort();
        assert_ne!(of(b"one"), sorted);
        assert_ne!(of(b"one"), of(b"two"));
        assert_eq!(of(b"one"), of(b"one"));
    }

    #[test]
    fn the_prefix_stands_before_the_padded_number() {
        let number = format_number(7, "A-", 4, b"key");
        assert!(number.starts_with("A-") && number.len() == 6, "{number}");
        assert_eq!(check_format("a/b", 4), Err(NumberFormatError::Prefix("a/b".into())));
        assert_eq!(check_format("", 13), Err(NumberFormatError::Digits(13)));
        assert_eq!(check_format("VIP-", 4), Ok(()));
    }
}
