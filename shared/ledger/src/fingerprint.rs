//! The common cause of many failures: an error message without the parts that differ from job to job.
//!
//! Ids, numbers, times, addresses, quoted words, files, and what stands behind a web address's host are replaced, and
//! the rest is hashed. So a thousand messages about a thousand guests become one cause with a count. A pattern is a
//! fixed point: it is its own pattern.

use sha2::{Digest, Sha256};

/// The longest pattern, in characters: a provider's whole answer has its cause at the beginning.
const LONGEST: usize = 300;
/// A word of at least so many letters and digits mixed is an id of some sort.
const OPAQUE: usize = 16;
/// What ends a file's name.
const FILES: [&str; 34] = [
    "bmp", "csv", "db", "doc", "docx", "eml", "gif", "gz", "heic", "html", "ics", "jpeg", "jpg", "json", "log", "mp4",
    "otf", "pdf", "png", "sqlite", "svg", "tar", "tiff", "tmp", "toml", "tsv", "ttf", "txt", "webp", "xls", "xlsx",
    "xml", "yaml", "zip",
];

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The same for messages of one cause: 16 hex digits.
    pub fingerprint: String,
    /// The message with its particulars replaced, for people to read.
    pub pattern: String,
}

/// The cause an error message tells of.
pub fn cause(message: &str) -> Cause {
    let pattern = pattern(message);
    let fingerprint = hex::encode(&Sha256::digest(&pattern)[..8]);
    Cause { fingerprint, pattern }
}

/// Rounds after which a pattern is taken as it is. Two are usual: a replaced word can turn the apostrophe after it into
/// a quote.
const ROUNDS: usize = 16;

fn pattern(message: &str) -> String {
    let mut last = replaced(message);
    for _ in 0..ROUNDS {
        let next = replaced(&last);
        if next == last {
            break;
        }
        last = next;
    }
    last
}

fn replaced(message: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let unquoted = without_quotes(message);
    let mut length = 0;
    for word in unquoted.split_whitespace() {
        let word = word_pattern(word);
        length += word.chars().count() + 1;
        // Whole words, so that the pattern of a pattern is itself.
        if length > LONGEST {
            break;
        }
        words.push(word);
    }
    words.join(" ")
}

/// Replaces text in quotes. An open quote and an apostrophe stay.
fn without_quotes(message: &str) -> String {
    let mut told = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let closing = match c {
            '"' | '`' => Some(c),
            '\u{201c}' => Some('\u{201d}'),
            '\u{ab}' => Some('\u{bb}'),
            // The apostrophe of "can't" does not begin a quote.
            '\'' if !told.ends_with(char::is_alphanumeric) => Some('\''),
            _ => None,
        };
        let end = closing.and_then(|closing| {
            after.char_indices().find(|(at, end)| {
                let next = after[at + end.len_utf8()..].chars().next();
                *end == closing && (closing != '\'' || next.is_none_or(|next| !next.is_alphanumeric()))
            })
        });
        match (closing, end) {
            (Some(closing), Some((at, _))) => {
                told.push(c);
                told.push('\u{2026}');
                told.push(closing);
                rest = &after[at + closing.len_utf8()..];
            }
            _ => {
                told.push(c);
                rest = after;
            }
        }
    }
    told
}

/// A word between spaces: what surrounds its core (brackets, commas) stays.
fn word_pattern(word: &str) -> String {
    if let Some(address) = web_address(word) {
        return address;
    }
    let mut told = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(is_border).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        told.push_str(&part_pattern(part));
        let border = after.chars().next().map_or(0, char::len_utf8);
        told.push_str(&after[..border]);
        rest = &after[border..];
    }
    told
}

fn is_border(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '=' | '|' | '"' | '`' | '\u{2026}')
}

