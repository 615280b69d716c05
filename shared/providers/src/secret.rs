//! Serialises secrets for a sealed row, which is the only place they are written to.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

/// Serialises a secret.
///
/// # Errors
/// The errors of the serializer.
pub fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// Serialises an optional secret.
///
/// # Errors
/// The errors of the serializer.
pub fn expose_some<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}
