//! Evaluates an expression for one guest, with limits on work and memory.
//!
//! The meter pays for every byte that is read or made, and no value may be longer than [`MAX_VALUE`]. So the cost of a
//! hostile expression is limited by the length of its source.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::MAX_OUTPUT;
use super::node::{Comparison, Node, Operator};
use super::value::Value;

/// The longest intermediate text of an expression, in bytes.
const MAX_VALUE: usize = 4 * MAX_OUTPUT;
/// The number of bytes that an evaluation may read and write; a normal line of text needs a few hundred.
const MAX_WORK: usize = 64 << 10;

/// Why an evaluation has no value.
#[derive(Debug)]
pub(super) enum Fault {
    /// The guest lacks this field.
    Missing(String),
    /// A text is longer than the limit.
    TooLong,
    /// The work exceeds the limit.
    TooMuch,
    /// The expression is wrong: it fails for every guest whose evaluation reaches this place.
    Type(String),
    /// The expression fails for the values of this guest.
    Value(String),
}

/// The remaining budget of an evaluation, and what a missing field is in it.
pub(super) struct Meter {
    left: usize,
    /// Whether a condition may ask for a field that the guest lacks.
    is_lenient: bool,
    /// Whether a condition is being evaluated that may.
    in_condition: bool,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { left: MAX_WORK, is_lenient: false, in_condition: false }
    }

    /// In conditions a missing field is an empty text.
    pub(super) fn lenient() -> Self {
        Self { is_lenient: true, ..Self::new() }
    }

    /// Does something as part of a condition, or as no part of one.
    fn within<T>(&mut self, is_condition: bool, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.in_condition, is_condition && self.is_lenient);
        let done = act(self);
        self.in_condition = before;
        done
    }

    /// Pays for a step that reads this many bytes.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes.saturating_add(1)).ok_or(Fault::TooMuch)?;
        Ok(())
    }

    /// Checks whether a text of this many bytes may be made.
    pub(super) fn fits(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > MAX_VALUE { Err(Fault::TooLong) } else { Ok(()) }
    }

    /// Pays for a new text.
    pub(super) fn made(&mut self, bytes: usize) -> Result<(), Fault> {
        self.fits(bytes)?;
        self.spend(bytes)
    }
}

/// Evaluates a node. A function looks up the guest's fields.
pub(super) fn evaluate<'v>(
    node: &'v Node,
    field: &impl Fn(&str) -> Option<&'v str>,
    meter: &mut Meter,
) -> Result<Value<'v>, Fault> {
    meter.spend(0)?;
    let value = |node: &'v Node, meter: &mut Meter| evaluate(node, field, meter);
    Ok(match node {
        Node::Field(name) => match field(name) {
            Some(text) => Value::Text(Cow::Borrowed(text)),
            None if meter.in_condition => Value::EMPTY,
            None => Value::Missing(name),
        },
        Node::Text(text) => Value::Text(Cow::Borrowed(text)),
        Node::Integer(number) => Value::Integer(*number),
        Node::Float(number) => Value::Float(*number),
        Node::Bool(flag) => Value::Bool(*flag),
        Node::Not(inner) => Value::Bool(!meter.within(true, |meter| value(inner, meter))?.is_true()?),
        Node::Minus(inner) => match value(inner, meter)? {
            Value::Integer(number) => Value::Integer(number.checked_neg().ok_or_else(too_large)?),
            Value::Float(number) => Value::Float(-number),
            other => return Err(other.no_number()),
        },
        Node::Calculate(first, rest) => {
            let mut result = value(first, meter)?;
            for (operator, operand) in rest {
                let operand = value(operand, meter)?;
                result = calculate(*operator, result, operand, meter)?;
            }
            result
        }
        Node::Concat(parts) => {
            let mut text = String::new();
            for part in parts {
                let part = value(part, meter)?;
                let part = part.text()?;
                meter.fits(text.len() + part.len())?;
                meter.spend(part.len())?;
                text.push_str(&part);
            }
            Value::Text(Cow::Owned(text))
        }
        Node::Compare(first, rest) => {
            let mut left = value(first, meter)?;
            for (comparison, right) in rest {
                if let Node::List(items) = right {
                    let wanted = *comparison == Comparison::In;
                    let mut found = false;
                    for item in items {
                        let item = value(item, meter)?;
                        found = found || equal(&left, &item, meter)?;
                    }
                    if found != wanted {
                        return Ok(Value::Bool(false));
                    }
                    continue;
                }
                let right = value(right, meter)?;
                if !compare(*comparison, &left, &right, meter)? {
                    return Ok(Value::Bool(false));
                }
                left = right;
            }
            Value::Bool(true)
        }
        // As in Jinja, the value is the operand that decides.
        Node::All(operands) | Node::Any(operands) => {
            let decides = matches!(node, Node::Any(_));
            let mut result = Value::Bool(!decides);
            for (index, operand) in operands.iter().enumerate() {
                let asks = meter.in_condition || index + 1 < operands.len();
                result = meter.within(asks, |meter| value(operand, meter))?;
                if result.is_true()? == decides {
                    break;
                }
            }
            result
        }
        Node::Choice { condition, then, otherwise } => {
            let is_met = meter.within(true, |meter| value(condition, meter))?.is_true()?;
            match (is_met, otherwise) {
                (true, _) => value(then, meter)?,
                (false, Some(otherwise)) => value(otherwise, meter)?,
                (false, None) => Value::EMPTY,
            }
        }
        Node::Filtered(inner, filters) => {
            // `default` has to see that the field is missing.
            let mut result = meter.within(false, |meter| value(inner, meter))?;
            for (filter, arguments) in filters {
                let mut given = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    given.push(value(argument, meter)?);
                }
                meter.spend(0)?;
                result = filter.apply(result, &given, meter)?;
            }
            result
        }
        Node::Defined(inner, wanted) => {
            let is_missing = matches!(meter.within(false, |meter| value(inner, meter))?, Value::Missing(_));
            Value::Bool(is_missing != *wanted)
        }
        Node::List(_) => return Err(Fault::Type("a list [ ] can only follow in".to_owned())),
    })
}

