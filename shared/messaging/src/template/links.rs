//! The links of a page that can be tracked: where they stand, and where they lead, byte for byte.
//!
//! What a link says is HTML, so its target is what a browser reads there: references such as `&amp;` are decoded once,
//! and nothing else is changed. A link of which that is not sure stays as it is, and so does one with a variable in it:
//! its target is one person's, and would have to be kept for each.

use std::ops::Range;

use super::{
    cut::{Cut, Part, Place, cut_at},
    escape::push_html,
    marks::Marks,
    scan::Piece,
};

/// The longest target that is tracked, in bytes.
const LONGEST: usize = 4_000;

/// What a mail that is tracked has in the places of its links, and what tells of its opening.
pub struct Tracks<'a> {
    /// The link in the place of a target; none: it leads there itself.
    pub link: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The picture that a mail program loads when it shows the mail.
    pub pixel: String,
    /// A link that no person sees.
    pub trap: String,
}

/// Something that only a mail that is tracked has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// The link that no person sees. It comes first: whoever follows all links begins with it.
    Trap,
    /// The picture.
    Pixel,
}

impl Tracks<'_> {
    pub(super) fn push(&self, out: &mut String, sign: Sign) {
        let (before, url, behind) = match sign {
            Sign::Trap => {
                ("<a href=\"", &self.trap, "\" style=\"display:none\" tabindex=\"-1\" aria-hidden=\"true\"></a>")
            }
            Sign::Pixel => ("<img src=\"", &self.pixel, "\" width=\"1\" height=\"1\" alt=\"\" style=\"border:0\">"),
        };
        out.push_str(before);
        push_html(out, url);
        out.push_str(behind);
    }
}

impl std::fmt::Debug for Tracks<'_> {
    /// Omits the links, which are one person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracks").finish_non_exhaustive()
    }
}

/// A link that can be tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Where what it says stands.
    pub(super) at: Range<usize>,
    /// Where it leads.
    pub(super) target: String,
}

impl Cut {
    /// Where its links lead that can be tracked.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Link { target, .. } => Some(target.as_str()),
            _ => None,
        })
    }
}

/// The links of a page that can be tracked, in their order.
pub(super) fn links_in(page: &str, pieces: &[Piece], marks: &Marks) -> Vec<Link> {
    let mut links = Vec::new();
    for piece in pieces {
        let Piece::Open { name, attributes, .. } = piece else { continue };
        // Buttons for Outlook are drawn in VML, whose elements have links of their own.
        if !matches!(name.as_str(), "a" | "area") && !name.starts_with("v:") {
            continue;
        }
        // Of two attributes of one name, readers take the first.
        let Some(href) = attributes.iter().find(|own| own.name == "href") else { continue };
        let Some(said) = page.get(href.value.clone()) else { continue };
        if !marks.find(said).is_empty() {
            continue;
        }
        if let Some(target) = target(said) {
            links.push(Link { at: href.value.clone(), target });
        }
    }
    links
}

/// A page cut at its insertions and its links, with the places of what only a mail that is tracked has.
pub(super) fn cut_page(
    page: &str,
    pieces: &[Piece],
    placed: &[(Range<usize>, usize, Option<Place>)],
    marks: &Marks,
) -> Cut {
    let values = placed.iter().map(|(at, number, place)| (at.clone(), place.map(|place| Part::Value(*number, place))));
    let links = links_in(page, pieces, marks).into_iter().map(|Link { at, target }| {
        let own = page.get(at.clone()).unwrap_or_default().to_owned();
        (at, Some(Part::Link { own, target }))
    });
    let mut parts: Vec<_> = values.chain(links).collect();
    let begins = pieces.iter().find_map(|piece| match piece {
        Piece::Open { name, at, .. } if name == "body" => Some(at.end),
        _ => None,
    });
    let ends = pieces.iter().rev().find_map(|piece| match piece {
        Piece::Close { name, at } if name == "body" => Some(at.start),
        _ => None,
    });
    if let Some(at) = begins {
        parts.push((at..at, Some(Part::Sign(Sign::Trap))));
    }
    let end = ends.unwrap_or(page.len());
    parts.push((end..end, Some(Part::Sign(Sign::Pixel))));
    parts.sort_by_key(|(at, _)| (at.start, at.end));
    cut_at(page, parts)
}

