//! Reads an e-mail cell: it holds an address, an address with additions, no value, or an invalid text.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

use super::escape::unescape_cell;

/// Words that people write instead of an address.
const NOTHING: &str = "x xx xxx 0 n/a n.a na n\\a #n/a #n/v #nv null nil nan none nothing undefined unknown no empty \
    blank \
                       tba tbd missing pending unbekannt keine keiner kein k.a k/a entfällt entfaellt fehlt nein leer \
                       ohne aucun aucune néant neant sans inconnu ninguno ninguna \
                       nada sin nessuno nessuna nenhum nenhuma geen brak нет 无 無 没有 なし 無し 없음 لا لايوجد";
/// Phrases of the same meaning, without white space.
const NOTHING_SAID: &str = "noemail noe-mail nomail noaddress notavailable notprovided notapplicable notknown notgiven \
                            keinemail keinee-mail keinemailadresse keineangabe keineangaben nichtvorhanden \
                            nichtbekannt \
                            ohnee-mail ohneemail pasd'email pasdemail pasdemail sincorreo sinemail nodisponible \
                            notiene senzaemail";
/// Prefixes that address books write before an address.
const PREFIXES: [&str; 7] = ["mailto:", "smtp:", "e-mail:", "email:", "mail:", "x400:", "sip:"];

/// The content of an e-mail cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// The cell is empty.
    Empty,
    /// An address without additions.
    Bare(String),
    /// An address, and a description of the removed addition.
    Wrapped(String, &'static str),
    /// The first of several addresses.
    First(String),
    /// A word that means "no address".
    Placeholder,
    /// An invalid text.
    Invalid,
}

/// Reads an e-mail cell as it stands in the file.
pub(super) fn read(raw: &str) -> Cell {
    let raw = unescape_cell(raw);
    let plain = raw.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\r' | '\n'));
    if plain.is_empty() {
        return Cell::Empty;
    }
    let composed: String = if plain.is_ascii() { plain.to_owned() } else { plain.nfc().collect() };
    // A leading apostrophe comes from a spreadsheet.
    if is_email(&composed) && !composed.starts_with('\'') {
        return Cell::Bare(composed);
    }
    let seen: String = composed.chars().filter(|c| !is_invisible(*c)).collect();
    let seen = trim(&seen);
    if seen.is_empty() {
        return Cell::Placeholder;
    }
    if is_email(seen) {
        let had_invisible = composed.chars().any(is_invisible);
        let what = if had_invisible { "invisible characters were" } else { "the text around it was" };
        return Cell::Wrapped(seen.to_owned(), what);
    }
    if is_placeholder(seen) {
        return Cell::Placeholder;
    }
    let mut addresses = addresses(seen);
    match (addresses.next(), addresses.next()) {
        (Some(address), None) => Cell::Wrapped(address, "the text around it was"),
        (Some(address), Some(_)) => Cell::First(address),
        (None, _) => Cell::Invalid,
    }
}

/// Whether this is an address that can receive e-mail: RFC 5321 syntax with a dotted domain, no display name, no IP
/// address.
pub(super) fn is_email(text: &str) -> bool {
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    let plain = !text.chars().any(|c| {
        c.is_whitespace()
            || c.is_control()
            || is_invisible(c)
            || matches!(c, '"' | ',' | ';' | '<' | '>' | '(' | ')' | ':')
    });
    let ends_in_a_number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    // A slash may stand before the at sign, but not in a domain.
    let domain = text.rsplit('@').next().unwrap_or_default();
    plain
        && !ends_in_a_number
        && !domain.contains('/')
        && text.len() <= 254
        && EmailAddress::parse_with_options(text, options).is_ok()
}

