//! Markdown as HTML. Markup that is written into it is shown as it is written, and a link leads only to where a person
//! can go.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::{
    escape::{SCHEMES, scheme},
    marks::Marks,
};

/// Where pictures may come from.
pub(super) const PICTURES: [&str; 3] = ["http", "https", "cid"];

/// The text as HTML, and the targets of links and pictures that were left out.
pub(super) fn to_html(text: &str, marks: &Marks) -> (String, Vec<String>) {
    let mut refused = Vec::new();
    let begins_with_mark = |target: &str| marks.find(target).first().is_some_and(|(at, _)| at.start == 0);
    let may = |target: &str, schemes: &[&str]| {
        begins_with_mark(target)
            || target.starts_with('#')
            || scheme(target).is_some_and(|scheme| schemes.contains(&scheme.as_str()))
    };
    let mut left_out = 0_u32;
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(|event| {
        Some(match event {
            Event::Html(markup) | Event::InlineHtml(markup) => Event::Text(markup),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Link { ref dest_url, .. }) if !may(dest_url, &SCHEMES) && !is_mail(&event) => {
                refused.push(dest_url.to_string());
                left_out += 1;
                return None;
            }
            // A link never stands in a link.
            Event::End(TagEnd::Link) if left_out > 0 => {
                left_out -= 1;
                return None;
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let dest_url = if may(&dest_url, &PICTURES) {
                    dest_url
                } else {
                    refused.push(dest_url.to_string());
                    CowStr::Borrowed("")
                };
                Event::Start(Tag::Image { link_type, dest_url, title, id })
            }
            event => event,
        })
    });
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events);
    (out, refused)
}

/// `<somebody@x.test>`: the writer puts `mailto:` before it.
fn is_mail(event: &Event<'_>) -> bool {
    matches!(event, Event::Start(Tag::Link { link_type: pulldown_cmark::LinkType::Email, .. }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::scan::{Piece, scan};

    fn html_of(text: &str) -> (String, Vec<String>) {
        to_html(text, &Marks::for_texts([text].into_iter()))
    }

    #[test]
    fn markup_is_shown_and_links_lead_to_where_a_person_can_go() {
        let (html, refused) =
            html_of("# A\n\n<b onclick=x>b</b> [c](https://x.test/?a=1&b=2) ~~d~~\n\n<script>e</script>\n");
        assert!(html.contains("<h1>A</h1>") && html.contains("<del>d</del>"), "{html}");
        assert!(html.contains("&lt;b onclick=x&gt;") && html.contains("<p>&lt;script&gt;"), "{html}");
        assert!(html.contains("<a href=\"https://x.test/?a=1&amp;b=2\">c</a>"), "{html}");
        assert!(refused.is_empty());
        let (html, refused) = html_of("[a](javascript:alert(1)) ![b](data:text/html,x) <c@x.test> [d](/e) [f](#g)");
        assert_eq!(refused, ["javascript:alert(1)", "data:text/html,x", "/e"]);
        assert!(html.contains("<p>a <img src=\"\" alt=\"b\" /> <a href=\"mailto:c@x.test\">c@x.test</a> d"), "{html}");
    }

    #[test]
    fn a_value_may_be_a_link_or_a_part_of_one() {
        let mut marks = Marks::for_texts(std::iter::empty());
        let text = "[a]({{ url }}) [b](https://x.test/{{ id }}) [c](java{{ x }}:y)";
        let Ok(text) = marks.put(text, "body", &mut |_, _| Err(String::new())) else { panic!() };
        let (html, refused) = to_html(&text, &marks);
        assert_eq!(marks.written(&html).matches("<a href=").count(), 2, "{html}");
        assert_eq!(refused.len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup_of_its_own(text in "[<>a-c/=\"'!\\[\\]() :#*`\\n-]{0,80}") {
            let (html, _) = html_of(&text);
            for piece in scan(&html) {
                if let Piece::Open { name, .. } = piece {
                    let known = ["p", "a", "img", "em", "strong", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6",
                        "ul", "ol", "li", "blockquote", "hr", "br", "del"];
                    prop_assert!(known.contains(&name.as_str()), "{} became {}", text, html);
                }
            }
        }
    }
}