/// The host stays: whether one provider or another is away is a difference.
fn web_address(word: &str) -> Option<String> {
    let (before, address) = word.split_once("://")?;
    let scheme = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let lead = &before[..before.len() - scheme.len()];
    let end = address.find(|c| is_border(c) || c == '/' || c == '?' || c == '#').unwrap_or(address.len());
    let host = address[..end].rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches(['.', ':']);
    let host = if is_ip(host) { "<address>".to_owned() } else { without_numbers(host) };
    let lead = if lead.contains("://") { String::new() } else { word_pattern(lead) };
    Some(format!("{lead}{scheme}://{host}/\u{2026}"))
}

fn part_pattern(part: &str) -> String {
    let core = part.trim_end_matches(['.', ':', '!', '?', '\'']);
    let end = &part[core.len()..];
    let quote = core.len() - core.trim_start_matches('\'').len();
    let (start, core) = core.split_at(quote);
    let told = if core.is_empty() {
        String::new()
    } else if is_mail(core) || is_ip(core) {
        "<address>".to_owned()
    } else if is_uuid(core) {
        "<id>".to_owned()
    } else if is_time(core) {
        "<time>".to_owned()
    } else if is_path(core) {
        "<file>".to_owned()
    } else if is_opaque(core) {
        "<id>".to_owned()
    } else {
        without_numbers(core)
    };
    format!("{start}{told}{end}")
}

fn is_mail(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
}

/// An IP address, with a port or without.
fn is_ip(word: &str) -> bool {
    let address = word.trim_matches(['[', ']']);
    address.parse::<std::net::IpAddr>().is_ok() || word.parse::<std::net::SocketAddr>().is_ok()
}

fn is_uuid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// A date, a time of day, or both.
fn is_time(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    digits >= 4
        && word.starts_with(|c: char| c.is_ascii_digit())
        && (word.matches('-').count() >= 2 || word.contains(':'))
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | 'Z' | 't' | 'z'))
}

/// A path, or a file's name.
fn is_path(word: &str) -> bool {
    let named = word
        .rsplit_once('.')
        .is_some_and(|(name, end)| !name.is_empty() && FILES.contains(&end.to_ascii_lowercase().as_str()));
    let separators = word.matches(['/', '\\']).count();
    let rooted = ["/", "./", "../", "~/", "\\\\"].iter().any(|root| word.len() > root.len() && word.starts_with(root));
    named || rooted || separators >= 2
}

/// Hex, a token, a key: nothing a person would read.
fn is_opaque(word: &str) -> bool {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    let word = word.strip_prefix("0x").unwrap_or(word);
    let hex = word.len() >= 8 && digits > 0 && word.chars().all(|c| c.is_ascii_hexdigit());
    let token = word.len() >= OPAQUE
        && digits >= 2
        && word.chars().any(char::is_alphabetic)
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '~'));
    // A long number is a number.
    (hex && word.chars().any(|c| c.is_ascii_alphabetic())) || token
}