fn too_large() -> Fault {
    Fault::Value("a number gets too large".to_owned())
}

fn calculate<'v>(operator: Operator, left: Value<'v>, right: Value<'v>, meter: &mut Meter) -> Result<Value<'v>, Fault> {
    if let (Operator::Add, Value::Text(left), Value::Text(right)) = (operator, &left, &right) {
        meter.made(left.len() + right.len())?;
        return Ok(Value::Text(Cow::Owned(format!("{left}{right}"))));
    }
    let by_zero = || Fault::Value("a number is divided by zero".to_owned());
    if let (Value::Integer(left), Value::Integer(right)) = (&left, &right) {
        let (left, right) = (*left, *right);
        if right == 0 && matches!(operator, Operator::Divide | Operator::DivideWhole | Operator::Remainder) {
            return Err(by_zero());
        }
        let result = match operator {
            Operator::Add => left.checked_add(right),
            Operator::Subtract => left.checked_sub(right),
            Operator::Multiply => left.checked_mul(right),
            Operator::Divide => return Ok(Value::Float(left as f64 / right as f64)),
            Operator::DivideWhole => floor(left, right).map(|(quotient, _)| quotient),
            Operator::Remainder => floor(left, right).map(|(_, remainder)| remainder),
        };
        return Ok(Value::Integer(result.ok_or_else(too_large)?));
    }
    let (left, right) = (number(&left)?, number(&right)?);
    if right == 0.0 && matches!(operator, Operator::Divide | Operator::DivideWhole | Operator::Remainder) {
        return Err(by_zero());
    }
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::DivideWhole => (left / right).floor(),
        Operator::Remainder => left - right * (left / right).floor(),
    };
    if result.is_finite() { Ok(Value::Float(result)) } else { Err(too_large()) }
}

/// Returns quotient and remainder, rounded down as people expect for negative numbers.
fn floor(left: i64, right: i64) -> Option<(i64, i64)> {
    let (quotient, remainder) = (left.checked_div(right)?, left.checked_rem(right)?);
    let down = remainder != 0 && (remainder < 0) != (right < 0);
    Some(if down { (quotient - 1, remainder + right) } else { (quotient, remainder) })
}

fn number(value: &Value<'_>) -> Result<f64, Fault> {
    match value {
        Value::Integer(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        other => Err(other.no_number()),
    }
}

fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>, meter: &mut Meter) -> Result<bool, Fault> {
    Ok(match comparison {
        Comparison::Equal => equal(left, right, meter)?,
        Comparison::Unequal => !equal(left, right, meter)?,
        Comparison::Less => order(left, right, meter)?.is_lt(),
        Comparison::LessOrEqual => order(left, right, meter)?.is_le(),
        Comparison::Greater => order(left, right, meter)?.is_gt(),
        Comparison::GreaterOrEqual => order(left, right, meter)?.is_ge(),
        Comparison::In | Comparison::NotIn => {
            let (part, whole) = (left.text()?, right.text()?);
            meter.spend(part.len() + whole.len())?;
            whole.contains(&*part) == (comparison == Comparison::In)
        }
    })
}

fn equal(left: &Value<'_>, right: &Value<'_>, meter: &mut Meter) -> Result<bool, Fault> {
    Ok(match (left, right) {
        (Value::Missing(field), _) | (_, Value::Missing(field)) => return Err(Fault::Missing((*field).to_owned())),
        (Value::Text(left), Value::Text(right)) => {
            meter.spend(left.len().min(right.len()))?;
            left == right
        }
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Integer(left), Value::Integer(right)) => left == right,
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => number(left)? == number(right)?,
        _ => false,
    })
}

fn order(left: &Value<'_>, right: &Value<'_>, meter: &mut Meter) -> Result<Ordering, Fault> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => {
            meter.spend(left.len().min(right.len()))?;
            Ok(left.cmp(right))
        }
        (Value::Integer(left), Value::Integer(right)) => Ok(left.cmp(right)),
        _ => Ok(number(left)?.total_cmp(&number(right)?)),
    }
}
