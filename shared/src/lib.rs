//! Herald shared.

pub mod expression;
pub mod template;
