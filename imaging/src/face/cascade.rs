//! Finds faces in a gray picture: a cascade that reduces thousands of windows to a few faces.
//!
//! The picture is shrunk step by step, so that a window of one size meets faces of every size. Every level is scanned.
//! The results of the scans are merged and passed through several networks, each larger than the one before. A network
//! examines the window in the full picture again, and moves each accepted window to its estimate of the face.
//!
//! The method and the model are those of SeetaFace (S. Wu et al., "Funnel-structured cascade for multi-view face
//! detection with alignment-awareness", 2016).

use super::WINDOW;
use super::gray::{Area, Gray, Scaler};
use super::lab::LabMap;
use super::merge::{Window, merge};
use super::model::{Judge, Model};
use super::net::Activations;
use super::surf::{Crossings, Pixels};

/// The overlap from which windows of one scan merge.
const MERGE_SCANNED: f32 = 0.8;

/// Buffers that are reused from one picture to the next.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    scaler: Scaler,
    level: Vec<u8>,
    map: LabMap,
    look: Look,
}

/// Buffers that are reused from one window to the next.
#[derive(Debug, Default)]
struct Look {
    crossings: Crossings,
    activations: Activations,
}

/// Returns the faces in `picture` with at least `score`, in no reliable order. A score is the number of agreeing
/// windows, each weighted by the certainty of the last network. Each pyramid level has `step` times the sides of the
/// level before; `step` is less than 1.
pub(super) fn find(model: &Model, picture: &Gray, step: f32, score: f64, buffers: &mut Buffers) -> Vec<Window> {
    let mut windows = scan(model, picture, step, buffers);
    for judge in &model.judges {
        judge.keep(&mut windows, picture, buffers);
        if let Some(limit) = judge.merge {
            merge(&mut windows, limit);
        }
    }
    windows.retain(|window| window.score >= score);
    windows
}

/// Scans all levels, and merges the windows of each scan.
fn scan(model: &Model, picture: &Gray, step: f32, buffers: &mut Buffers) -> Vec<Window> {
    let mut seen = vec![Vec::new(); model.scans.len()];
    let mut scale = 1.0_f32;
    loop {
        let [width, height] = [picture.width, picture.height].map(|side| (side as f32 * scale) as usize);
        if width.min(height) < WINDOW {
            break;
        }
        buffers.level.resize(width * height, 0);
        let whole = Area { x: 0, y: 0, width: picture.width, height: picture.height };
        buffers.scaler.scale(picture, whole, width, &mut buffers.level);
        let level = Gray::new(&buffers.level, width, height);
        buffers.map.read(&level);
        for (scan, seen) in model.scans.iter().zip(&mut seen) {
            let original = |length: usize| length as f32 / scale + 0.5;
            seen.extend(buffers.map.candidates(scan, &level).map(|(x, y, score)| Window {
                x: original(x) as i32,
                y: original(y) as i32,
                size: original(WINDOW) as u32,
                score: f64::from(score),
            }));
        }
        scale *= step;
    }
    seen.iter_mut().for_each(|windows| merge(windows, MERGE_SCANNED));
    seen.concat()
}

impl Judge {
    /// Keeps the windows with a face, and moves each to its face.
    fn keep(&self, windows: &mut Vec<Window>, picture: &Gray, buffers: &mut Buffers) {
        let mut kept = Vec::with_capacity(windows.len());
        for window in windows.iter() {
            kept.extend(self.look(window, picture, buffers));
        }
        *windows = kept;
    }

    fn look(&self, window: &Window, picture: &Gray, buffers: &mut Buffers) -> Option<Window> {
        if !window.can_be_looked_at(picture) {
            return None;
        }
        let side = window.size as usize;
        let area = Area { x: window.x, y: window.y, width: side, height: side };
        let mut pixels: Pixels = [0; WINDOW * WINDOW];
        buffers.scaler.scale(picture, area, WINDOW, &mut pixels);
        let Look { crossings, activations } = &mut buffers.look;
        activations.input.clear();
        self.layout.describe(&pixels, crossings, &mut activations.input);
        let &[score, right, down, size] = self.net.run(activations) else {
            unreachable!("the model was refused if it gave other answers");
        };
        (score > self.least).then(|| window.moved(score, right, down, size))
    }
}

impl Window {
    /// Whether a part of the window lies in the picture, and the window is large enough to scale. The networks can move
    /// windows anywhere, so both need a check. A window that fails is not a face.
    fn can_be_looked_at(&self, picture: &Gray) -> bool {
        let meets = |start: i32, length: usize| start + self.size as i32 > 0 && start < length as i32;
        self.size >= 2 && meets(self.x, picture.width) && meets(self.y, picture.height)
    }

    /// Applies a network's answers to the window. They are in units of the window size, and 0.5 means no change.
    fn moved(&self, score: f32, right: f32, down: f32, size: f32) -> Self {
        // A window that began outside the picture is measured from the picture's edge, as in SeetaFace.
        let (x, y, side) = (self.x.max(0) as f32, self.y.max(0) as f32, self.size as f32);
        let new_side = ((size * 2.0 - 1.0) * side + side + 0.5).floor();
        let place = |start: f32, shift: f32| {
            ((shift * 2.0 - 1.0) * side + start + (side - new_side) * 0.5 + 0.5).floor() as i32
        };
        Self { x: place(x, right), y: place(y, down), size: new_side as u32, score: f64::from(score) }
    }
}

#[cfg(test)]
mod tests;
