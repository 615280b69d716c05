//! The first stage, which asks whether a window contains anything like a face. It runs at every fourth place of every
//! pyramid level, thousands of times per picture, so it must be cheap.
//!
//! Each pixel gets one byte, its locally assembled binary code. The code compares a block of 3 × 3 pixels with its
//! eight neighbour blocks, with one bit for each block that is not brighter. A boosted classifier looks up a few codes
//! of a window in tables of weights and adds the weights. After every ten codes it compares the sum with a threshold,
//! and most windows fail the first comparison. All windows of a level pass through one group of ten before the next
//! group, so that its tables stay in the fastest memory.

use super::gray::Gray;
use super::{STEP, WINDOW};

/// The number of codes that a group reads before it decides.
pub(super) const GROUP: usize = 10;
/// The side of the square that one code describes: three blocks of three pixels.
pub(super) const CODE_SIDE: usize = 9;
/// A window with at most this standard deviation is rejected as plain, whatever the codes say.
const PLAIN: f64 = 10.0;

/// One boosted classifier. Several classifiers examine the same windows, each for another pose.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) groups: Vec<Group>,
}

/// Ten codes, and the least sum that a face reaches after this group and all groups before.
#[derive(Debug)]
pub(super) struct Group {
    /// The column and row of each code in the window, 0 to 31.
    pub(super) places: [(usize, usize); GROUP],
    /// The weight of each value of each code.
    pub(super) weights: Box<[[f32; 256]; GROUP]>,
    pub(super) least: f32,
}

/// The codes of one level, and the remaining windows. It is kept between pictures.
#[derive(Debug, Default)]
pub(super) struct LabMap {
    width: usize,
    height: usize,
    blocks: Vec<i16>,
    codes: Vec<u8>,
    candidates: Vec<Candidate>,
}

/// A window, by its first pixel, with its current sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    start: usize,
    pub(super) score: f32,
}

impl LabMap {
    /// Reads a level that is at least as wide and high as a window.
    pub(super) fn read(&mut self, level: &Gray) {
        (self.width, self.height) = (level.width, level.height);
        self.sum_blocks(level);
        self.assemble_codes();
    }

    /// Returns the windows in which `scan` sees a face, row by row.
    pub(super) fn candidates<'a>(
        &'a mut self,
        scan: &Scan,
        level: &Gray,
    ) -> impl Iterator<Item = (usize, usize, f32)> + 'a {
        let width = self.width;
        self.candidates.clear();
        for y in (0..=self.height - WINDOW).step_by(STEP) {
            let row = (0..=width - WINDOW).step_by(STEP);
            self.candidates.extend(row.map(|x| Candidate { start: y * width + x, score: 0.0 }));
        }
        for group in &scan.groups {
            group.thin_out(&mut self.candidates, &self.codes, width);
        }
        self.candidates.retain(|candidate| deviation(level, candidate.start) > PLAIN);
        self.candidates.iter().map(move |found| (found.start % width, found.start / width, found.score))
    }

    /// Computes the sum of the 3 × 3 pixels to the right of and below each pixel; at most 2295.
    fn sum_blocks(&mut self, level: &Gray) {
        let width = level.width;
        self.blocks.resize(width * (level.height - 2), 0);
        for (y, blocks) in self.blocks.chunks_exact_mut(width).enumerate() {
            let rows = &level.pixels[y * width..(y + 3) * width];
            let (first, rows) = rows.split_at(width);
            let (second, third) = rows.split_at(width);
            for (((block, a), b), c) in blocks.iter_mut().zip(first).zip(second).zip(third) {
                *block = i16::from(*a) + i16::from(*b) + i16::from(*c);
            }
            for x in 0..width - 2 {
                blocks[x] += blocks[x + 1] + blocks[x + 2];
            }
        }
    }

    fn assemble_codes(&mut self) {
        let width = self.width;
        let (columns, rows) = (width - CODE_SIDE + 1, self.height - CODE_SIDE + 1);
        self.codes.resize(width * rows, 0);
        for (y, codes) in self.codes.chunks_exact_mut(width).enumerate() {
            let blocks = |row: usize, column: usize| {
                let start = (y + row) * width + column;
                &self.blocks[start..start + columns]
            };
            let (middle, codes) = (blocks(3, 3), &mut codes[..columns]);
            let (a, b, c) = (blocks(0, 0), blocks(0, 3), blocks(0, 6));
            let (d, e) = (blocks(3, 0), blocks(3, 6));
            let (f, g, h) = (blocks(6, 0), blocks(6, 3), blocks(6, 6));
            for x in 0..columns {
                let bit = |other: i16, bit: i16| if middle[x] >= other { bit } else { 0 };
                let upper = bit(a[x], 0x80) | bit(b[x], 0x40) | bit(c[x], 0x20) | bit(d[x], 0x10);
                let lower = bit(e[x], 0x08) | bit(f[x], 0x04) | bit(g[x], 0x02) | bit(h[x], 0x01);
                codes[x] = (upper | lower) as u8;
            }
        }
    }
}

impl Group {
    fn thin_out(&self, candidates: &mut Vec<Candidate>, codes: &[u8], width: usize) {
        let offsets = self.places.map(|(x, y)| y * width + x);
        let mut kept = 0;
        for next in 0..candidates.len() {
            let Candidate { start, mut score } = candidates[next];
            for (weights, offset) in self.weights.iter().zip(offsets) {
                score += weights[usize::from(codes[start + offset])];
            }
            // The entry is written first and counted afterwards, because no branch predictor can tell which windows
            // stay.
            candidates[kept] = Candidate { start, score };
            kept += usize::from(score >= self.least);
        }
        candidates.truncate(kept);
    }
}

/// The standard deviation of a window's pixels.
fn deviation(level: &Gray, start: usize) -> f64 {
    let (mut sum, mut squares) = (0, 0);
    for row in level.pixels[start..].chunks(level.width).take(WINDOW) {
        for &pixel in &row[..WINDOW] {
            sum += u32::from(pixel);
            squares += u32::from(pixel) * u32::from(pixel);
        }
    }
    let area = (WINDOW * WINDOW) as f64;
    let mean = f64::from(sum) / area;
    (f64::from(squares) / area - mean * mean).sqrt()
}
