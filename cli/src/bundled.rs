//! The template that is compiled into Herald, so that the first command needs only a list.

use bytes::Bytes;
use herald_template::{Bundle, BundleError};

const FILES: &[(&str, &[u8])] = &[
    ("template.toml", include_bytes!("../../examples/templates/gala/template.toml")),
    ("background.png", include_bytes!("../../examples/templates/gala/background.png")),
];

/// Returns the files of the template.
pub(crate) fn template() -> Result<Bundle, BundleError> {
    let mut bundle = Bundle::default();
    for (name, bytes) in FILES {
        bundle.insert(name, Bytes::from_static(bytes))?;
    }
    Ok(bundle)
}
