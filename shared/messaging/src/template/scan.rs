//! Reads HTML as far as is needed to know where something stands: its tags with their attributes, the texts between
//! them, and the places where no value may go. Nothing is changed or written anew.
//!
//! Conditional comments (`<!--[if mso]>`), in which mail layouts keep a second version for Outlook, are read like the
//! rest. What a value becomes (`escape.rs`) leaves them closed.

use std::ops::Range;

/// Elements whose content is no markup.
const RAW: [&str; 7] = ["script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"];
/// Elements whose content is text.
const TEXT: [&str; 2] = ["title", "textarea"];
/// Elements without an end.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// In small letters.
    pub(super) name: String,
    /// Where its name stands.
    pub(super) name_at: Range<usize>,
    /// Where its value stands, without quotation marks.
    pub(super) value: Range<usize>,
    /// Whether its value stands between quotation marks.
    pub(super) is_quoted: bool,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The beginning of an element, from `<` to `>`.
    Open { name: String, at: Range<usize>, attributes: Vec<Attribute>, closes_itself: bool },
    /// The end of an element.
    Close { name: String, at: Range<usize> },
    /// Text, also that of `title`.
    Text { at: Range<usize> },
    /// The inside of an element without markup, such as `style`.
    Raw { of: String, at: Range<usize> },
    /// What no reader sees.
    Comment { at: Range<usize> },
}

/// The parts of a page, in their order and without a gap.
pub(super) fn scan(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut text_from = 0;
    let flush = |pieces: &mut Vec<Piece>, range: Range<usize>| {
        if !range.is_empty() {
            pieces.push(Piece::Text { at: range });
        }
    };
    while let Some(open) = find(page, at, "<") {
        let rest = page.get(open + 1..).unwrap_or_default();
        let second = rest.as_bytes().first().copied().unwrap_or_default();
        if second.is_ascii_alphabetic() {
            flush(&mut pieces, text_from..open);
            let (name, attributes, closes_itself, end) = tag(page, open + 1);
            let (is_raw, is_text) = (RAW.contains(&name.as_str()), TEXT.contains(&name.as_str()));
            pieces.push(Piece::Open { name: name.clone(), at: open..end, attributes, closes_itself });
            at = end;
            if is_raw || is_text {
                let close = if name == "plaintext" { page.len() } else { end_of_raw(page, end, &name) };
                if is_text {
                    flush(&mut pieces, end..close);
                } else if close > end {
                    pieces.push(Piece::Raw { of: name, at: end..close });
                }
                at = close;
            }
        } else if second == b'/' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic) {
            flush(&mut pieces, text_from..open);
            let (name, _, _, end) = tag(page, open + 2);
            pieces.push(Piece::Close { name, at: open..end });
            at = end;
        } else if matches!(second, b'!' | b'?' | b'/') {
            flush(&mut pieces, text_from..open);
            let end = end_of_comment(page, open);
            pieces.push(Piece::Comment { at: open..end });
            at = end;
        } else {
            // A sign like any other.
            at = open + 1;
            continue;
        }
        text_from = at;
    }
    flush(&mut pieces, text_from..page.len());
    pieces
}

/// How deep elements stand in each other.
pub(super) fn depth(pieces: &[Piece]) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut deepest = 0;
    for piece in pieces {
        match piece {
            Piece::Open { name, closes_itself, .. } if !closes_itself && !VOID.contains(&name.as_str()) => {
                open.push(name);
                deepest = deepest.max(open.len());
            }
            Piece::Close { name, .. } => {
                if let Some(last) = open.iter().rposition(|other| other == name) {
                    open.truncate(last);
                }
            }
            _ => {}
        }
    }
    deepest
}

fn find(page: &str, from: usize, what: &str) -> Option<usize> {
    page.get(from..)?.find(what).map(|offset| from + offset)
}

