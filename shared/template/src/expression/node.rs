//! The nodes of a parsed expression.
//!
//! Chains (`a ~ b ~ c`, `a | upper | trim`) are lists. So only brackets make a tree deeper, and the parser limits
//! those.

use super::filters::Filter;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Field(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Not(Box<Node>),
    Minus(Box<Node>),
    /// A number and the calculations with it, from left to right.
    Calculate(Box<Node>, Vec<(Operator, Node)>),
    /// Values joined with `~`.
    Concat(Vec<Node>),
    /// `a < b`; with several signs every comparison must hold.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Choice {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Option<Box<Node>>,
    },
    Filtered(Box<Node>, Vec<(Filter, Vec<Node>)>),
    /// `is defined`, or the opposite if `false`.
    Defined(Box<Node>, bool),
    /// `["a", "b"]`, only after `in`.
    List(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}
