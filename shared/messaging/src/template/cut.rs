//! A text cut at its insertions: what stands between them is made once, so that writing a mail only joins texts.

use std::ops::Range;

use super::{
    Problems,
    escape::{self, UrlKind, push_html, push_html_lines, push_url_part},
    links::{Sign, Tracks},
    marks::Marks,
    scan::{Attribute, Piece},
};

/// Where a value stands, and so what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a text between tags: its lines stay lines.
    Text,
    /// In an attribute, or in a title.
    Attribute,
    /// As the whole target of a link.
    WholeUrl,
    /// At the beginning of a target.
    UrlStart,
    /// Behind the beginning of a target.
    UrlPart(UrlKind),
}

/// A part of a text.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Text of the template.
    Own(String),
    /// The value of an insertion, by its number.
    Value(usize, Place),
    /// A link that can be tracked: what it says, and where that leads.
    Link { own: String, target: String },
    /// Where something stands in a mail that is tracked.
    Sign(Sign),
}

/// A text between its insertions.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    pub(super) parts: Vec<Part>,
    /// Bytes of the template's own texts.
    pub(super) own: usize,
}

/// A value stands where a link leads, and leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoUrl(pub(super) usize);

impl Cut {
    pub(super) fn own(&mut self, text: &str) {
        self.own += text.len();
        match self.parts.last_mut() {
            Some(Part::Own(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts.push(Part::Own(text.to_owned())),
        }
    }

    /// Appends another text.
    pub(super) fn join(&mut self, other: Self) {
        for part in other.parts {
            match part {
                Part::Own(text) => self.own(&text),
                Part::Link { own, target } => {
                    self.own += own.len();
                    self.parts.push(Part::Link { own, target });
                }
                other => self.parts.push(other),
            }
        }
    }

    /// The HTML with these values.
    pub(super) fn html(&self, values: &[String], tracks: Option<&Tracks<'_>>) -> Result<String, NoUrl> {
        let mut out = String::with_capacity(self.own + self.parts.len() * 16);
        for part in &self.parts {
            match part {
                Part::Own(text) => out.push_str(text),
                Part::Value(number, place) => {
                    let value = values.get(*number).map_or("", String::as_str);
                    match place {
                        Place::Text => push_html_lines(&mut out, value),
                        Place::Attribute => push_html(&mut out, value),
                        Place::WholeUrl | Place::UrlStart => push_html(&mut out, url(value, *number)?),
                        Place::UrlPart(kind) => push_url_part(&mut out, value, *kind),
                    }
                }
                Part::Link { own, target } => match tracks.and_then(|tracks| (tracks.link)(target)) {
                    Some(link) => push_html(&mut out, &link),
                    None => out.push_str(own),
                },
                Part::Sign(sign) => tracks.into_iter().for_each(|tracks| tracks.push(&mut out, *sign)),
            }
        }
        Ok(out)
    }

    /// The plain text with these values.
    pub(super) fn plain(&self, values: &[String], tracks: Option<&Tracks<'_>>) -> Result<String, NoUrl> {
        let mut out = String::with_capacity(self.own + self.parts.len() * 16);
        for part in &self.parts {
            match part {
                Part::Own(text) => out.push_str(text),
                Part::Value(number, place) => {
                    let value = values.get(*number).map_or("", String::as_str);
                    match place {
                        Place::Text | Place::Attribute => out.push_str(value),
                        Place::WholeUrl | Place::UrlStart => out.push_str(url(value, *number)?),
                        Place::UrlPart(kind) => push_url_part(&mut out, value, *kind),
                    }
                }
                Part::Link { own, target } => match tracks.and_then(|tracks| (tracks.link)(target)) {
                    Some(link) => out.push_str(&link),
                    None => out.push_str(own),
                },
                Part::Sign(_) => {}
            }
        }
        Ok(out)
    }
}

fn url(value: &str, number: usize) -> Result<&str, NoUrl> {
    escape::whole_url(value).ok_or(NoUrl(number))
}

/// Attributes that say where something leads or lies.
pub(super) fn is_url(attribute: &str) -> bool {
    const URLS: [&str; 11] = [
        "href",
        "src",
        "action",
        "formaction",
        "background",
        "cite",
        "poster",
        "data",
        "longdesc",
        "xlink:href",
        "ping",
    ];
    URLS.contains(&attribute)
}

/// Where a mark in the value of an attribute stands; or why it cannot.
fn place_in(page: &str, attribute: &Attribute, mark: &Range<usize>) -> Result<Place, (&'static str, &'static str)> {
    let name = attribute.name.as_str();
    if !attribute.is_quoted {
        return Err(("a variable in an attribute needs quotation marks around it", "write name=\"{{ … }}\""));
    }
    if name == "style" {
        return Err(("a variable cannot stand in a style", "choose among whole elements instead"));
    }
    if name.starts_with("on") || matches!(name, "srcdoc" | "srcset") {
        return Err(("a variable cannot stand in this attribute", "put it into the text, or into href or src"));
    }
    if !is_url(name) {
        return Ok(Place::Attribute);
    }
    let value = page.get(attribute.value.clone()).unwrap_or_default();
    let start = attribute.value.start + (value.len() - value.trim_start().len());
    let end = attribute.value.start + value.trim_end().len();
    if mark.start > start {
        let kind = match escape::scheme(value.trim()).as_deref() {
            Some("mailto") => UrlKind::Mail,
            Some("tel" | "sms") => UrlKind::Phone,
            _ => UrlKind::Page,
        };
        return Ok(Place::UrlPart(kind));
    }
    Ok(if mark.end == end { Place::WholeUrl } else { Place::UrlStart })
}

/// The marks of a page and where each stands. `None`: nobody sees it, so nothing is inserted. What cannot be inserted
/// is a problem.
pub(super) fn places(
    page: &str,
    pieces: &[Piece],
    marks: &Marks,
    problems: &mut Problems<'_>,
) -> Vec<(Range<usize>, usize, Option<Place>)> {
    let found = marks.find(page);
    let mut found = found.into_iter().peekable();
    let mut placed = Vec::new();
    for piece in pieces {
        let (Piece::Open { at, .. }
        | Piece::Close { at, .. }
        | Piece::Text { at }
        | Piece::Raw { at, .. }
        | Piece::Comment { at }) = piece;
        while let Some((mark, number)) = found.next_if(|(mark, _)| mark.start < at.end) {
            let place = match piece {
                Piece::Text { .. } => Ok(Some(Place::Text)),
                Piece::Comment { .. } => Ok(None),
                Piece::Raw { of, .. } if of == "style" => {
                    Err(("a variable cannot stand in a style", "choose among whole elements instead"))
                }
                Piece::Raw { .. } => {
                    Err(("a variable cannot stand in a script, and mail programs run none", "leave it out"))
                }
                Piece::Open { attributes, .. } => {
                    let own = attributes.iter().find(|own| own.value.start <= mark.start && mark.end <= own.value.end);
                    match own {
                        Some(own) => place_in(page, own, &mark).map(Some),
                        None => Err(("a variable cannot be the name of an element or of an attribute", "write it out")),
                    }
                }
                Piece::Close { .. } => Err(("a variable cannot be the name of an element", "write it out")),
            };
            let place = place.unwrap_or_else(|(problem, cure)| {
                let source = marks.insertion(number).map_or("", |own| own.expression.source());
                problems.error(Some(mark.start), format!("{source}: {problem}"), cure);
                None
            });
            placed.push((mark, number, place));
        }
    }
    placed
}

/// A page cut at its insertions.
pub(super) fn cut(page: &str, placed: &[(Range<usize>, usize, Option<Place>)]) -> Cut {
    let parts = placed.iter().map(|(mark, number, place)| {
        let part = place.map(|place| Part::Value(*number, place));
        (mark.clone(), part)
    });
    cut_at(page, parts.collect())
}

/// A text with parts in the places of ranges, which are in order. Of a range without a part nothing is left.
pub(super) fn cut_at(page: &str, parts: Vec<(Range<usize>, Option<Part>)>) -> Cut {
    let mut cut = Cut::default();
    let mut at = 0;
    for (range, part) in parts {
        cut.own(page.get(at..range.start).unwrap_or_default());
        if let Some(Part::Link { own, .. }) = &part {
            cut.own += own.len();
        }
        cut.parts.extend(part);
        at = range.end;
    }
    cut.own(page.get(at..).unwrap_or_default());
    cut
}

/// A plain text cut at its insertions. A value behind the beginning of an address of a page is a part of that.
pub(super) fn cut_plain(text: &str, marks: &Marks) -> Cut {
    let placed: Vec<_> = marks
        .find(text)
        .into_iter()
        .map(|(mark, number)| {
            let before = text.get(..mark.start).unwrap_or_default();
            let word =
                before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '<' | '"')).next().unwrap_or_default();
            let is_part = word.contains("://");
            (mark, number, Some(if is_part { Place::UrlPart(UrlKind::Page) } else { Place::Text }))
        })
        .collect();
    cut(text, &placed)
}
