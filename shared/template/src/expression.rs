//! `{{ }}` expressions over a guest's fields, for the texts of a template.
//!
//! This is a small language of Herald's own, similar to Jinja. It has fields, texts, numbers, conditions, comparisons
//! and a few filters, but no statements, functions, lists or loops. An agency's expression runs for every guest, so the
//! source, the work and the memory are all bounded: an evaluation pays for every byte that it reads or makes ([ADR
//! 20](../../docs/adr/0020-expressions-of-our-own.md)).

mod evaluate;
mod filters;
mod isolate;
mod lexer;
mod node;
mod parser;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use evaluate::{Fault, Meter};
use node::Node;

pub use filters::FILTERS;
pub use isolate::{ISOLATE, POP};

/// The longest accepted expression source, in bytes.
pub const MAX_SOURCE: usize = 2_000;
/// The longest text that an expression may produce, in bytes.
pub const MAX_OUTPUT: usize = 4_000;
/// The largest number of fields that one text may read.
pub const MAX_FIELDS: usize = 32;

/// A text with `{{ }}` expressions, compiled once and evaluated for each guest.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    fields: BTreeSet<String>,
    program: Program,
}

#[derive(Debug, Clone)]
enum Program {
    /// A text without expressions.
    Literal,
    /// The plain value of one field. This needs no evaluation, and the name of the field may contain spaces.
    Field,
    Compiled(Arc<[Part]>),
}

#[derive(Debug, PartialEq)]
enum Part {
    /// Text of the template itself.
    Own(String),
    /// The expression inside `{{ }}`.
    Inserted(Node),
}

/// Why a text is not a valid expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The problem and the cure.
    pub message: String,
    /// The byte offset in the source, if it is known.
    pub offset: Option<usize>,
}

impl SyntaxError {
    fn unreadable(why: &str, at: usize) -> Self {
        Self { message: format!("the expression cannot be read: {why}"), offset: Some(at) }
    }
}

/// Why an expression has no value for one guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// The guest lacks a field that the expression names. An empty field is present, with an empty text.
    #[error("the guest has no field \"{0}\"; add the column to the guest list or remove the field from the template")]
    MissingField(String),
    /// The text is longer than [`MAX_OUTPUT`].
    #[error("the text is longer than {MAX_OUTPUT} bytes; shorten the field or the expression")]
    TooLong,
    /// Any other failure: a text that is not a number, too much work, and so on.
    #[error("the expression fails for this guest: {0}")]
    Failed(String),
}

impl From<Fault> for EvaluateError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing(field) => Self::MissingField(field),
            Fault::TooLong => Self::TooLong,
            Fault::TooMuch => Self::Failed("it takes too much work; shorten the field or the expression".to_owned()),
            Fault::Type(why) | Fault::Value(why) => Self::Failed(why),
        }
    }
}

impl Expression {
    /// Compiles a text. Everything outside `{{ }}` is literal.
    ///
    /// # Errors
    /// [`SyntaxError`] for a text over [`MAX_SOURCE`] bytes or [`MAX_FIELDS`] fields. Also for statements (`{% %}`),
    /// for anything that does not parse, and for expressions that fail for every guest.
    pub fn parse(source: &str) -> Result<Self, SyntaxError> {
        if source.len() > MAX_SOURCE {
            let message = format!("the text has {} bytes; at most {MAX_SOURCE} are allowed", source.len());
            return Err(SyntaxError { message, offset: None });
        }
        if let Some(offset) = source.find("{%") {
            let message = "statements {% … %} are not allowed here; write a condition as \
                           {{ \"a\" if field else \"b\" }}";
            return Err(SyntaxError { message: message.into(), offset: Some(offset) });
        }
        if !source.contains("{{") && !source.contains("{#") {
            return Ok(Self { source: source.into(), fields: BTreeSet::new(), program: Program::Literal });
        }
        let mut fields = BTreeSet::new();
        let parts = parts(source, &mut fields)?;
        if fields.len() > MAX_FIELDS {
            let message = format!("the text reads {} fields; at most {MAX_FIELDS} are allowed", fields.len());
            return Err(SyntaxError { message, offset: None });
        }
        let expression = Self { source: source.into(), fields, program: Program::Compiled(parts.into()) };
        expression.try_with_samples()?;
        Ok(expression)
    }

