//! The filters of the expression language.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::evaluate::{Fault, Meter};
use super::value::Value;

/// The names of the filters, in the order of the error messages.
pub const FILTERS: &[&str] = &[
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

/// The largest number of decimals for rounding.
const MAX_DECIMALS: i64 = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Upper,
    Lower,
    Title,
    Capitalize,
    Trim,
    Replace,
    Default,
    First,
    Last,
    Length,
    Int,
    Float,
    Round,
}

impl Filter {
    pub(super) fn named(name: &str) -> Option<Self> {
        const ALL: &[Filter] = &[
            Filter::Upper,
            Filter::Lower,
            Filter::Title,
            Filter::Capitalize,
            Filter::Trim,
            Filter::Replace,
            Filter::Default,
            Filter::First,
            Filter::Last,
            Filter::Length,
            Filter::Int,
            Filter::Float,
            Filter::Round,
        ];
        let at = FILTERS.iter().position(|filter| *filter == name)?;
        ALL.get(at).copied()
    }

    /// The number of arguments.
    pub(super) fn arguments(self) -> RangeInclusive<usize> {
        match self {
            Self::Replace => 2..=2,
            Self::Default => 0..=2,
            Self::Trim | Self::Int | Self::Float => 0..=1,
            Self::Round => 0..=2,
            _ => 0..=0,
        }
    }

    /// A description of the arguments, for messages.
    pub(super) fn usage(self) -> &'static str {
        match self {
            Self::Replace => "two texts, replace(\"a\", \"b\")",
            Self::Default => "the replacement, default(\"x\"), and true to replace an empty text, too",
            Self::Trim => "the characters to remove, or nothing",
            Self::Int | Self::Float => "the replacement for a text that is not a number, or nothing",
            Self::Round => "a number of decimals and \"common\", \"ceil\" or \"floor\", or nothing",
            _ => "no arguments",
        }
    }

    /// Applies the filter. The meter pays for every byte that is read or written.
    pub(super) fn apply<'v>(
        self,
        value: Value<'v>,
        arguments: &[Value<'v>],
        meter: &mut Meter,
    ) -> Result<Value<'v>, Fault> {
        match self {
            Self::Default => {
                let lax = match arguments.get(1) {
                    Some(lax) => lax.is_true()?,
                    None => false,
                };
                let stands = matches!(value, Value::Missing(_)) || (lax && !value.is_true()?);
                Ok(if stands { arguments.first().cloned().unwrap_or(Value::EMPTY) } else { value })
            }
            Self::Int => whole(&value).or_else(|fault| stand_in(fault, arguments)),
            Self::Float => fraction(&value).or_else(|fault| stand_in(fault, arguments)),
            Self::Round => round(&value, arguments),
            Self::Length => {
                let text = value.text()?;
                meter.spend(text.len())?;
                Ok(Value::Integer(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)))
            }
            Self::First => Ok(one(value.text()?.chars().next())),
            Self::Last => Ok(one(value.text()?.chars().next_back())),
            _ => {
                let text = value.text()?;
                meter.spend(text.len())?;
                let changed = match self {
                    Self::Upper => text.to_uppercase(),
                    Self::Lower => text.to_lowercase(),
                    Self::Title => title(&text),
                    Self::Capitalize => capitalize(&text),
                    Self::Trim => trim(&text, arguments.first())?.to_owned(),
                    _ => replace(&text, arguments, meter)?,
                };
                meter.made(changed.len())?;
                Ok(Value::Text(Cow::Owned(changed)))
            }
        }
    }
}

fn one<'v>(c: Option<char>) -> Value<'v> {
    Value::Text(Cow::Owned(c.map(String::from).unwrap_or_default()))
}

fn stand_in<'v>(fault: Fault, arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    match (fault, arguments.first()) {
        (Fault::Value(_), Some(other)) => Ok(other.clone()),
        (fault, _) => Err(fault),
    }
}

