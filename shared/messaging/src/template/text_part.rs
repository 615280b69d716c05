//! The text part of a mail, cut at its insertions and its links.

use std::ops::Range;

use super::{
    cut::{Cut, Part, Place, cut_at},
    links::Link,
    marks::Marks,
    scan::Piece,
    text,
};

/// What stands in a place of the page.
enum Own<'l> {
    Value(usize, Place),
    Link(&'l Link),
}

/// The text part of a body, with values and links in the places of its marks.
pub(super) fn text_of(
    html: &str,
    pieces: &[Piece],
    placed: &[(Range<usize>, usize, Option<Place>)],
    links: &[Link],
    marks: &Marks,
) -> Cut {
    // Each place gets a mark of its own: in the text, a link and a word look the same.
    let first = marks.insertions.len();
    let mut own: Vec<Own<'_>> = Vec::new();
    let mut page = String::with_capacity(html.len());
    let values = placed.iter().map(|(at, number, place)| (at, place.map(|place| Own::Value(*number, place))));
    let mut stands: Vec<_> = values.chain(links.iter().map(|link| (&link.at, Some(Own::Link(link))))).collect();
    stands.sort_by_key(|(at, _)| at.start);
    let mut stands = stands.into_iter().peekable();
    for range in text::visible(html, pieces) {
        let mut at = range.start;
        while stands.next_if(|(mark, _)| mark.start < range.start).is_some() {}
        while let Some((mark, what)) = stands.next_if(|(mark, _)| mark.end <= range.end) {
            page.push_str(html.get(at..mark.start).unwrap_or_default());
            if let Some(what) = what {
                page.push_str(&marks.word(first + own.len()));
                own.push(what);
            }
            at = mark.end;
        }
        page.push_str(html.get(at..range.end).unwrap_or_default());
    }
    let stands_for = |number: usize| own.get(number.wrapping_sub(first));
    let same = |text: &str| {
        let mut out = text.to_owned();
        for (at, number) in marks.find(text).into_iter().rev() {
            let meant = match stands_for(number) {
                Some(Own::Value(insertion, _)) => marks.word(*insertion),
                Some(Own::Link(link)) => link.target.clone(),
                None => marks.word(number),
            };
            out.replace_range(at, &meant);
        }
        out
    };
    let text = text::of_html(&page, same).unwrap_or_default();
    let parts = marks.find(&text).into_iter().filter_map(|(at, number)| {
        let part = match stands_for(number)? {
            Own::Value(insertion, place) => Part::Value(*insertion, *place),
            Own::Link(link) => Part::Link { own: link.target.clone(), target: link.target.clone() },
        };
        Some((at, Some(part)))
    });
    let parts = parts.collect();
    cut_at(&text, parts)
}