    /// Creates the plain value of one field. Unlike in [`Expression::parse`], any column's name is allowed.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self { source: name.into(), fields: BTreeSet::from([name.to_owned()]), program: Program::Field }
    }

    /// Returns the source of the expression (for [`Expression::field`], the field's name).
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the fields that the expression reads.
    #[must_use]
    pub fn fields(&self) -> &BTreeSet<String> {
        &self.fields
    }

    /// Whether the expression needs this field: it reads the field and has no `default`, so a guest without it has no
    /// text.
    #[must_use]
    pub fn requires(&self, name: &str) -> bool {
        let sample = |other: &str| (other != name).then_some("7");
        self.fields.contains(name) && matches!(self.evaluate_with(sample), Err(EvaluateError::MissingField(_)))
    }

    /// Whether the text is the same for every guest.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the text for a guest with these fields.
    ///
    /// # Errors
    /// [`EvaluateError`], which names the missing field or describes the failure.
    pub fn evaluate(&self, fields: &BTreeMap<String, String>) -> Result<String, EvaluateError> {
        self.evaluate_with(|name| fields.get(name).map(String::as_str))
    }

    /// Like [`Expression::evaluate`], but looks up the fields with a function.
    ///
    /// # Errors
    /// Like [`Expression::evaluate`].
    pub fn evaluate_with<'f>(&'f self, field: impl Fn(&str) -> Option<&'f str>) -> Result<String, EvaluateError> {
        Ok(self.run(&field, Out::plain(), Meter::new())?)
    }

    /// Like [`Expression::evaluate_with`], but a condition may ask for a field that is missing: there it is empty.
    ///
    /// # Errors
    /// Like [`Expression::evaluate`].
    pub fn evaluate_leniently<'f>(&'f self, field: impl Fn(&str) -> Option<&'f str>) -> Result<String, EvaluateError> {
        Ok(self.run(&field, Out::plain(), Meter::lenient())?)
    }

    /// Returns the text of a line to draw: inserted values cannot turn the text around them. See [`ISOLATE`].
    ///
    /// # Errors
    /// Like [`Expression::evaluate`].
    pub fn evaluate_isolated<'f>(&'f self, field: impl Fn(&str) -> Option<&'f str>) -> Result<String, EvaluateError> {
        Ok(self.run(&field, Out::isolated(), Meter::new())?)
    }

    fn run<'f>(
        &'f self,
        field: &impl Fn(&str) -> Option<&'f str>,
        mut out: Out,
        mut meter: Meter,
    ) -> Result<String, Fault> {
        match &self.program {
            Program::Literal => out.own(&self.source)?,
            Program::Field => {
                out.inserted(field(&self.source).ok_or_else(|| Fault::Missing(self.source.clone()))?)?;
            }
            Program::Compiled(parts) => {
                for part in parts.iter() {
                    match part {
                        Part::Own(text) => out.own(text)?,
                        Part::Inserted(node) => {
                            out.inserted(&evaluate::evaluate(node, field, &mut meter)?.text()?)?;
                        }
                    }
                }
            }
        }
        Ok(out.end())
    }

    /// Runs the expression for sample guests, to find errors that occur for every guest.
    fn try_with_samples(&self) -> Result<(), SyntaxError> {
        for sample in ["", "7"] {
            match self.run(&|_| Some(sample), Out::plain(), Meter::new()) {
                Err(Fault::Type(message)) => return Err(SyntaxError { message, offset: self.source.find("{{") }),
                Err(fault) if self.is_constant() => {
                    let message = EvaluateError::from(fault).to_string().replace(" for this guest", "");
                    return Err(SyntaxError { message, offset: self.source.find("{{") });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Finds the insertions `{{ … }}` of a text, as ranges of bytes. Braces inside their quotation marks end nothing.
///
/// # Errors
/// [`SyntaxError`] where an insertion cannot be read up to its end.
pub fn insertions(source: &str) -> Result<Vec<Range<usize>>, SyntaxError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = source.get(at..).and_then(|rest| rest.find("{{")).map(|opening| at + opening) {
        let inner = open + 2;
        let dashed = source.get(inner..).is_some_and(|inner| inner.starts_with('-'));
        at = lexer::lex(source, inner + usize::from(dashed))?.next;
        found.push(open..at);
    }
    Ok(found)
}

/// Splits a source into the template's own text and the inserted expressions.
fn parts(source: &str, fields: &mut BTreeSet<String>) -> Result<Vec<Part>, SyntaxError> {
    let mut parts = Vec::new();
    let (mut at, mut trims) = (0, false);
    loop {
        let rest = source.get(at..).unwrap_or_default();
        let opening = [rest.find("{{"), rest.find("{#")].into_iter().flatten().min();
        let mut own = rest.get(..opening.unwrap_or(rest.len())).unwrap_or_default();
        if trims {
            own = own.trim_start();
        }
        let Some(opening) = opening else {
            parts.push(Part::Own(own.to_owned()));
            break;
        };
        let open = at + opening;
        let inner = source.get(open + 2..).unwrap_or_default();
        let dashed = inner.starts_with('-');
        parts.push(Part::Own(if dashed { own.trim_end() } else { own }.to_owned()));
        if source.get(open..).is_some_and(|rest| rest.starts_with("{#")) {
            let length = inner.find("#}").ok_or_else(|| SyntaxError::unreadable("the closing #} is missing", open))?;
            trims = length > 0 && inner.get(..length).is_some_and(|comment| comment.ends_with('-'));
            at = open + 2 + length + 2;
            continue;
        }
        let lexed = lexer::lex(source, open + 2 + usize::from(dashed))?;
        parts.push(Part::Inserted(parser::parse(&lexed.tokens, lexed.end, fields)?));
        (at, trims) = (lexed.next, lexed.trims);
    }
    parts.retain(|part| !matches!(part, Part::Own(text) if text.is_empty()));
    Ok(parts)
}

/// The text under construction, up to its limit.
struct Out {
    text: String,
    /// The ranges of inserted values, if they must be isolated.
    inserted: Option<Vec<Range<usize>>>,
}

impl Out {
    fn plain() -> Self {
        Self { text: String::new(), inserted: None }
    }

    fn isolated() -> Self {
        Self { text: String::new(), inserted: Some(Vec::new()) }
    }

    fn own(&mut self, text: &str) -> Result<(), Fault> {
        if self.text.len() + text.len() > MAX_OUTPUT {
            return Err(Fault::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn inserted(&mut self, text: &str) -> Result<(), Fault> {
        let start = self.text.len();
        self.own(text)?;
        if let Some(inserted) = &mut self.inserted {
            inserted.push(start..self.text.len());
        }
        Ok(())
    }

    fn end(self) -> String {
        match self.inserted {
            Some(inserted) => isolate::isolate(self.text, &inserted),
            None => self.text,
        }
    }
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
