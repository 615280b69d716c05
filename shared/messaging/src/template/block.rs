//! Blocks: pieces of body that several templates share, such as a greeting or the opening hours. A template names one
//! by `{{> name }}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MessageFormat, language::choose, markdown, marks::Marks};

/// The bytes of a block in one language.
pub(super) const LONGEST: usize = 50_000;

/// What a block says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// How it is written. A block in Markdown goes into every template, one in HTML or MJML only into those of its own
    /// format.
    pub format: MessageFormat,
    /// The language of readers whose own one is missing.
    #[schema(example = "en")]
    pub default_language: String,
    /// What it says in each language, by its BCP 47 tag.
    pub languages: BTreeMap<String, String>,
}

/// The name of a block in `{{> name }}`; none if it is another insertion.
pub(super) fn named(insertion: &str) -> Option<&str> {
    let inner = insertion.strip_prefix("{{")?.strip_suffix("}}")?;
    let name = inner.trim_start_matches('-').trim_start().strip_prefix('>')?;
    Some(name.trim_end_matches('-').trim())
}

/// Whether a block can have this name.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 50
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl Block {
    /// What the block says to readers of a language.
    pub(super) fn text(&self, language: &str) -> &str {
        let known = self.languages.keys().map(String::as_str);
        let chosen = choose(known, &self.default_language, Some(language));
        self.languages.get(chosen).map_or("", String::as_str)
    }

    /// The block as it goes into a body of this format, with marks for its insertions. `Err` is the problem.
    pub(super) fn put_into(&self, format: MessageFormat, marked: &str, marks: &Marks) -> Result<String, &'static str> {
        match (self.format, format) {
            (own, of) if own == of => Ok(marked.to_owned()),
            (MessageFormat::Markdown, _) => Ok(markdown::to_html(marked, marks).0),
            (MessageFormat::Html, _) => Err("it is written in HTML, and this template is not"),
            (MessageFormat::Mjml, _) => Err("it is written in MJML, and this template is not"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_named_between_braces() {
        assert_eq!(named("{{> opening_hours }}"), Some("opening_hours"));
        assert_eq!(named("{{>a}}"), Some("a"));
        assert_eq!(named("{{ a > b }}"), None);
        assert!(is_name("a_1") && !is_name("1a") && !is_name("A") && !is_name("") && !is_name("a-b"));
    }
}
