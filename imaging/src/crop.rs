//! Cuts the square around the largest face out of a picture.

use image::RgbImage;

use super::face::{Face, FaceFinder, FaceSettings};
use super::picture::{Picture, Pixels};
use super::resize::Scratch;

/// How much of the face's size is added on each side: hair, chin and some shoulder.
pub const DEFAULT_MARGIN: f32 = 0.45;

/// Part of the face's size by which the crop sits higher than the face, which is found from the
/// forehead down.
const LIFT: f64 = 0.06;

/// A square portrait cut from a picture.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Square, at most the side asked for and never scaled up.
    pub pixels: Pixels,
    /// The face in the middle, in the picture's pixels.
    pub face: Face,
    /// How many faces were found, the chosen one among them. Faces much smaller than it may be left
    /// out, as the search ends with the pass that finds one.
    pub faces_found: usize,
}

/// How to cut a portrait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropSettings {
    /// How to look for the face.
    pub face: FaceSettings,
    /// Part of the face's size added on each side, 0 to 3.
    pub margin: f32,
    /// Side of the portrait, in pixels.
    pub side: u32,
}

/// The square around the largest face, or `None` when no face is found. The square is moved and, at
/// need, made smaller to lie inside the picture.
pub fn crop_portrait(
    picture: &Picture,
    finder: &FaceFinder,
    settings: &CropSettings,
    scratch: &mut Scratch,
) -> Option<Portrait> {
    let faces = match &picture.pixels {
        Pixels::Opaque(image) => finder.detect(image, &settings.face, scratch),
        Pixels::Alpha(image) => {
            // Hidden colours under transparent pixels are often black: gray disturbs least.
            let mut flat = RgbImage::from_pixel(image.width(), image.height(), image::Rgb([128; 3]));
            for (below, above) in flat.pixels_mut().zip(image.pixels()) {
                let [.., alpha] = above.0;
                for (b, a) in below.0.iter_mut().zip(above.0) {
                    *b = super::shape::mix(*b, a, u32::from(alpha));
                }
            }
            finder.detect(&flat, &settings.face, scratch)
        }
    };
    let face = *faces.first()?;
    let square = square_around(&face, settings.margin, picture.dimensions());
    Some(Portrait {
        pixels: scratch.square(&picture.pixels, square, target_side(square.2, settings.side)),
        face,
        faces_found: faces.len(),
    })
}

fn target_side(available: f64, wanted: u32) -> u32 {
    (available.round() as u32).clamp(1, wanted.max(1))
}

/// Left, top and side.
fn square_around(face: &Face, margin: f32, (width, height): (u32, u32)) -> (f64, f64, f64) {
    let (width, height) = (f64::from(width), f64::from(height));
    let size = f64::from(face.size);
    let side = (size * (1.0 + 2.0 * f64::from(margin.clamp(0.0, 3.0)))).min(width).min(height).max(1.0);
    let left = f64::from(face.x) + size / 2.0 - side / 2.0;
    let top = f64::from(face.y) + size / 2.0 - side / 2.0 - size * LIFT;
    (left.clamp(0.0, width - side), top.clamp(0.0, height - side), side)
}

#[cfg(test)]
mod tests;
