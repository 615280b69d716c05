//! Herald shared.
