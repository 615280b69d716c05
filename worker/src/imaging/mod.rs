//! Everything that makes pixels: pure functions from a template and a guest to an image file.
//!
//! Nothing in here does I/O except the font library, which maps font files the first time a name
//! needs them, and nothing may run on an async thread: callers use `spawn_blocking` or a CPU pool.
