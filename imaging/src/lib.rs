//! Creates all pixels: pure functions from a template and a guest to an image file, and from a report to a PDF.
//!
//! This crate does no I/O, except that the font library reads font files when a name first needs them. No function may
//! run on an async thread: callers use `spawn_blocking` or a CPU pool.

pub mod avatar;
pub mod canvas;
pub mod crop;
pub mod encode;
pub mod face;
pub mod fonts;
mod frame;
pub mod glyph_check;
pub mod initials;
pub mod missing;
pub mod note;
pub mod paper;
pub mod picture;
pub mod qr;
pub mod render;
pub mod resize;
pub mod shape;
mod splice;
pub mod template;
pub mod text;
pub mod thumbnail;
mod touched;
