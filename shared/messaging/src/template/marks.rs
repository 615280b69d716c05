//! Marks: words that stand for the insertions of a text while Markdown, MJML and HTML are read around them.
//!
//! A mark is letters and digits alone, so that no reader changes it. After the last reader, the text is cut at its
//! marks.

use std::ops::Range;

use super::block::named;
use herald_template::expression::{Expression, SyntaxError, insertions};

/// The digits of a mark's number.
const DIGITS: usize = 5;
/// The insertions that a template may have in one language.
pub(super) const MOST: usize = 1_000;

/// The insertions of one language of a template, and the words that stand for them.
pub(super) struct Marks {
    prefix: String,
    pub(super) insertions: Vec<Insertion>,
}

/// An insertion.
#[derive(Debug, Clone)]
pub(super) struct Insertion {
    /// What is inserted.
    pub(super) expression: Expression,
    /// The fields without which there is nothing to insert.
    pub(super) required: Vec<String>,
    /// Where it is written: `subject`, `body`, ….
    pub(super) place: String,
}

impl Insertion {
    fn new(expression: Expression, place: &str) -> Self {
        let is_required = |name: &&String| {
            let sample = |other: &str| (other != name.as_str()).then_some("7");
            expression.evaluate_leniently(sample).is_err()
        };
        let required = expression.fields().iter().filter(is_required).cloned().collect();
        Self { expression, required, place: place.to_owned() }
    }

    pub(super) fn reads(&self, field: &str) -> bool {
        self.expression.fields().contains(field)
    }
}

/// Why the insertions of a text cannot be read.
pub(super) struct Unreadable {
    /// The problem.
    pub(super) message: String,
    /// Where it is, in bytes.
    pub(super) at: usize,
}

impl Marks {
    /// Marks for texts none of which contains one by chance.
    pub(super) fn for_texts<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Self {
        let prefix = (0..)
            .map(|number| format!("Hv{number}q"))
            .find(|prefix| texts.clone().all(|text| !text.contains(prefix.as_str())));
        Self { prefix: prefix.expect("a text is shorter than all numbers"), insertions: Vec::new() }
    }

    /// A mark that stands for an expression.
    pub(super) fn mark(&mut self, expression: Expression, place: &str) -> String {
        self.insertions.push(Insertion::new(expression, place));
        self.word(self.insertions.len() - 1)
    }

    /// The mark of a number.
    pub(super) fn word(&self, number: usize) -> String {
        format!("{}{number:0DIGITS$}Z", self.prefix)
    }

    /// The text with marks in the places of its insertions. `block` gives what stands for `{{> name }}`.
    pub(super) fn put(
        &mut self,
        text: &str,
        place: &str,
        block: &mut dyn FnMut(&mut Self, &str) -> Result<String, String>,
    ) -> Result<String, Unreadable> {
        let unreadable = |error: SyntaxError, from: usize| Unreadable {
            message: error.message,
            at: from + error.offset.unwrap_or_default(),
        };
        if let Some(at) = text.find("{%") {
            let message = "{% … %} means nothing here; write a condition as {{ \"a\" if field else \"b\" }}";
            return Err(Unreadable { message: message.to_owned(), at });
        }
        let found = insertions(text).map_err(|error| unreadable(error, 0))?;
        if self.insertions.len() + found.len() > MOST {
            let message = format!("there are more than {MOST} insertions {{{{ }}}}; leave some out");
            return Err(Unreadable { message, at: 0 });
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for range in found {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            let source = text.get(range.clone()).unwrap_or_default();
            let put = match named(source) {
                Some(name) => block(self, name).map_err(|message| Unreadable { message, at: range.start })?,
                None => {
                    let parsed = Expression::parse(source).map_err(|error| unreadable(error, range.start))?;
                    self.mark(parsed, place)
                }
            };
            out.push_str(&put);
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Ok(out)
    }

    /// Where marks stand in a text, and their numbers.
    pub(super) fn find(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let length = self.prefix.len() + DIGITS + 1;
        let mut found = Vec::new();
        for (at, _) in text.match_indices(&self.prefix) {
            let word = text.get(at..at + length).unwrap_or_default();
            let digits = word.strip_prefix(&self.prefix).and_then(|rest| rest.strip_suffix('Z'));
            if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
                found.push((at..at + length, number));
            }
        }
        found
    }

    /// The insertion of a number.
    pub(super) fn insertion(&self, number: usize) -> Option<&Insertion> {
        self.insertions.get(number)
    }

    /// The text with its insertions as they are written, for messages and for blocks.
    pub(super) fn written(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (range, number) in self.find(text) {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(self.insertion(number).map_or("", |own| own.expression.source()));
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_block(_: &mut Marks, name: &str) -> Result<String, String> {
        Err(format!("there is no block {name}"))
    }

    #[test]
    fn a_text_comes_back_from_its_marks() {
        let text = "Hv0q Hi {{ name | default('}}') }}, {{x}}{{ y }}!";
        let mut marks = Marks::for_texts([text].into_iter());
        let marked = marks.put(text, "body", &mut no_block).unwrap_or_else(|error| panic!("{}", error.message));
        assert!(!marked.contains('{'), "{marked}");
        assert_eq!(marks.find(&marked).len(), 3);
        assert_eq!(marks.written(&marked), text);
        let of = |source: &str| Insertion::new(Expression::parse(source).unwrap(), "body").required;
        assert_eq!(of("{{ name }}"), ["name"]);
        assert!(of("{{ name | default('x') }}").is_empty());
        assert_eq!(of("{{ 'x' if vip else name }}"), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let mut marks = Marks::for_texts(std::iter::empty());
        for (text, at) in [("ab {{ x", 5), ("ab {% if x %}", 3), ("a {{ 1 + }}", 9), ("a {{> b }}", 2)] {
            let error = marks.put(text, "body", &mut no_block).err().unwrap();
            assert!(error.at.abs_diff(at) <= 2, "{text}: {} at {}", error.message, error.at);
        }
    }
}
