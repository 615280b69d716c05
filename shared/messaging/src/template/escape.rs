//! How a value goes into a mail: escaped for the place where it stands.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a part of a URL as it is (RFC 3986, "unreserved").
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Addresses behind `mailto:`.
const MAIL: &AsciiSet = &PART.remove(b'@');
/// Numbers behind `tel:` and `sms:`.
const PHONE: &AsciiSet = &PART.remove(b'+');

/// The schemes that a whole URL of a value may have.
pub(super) const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "sms"];

/// Which URL a value is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum UrlKind {
    /// A page, and whatever else.
    Page,
    /// `mailto:`.
    Mail,
    /// `tel:` and `sms:`.
    Phone,
}

/// Appends a text as HTML. It can stand in an element and in an attribute between quotation marks.
pub(super) fn push_html(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        out.push_str(match special.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            _ => "&#39;",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Appends a text of an element: its lines stay lines.
pub(super) fn push_html_lines(out: &mut String, text: &str) {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push_str("<br>");
        }
        push_html(out, line);
    }
}

/// A text as HTML.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    push_html(&mut out, text);
    out
}

/// Appends a value as a part of a URL.
pub(super) fn push_url_part(out: &mut String, text: &str, kind: UrlKind) {
    let set = match kind {
        UrlKind::Page => PART,
        UrlKind::Mail => MAIL,
        UrlKind::Phone => PHONE,
    };
    out.extend(utf8_percent_encode(text, set));
}

/// The scheme of a URL in small letters; none for a relative one.
pub(super) fn scheme(url: &str) -> Option<String> {
    let (scheme, _) = url.split_once(':')?;
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// A value that is a whole URL, as it may be used: one that a person can follow.
pub(super) fn whole_url(value: &str) -> Option<&str> {
    let value = value.trim();
    if value.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '\\')) {
        return None;
    }
    let scheme = scheme(value)?;
    let rest = value.get(scheme.len() + 1..)?;
    let has_target = match scheme.as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')),
        "mailto" | "tel" | "sms" => !rest.is_empty(),
        _ => false,
    };
    has_target.then_some(value)
}

/// A value as it may stand in a text: no characters that a mail program obeys. Lines stay lines.
pub(super) fn tidy(value: String) -> String {
    let is_line_end =
        |c: char| (c.is_control() && c.is_whitespace() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    let is_odd = |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    if !value.contains(is_odd) {
        return value;
    }
    value.replace("\r\n", "\n").chars().map(|c| if is_line_end(c) { '\n' } else { c }).filter(|c| !is_odd(*c)).collect()
}

/// A text in one line, as a header needs it.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place() {
        assert_eq!(html("<b a='x'>\"&"), "&lt;b a=&#39;x&#39;&gt;&quot;&amp;");
        let part = |text, kind| {
            let mut out = String::new();
            push_url_part(&mut out, text, kind);
            out
        };
        assert_eq!(part("a b&c=ü/../?#", UrlKind::Page), "a%20b%26c%3D%C3%BC%2F..%2F%3F%23");
        assert_eq!(part("a+b@x.test", UrlKind::Page), "a%2Bb%40x.test");
        assert_eq!(part("a+b@x.test", UrlKind::Mail), "a%2Bb@x.test");
        assert_eq!(part("+49 30", UrlKind::Phone), "+49%2030");
        assert_eq!(one_line("Hello\r\nBcc: all@x.test\u{2028}!"), "Hello Bcc: all@x.test !");
        assert_eq!(tidy("a\r\nb\u{7}\tc".into()), "a\nb\tc");
    }

    #[test]
    fn only_what_a_person_can_follow_is_a_whole_url() {
        for good in ["https://x.test/?a=b&c#d", "HTTP://x.test", "mailto:a@b.test", "tel:+49", "sms:+49"] {
            assert!(whole_url(good).is_some(), "{good}");
        }
        let bad = [
            "javascript:alert(1)",
            " java\nscript:x",
            "data:text/html,x",
            "//x.test",
            "/x",
            "",
            "x",
            "https:",
            "https:///x",
            "https://x.test/\" onclick=",
            "https://x.test/a b",
        ];
        for bad in bad {
            assert!(whole_url(bad).is_none(), "{bad}");
        }
    }
}