fn whole<'v>(value: &Value<'v>) -> Result<Value<'v>, Fault> {
    match value {
        Value::Integer(number) => Ok(Value::Integer(*number)),
        Value::Bool(flag) => Ok(Value::Integer(i64::from(*flag))),
        _ => {
            let text = value.text()?;
            if let Ok(number) = text.trim().parse::<i64>() {
                return Ok(Value::Integer(number));
            }
            match fraction(value)? {
                // Beyond 2^53 a float does not distinguish adjacent whole numbers.
                Value::Float(number) if number.abs() < 9.0e15 => Ok(Value::Integer(number as i64)),
                _ => Err(Fault::Value(format!("the number \"{}\" is too large", shown(&text)))),
            }
        }
    }
}

fn fraction<'v>(value: &Value<'v>) -> Result<Value<'v>, Fault> {
    match value {
        Value::Float(number) => Ok(Value::Float(*number)),
        Value::Integer(number) => Ok(Value::Float(*number as f64)),
        Value::Bool(flag) => Ok(Value::Float(f64::from(u8::from(*flag)))),
        _ => {
            let text = value.text()?;
            // A number that a person writes is short, and "inf" is not a number here.
            let read = Some(text.trim()).filter(|text| text.len() <= 40).and_then(|text| text.parse::<f64>().ok());
            let read = read.filter(|number| number.is_finite());
            read.map(Value::Float).ok_or_else(|| Fault::Value(format!("\"{}\" is not a number", shown(&text))))
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}

fn round<'v>(value: &Value<'v>, arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let decimals = match arguments.first() {
        None => 0,
        Some(Value::Integer(decimals)) if (0..=MAX_DECIMALS).contains(decimals) => *decimals,
        Some(_) => return Err(Fault::Type(format!("round takes 0 to {MAX_DECIMALS} decimals"))),
    };
    let number = match value {
        Value::Integer(number) => return Ok(Value::Integer(*number)),
        Value::Float(number) => *number,
        other => return Err(other.no_number()),
    };
    let method = match arguments.get(1) {
        None => Cow::Borrowed("common"),
        Some(method) => method.text()?,
    };
    let scale = 10f64.powi(i32::try_from(decimals).unwrap_or(0));
    let rounded = match &*method {
        // Formatting rounds the number as it is written; scaling it first would introduce an error.
        "common" => {
            format!("{number:.decimals$}", decimals = usize::try_from(decimals).unwrap_or(0)).parse().unwrap_or(number)
        }
        "ceil" => (number * scale).ceil() / scale,
        "floor" => (number * scale).floor() / scale,
        _ => return Err(Fault::Type("round takes \"common\", \"ceil\" or \"floor\"".to_owned())),
    };
    Ok(Value::Float(rounded))
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if matches!(c, '-' | '(' | '{' | '[' | '<') || c.is_whitespace() {
            out.push(c);
            begins = true;
        } else if begins {
            out.extend(c.to_uppercase());
            begins = false;
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    out.push_str(&chars.as_str().to_lowercase());
    out
}

fn trim<'t>(text: &'t str, wanted: Option<&Value<'_>>) -> Result<&'t str, Fault> {
    Ok(match wanted {
        None => text.trim(),
        Some(wanted) => {
            let wanted: Vec<char> = wanted.text()?.chars().take(32).collect();
            text.trim_matches(&wanted[..])
        }
    })
}

/// The length is known before the copy. This is the only filter that makes a long text from short ones.
fn replace(text: &str, arguments: &[Value<'_>], meter: &mut Meter) -> Result<String, Fault> {
    let argument = |at: usize| arguments.get(at).map_or(Ok(Cow::Borrowed("")), Value::text);
    let (from, to) = (argument(0)?, argument(1)?);
    meter.spend(from.len())?;
    let found = text.matches(&*from).count();
    meter.fits(text.len().saturating_add(found.saturating_mul(to.len())).saturating_sub(found * from.len()))?;
    Ok(text.replace(&*from, &to))
}
