//! The footer of a sender: what stands below each of its mails, above the postal address. It is Markdown, as templates
//! are, and the same for everybody: `{{ … }}` means nothing in it.

use super::{markdown, marks::Marks, text};

/// A footer as pages and plain texts have it.
pub(super) struct Footer {
    pub(super) html: String,
    pub(super) text: String,
}

impl Footer {
    /// The footer that a person wrote; none if it is blank.
    pub(super) fn of(written: &str, marks: &Marks) -> Option<Self> {
        if written.trim().is_empty() {
            return None;
        }
        let (html, _) = markdown::to_html(written.trim(), marks);
        let text = text::of_html(&html, str::to_owned)?;
        Some(Self { html, text })
    }
}

/// The footer in a plain text, below what stands there.
pub(super) fn in_text(footer: &Footer) -> String {
    format!("\n\n{}", footer.text.trim())
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
    fn a_link_that_leads_nowhere_is_named() {
        assert_eq!(bad_link("[a](javascript:b)").as_deref(), Some("javascript:b"));
        assert_eq!((bad_link(FOOTER), bad_link("")), (None, None));
    }
}
