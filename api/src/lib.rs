//! Herald api.