/// Every number becomes an N, whatever its length and its points.
fn without_numbers(word: &str) -> String {
    let mut told = String::with_capacity(word.len());
    let mut chars = word.chars().peekable();
    let mut in_number = false;
    while let Some(c) = chars.next() {
        let next_is_digit = chars.peek().is_some_and(|next| next.is_numeric());
        if c.is_numeric() {
            if !in_number {
                told.push('N');
            }
            in_number = true;
        } else if in_number && matches!(c, '.' | ':' | '/' | '-' | '\u{a0}' | '_') && next_is_digit {
            // 3.14, 10:30, 1/2, 555-0100: one number.
        } else {
            in_number = false;
            told.push(c);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_differs_from_job_to_job_is_replaced() {
        for (message, expected) in [
            (
                "contact 0199c0de-0000-7000-8000-000000000001 does not exist: check the id",
                "contact <id> does not exist: check the id",
            ),
            (
                "line 17, column 2 (email): \"ana@example.com\" is no address",
                "line N, column N (email): \"\u{2026}\" is no address",
            ),
            ("ana@example.com refused: 550 5.1.1 no such user", "<address> refused: N N no such user"),
            ("connect to 10.0.0.7:5432: connection refused", "connect to <address>: connection refused"),
            ("GET https://crm.example.com/api/contacts/77?x=1: 503", "GET https://crm.example.com/\u{2026} N"),
            ("it took longer than its limit of 120 s", "it took longer than its limit of N s"),
            ("there is no such file: pictures/ana.jpg", "there is no such file: <file>"),
            ("cannot open /var/lib/herald/files/a: permission denied", "cannot open <file>: permission denied"),
            ("not before 2026-03-01T09:00:00Z", "not before <time>"),
            ("etag 9f86d081884c7d65 does not match", "etag <id> does not match"),
            ("the guest can't be reached, it isn't there", "the guest can't be reached, it isn't there"),
            ("field 'table' is missing", "field '\u{2026}' is missing"),
        ] {
            assert_eq!(cause(message).pattern, expected);
        }
    }

    #[test]
    fn different_causes_stay_apart() {
        let messages = [
            "the disk is full",
            "GET https://crm.example.com/a: timed out",
            "GET https://drive.example.com/a: timed out",
            "the picture is too large",
            "",
        ];
        let causes: std::collections::BTreeSet<String> = messages.iter().map(|one| cause(one).fingerprint).collect();
        assert_eq!(causes.len(), messages.len());
    }

    #[test]
    fn the_fingerprint_of_a_message_never_changes() {
        // Kept in databases: another one would split every group in two.
        assert_eq!(cause("attempt 3 failed").fingerprint, cause("attempt 12 failed").fingerprint);
        assert_eq!(cause("attempt 3 failed").fingerprint, FROZEN);
    }

    const FROZEN: &str = "ebbd79341eedbf2e";

    /// What differs, in all its forms.
    const PARTICULARS: [&str; 8] = [
        "[0-9]{1,12}",
        "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
        "[a-z]{1,8}(\\.[a-z]{1,8})?@[a-z]{1,8}\\.example",
        "\"[^\"\u{0}]{0,40}\"",
        "https://files\\.example\\.com/[a-zA-Z0-9/_.-]{0,30}(\\?[a-z0-9=&]{0,10})?",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z",
        "[a-z0-9_-]{1,20}\\.(jpg|png|csv|pdf)",
        "[0-9a-f]{7}[0-9][a-f][0-9a-f]{3,40}",
    ];

    fn particular() -> impl Strategy<Value = String> {
        prop::sample::select(&PARTICULARS[..]).prop_flat_map(|form| form)
    }

    fn two_of_one_form() -> impl Strategy<Value = (String, String)> {
        prop::sample::select(&PARTICULARS[..]).prop_flat_map(|form| (form, form))
    }

    proptest! {
        #[test]
        fn a_pattern_is_its_own_pattern(message in any::<String>()) {
            let first = cause(&message);
            prop_assert_eq!(cause(&first.pattern), first);
        }

        #[test]
        fn messages_of_words_and_particulars_too(words in prop::collection::vec(prop_oneof![
            "[a-z]{1,9}[.,:;]?", particular(), "[(\\[{'\"`<>)\\]}=/\\\\.:@-]{1,3}",
        ], 0..12)) {
            let first = cause(&words.join(" "));
            prop_assert_eq!(cause(&first.pattern), first);
        }

        #[test]
        fn no_digit_is_left_and_the_length_is_bounded(message in any::<String>()) {
            let pattern = cause(&message).pattern;
            prop_assert!(!pattern.contains(|c: char| c.is_ascii_digit()), "{pattern}");
            prop_assert!(pattern.chars().count() <= LONGEST);
        }

        #[test]
        fn the_same_words_around_other_particulars_are_the_same_cause(
            before in "[a-z]{2,9}( [a-z]{2,9}){0,3}", after in "[a-z]{2,9}( [a-z]{2,9}){0,3}",
            (one, other) in two_of_one_form(),
        ) {
            let told = |text: &str| cause(&format!("{before} {text} {after}")).fingerprint;
            prop_assert_eq!(told(&one), told(&other));
        }
    }
}
