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
pub mod private;
pub mod role;
pub mod scope;
pub mod settings;
pub mod telemetry;
pub mod text_enum;
pub mod tls;
pub mod vault;
