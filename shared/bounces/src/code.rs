//! Codes of mail servers, and what they mean.

use crate::{
    Class,
    words::{self, Meant},
};

/// The class of a bounce, by its enhanced status code, and by what the mail server said. `None`: neither says anything.
///
/// The code comes first. One that names no reason, such as 5.0.0, leaves it to the code within what was said, and then
/// to the words. Where plain words name another reason than a code, the milder one counts if it is about an address
/// that is said not to exist: a full mailbox or a blocklist is no reason to suppress it. A code of rejection by rule
/// (5.7.x) does not stand against the plain words that there is nobody of that name.
pub fn class_of(status: Option<&str>, said: &str) -> Option<Class> {
    let words = words::class_in(said);
    let given = status.and_then(enhanced_in);
    let within = refusal_in(said);
    let by_code = [given, within].iter().flatten().find_map(|code| by_code(code, words));
    by_code.or(words.map(|words| words.class)).or_else(|| smtp_in(said).and_then(by_smtp))
}

/// What an enhanced status code means; `None` if it names no reason.
fn by_code(code: &str, words: Option<Meant>) -> Option<Class> {
    let mut numbers = code.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let (kind, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let any = words.map(|words| words.class);
    let plain = words.filter(|words| words.is_plain).map(|words| words.class);
    Some(match (kind, subject, detail) {
        (2, ..) => Class::Delivered,
        // Patience is asked for. If it is because of the sender, it is said so.
        (4, ..) => plain.filter(|class| *class == Class::Policy).unwrap_or(Class::Soft),
        // Of the recipient's address, as the subject says.
        (_, 1, 0) => plain.unwrap_or(Class::Hard),
        (_, 0, _) | (_, 2 | 3 | 5 | 6, 0) => return None,
        (_, 1, 1 | 2 | 3 | 6 | 10) | (_, 2, 1) | (_, 4, 4) => plain.unwrap_or(Class::Hard),
        // Of the sender's address.
        (_, 1, 7..=9) => Class::Policy,
        (_, 2, 2 | 3) | (_, 3, _) => Class::Soft,
        (_, 4, 1) => any.unwrap_or(Class::Soft),
        (_, 6, _) => any.unwrap_or(Class::Policy),
        (_, 7, _) => plain.filter(|class| *class == Class::Hard).unwrap_or(Class::Policy),
        _ => return None,
    })
}

/// What is left to assume if a mail server gave no reason but its code.
fn by_smtp(code: u32) -> Option<Class> {
    match code {
        551 => Some(Class::Hard),
        400..=599 => Some(Class::Soft),
        _ => None,
    }
}

/// The first enhanced status code in a text, such as 5.1.1. Parts of addresses and versions are none.
pub(crate) fn enhanced_in(text: &str) -> Option<&str> {
    refusal_in(text).or_else(|| code_in(text, "2"))
}

/// The first one that refuses something: a transcript may begin with what was taken.
pub(crate) fn refusal_in(text: &str) -> Option<&str> {
    code_in(text, "45")
}

/// The first code whose first digit is one of these; one that names a reason before one that does not.
fn code_in<'a>(text: &'a str, kinds: &str) -> Option<&'a str> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut from = 0;
    let mut best = None;
    while let Some(begin) = text.get(from..).and_then(|rest| rest.find(is_part)).map(|at| from + at) {
        let rest = text.get(begin..)?;
        let end = begin + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let before = text.get(..begin)?.chars().next_back();
        let after = text.get(end..)?.chars().next();
        let word = text.get(begin..end)?.trim_end_matches('.');
        let is_apart = !before.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '/' || c == '[')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '/' || c == ']' || c == '-');
        // Behind a SMTP code there may be a hyphen: 550-5.1.1 goes on in the next line.
        let follows_code = before == Some('-') && text.get(..begin).is_some_and(ends_with_code);
        if (is_apart || follows_code) && word.starts_with(|kind| kinds.contains(kind)) && is_enhanced(word) {
            if !is_generic(word) {
                return Some(word);
            }
            best = best.or(Some(word));
        }
        from = end.max(begin + 1);
    }
    best
}

fn ends_with_code(before: &str) -> bool {
    let code: String = before.trim_end_matches('-').chars().rev().take(3).collect();
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_enhanced(word: &str) -> bool {
    let numbers: Vec<&str> = word.split('.').collect();
    matches!(numbers.as_slice(), [kind, subject, detail]
        if ["2", "4", "5"].contains(kind) && (1..=3).contains(&subject.len()) && (1..=3).contains(&detail.len())
            && subject.parse::<u32>().is_ok_and(|subject| subject <= 7))
}

fn is_generic(word: &str) -> bool {
    word.ends_with(".0.0")
}

/// The first SMTP code of a refusal in a text, such as 550.
pub(crate) fn smtp_in(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '@')
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
        .find(|code| (400..=599).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_tells_more_than_words_and_words_more_than_a_code_without_a_reason() {
        for (status, said, class) in [
            (Some("5.1.1"), "", Some(Class::Hard)),
            (Some("5.0.0"), "smtp; 550 5.1.1 <ana@example.com>... User unknown", Some(Class::Hard)),
            (Some("5.0.0"), "550 mailbox is full", Some(Class::Soft)),
            (Some("5.2.2"), "552 no such user", Some(Class::Soft)),
            (Some("5.7.1"), "550 5.7.1 message rejected as spam", Some(Class::Policy)),
            (Some("5.7.1"), "550 5.7.1 user unknown", Some(Class::Hard)),
            (Some("5.1.1"), "552 5.1.1 mailbox is over quota", Some(Class::Soft)),
            (Some("5.1.1"), "550 5.1.1 blocked using spamhaus", Some(Class::Policy)),
            (None, "250 2.1.5 ok, 550 5.1.1 no", Some(Class::Hard)),
            (Some("4.7.1"), "450 4.7.1 greylisted, try again later", Some(Class::Soft)),
            (Some("5.4.4"), "host not found", Some(Class::Hard)),
            (Some("2.0.0"), "250 ok", Some(Class::Delivered)),
            (None, "550 nothing of that kind", Some(Class::Soft)),
            (None, "551", Some(Class::Hard)),
            (None, "hello", None),
        ] {
            assert_eq!(class_of(status, said), class, "{status:?} {said}");
        }
    }

    #[test]
    fn numbers_of_hosts_and_versions_are_no_codes() {
        for (text, code) in [
            ("host mx.example.jp [192.0.2.20]: 550 5.7.0 no", Some("5.7.0")),
            ("550-5.1.1 The address", Some("5.1.1")),
            ("(#5.5.0)", Some("5.5.0")),
            ("Exim 4.72, Postfix 2.11.3-1", None),
            ("4.25.15 5.0.0 then 5.2.1", Some("5.2.1")),
            ("Status: 5.0.0 (permanent failure)", Some("5.0.0")),
            ("15.1.1 5.1.1.1", None),
            ("", None),
        ] {
            assert_eq!(enhanced_in(text), code, "{text}");
        }
        assert_eq!(smtp_in("host 192.0.2.1 said: 550 no, at 12:550"), Some(550));
        assert_eq!(smtp_in("id=5501"), None);
    }
}