/// Reads a tag from its name on: name, attributes, whether it closes itself, and the end behind `>`.
fn tag(page: &str, from: usize) -> (String, Vec<Attribute>, bool, usize) {
    let bytes = page.as_bytes();
    let byte = |at: usize| bytes.get(at).copied();
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
    let until = |mut at: usize, stops: &dyn Fn(u8) -> bool| {
        while byte(at).is_some_and(|byte| !stops(byte)) {
            at += 1;
        }
        at
    };
    let mut at = until(from, &|byte| is_space(byte) || matches!(byte, b'/' | b'>'));
    let name = page.get(from..at).unwrap_or_default().to_ascii_lowercase();
    let mut attributes = Vec::new();
    let mut closes_itself = false;
    loop {
        at = until(at, &|byte| !is_space(byte));
        match byte(at) {
            None => return (name, attributes, closes_itself, page.len()),
            Some(b'>') => return (name, attributes, closes_itself, at + 1),
            Some(b'/') => {
                closes_itself = byte(at + 1) == Some(b'>');
                at += 1;
                continue;
            }
            Some(_) => {}
        }
        let name_from = at;
        // A name may begin with `=`.
        at = until(at + 1, &|byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='));
        let name_at = name_from..at;
        let behind = until(at, &|byte| !is_space(byte));
        let (value, is_quoted) = if byte(behind) == Some(b'=') {
            let start = until(behind + 1, &|byte| !is_space(byte));
            match byte(start) {
                Some(quote @ (b'"' | b'\'')) => {
                    let end = until(start + 1, &|byte| byte == quote);
                    at = (end + 1).min(page.len());
                    (start + 1..end, true)
                }
                _ => {
                    at = until(start, &|byte| is_space(byte) || byte == b'>');
                    (start..at, false)
                }
            }
        } else {
            (at..at, true)
        };
        let name = page.get(name_at.clone()).unwrap_or_default().to_ascii_lowercase();
        attributes.push(Attribute { name, name_at, value, is_quoted });
    }
}

/// Where the content of an element without markup ends.
fn end_of_raw(page: &str, from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(close) = find(page, at, "</") {
        let behind = page.as_bytes().get(close + 2..).unwrap_or_default();
        let is_it = behind.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && behind
                .get(name.len())
                .is_none_or(|next| matches!(next, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/' | b'>'));
        if is_it {
            return close;
        }
        at = close + 2;
    }
    page.len()
}

/// Where a comment, a declaration or the like ends. Of a conditional comment it is the end of its beginning.
fn end_of_comment(page: &str, open: usize) -> usize {
    let rest = page.get(open..).unwrap_or_default();
    let behind = |offset: Option<usize>, length: usize| offset.map_or(page.len(), |offset| open + offset + length);
    if rest.starts_with("<!--[if") {
        return behind(rest.find("]>"), 2);
    }
    if let Some(short) = ["<!-->", "<!--->"].into_iter().find(|short| rest.starts_with(short)) {
        return open + short.len();
    }
    if rest.starts_with("<!--") {
        // As browsers do: `--!>` ends a comment, too.
        let inside = rest.get(4..).unwrap_or_default();
        let ends = [("-->", 3), ("--!>", 4)];
        let first = ends.iter().filter_map(|(end, length)| Some((inside.find(end)?, *length))).min();
        return first.map_or(page.len(), |(offset, length)| open + 4 + offset + length);
    }
    behind(rest.find('>'), 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(page: &str) -> Vec<String> {
        let of = |at: &Range<usize>| page[at.clone()].to_owned();
        scan(page)
            .iter()
            .map(|piece| match piece {
                Piece::Open { name, attributes, .. } => {
                    let pairs = attributes.iter().map(|own| format!(" {}=[{}]", own.name, of(&own.value)));
                    format!("<{name}{}>", pairs.collect::<String>())
                }
                Piece::Close { name, .. } => format!("</{name}>"),
                Piece::Text { at } => of(at),
                Piece::Raw { of: name, at } => format!("{name}: {}", of(at)),
                Piece::Comment { at } => format!("({})", of(at)),
            })
            .collect()
    }

    #[test]
    fn tags_attributes_and_texts_are_found() {
        assert_eq!(
            shown("<P Class=a id='x>y' hidden>1 < 2<br/><a\nhref = \"?a=1&b\">b</A >c"),
            ["<p class=[a] id=[x>y] hidden=[]>", "1 < 2", "<br>", "<a href=[?a=1&b]>", "b", "</a>", "c"]
        );
        assert_eq!(shown("<img src=a/b.png>"), ["<img src=[a/b.png]>"]);
    }

    #[test]
    fn raw_elements_and_comments_are_no_markup() {
        assert_eq!(
            shown("<style>a>b{}</styled></STYLE ><title>a<b</title><!-- <b> --><script>'<p>'"),
            [
                "<style>",
                "style: a>b{}</styled>",
                "</style>",
                "<title>",
                "a<b",
                "</title>",
                "(<!-- <b> -->)",
                "<script>",
                "script: '<p>'"
            ]
        );
        assert_eq!(
            shown("<!doctype html><!--[if mso]><td><![endif]--><!--[if !mso]><!-->x<!--<![endif]-->y"),
            [
                "(<!doctype html>)",
                "(<!--[if mso]>)",
                "<td>",
                "(<![endif]-->)",
                "(<!--[if !mso]>)",
                "(<!-->)",
                "x",
                "(<!--<![endif]-->)",
                "y"
            ]
        );
    }

    #[test]
    fn depth_counts_what_is_open() {
        assert_eq!(depth(&scan("<a><br><b><i/></b><c></c></a></z>")), 2);
        assert_eq!(depth(&scan(&"<div>".repeat(1000))), 1000);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_it_reads(page in "[<>/!a-c=\"' -]{0,60}|\\PC{0,40}") {
            let mut at = 0;
            for piece in scan(&page) {
                let (Piece::Open { at: range, .. } | Piece::Close { at: range, .. } | Piece::Text { at: range }
                    | Piece::Raw { at: range, .. } | Piece::Comment { at: range }) = piece;
                prop_assert_eq!(range.start, at);
                prop_assert!(page.get(range.clone()).is_some());
                at = range.end;
            }
            prop_assert_eq!(at, page.len());
        }
    }
}
