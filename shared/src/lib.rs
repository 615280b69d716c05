//! Herald shared.

pub mod csv;
pub mod expression;
pub mod template;
