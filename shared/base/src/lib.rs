//! The basis of Herald: every other part depends on this crate, and this crate depends on none of them.
//!
//! It contains no SQL. Its only HTTP is the export of traces.

pub mod address;
pub mod clock;
pub mod cpu;
pub mod crop_area;
pub mod data_folder;
pub mod ids;
pub mod image_format;
pub mod links;
pub mod money;
pub mod private;
pub mod role;
pub mod scope;
pub mod settings;
pub mod telemetry;
pub mod text_enum;
pub mod tls;
pub mod vault;

/// Makes an async function return its future in a box, which compiles its body once, in its own crate
/// (docs/adr/0030-boxed-seams.md). Crates below the API and the workers put it on what they offer to others.
pub use async_recursion::async_recursion as boxed;
