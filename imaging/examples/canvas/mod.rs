//! A small drawing surface for the example pictures: shapes given by their distance, painted with soft edges.

// Each example uses its own part of it.
#![allow(dead_code, unreachable_pub)]

use image::{Rgb, RgbImage};

/// A point or a size, in pixels.
pub type Point = (f32, f32);
/// sRGB, 0 to 1.
pub type Ink = [f32; 3];

/// `0xrrggbb` as an [`Ink`].
pub fn ink(hex: u32) -> Ink {
    [16, 8, 0].map(|shift| ((hex >> shift) & 0xff) as f32 / 255.0)
}

/// `a` towards `b`.
pub fn mix(a: Ink, b: Ink, share: f32) -> Ink {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

/// 0 below `from`, 1 above `to`, smooth between.
pub fn step(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// An image in the making.
pub struct Canvas {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    pixels: Vec<Ink>,
}

impl Canvas {
    /// All in one colour.
    pub fn new(width: usize, height: usize, color: Ink) -> Self {
        Self { width, height, pixels: vec![color; width * height] }
    }

    /// Every pixel anew, from its position and its colour so far.
    pub fn shade(&mut self, color: impl Fn(Point, Ink) -> Ink) {
        let width = self.width;
        for (index, pixel) in self.pixels.iter_mut().enumerate() {
            *pixel = color(((index % width) as f32 + 0.5, (index / width) as f32 + 0.5), *pixel);
        }
    }

    /// Paints where the distance is negative, with an edge `soft` pixels wide. `reach` bounds the shape.
    pub fn paint(
        &mut self,
        reach: [f32; 4],
        soft: f32,
        distance: impl Fn(Point) -> f32,
        color: impl Fn(Point) -> (Ink, f32),
    ) {
        let [left, top, right, bottom] = reach;
        let margin = soft + 1.0;
        let columns = (left - margin).max(0.0) as usize..((right + margin).max(0.0) as usize).min(self.width);
        for y in (top - margin).max(0.0) as usize..((bottom + margin).max(0.0) as usize).min(self.height) {
            for x in columns.clone() {
                let at = (x as f32 + 0.5, y as f32 + 0.5);
                let distance = distance(at);
                let cover = if soft <= 1.0 {
                    (0.5 - distance / soft).clamp(0.0, 1.0)
                } else {
                    1.0 - step(-soft / 2.0, soft / 2.0, distance)
                };
                if cover > 0.0 {
                    let (color, opacity) = color(at);
                    let pixel = &mut self.pixels[y * self.width + x];
                    *pixel = mix(*pixel, color, cover * opacity);
                }
            }
        }
    }

    /// A filled shape in one colour.
    pub fn fill(&mut self, reach: [f32; 4], color: Ink, opacity: f32, distance: impl Fn(Point) -> f32) {
        self.paint(reach, 1.0, distance, |_| (color, opacity));
    }

    /// A straight line.
    pub fn line(&mut self, a: Point, b: Point, width: f32, color: Ink, opacity: f32) {
        let reach = [a.0.min(b.0) - width, a.1.min(b.1) - width, a.0.max(b.0) + width, a.1.max(b.1) + width];
        self.fill(reach, color, opacity, |p| segment(p, a, b) - width / 2.0);
    }

    /// A line along a closed outline.
    pub fn outline(&mut self, reach: [f32; 4], width: f32, color: Ink, opacity: f32, distance: impl Fn(Point) -> f32) {
        self.fill(reach, color, opacity, |p| distance(p).abs() - width / 2.0);
    }

    /// Lays colour over the image through a mask of the same size, 255 being full.
    pub fn stencil(&mut self, mask: &RgbImage, color: impl Fn(Point) -> Ink) {
        for (x, y, cover) in mask.enumerate_pixels() {
            if cover.0[0] > 0 {
                let pixel = &mut self.pixels[y as usize * self.width + x as usize];
                *pixel = mix(*pixel, color((x as f32 + 0.5, y as f32 + 0.5)), f32::from(cover.0[0]) / 255.0);
            }
        }
    }

    /// The image in 8 bits, rounded with up to `noise` steps of grain, which hides the bands of soft gradients.
    pub fn finish(&self, noise: f32) -> RgbImage {
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            let grain = (hash(x, y) - 0.5) * noise;
            let pixel = self.pixels[y as usize * self.width + x as usize];
            Rgb(pixel.map(|value| (value * 255.0 + grain + 0.5).clamp(0.0, 255.0) as u8))
        })
    }
}

/// A number from 0 to 1 that looks random but is always the same for a pixel.
pub fn hash(x: u32, y: u32) -> f32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) & 0xffff) as f32 / 65_535.0
}

/// Distance to a circle.
pub fn circle(p: Point, center: Point, radius: f32) -> f32 {
    (p.0 - center.0).hypot(p.1 - center.1) - radius
}

/// About the distance to an ellipse; exact on its edge.
pub fn ellipse(p: Point, center: Point, radii: Point) -> f32 {
    let (x, y) = (p.0 - center.0, p.1 - center.1);
    let k = (x / radii.0).hypot(y / radii.1);
    let slope = (x / (radii.0 * radii.0)).hypot(y / (radii.1 * radii.1));
    if slope < 1e-6 { -radii.0.min(radii.1) } else { k * (k - 1.0) / slope }
}

/// Distance to a straight line between two points.
pub fn segment(p: Point, a: Point, b: Point) -> f32 {
    let (px, py, bx, by) = (p.0 - a.0, p.1 - a.1, b.0 - a.0, b.1 - a.1);
    let along = ((px * bx + py * by) / (bx * bx + by * by).max(1e-6)).clamp(0.0, 1.0);
    (px - bx * along).hypot(py - by * along)
}

/// Distance to a box with round corners.
pub fn rounded(p: Point, [left, top, right, bottom]: [f32; 4], radius: f32) -> f32 {
    let (x, y) = ((p.0 - (left + right) / 2.0).abs(), (p.1 - (top + bottom) / 2.0).abs());
    let (x, y) = (x - (right - left) / 2.0 + radius, y - (bottom - top) / 2.0 + radius);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - radius
}

/// Distance to a box whose corners are cut at 45 degrees.
pub fn chamfered(p: Point, [left, top, right, bottom]: [f32; 4], cut: f32) -> f32 {
    let (x, y) = ((p.0 - (left + right) / 2.0).abs(), (p.1 - (top + bottom) / 2.0).abs());
    let (half_width, half_height) = ((right - left) / 2.0, (bottom - top) / 2.0);
    let corner = (x + y - half_width - half_height + cut) * std::f32::consts::FRAC_1_SQRT_2;
    (x - half_width).max(y - half_height).max(corner)
}

/// The box around a circle.
pub fn around(center: Point, radius: f32) -> [f32; 4] {
    [center.0 - radius, center.1 - radius, center.0 + radius, center.1 + radius]
}
