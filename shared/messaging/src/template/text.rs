//! The text part of a mail, made from its HTML.

use std::ops::Range;

use html2text::{config, render::TextDecorator};

use super::scan::Piece;

/// Wide enough that no line is broken: a mail program does that, and a link that is broken leads nowhere.
const WIDTH: usize = 1_000_000;
/// Around the target of a link, until it is known whether the link's text says the same.
const LINK: (char, char) = ('\u{e000}', '\u{e001}');

/// The text of a page. `None`: the page cannot be read.
pub(super) fn of_html(page: &str, same: impl Fn(&str) -> String) -> Option<String> {
    // What stands for links must not come from the page itself.
    let page = page.replace([LINK.0, LINK.1], "");
    let reader = config::with_decorator(Plain { target: String::new() }).raw_mode(true).allow_width_overflow();
    let text = reader.string_from_read(page.as_bytes(), WIDTH).ok()?;
    Some(tidied(&with_links(&text, same)))
}

/// Attributes whose numbers the reader of tables and lists believes, whatever they are.
const COUNTS: [&str; 3] = ["colspan", "rowspan", "start"];

/// The page without what is hidden, such as the line that only a list of mails shows, and without [`COUNTS`].
pub(super) fn visible(page: &str, pieces: &[Piece]) -> Vec<Range<usize>> {
    let mut shown = Vec::new();
    // The hidden element, and how many of its name are open in it.
    let mut hidden: Option<(&str, usize)> = None;
    for piece in pieces {
        let mut left_out: Vec<Range<usize>> = Vec::new();
        let at = match piece {
            Piece::Open { name, at, attributes, closes_itself } => {
                let counts = attributes.iter().filter(|own| COUNTS.contains(&own.name.as_str()));
                left_out.extend(counts.map(|own| own.name_at.start..own.value.end));
                let hides = attributes.iter().any(|own| {
                    let value = page.get(own.value.clone()).unwrap_or_default();
                    own.name == "style" && value.replace(' ', "").to_ascii_lowercase().contains("display:none")
                });
                match &mut hidden {
                    Some((of, open)) if *of == name && !closes_itself => *open += 1,
                    None if hides && !closes_itself && !matches!(name.as_str(), "img" | "br" | "input" | "hr") => {
                        hidden = Some((name, 1));
                    }
                    _ => {}
                }
                at
            }
            Piece::Close { name, at } => {
                if let Some((of, open)) = &mut hidden
                    && *of == name
                {
                    *open -= 1;
                    if *open == 0 {
                        hidden = None;
                        continue;
                    }
                }
                at
            }
            Piece::Text { at } | Piece::Raw { at, .. } | Piece::Comment { at } => at,
        };
        if hidden.is_none() {
            let mut from = at.start;
            for range in left_out {
                shown.push(from..range.start);
                from = range.end;
            }
            shown.push(from..at.end);
        }
    }
    shown
}

/// The text with the targets of its links in brackets, where they say more than the link's text.
fn with_links(text: &str, same: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(LINK.0) {
        out.push_str(before);
        let (target, after) = behind.split_once(LINK.1).unwrap_or((behind, ""));
        rest = after;
        let target = target.trim();
        let said = ["mailto:", "tel:", "sms:"].iter().find_map(|scheme| target.strip_prefix(scheme)).unwrap_or(target);
        if target.is_empty() || target.starts_with('#') || same(&out).ends_with(&same(said)) {
            continue;
        }
        if !out.is_empty() && !out.ends_with(char::is_whitespace) {
            out.push(' ');
        }
        out.push('(');
        out.push_str(target);
        out.push(')');
    }
    out.push_str(rest);
    out
}

/// Without blanks at the ends of lines, and with at most one empty line after another.
pub(super) fn tidied(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 && !(out.is_empty() && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Writes text without signs for emphasis, and the target of each link behind it.
#[derive(Clone)]
struct Plain {
    target: String,
}

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        url.clone_into(&mut self.target);
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        format!("{}{}{}", LINK.0, std::mem::take(&mut self.target), LINK.1)
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _: &str, alt: &str) -> (String, ()) {
        (if alt.is_empty() { String::new() } else { format!("[{alt}]") }, ())
    }

    fn header_prefix(&self, _: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Self { target: String::new() }
    }

    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_superscript_end(&self) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::scan::scan;

    fn text(page: &str) -> String {
        of_html(page, str::to_owned).unwrap()
    }

    #[test]
    fn a_page_becomes_lines_with_whole_links() {
        let long = format!("https://x.test/u/{}", "a".repeat(300));
        let page = format!(
            "<h1>Hello</h1><p>Some <b>words</b>, <a href='{long}'>leave</a> <a href='mailto:a@x.test'>a@x.test</a> \
             <a href='#b'>up</a></p><table><tr><td>one</td><td>two</td></tr></table><ul><li>x</li></ul>\
             <img src='https://x.test/a.png' alt='A tree'><img src='https://x.test/b.png' alt=''>"
        );
        let text = text(&page);
        assert!(text.starts_with(&format!("Hello\n\nSome words, leave ({long}) a@x.test up\n")), "{text}");
        assert!(
            text.contains("one") && text.contains("two") && text.contains("* x") && text.contains("[A tree]"),
            "{text}"
        );
        assert!(!text.contains('─') && !text.contains("  \n"), "{text}");
    }

    #[test]
    fn hidden_elements_are_left_out() {
        let page = "<div style='display: none'>a<div>b</div>c</div><p>d</p>";
        let shown: String = visible(page, &scan(page)).into_iter().map(|at| &page[at]).collect();
        assert_eq!(shown, "<p>d</p>");
        // No number of the page is believed.
        let page = "<table><tr><td colspan=\"1000000000\">a</td></tr></table>\
                    <ol start=9223372036854775807><li>b<li>c</ol>";
        let shown: String = visible(page, &scan(page)).into_iter().map(|at| &page[at]).collect();
        let text = text(&shown);
        assert!(text.contains('a') && text.contains("1. b") && text.contains("2. c"), "{text}");
    }

    #[test]
    fn empty_lines_do_not_pile_up() {
        assert_eq!(tidied("\n\na  \n\n\n\nb\n\n"), "a\n\nb");
    }
}
