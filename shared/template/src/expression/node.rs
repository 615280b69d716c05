//! What a parsed expression is made of.
//!
//! Chains (`a ~ b ~ c`, `a | upper | trim`) are lists, so that only brackets make a tree deeper, and the parser bounds
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
    /// Numbers and what is done with them from left to right.
    Calculate(Box<Node>, Vec<(Operator, Node)>),
    /// Values put together with `~`.
    Concat(Vec<Node>),
    /// `a < b`; with several signs every one must hold.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Choice {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Option<Box<Node>>,
    },
    Filtered(Box<Node>, Vec<(Filter, Vec<Node>)>),
    /// `is defined`, or with `false` the opposite.
    Defined(Box<Node>, bool),
    /// `["a", "b"]`, only behind `in`.
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
