//! The templates that are compiled into Herald: one so that the first command needs only a list, and both for the
//! example data.

use bytes::Bytes;
use herald_template::{Bundle, BundleError};

type File = (&'static str, &'static [u8]);

const GALA: &[File] = &[
    ("template.toml", include_bytes!("../../../examples/templates/gala/template.toml")),
    ("background.png", include_bytes!("../../../examples/templates/gala/background.png")),
];
const BADGE: &[File] = &[
    ("template.toml", include_bytes!("../../../examples/templates/badge/template.toml")),
    ("background.jpg", include_bytes!("../../../examples/templates/badge/background.jpg")),
];

/// The files of the template for an evening.
///
/// # Errors
/// Never: both are tried out by tests.
pub fn gala_template() -> Result<Bundle, BundleError> {
    bundle(GALA)
}

/// The files of the template for a badge.
///
/// # Errors
/// As [`gala_template`].
pub fn badge_template() -> Result<Bundle, BundleError> {
    bundle(BADGE)
}

fn bundle(files: &[File]) -> Result<Bundle, BundleError> {
    let mut bundle = Bundle::default();
    for (name, bytes) in files {
        bundle.insert(name, Bytes::from_static(bytes))?;
    }
    Ok(bundle)
}
