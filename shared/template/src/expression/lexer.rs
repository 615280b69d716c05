//! Splits the source inside `{{ }}` into tokens.

use super::SyntaxError;

/// The operators and signs of the language, the longer ones first.
const SIGNS: [&str; 22] = [
    "**", "//", "==", "!=", "<=", ">=", "<", ">", "~", "+", "-", "*", "/", "%", "|", "(", ")", "[", "]", ",", ".", ":",
];

/// A token and its position in the source, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Sign(&'static str),
}

/// The tokens of one `{{ }}`, and the position after it.
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    /// The position of the closing braces, in bytes.
    pub(super) end: usize,
    /// The position after the closing braces.
    pub(super) next: usize,
    /// Whether the closing braces are `-}}`, which removes the white space after them.
    pub(super) trims: bool,
}

/// Reads tokens from byte `at` up to the closing braces.
pub(super) fn lex(source: &str, mut at: usize) -> Result<Lexed, SyntaxError> {
    let open = at;
    let mut tokens = Vec::new();
    loop {
        let rest = source.get(at..).unwrap_or_default();
        let Some(first) = rest.chars().next() else {
            return Err(SyntaxError::unreadable("the closing }} is missing", open));
        };
        if rest.starts_with("}}") {
            return Ok(Lexed { tokens, end: at, next: at + 2, trims: false });
        }
        if rest.starts_with("-}}") {
            return Ok(Lexed { tokens, end: at, next: at + 3, trims: true });
        }
        let (kind, length) = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '"' | '\'' => text(rest, at)?,
            '0'..='9' => number(rest, at)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Kind::Word(rest.get(..length).unwrap_or_default().to_owned()), length)
            }
            _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                Some(sign) => (Kind::Sign(sign), sign.len()),
                None => return Err(SyntaxError::unreadable(&format!("{first:?} has no meaning here"), at)),
            },
        };
        tokens.push(Token { kind, at });
        at += length;
    }
}

/// Reads a text in quotation marks, and returns its length in the source.
fn text(rest: &str, at: usize) -> Result<(Kind, usize), SyntaxError> {
    let mut chars = rest.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    let mut text = String::new();
    while let Some((offset, c)) = chars.next() {
        if Some(c) == quote {
            return Ok((Kind::Text(text), offset + c.len_utf8()));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        text.push(match chars.next().map(|(_, escaped)| escaped) {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(c @ ('\\' | '"' | '\'')) => c,
            Some('u') => {
                let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                let read = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4).and_then(char::from_u32);
                read.ok_or_else(|| SyntaxError::unreadable("\\u needs four hexadecimal digits", at + offset))?
            }
            _ => {
                return Err(SyntaxError::unreadable(
                    "a \\ can only come before n, t, r, u, a quotation mark or \\",
                    at + offset,
                ));
            }
        });
    }
    Err(SyntaxError::unreadable("the closing quotation mark is missing", at))
}

/// Reads a number, and returns its length in the source.
fn number(rest: &str, at: usize) -> Result<(Kind, usize), SyntaxError> {
    let digits = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())
    };
    let whole = digits(0);
    let has_fraction = rest.get(whole..).is_some_and(|tail| {
        let mut tail = tail.chars();
        tail.next() == Some('.') && tail.next().is_some_and(|digit| digit.is_ascii_digit())
    });
    let length = if has_fraction { digits(whole + 1) } else { whole };
    let number = rest.get(..length).unwrap_or_default();
    let too_large = || SyntaxError::unreadable("the number is too large", at);
    let kind = if has_fraction {
        Kind::Float(number.parse().map_err(|_| too_large())?)
    } else {
        Kind::Integer(number.parse().map_err(|_| too_large())?)
    };
    Ok((kind, length))
}
