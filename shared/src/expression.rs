//! `{{ }}` expressions over a guest's fields, for the texts of a template.
//!
//! The engine is minijinja, cut down to what a line of text needs: expressions and a few filters, but
//! no statements, includes, functions or macros. What an agency types here is run for every guest, so
//! the source, the work and the output are all bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests};

/// Longest accepted expression source, in bytes.
pub const MAX_SOURCE: usize = 2_000;
/// Longest text an expression may produce, in bytes.
pub const MAX_OUTPUT: usize = 4_000;
/// Instructions one evaluation may spend; an honest line of text needs a few dozen.
const FUEL: u64 = 5_000;
const NAME: &str = "expression";

/// The filters an expression may use, in the order error messages list them.
pub const FILTERS: [&str; 13] = [
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "replace",
    "default",
    "first",
    "last",
    "length",
    "int",
    "float",
    "round",
];

static SANDBOX: LazyLock<Environment<'static>> = LazyLock::new(sandbox);

/// A text with `{{ }}` expressions in it, compiled once and evaluated for each guest.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    fields: BTreeSet<String>,
    program: Program,
}

#[derive(Debug, Clone)]
enum Program {
    /// Nothing to evaluate.
    Literal,
    /// The bare value of one field: needs no engine, and the field's name may hold spaces.
    Field,
    Compiled(Box<Environment<'static>>),
}

/// Why a text is not a valid expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong and what to write instead.
    pub message: String,
    /// Byte offset in the source, where the engine knows it.
    pub offset: Option<usize>,
}

/// Why an expression has no value for one guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// The guest's fields lack one the expression names. An empty field is present, with an empty text.
    #[error("the guest has no field \"{0}\"; add the column to the guest list or take it out of the template")]
    MissingField(String),
    /// The text grew past [`MAX_OUTPUT`].
    #[error("the text is longer than {MAX_OUTPUT} bytes; shorten the field or the expression")]
    TooLong,
    /// The engine gave up: a number that is none, too much work, and the like.
    #[error("the expression fails for this guest: {0}")]
    Failed(String),
}

impl Expression {
    /// Compiles a text. Everything outside `{{ }}` stands for itself.
    ///
    /// # Errors
    /// A [`SyntaxError`] for a text over [`MAX_SOURCE`] bytes, for statements (`{% %}`), for anything that does
    /// not parse, and for an unknown filter.
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
        let mut engine = SANDBOX.clone();
        engine.add_template_owned(NAME, source.to_owned()).map_err(|error| syntax_error(&error, source))?;
        let fields = engine.get_template(NAME).map(|template| template.undeclared_variables(false));
        let fields = fields.map_err(|error| syntax_error(&error, source))?.into_iter().collect();
        let expression = Self { source: source.into(), fields, program: Program::Compiled(Box::new(engine)) };
        expression.try_with_samples()?;
        Ok(expression)
    }

    /// The bare value of one field. Unlike in [`Expression::parse`], the name may be any column's.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self { source: name.into(), fields: BTreeSet::from([name.to_owned()]), program: Program::Field }
    }

    /// The text this was compiled from (for [`Expression::field`], the field's name).
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The fields it reads.
    #[must_use]
    pub fn fields(&self) -> &BTreeSet<String> {
        &self.fields
    }

    /// True if a guest without this field has no text: the expression reads it and has no `default` for it.
    #[must_use]
    pub fn requires(&self, name: &str) -> bool {
        let sample = |other: &str| (other != name).then_some("7");
        self.fields.contains(name) && matches!(self.evaluate_with(sample), Err(EvaluateError::MissingField(_)))
    }

    /// True if the text is the same for every guest.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.fields.is_empty()
    }

    /// The text for a guest with these fields.
    ///
    /// # Errors
    /// [`EvaluateError`], which names the field that is missing or says what failed.
    pub fn evaluate(&self, fields: &BTreeMap<String, String>) -> Result<String, EvaluateError> {
        self.evaluate_with(|name| fields.get(name).map(String::as_str))
    }

    /// As [`Expression::evaluate`], with the fields looked up by a function.
    ///
    /// # Errors
    /// As for [`Expression::evaluate`].
    pub fn evaluate_with<'f>(&self, field: impl Fn(&str) -> Option<&'f str>) -> Result<String, EvaluateError> {
        let known = |name: &str| field(name).ok_or_else(|| EvaluateError::MissingField(name.to_owned()));
        match &self.program {
            Program::Literal => Ok(self.source.clone()),
            Program::Field => {
                let text = known(&self.source)?;
                if text.len() > MAX_OUTPUT { Err(EvaluateError::TooLong) } else { Ok(text.to_owned()) }
            }
            Program::Compiled(engine) => {
                let mut values = BTreeMap::new();
                for name in &self.fields {
                    // A field the guest lacks stays undefined, so that `default` can stand in for it.
                    if let Some(text) = field(name) {
                        values.insert(name.as_str(), Value::from(text));
                    }
                }
                run(engine, Value::from(values)).map_err(|error| {
                    let missing = self.fields.iter().find(|name| field(name).is_none());
                    match (error.kind(), missing) {
                        (ErrorKind::UndefinedError, Some(name)) => EvaluateError::MissingField(name.clone()),
                        (ErrorKind::WriteFailure, _) => EvaluateError::TooLong,
                        _ => EvaluateError::Failed(describe(&error)),
                    }
                })
            }
        }
    }

    /// Unknown filters and wrong arguments only show when the program runs, so it is run on made-up guests.
    fn try_with_samples(&self) -> Result<(), SyntaxError> {
        let Program::Compiled(engine) = &self.program else { return Ok(()) };
        for sample in ["", "7"] {
            let values: BTreeMap<_, _> = self.fields.iter().map(|name| (name.as_str(), Value::from(sample))).collect();
            let Err(error) = run(engine, Value::from(values)) else { continue };
            let wrong_for_every_guest = matches!(
                error.kind(),
                ErrorKind::UnknownFilter
                    | ErrorKind::UnknownTest
                    | ErrorKind::UnknownFunction
                    | ErrorKind::UnknownMethod
                    | ErrorKind::TooManyArguments
                    | ErrorKind::MissingArgument
                    | ErrorKind::TemplateNotFound
            );
            if wrong_for_every_guest || self.is_constant() {
                return Err(syntax_error(&error, &self.source));
            }
        }
        Ok(())
    }
}

