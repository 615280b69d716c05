//! MJML as HTML.

use mrml::prelude::parser::{Error, ParserOptions, Span};
use mrml::prelude::render::RenderOptions;

use super::scan::{Piece, depth, scan};

/// Elements that stand in each other, at most: the reader goes into each of them.
const DEEPEST: usize = 100;

/// Why there is no HTML, and where in bytes.
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) at: Option<usize>,
}

fn refused(message: impl Into<String>, at: Option<usize>) -> Refused {
    Refused { message: message.into(), at }
}

/// The HTML that mail programs lay out as the MJML says.
pub(super) fn to_html(text: &str) -> Result<String, Refused> {
    let pieces = scan(text);
    for piece in &pieces {
        if let Piece::Open { name, at, .. } = piece
            && name == "mj-include"
        {
            let message = "mj-include reads other files, and there are none: use a block, {{> name }}";
            return Err(refused(message, Some(at.start)));
        }
    }
    if depth(&pieces) > DEEPEST {
        return Err(refused(format!("more than {DEEPEST} elements stand in each other: use fewer"), None));
    }
    if !pieces.iter().any(|piece| matches!(piece, Piece::Open { name, .. } if name == "mjml")) {
        return Err(refused("MJML begins with <mjml> and ends with </mjml>: put <mjml><mj-body> … around it", None));
    }
    let parsed = mrml::parse_with_options(text, &ParserOptions::default()).map_err(|error| unreadable(&error))?;
    // Fonts would be fetched from another host by each reader who opens the mail.
    let options = RenderOptions { disable_comments: false, social_icon_origin: None, fonts: Default::default() };
    parsed.element.render(&options).map_err(|error| refused(format!("the MJML cannot be laid out: {error}"), None))
}

fn unreadable(error: &Error) -> Refused {
    let at = |span: &Span| Some(span.start);
    match error {
        Error::UnexpectedElement { position, .. } => {
            refused("this element cannot stand here: look up in MJML's documentation where it may", at(position))
        }
        Error::UnexpectedToken { position, .. } => {
            refused("this cannot stand here: close the element before it", at(position))
        }
        Error::MissingAttribute { name, position, .. } => {
            refused(format!("the attribute {name:?} is missing: add it"), at(position))
        }
        Error::InvalidAttribute { position, .. } | Error::InvalidFormat { position, .. } => {
            refused("this attribute cannot be read: write name=\"value\"", at(position))
        }
        Error::EndOfStream { .. } => refused("an element is not closed: the text ends before its end", None),
        error => refused(format!("the MJML cannot be read: {error}"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<mjml><mj-head><mj-title>T</mj-title></mj-head><mj-body><mj-section><mj-column>\
        <mj-text>Hello</mj-text><mj-button href=\"https://x.test/?a=1&amp;b=2\">Go</mj-button>\
        <mj-image src=\"https://x.test/a.png\" alt=\"A\" /></mj-column></mj-section></mj-body></mjml>";

    #[test]
    fn mjml_becomes_html_that_loads_nothing_more() {
        let html = to_html(PAGE).unwrap_or_else(|error| panic!("{}", error.message));
        assert!(html.contains("Hello") && html.contains("href=\"https://x.test/?a=1&amp;b=2\""), "{html}");
        assert!(html.contains("alt=\"A\""), "{html}");
        assert!(!html.contains("fonts.googleapis"), "{html}");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let message = |text: &str| to_html(text).err().unwrap().message;
        assert!(message("<p>x</p>").contains("<mjml>"));
        assert!(message("<mjml><mj-body><mj-include path=\"/etc/passwd\" /></mj-body></mjml>").contains("block"));
        assert!(to_html("<mjml><mj-body><mj-section>").is_err());
        assert!(message(&format!("<mjml><mj-body><mj-raw>{}", "<div>".repeat(100_000))).contains("more than 100"));
    }
}