/// Returns the addresses in a cell, without duplicates.
fn addresses(cell: &str) -> impl Iterator<Item = String> {
    let mut found: Vec<String> = Vec::new();
    let separates = |c: char| {
        matches!(
            c,
            ',' | ';' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '"' | '、' | '，' | '；' | '\n' | '\r'
        )
    };
    // An address may contain a slash, so the slash is a separator only if no address is found otherwise.
    for also in ["", "/"] {
        for piece in cell.split(|c: char| separates(c) || also.contains(c)) {
            for address in of_piece(piece) {
                if !found.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                    found.push(address);
                }
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found.into_iter()
}

/// Returns the addresses in a piece between separators. White space separates only if the piece contains nothing but
/// addresses: `a b@example.com` may be a mistyped `a.b@example.com`.
fn of_piece(piece: &str) -> Vec<String> {
    if let Some(address) = address(piece) {
        return vec![address];
    }
    let words = piece.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
    words.map(address).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Returns the address in a word, without its additions.
fn address(word: &str) -> Option<String> {
    let mut word = trim(word);
    while let Some(prefix) = PREFIXES.iter().find(|prefix| has_prefix(word, prefix)) {
        word = trim(&word[prefix.len()..]);
    }
    let word = word.split('?').next().unwrap_or_default();
    // Full-width letters from an East Asian keyboard mean the same letters.
    [word.to_owned(), word.nfkc().collect()].into_iter().find(|word| is_email(word))
}

fn has_prefix(word: &str, prefix: &str) -> bool {
    word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Removes characters around an address that cannot belong to it.
fn trim(text: &str) -> &str {
    let around = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                ',' | ';' | ':' | '.' | '|' | '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}'
            )
            || matches!(c, '\u{2018}'..='\u{201f}' | '«' | '»' | '‹' | '›' | '，' | '；' | '、' | '。')
    };
    text.trim_matches(around)
}

fn is_placeholder(text: &str) -> bool {
    let folded = text.to_lowercase();
    let joined: String = folded.split_whitespace().collect();
    let is = |list: &str, word: &str| list.split_whitespace().any(|known| known == word);
    is(NOTHING, &joined) || is(NOTHING_SAID, &joined) || !joined.chars().any(char::is_alphanumeric)
}

/// Whether a character is invisible. Such characters come along when an address is copied from a page or a contact
/// card.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_wrapping_is_unwrapped() {
        for cell in [
            "\u{200b}ann@example.com",
            "ann\u{2060}@example.com",
            "\u{200e}ann@example.com\u{200f}",
            "\u{feff}ann@example.com",
            "ann@exam\u{ad}ple.com",
            "ann@example.com\u{a0}",
            "\u{a0}ann@example.com",
            "mailto:ann@example.com",
            "MAILTO: ann@example.com?subject=Hi",
            "Ann Example <ann@example.com>",
            "\"Example, Ann\" <ann@example.com>",
            "<ann@example.com>",
            "'ann@example.com",
            "ann@example.com;",
            "ann@example.com,",
            ";ann@example.com ; ",
            "ann@example.com.",
            "'ann@example.com'",
            "ann@example.com (Ann Example)",
            "[ann@example.com](mailto:ann@example.com)",
            "SMTP:ann@example.com",
            "ann＠example.com",
            "Ann <mailto:ann@example.com>;",
            "“ann@example.com”",
            "ann@example.com, ANN@example.com",
        ] {
            assert!(
                matches!(read(cell), Cell::Wrapped(address, _) if address == "ann@example.com"),
                "{cell:?}: {:?}",
                read(cell)
            );
        }
        assert_eq!(
            read("\u{200b}ann@example.com"),
            Cell::Wrapped("ann@example.com".into(), "invisible characters were")
        );
    }

    #[test]
    fn an_address_as_it_is_stays() {
        for cell in [
            "ann@example.com",
            "ann.o'example+tag@mail.example.com",
            "josé@example.com",
            "ann@exämple.com",
            "a/b@example.com",
        ] {
            assert_eq!(read(&format!("  {cell} ")), Cell::Bare(cell.to_owned()));
        }
        assert_eq!(read("jose\u{301}@example.com"), Cell::Bare("jos\u{e9}@example.com".to_owned()));
    }

    #[test]
    fn the_first_of_several_addresses_is_taken() {
        for cell in [
            "ann@example.com; bo@example.com",
            "ann@example.com,bo@example.com",
            "ann@example.com / bo@example.com",
            "ann@example.com bo@example.com",
            "ann@example.com ::: bo@example.com",
            "Ann <ann@example.com>, Bo <bo@example.com>",
        ] {
            assert_eq!(read(cell), Cell::First("ann@example.com".into()), "{cell}");
        }
    }

    #[test]
    fn a_word_for_nothing_is_nothing() {
        for cell in [
            "-",
            "–",
            "n/a",
            "N/A",
            "#N/A",
            "none",
            "None",
            "(none)",
            "NULL",
            "keine",
            "Keine E-Mail",
            "k. A.",
            "no email",
            "?",
            "***",
            "nil",
            "unbekannt",
            "無",
            "\u{200b}",
            ";",
            "not available",
            "tbd",
        ] {
            assert_eq!(read(cell), Cell::Placeholder, "{cell}");
        }
        for cell in ["", "  ", "\t"] {
            assert_eq!(read(cell), Cell::Empty);
        }
    }

    #[test]
    fn what_is_no_address_is_said_to_be_none() {
        for cell in [
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "a b@example.com",
            "Ann ann@example.com",
            "a@b@example.com",
            "ann@example..com",
            "ann(at)example.com",
            "ann@192.0.2.1",
            "ann@example/mail.com",
            "ann@example.123",
        ] {
            assert_eq!(read(cell), Cell::Invalid, "{cell}");
        }
    }
}
