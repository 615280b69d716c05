//! Finds faces, for cropping only. No feature of a face is computed that could recognise a person, and only the box of
//! a face leaves this module. See docs/adr/0004-face-detector.md.

mod cascade;
mod gray;
mod lab;
mod merge;
mod model;
mod net;
mod surf;

use image::RgbImage;

pub(super) use self::cascade::Buffers;
use self::gray::Gray;
use self::merge::Window;
use self::model::Model;
use super::resize::Scratch;

/// The side of the detector's window, in pixels: the size of the smallest detectable face and of the smallest picture.
const WINDOW: usize = 40;

/// The distance between two windows of a scan, in pixels.
const STEP: usize = 4;

/// The passes: the longest side of the shrunk picture in pixels, and the required score per neighbour. With the default
/// of five neighbours, four windows must agree on a face, or three in the second pass. The second pass finds faces down
/// to an eighth of the side, and runs only if the first one finds none.
const PASSES: [(u32, f64); 2] = [(160, 0.7), (320, 0.4)];

static MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/face_model.bin"));

/// The thoroughness of the search. The names and their directions are OpenCV's, so that familiar settings keep their
/// meaning; the ADR has the mapping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceSettings {
    /// The factor by which the picture shrinks from one pyramid level to the next, 1.05 to 2. A value nearer to 1 finds
    /// a few more faces and takes longer. The detector's step is the inverse.
    pub scale_factor: f32,
    /// The required certainty, 0 to 20. A higher value finds fewer faces and fewer false ones. One neighbour is a score
    /// of 0.7 in the first pass and 0.4 in the second.
    pub min_neighbors: u32,
}

impl Default for FaceSettings {
    fn default() -> Self {
        Self { scale_factor: 1.25, min_neighbors: 5 }
    }
}

impl FaceSettings {
    fn step(&self) -> f32 {
        1.0 / self.scale_factor.clamp(1.05, 2.0)
    }

    fn score(&self, per_neighbor: f64) -> f64 {
        (f64::from(self.min_neighbors.min(20)) * per_neighbor).max(0.05)
    }
}

/// A face, as a square in pixels of the picture. It may extend slightly beyond the picture's edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// The left edge.
    pub x: i32,
    /// The top edge, about the middle of the forehead.
    pub y: i32,
    /// The side, in pixels.
    pub size: u32,
    /// The detector's certainty, from about 2 to 60.
    pub score: f32,
}

/// The detector with its parsed model. Threads can share it.
pub struct FaceFinder {
    model: Model,
}

impl std::fmt::Debug for FaceFinder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaceFinder")
    }
}

impl Default for FaceFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl FaceFinder {
    /// Parses the embedded model, which takes half a millisecond.
    pub fn new() -> Self {
        let model = Model::parse(MODEL).expect("a test parses the embedded model");
        Self { model }
    }

    /// Returns the frontal faces in `image`, largest first. It is CPU-bound: about 2 ms for a portrait of 1024² pixels,
    /// and up to 12 ms for a texture without a face.
    pub fn detect(&self, image: &RgbImage, settings: &FaceSettings, scratch: &mut Scratch) -> Vec<Face> {
        let (last, _) = PASSES[PASSES.len() - 1];
        let Some(shrunk) = shrink(image, last, scratch) else {
            return Vec::new();
        };
        for (side, per_neighbor) in PASSES {
            // The copy is already shrunk: reading all pixels again would cost more than the search.
            let faces = match shrink(&shrunk, side, scratch) {
                Some(small) => self.pass(&small, settings, settings.score(per_neighbor), &mut scratch.faces),
                None => continue,
            };
            if !faces.is_empty() {
                let scale = f64::from(longest(image)) / f64::from(side);
                let mut faces: Vec<Face> = faces.iter().map(|face| enlarge(face, scale)).collect();
                faces.sort_by(|a, b| b.size.cmp(&a.size).then(b.score.total_cmp(&a.score)));
                return faces;
            }
        }
        Vec::new()
    }

    fn pass(&self, small: &RgbImage, settings: &FaceSettings, score: f64, buffers: &mut Buffers) -> Vec<Window> {
        let gray = luma(small);
        let gray = Gray::new(&gray, small.width() as usize, small.height() as usize);
        cascade::find(&self.model, &gray, settings.step(), score, buffers)
    }
}

/// Shrinks a picture. Returns `None` if the picture is so thin that no window fits.
fn shrink(image: &RgbImage, side: u32, scratch: &mut Scratch) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    let scale = f64::from(side) / f64::from(longest(image));
    let scaled = |length: u32| (f64::from(length) * scale).round() as u32;
    let (width, height) = (scaled(width), scaled(height));
    if width.min(height) < WINDOW as u32 {
        return None;
    }
    Some(if image.dimensions() == (width, height) { image.clone() } else { scratch.thumbnail(image, width, height) })
}

fn longest(image: &RgbImage) -> u32 {
    image.width().max(image.height())
}

/// Computes BT.601 luma in 8-bit fixed point.
fn luma(image: &RgbImage) -> Vec<u8> {
    image
        .as_raw()
        .chunks_exact(3)
        .map(|p| ((u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29) >> 8) as u8)
        .collect()
}

fn enlarge(face: &Window, scale: f64) -> Face {
    Face {
        x: (f64::from(face.x) * scale).round() as i32,
        y: (f64::from(face.y) * scale).round() as i32,
        size: (f64::from(face.size) * scale).round() as u32,
        score: face.score as f32,
    }
}

#[cfg(test)]
pub(crate) mod tests;
