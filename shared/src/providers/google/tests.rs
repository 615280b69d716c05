//! Google's client without Google.
