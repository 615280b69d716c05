//! Finds faces, for cropping and nothing else: no feature of a face is computed that could
//! recognise it, and nothing but its box leaves this file. See docs/adr/0004-face-detector.md.

use image::{GrayImage, RgbImage};
use rustface::{ImageData, Model};

use super::resize::Scratch;

/// The detector's window, in pixels: the smallest face it sees, and the smallest side it takes.
const WINDOW: u32 = 40;

/// Each pass: longest side of the shrunk picture in pixels, and the score wanted per neighbour.
/// The second, which sees faces down to an eighth of the side, runs only if the first finds none.
const PASSES: [(u32, f64); 2] = [(160, 0.8), (320, 0.4)];

static MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/face_model.bin"));

/// How hard to look. The names and their direction are OpenCV's, so that settings people know keep
/// their sense; the ADR has the mapping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceSettings {
    /// How much the picture shrinks from one pyramid level to the next, 1.05 to 2; nearer to 1
    /// finds a few more faces and takes longer. The detector's step is the inverse.
    pub scale_factor: f32,
    /// How sure the detector must be, 0 to 20; higher finds fewer faces and fewer false ones. One
    /// neighbour is a score of 0.8 in the first pass and 0.4 in the second.
    pub min_neighbors: u32,
}

impl Default for FaceSettings {
    fn default() -> Self {
        Self { scale_factor: 1.25, min_neighbors: 5 }
    }
}

impl FaceSettings {
    fn step(&self, width: u32, height: u32) -> f32 {
        let mut step = 1.0 / self.scale_factor.clamp(1.05, 2.0);
        while !keeps_levels_above_the_window(step, width, height) {
            step *= 0.999;
        }
        step
    }

    fn score(&self, per_neighbor: f64) -> f64 {
        // The detector refuses a threshold of nought.
        (f64::from(self.min_neighbors.min(20)) * per_neighbor).max(0.05)
    }
}

/// A face, as a square in the pixels of the picture it was found in. It may reach a little beyond
/// the picture's edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Left edge.
    pub x: i32,
    /// Top edge, about the middle of the forehead.
    pub y: i32,
    /// Side, in pixels.
    pub size: u32,
    /// The detector's certainty; from about 2 to 60.
    pub score: f32,
}

/// The detector's model, parsed. Share one among threads.
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
        let model = rustface::read_model(MODEL).expect("the embedded model is the package's own");
        Self { model }
    }

    /// The frontal faces in `image`, largest first. CPU-bound, about 6 ms for a portrait of 1024²
    /// pixels and 14 ms for a picture without a face.
    pub fn detect(&self, image: &RgbImage, settings: &FaceSettings, scratch: &mut Scratch) -> Vec<Face> {
        let (last, _) = PASSES[PASSES.len() - 1];
        let Some(shrunk) = shrink(image, last, scratch) else {
            return Vec::new();
        };
        for (side, per_neighbor) in PASSES {
            // From the already shrunk copy: reading all pixels again would cost more than looking.
            let faces = match shrink(&shrunk, side, scratch) {
                Some(small) => self.pass(&small, settings, settings.score(per_neighbor)),
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

    fn pass(&self, small: &RgbImage, settings: &FaceSettings, score: f64) -> Vec<rustface::FaceInfo> {
        let gray = luma(small);
        let (width, height) = gray.dimensions();
        let mut detector = rustface::create_detector_with_model(self.model.clone());
        detector.set_pyramid_scale_factor(settings.step(width, height));
        detector.set_score_thresh(score);
        detector.detect(&ImageData::new(gray.as_raw(), width, height))
    }
}

/// `None` when the picture is so thin that no window fits.
fn shrink(image: &RgbImage, side: u32, scratch: &mut Scratch) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    let scale = f64::from(side) / f64::from(longest(image));
    let scaled = |length: u32| (f64::from(length) * scale).round() as u32;
    let (width, height) = (scaled(width), scaled(height));
    if width.min(height) < WINDOW {
        return None;
    }
    Some(if image.dimensions() == (width, height) { image.clone() } else { scratch.thumbnail(image, width, height) })
}

fn longest(image: &RgbImage) -> u32 {
    image.width().max(image.height())
}

/// BT.601 luma in 8-bit fixed point.
fn luma(image: &RgbImage) -> GrayImage {
    let gray = image
        .as_raw()
        .chunks_exact(3)
        .map(|p| ((u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29) >> 8) as u8)
        .collect();
    GrayImage::from_raw(image.width(), image.height(), gray).expect("one byte a pixel")
}

fn enlarge(face: &rustface::FaceInfo, scale: f64) -> Face {
    let bbox = face.bbox();
    Face {
        x: (f64::from(bbox.x()) * scale).round() as i32,
        y: (f64::from(bbox.y()) * scale).round() as i32,
        size: (f64::from(bbox.width()) * scale).round() as u32,
        score: face.score() as f32,
    }
}

/// Repeats the detector's own arithmetic. It stops when the scale falls below window ÷ shortest
/// side, yet rounds each level's size down: a step that lands just on the limit would hand it a
/// level smaller than its window, which it subtracts without a check.
fn keeps_levels_above_the_window(step: f32, width: u32, height: u32) -> bool {
    let shortest = width.min(height) as f32;
    let smallest_scale = WINDOW as f32 / shortest;
    let mut scale = 1.0_f32;
    while scale >= smallest_scale {
        if ((shortest * scale) as u32) < WINDOW {
            return false;
        }
        scale *= step;
    }
    true
}

#[cfg(test)]
pub(crate) mod tests;
