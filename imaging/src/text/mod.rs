//! Text for invitations: any script, fitted into a box, clipped to it when drawn.
//!
//! [`layout()`] cleans and shapes a text in em units, and chooses the line breaks and the largest size that fits.
//! [`draw()`] fills the outlines. Characters that no font has are left out of the picture and listed in
//! [`Layout::missing`]: the caller informs the admin, and the guest never sees a box.

mod bitmap;
mod clean;
mod draw;
mod fit;
mod itemize;
mod raster;
mod shape;
mod style;
mod wrap;

pub use super::canvas::Canvas;
pub use draw::{Area, Scratch, draw};
pub use fit::{layout, missing};
pub use shape::{Layout, Line};
pub use style::{Align, Shadow, TextStyle, VAlign};

#[cfg(test)]
mod tests;
