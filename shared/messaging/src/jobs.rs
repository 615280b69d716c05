//! The kinds of job of this domain.
