//! The footer of a sender: what stands below each of its mails, above the postal address. It is Markdown, as templates
//! are, and the same for everybody: `{{ … }}` means nothing in it.

use super::{cut::Cut, links::links_in, markdown, marks::Marks, scan::scan, text_part::text_of};

/// A footer as pages and plain texts have it.
pub(super) struct Footer {
    pub(super) html: String,
    pub(super) text: Cut,
}

impl Footer {
    /// The footer that a person wrote; none if it is blank.
    pub(super) fn of(written: &str, marks: &Marks) -> Option<Self> {
        if written.trim().is_empty() {
            return None;
        }
        let (html, _) = markdown::to_html(written.trim(), marks);
        let pieces = scan(&html);
        let text = text_of(&html, &pieces, &[], &links_in(&html, &pieces, marks), marks);
        Some(Self { html, text })
    }
}

/// The footer in a plain text, below what stands there.
pub(super) fn in_text(footer: &Footer) -> Cut {
    let mut text = Cut::default();
    text.own("\n\n");
    text.join(footer.text.clone());
    text
}

/// The first link of a footer that cannot be followed from a mail.
pub(crate) fn bad_link(written: &str) -> Option<String> {
    markdown::to_html(written.trim(), &Marks::for_texts([written].into_iter())).1.into_iter().next()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::*, bad_link};

    const FOOTER: &str = "**Example Agency**, see [our site](https://example.com/?a=1&b=2). No {{ name }} here.";

    fn mail(format: MessageFormat, body: &str) -> RenderedMail {
        let part = LanguagePart { subject: "News".to_owned(), preheader: None, body: body.to_owned(), text: None };
        let languages = BTreeMap::from([("en".to_owned(), part)]);
        let content = MessageContent { format, default_language: "en".to_owned(), languages };
        let values = [
            ("unsubscribe_url", "https://x.test/u"),
            ("preferences_url", "https://x.test/p"),
            ("postal_address", "1 Example Street"),
            ("name", "Amélie"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Compiled::with_footer(&content, FOOTER).unwrap().render("en", &values).unwrap()
    }

    #[test]
    fn the_footer_stands_between_what_is_said_and_the_address() {
        let whole = "<html><body><p>Hello {{ name }}</p></body></html>";
        for (format, body) in [
            (MessageFormat::Markdown, "Hello {{ name }}"),
            (MessageFormat::Html, whole),
            (MessageFormat::Html, "Hello {{ name }}"),
        ] {
            let mail = mail(format, body);
            let at = |text: &str, what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
            let in_html = ["Hello Amélie", "<strong>Example Agency</strong>", "No {{ name }} here", "1 Example Street"];
            assert!(in_html.map(|what| at(&mail.html, what)).is_sorted(), "{}", mail.html);
            assert!(mail.html.contains("href=\"https://example.com/?a=1&amp;b=2\""), "{}", mail.html);
            let in_text = ["Hello Amélie", "Example Agency", "https://example.com/?a=1&b=2", "1 Example Street"];
            assert!(in_text.map(|what| at(&mail.text, what)).is_sorted(), "{}", mail.text);
        }
    }

    #[test]
    fn a_template_with_its_own_way_out_has_the_footer_at_its_end() {
        let own = mail(MessageFormat::Markdown, "Hello\n\n[leave]({{ unsubscribe_url }}) {{ postal_address }}");
        assert!(own.html.find("1 Example Street") < own.html.find("<strong>Example"), "{}", own.html);
        assert_eq!(own.html.matches("1 Example Street").count(), 1);
    }

    #[test]
    fn its_links_are_tracked_like_others() {
        let part = LanguagePart {
            subject: "News".to_owned(),
            preheader: None,
            body: "See [this](https://x.test/).".to_owned(),
            text: None,
        };
        let languages = BTreeMap::from([("en".to_owned(), part)]);
        let content = MessageContent { format: MessageFormat::Markdown, default_language: "en".to_owned(), languages };
        let made = Compiled::with_footer(&content, FOOTER).unwrap();
        let site = "https://example.com/?a=1&b=2";
        assert_eq!(made.targets(), [("en", "https://x.test/"), ("en", site)]);
        let link = |target: &str| (target == site).then(|| "https://h.test/t/site".to_owned());
        let tracks =
            Tracks { link: &link, pixel: "https://h.test/t/p.gif".to_owned(), trap: "https://h.test/t/t".into() };
        let values =
            ["unsubscribe_url", "preferences_url"].map(|name| (name.to_owned(), "https://h.test/u".to_owned()));
        let mail = made.render_with("en", &values.into(), Some(&tracks)).unwrap();
        for text in [&mail.html, &mail.text] {
            assert!(text.contains("https://h.test/t/site") && !text.contains("https://example.com"), "{text}");
            assert!(text.contains("https://h.test/u") && text.contains("https://x.test/"), "{text}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        assert_eq!(bad_link("[a](javascript:b)").as_deref(), Some("javascript:b"));
        assert_eq!((bad_link(FOOTER), bad_link("")), (None, None));
    }
}