fn sandbox() -> Environment<'static> {
    let mut engine = Environment::empty();
    engine.set_fuel(Some(FUEL));
    engine.set_debug(true); // for the position in error messages
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.add_filter("upper", filters::upper);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("title", filters::title);
    engine.add_filter("capitalize", filters::capitalize);
    engine.add_filter("trim", filters::trim);
    engine.add_filter("replace", replace);
    engine.add_filter("default", filters::default);
    engine.add_filter("first", filters::first);
    engine.add_filter("last", filters::last);
    engine.add_filter("length", filters::length);
    engine.add_filter("int", filters::int);
    engine.add_filter("float", filters::float);
    engine.add_filter("round", filters::round);
    engine.add_test("defined", tests::is_defined);
    engine.add_test("undefined", tests::is_undefined);
    engine
}

/// The engine's own `replace` can multiply a text's length with every use; fuel does not see that.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let length = text.len() + text.matches(from).count() * to.len();
    if length > MAX_OUTPUT + text.len() {
        return Err(Error::new(ErrorKind::WriteFailure, "the replaced text is too long"));
    }
    Ok(text.replace(from, to))
}

fn run(engine: &Environment<'static>, values: Value) -> Result<String, Error> {
    let mut output = Capped(Vec::new());
    engine.get_template(NAME)?.render_captured_to(values, &mut output)?;
    String::from_utf8(output.0).map_err(|_| Error::new(ErrorKind::InvalidOperation, "the text is not UTF-8"))
}

struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("the text is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn syntax_error(error: &Error, source: &str) -> SyntaxError {
    let offset = error.range().map(|range| range.start.min(source.len()));
    let message = match error.kind() {
        ErrorKind::UnknownFilter => format!("{}; the filters are {}", describe(error), FILTERS.join(", ")),
        ErrorKind::UnknownFunction => "functions are not available; use fields, filters and \"…\" texts".to_owned(),
        ErrorKind::SyntaxError => format!("the expression does not read: {}", describe(error)),
        _ => describe(error),
    };
    SyntaxError { message, offset }
}