/// Where a link leads, from what it says in HTML. None: it cannot be tracked.
fn target(said: &str) -> Option<String> {
    let target = decoded(said.trim_matches(|c: char| c.is_ascii_whitespace()))?;
    // Browsers leave some of these out, each in its own way.
    if target.len() > LONGEST || target.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let (scheme, rest) = target.split_once("://")?;
    let is_page = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_page && !rest.is_empty() && !rest.starts_with(['/', '?', '#'])).then_some(target)
}

/// A value of an attribute as a browser reads it. None: it has a reference that is not known here.
fn decoded(said: &str) -> Option<String> {
    let mut out = String::with_capacity(said.len());
    let mut rest = said;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let (sign, length) = reference(behind)?;
        out.push_str(&sign);
        rest = behind.get(length..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// What stands behind an `&`: the text that is meant, and the length of the reference. None: not known here.
fn reference(behind: &str) -> Option<(String, usize)> {
    const KNOWN: [(&str, &str); 5] = [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'")];
    if let Some(number) = behind.strip_prefix('#') {
        let (digits, _) = number.split_once(';')?;
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        // Browsers read the numbers from 128 to 159 as an old code page.
        let sign = char::from_u32(code).filter(|sign| !sign.is_control())?;
        return Some((sign.to_string(), digits.len() + 2));
    }
    let name: &str = behind.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if name.is_empty() {
        return Some(("&".to_owned(), 0));
    }
    let next = behind.get(name.len()..)?.chars().next();
    if next == Some(';') {
        let (_, sign) = KNOWN.iter().find(|(known, _)| *known == name)?;
        return Some(((*sign).to_owned(), name.len() + 1));
    }
    // `&copy=1` is a parameter: in an attribute, a name before a letter, a digit or `=` is no reference.
    if next == Some('=') {
        return Some(("&".to_owned(), 0));
    }
    match name {
        "amp" => Some(("&".to_owned(), name.len())),
        // Some names are references without a semicolon, when nothing follows: `&copy`, `&para`.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_what_a_browser_reads() {
        for (said, wanted) in [
            ("https://x.test", "https://x.test"),
            ("https://x.test/?a=1&amp;b=2", "https://x.test/?a=1&b=2"),
            ("https://x.test/?a=1&b=2", "https://x.test/?a=1&b=2"),
            ("https://x.test/?a=1&copy=2&lt=3", "https://x.test/?a=1&copy=2&lt=3"),
            ("https://x.test/?a=&amp;amp;", "https://x.test/?a=&amp;"),
            ("https://x.test/?q=&quot;&#38;&#x26;", "https://x.test/?q=\"&&"),
            ("https://x.test/?a=1&amp", "https://x.test/?a=1&"),
            ("https://x.test/?a&&b=", "https://x.test/?a&&b="),
            ("https://x.test/%7Ea%20b/?q=%2F%u00e9+x#a%23b", "https://x.test/%7Ea%20b/?q=%2F%u00e9+x#a%23b"),
            (
                "https://b\u{fc}cher.example/\u{e4}?x=\u{df}#\u{2603}",
                "https://b\u{fc}cher.example/\u{e4}?x=\u{df}#\u{2603}",
            ),
            ("  HTTPS://X.test:443/../a/./b?\n", "HTTPS://X.test:443/../a/./b?"),
            ("http://user:pw@x.test/a;b=c|d[e]{f}^`'", "http://user:pw@x.test/a;b=c|d[e]{f}^`'"),
        ] {
            assert_eq!(target(said).as_deref(), Some(wanted), "{said}");
        }
        let long = format!("https://x.test/{}", "a".repeat(LONGEST));
        for said in [
            "mailto:a@x.test",
            "tel:+34600000001",
            "sms:+34600000001",
            "#top",
            "/a",
            "//x.test/a",
            "javascript:alert(1)",
            "data:text/html,x",
            "https:",
            "https://",
            "https:///x",
            "https://x.test/a b",
            "https://x.test/a\nb",
            "https://x.test\\@y.test",
            "https://x.test/?a&copy",
            "https://x.test/?a&eacute;",
            "https://x.test/?a&#150;",
            "https://x.test/?a&#65",
            &long,
        ] {
            assert_eq!(target(said), None, "{said}");
        }
    }
}
