//! The values of expressions.

use std::borrow::Cow;
use std::fmt::Write;

use super::evaluate::Fault;

/// A value. Texts of the guest are borrowed.
#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    /// The guest lacks this field. Only `default` and `is defined` may use it.
    Missing(&'v str),
    Text(Cow<'v, str>),
    Integer(i64),
    Float(f64),
    Bool(bool),
}

impl Value<'_> {
    pub(super) const EMPTY: Self = Value::Text(Cow::Borrowed(""));

    /// Returns the value as a condition: an empty text, zero and false are false.
    pub(super) fn is_true(&self) -> Result<bool, Fault> {
        match self {
            Self::Missing(field) => Err(Fault::Missing((*field).to_owned())),
            Self::Text(text) => Ok(!text.is_empty()),
            Self::Integer(number) => Ok(*number != 0),
            Self::Float(number) => Ok(*number != 0.0),
            Self::Bool(flag) => Ok(*flag),
        }
    }

    /// Returns the value as a text.
    pub(super) fn text(&self) -> Result<Cow<'_, str>, Fault> {
        Ok(match self {
            Self::Missing(field) => return Err(Fault::Missing((*field).to_owned())),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Bool(true) => Cow::Borrowed("True"),
            Self::Bool(false) => Cow::Borrowed("False"),
            Self::Float(number) => {
                let mut text = String::new();
                // Writing to a text cannot fail.
                let _ = write!(text, "{number}");
                if !text.contains('.') {
                    text.push_str(".0");
                }
                Cow::Owned(text)
            }
        })
    }

    /// The error for a calculation with a value that is not a number.
    pub(super) fn no_number(&self) -> Fault {
        match self {
            Self::Missing(field) => Fault::Missing((*field).to_owned()),
            _ => Fault::Type(
                "texts cannot be used in calculations; turn a field into a number first, as in table | int".to_owned(),
            ),
        }
    }
}
