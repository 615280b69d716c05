//! Cuts the square around the largest face out of a picture.

use image::RgbImage;

use super::face::{Face, FaceFinder, FaceSettings};
use super::picture::{Picture, Pixels};
use super::resize::Scratch;

/// The part of the face's size that is added on each side: hair, chin and some shoulder.
pub const DEFAULT_MARGIN: f32 = 0.45;

/// The part of the face's size by which the crop sits higher than the face, because a detected face begins at the
/// forehead.
const LIFT: f64 = 0.06;

/// A square portrait cut from a picture.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// The pixels: square, at most as large as requested, and never scaled up.
    pub pixels: Pixels,
    /// The face in the middle, in pixels of the picture.
    pub face: Face,
    /// The number of detected faces, including the chosen one. Much smaller faces may be missing, because the search
    /// ends with the first successful pass.
    pub faces_found: usize,
}

/// The settings for cutting a portrait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropSettings {
    /// The settings of the face detector.
    pub face: FaceSettings,
    /// The part of the face's size that is added on each side, 0 to 3.
    pub margin: f32,
    /// The side of the portrait, in pixels.
    pub side: u32,
}

/// Cuts out the square around the largest face. Returns `None` if no face is found. The square is moved and, if
/// necessary, made smaller to lie inside the picture.
pub fn crop_portrait(
    picture: &Picture,
    finder: &FaceFinder,
    settings: &CropSettings,
    scratch: &mut Scratch,
) -> Option<Portrait> {
    let faces = match &picture.pixels {
        Pixels::Opaque(image) => finder.detect(image, &settings.face, scratch),
        Pixels::Alpha(image) => {
            // Hidden colours under transparent pixels are often black; gray disturbs the detector least.
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

/// Cuts out a square that somebody chose: left, top and side in pixels. The square must lie inside the picture.
pub fn crop_square(picture: &Picture, square: (f64, f64, f64), side: u32, scratch: &mut Scratch) -> Pixels {
    scratch.square(&picture.pixels, square, target_side(square.2, side))
}

fn target_side(available: f64, wanted: u32) -> u32 {
    (available.round() as u32).clamp(1, wanted.max(1))
}

/// Returns left, top and side of the square.
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