fn describe(error: &Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod required_fields {
    use super::*;

    #[test]
    fn a_field_with_a_default_is_not_required() {
        let source = "{{ name }} {{ company | default('') }}{{ ' at ' ~ table if table is defined }}";
        let expression = Expression::parse(source).unwrap();
        let required = ["name", "company", "table", "other"].into_iter().filter(|name| expression.requires(name));
        assert_eq!(required.collect::<Vec<_>>(), ["name"]);
    }
}

#[cfg(test)]
mod bounds_and_values {
    use proptest::prelude::*;

    use super::*;

    fn guest() -> BTreeMap<String, String> {
        [("first_name", "Zoë"), ("last_name", "O’Hara"), ("company", ""), ("table", "7"), ("Plus One", "yes")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn text(source: &str) -> String {
        Expression::parse(source).unwrap().evaluate(&guest()).unwrap()
    }

    #[test]
    fn text_outside_braces_stands_for_itself() {
        assert_eq!(text("Table {{ table }}, please"), "Table 7, please");
        assert_eq!(text("no braces, <b> & %}"), "no braces, <b> & %}");
    }

    #[test]
    fn filters_conditions_and_arithmetic_work() {
        assert_eq!(text("{{ first_name }} {{ last_name | upper }}"), "Zoë O’HARA");
        assert_eq!(text("{{ company | default('–', true) }}"), "–");
        assert_eq!(text("{{ \"guest of \" ~ company if company else \"\" }}"), "");
        assert_eq!(text("{{ table | int + 1 }}"), "8");
        assert_eq!(text("{{ last_name | replace('’', \"'\") }}"), "O'Hara");
    }

    #[test]
    fn the_fields_an_expression_reads_are_known() {
        let expression = Expression::parse("{{ a }} {{ b | default(c) }}").unwrap();
        assert_eq!(expression.fields().iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(!expression.is_constant());
        assert!(Expression::parse("{{ 'x' | upper }}").unwrap().is_constant());
    }

    #[test]
    fn a_bare_field_may_have_any_name() {
        let expression = Expression::field("Plus One");
        assert_eq!(expression.evaluate(&guest()).unwrap(), "yes");
    }

    #[test]
    fn a_field_the_guest_lacks_is_named() {
        let error = Expression::parse("{{ first_name }} {{ title }}").unwrap().evaluate(&guest()).unwrap_err();
        assert_eq!(error, EvaluateError::MissingField("title".into()));
        assert_eq!(text("{{ title | default('dear') }}"), "dear");
        let error = Expression::field("title").evaluate(&guest()).unwrap_err();
        assert_eq!(error, EvaluateError::MissingField("title".into()));
    }

    #[test]
    fn a_syntax_error_has_a_position() {
        let error = Expression::parse("Dear {{ first_name | }}").unwrap_err();
        assert!(error.message.contains("does not read"), "{error}");
        assert!(error.offset.is_some_and(|offset| offset >= 8), "{error:?}");
    }

    #[test]
    fn unknown_filters_functions_and_statements_are_refused() {
        assert!(Expression::parse("{{ a | shout }}").unwrap_err().message.contains("the filters are upper, lower"));
        // There are no functions: a call reads a field of that name, which no guest has.
        assert!(Expression::parse("{{ range(9) }}").unwrap().fields().contains("range"));
        assert!(Expression::parse("{% include 'secret' %}").unwrap_err().message.contains("not allowed"));
        assert!(Expression::parse("{{ 1 / 0 }}").is_err());
    }

    #[test]
    fn output_and_work_are_bounded() {
        let bomb = Expression::parse("{{ a | replace('a', a) | replace('a', a) | replace('a', a) }}").unwrap();
        let fields = BTreeMap::from([("a".to_owned(), "a".repeat(1_000))]);
        assert_eq!(bomb.evaluate(&fields), Err(EvaluateError::TooLong));
        let long = Expression::parse("{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}").unwrap();
        assert_eq!(long.evaluate(&fields), Err(EvaluateError::TooLong));
        assert!(Expression::parse(&"x".repeat(MAX_SOURCE + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_source_is_accepted_or_refused_but_never_panics(source in "[{}|%#a-z0-9'\" .()+*~\\[\\]-]{0,60}") {
            if let Ok(expression) = Expression::parse(&source) {
                drop(expression.evaluate(&guest()));
            }
        }

        #[test]
        fn a_field_comes_out_as_it_went_in(value in "\\PC{0,80}") {
            let fields = BTreeMap::from([("a".to_owned(), value.clone())]);
            prop_assert_eq!(Expression::parse("{{ a }}").unwrap().evaluate(&fields).unwrap(), value.clone());
            prop_assert_eq!(Expression::field("a").evaluate(&fields).unwrap(), value);
        }
    }
}
