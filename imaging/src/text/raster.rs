//! Converts outlines to coverage, clipped to a rectangle of pixels.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use harfrust::GlyphId;
use harfrust::font::glyph::outline::{DrawMemory, DrawOptions, PathSink};

use crate::fonts::Face;

/// The number of cells that are kept between texts (4 bytes each): a line across a print-size invitation.
const KEEP_CELLS: usize = 2 << 20;

/// An affine map of the plane: `x' = a·x + c·y + e`, `y' = b·x + d·y + f`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    pub(super) a: f32,
    pub(super) b: f32,
    pub(super) c: f32,
    pub(super) d: f32,
    pub(super) e: f32,
    pub(super) f: f32,
}

impl Affine {
    pub(super) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        (self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f)
    }

    /// Returns the box around a mapped box `[left, low, right, high]`.
    pub(super) fn bounds(&self, [left, low, right, high]: [f32; 4]) -> [f32; 4] {
        let corners = [(left, low), (left, high), (right, low), (right, high)];
        corners
            .iter()
            .map(|&(x, y)| self.apply(x, y))
            .fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |[l, t, r, b], (x, y)| {
                [l.min(x), t.min(y), r.max(x), b.max(y)]
            })
    }
}

/// A rectangle of pixels. The right and bottom edges do not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Rect {
    /// Returns the pixels that `[left, top, right, bottom]` touches, with a `margin` around them.
    pub(super) fn around([left, top, right, bottom]: [f32; 4], margin: i32) -> Self {
        // Casts saturate, and a quarter of i32 leaves room for additions.
        let whole = |value: f32| (value as i32).clamp(i32::MIN / 4, i32::MAX / 4);
        Self {
            left: whole(left.floor()) - margin,
            top: whole(top.floor()) - margin,
            right: whole(right.ceil()) + margin,
            bottom: whole(bottom.ceil()) + margin,
        }
    }

    pub(super) fn intersect(self, other: Self) -> Option<Self> {
        let both = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        (both.left < both.right && both.top < both.bottom).then_some(both)
    }

    pub(super) fn width(self) -> usize {
        usize::try_from(self.right - self.left).unwrap_or(0)
    }

    pub(super) fn height(self) -> usize {
        usize::try_from(self.bottom - self.top).unwrap_or(0)
    }
}

/// The coverage of a rectangle of pixels.
pub(super) struct Coverage {
    cells: Rasterizer,
    rect: Rect,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { cells: Rasterizer::new(0, 0), rect: Rect { left: 0, top: 0, right: 0, bottom: 0 } }
    }
}

impl Coverage {
    /// Clears the coverage and sets its rectangle.
    pub(super) fn begin(&mut self, rect: Rect) {
        // There are two additional columns, which collect everything to the right of the rectangle: the running sum of
        // each row must return to zero before the next row.
        self.cells.reset(rect.width() + 2, rect.height());
        self.rect = rect;
    }

    /// Adds a glyph. `map` converts em, y upwards, to pixels of the image.
    pub(super) fn glyph(&mut self, face: &Face, glyph: GlyphId, map: Affine) {
        let Some(outline) = face.font().outline_glyphs().get(glyph) else { return };
        let unit = face.em_per_unit();
        let map = Affine {
            a: map.a * unit,
            b: map.b * unit,
            c: map.c * unit,
            d: map.d * unit,
            e: map.e - self.rect.left as f32,
            f: map.f - self.rect.top as f32,
        };
        let right = self.rect.width() as f32 + 1.0;
        let origin = point(0.0, 0.0);
        let mut pen = Pen { cells: &mut self.cells, map, right, at: origin, start: origin };
        if let Err(error) = outline.draw(&DrawOptions::new(), DrawMemory::default(), &mut pen) {
            tracing::debug!(%error, "glyph cannot be drawn");
        }
        pen.close();
    }

    /// Calls `pixel(x, y, coverage)` for each covered pixel, with coverage in 0–1, row by row.
    pub(super) fn pixels(&self, mut pixel: impl FnMut(i32, i32, f32)) {
        let Rect { left, top, right, .. } = self.rect;
        let stride = right + 2;
        let (mut x, mut y) = (left, top);
        self.cells.for_each_pixel(|_, coverage| {
            // Less than half a step of 8 bits is a rounding error of the running sum.
            if coverage > 0.002 && x < right {
                pixel(x, y, coverage.min(1.0));
            }
            x += 1;
            if x == stride {
                (x, y) = (left, y + 1);
            }
        });
    }

    /// Frees the memory of an unusually large text.
    pub(super) fn trim(&mut self) {
        let (width, height) = self.cells.dimensions();
        if width * height > KEEP_CELLS {
            *self = Self::default();
        }
    }
}

/// Passes an outline to the rasteriser, mapped and clipped.
struct Pen<'a> {
    cells: &'a mut Rasterizer,
    map: Affine,
    /// The column that collects everything further to the right.
    right: f32,
    at: Point,
    start: Point,
}

impl Pen<'_> {
    fn map(&self, x: f32, y: f32) -> Point {
        let (x, y) = self.map.apply(x, y);
        point(x, y)
    }

    /// Draws a line, and splits it at the left and right edges. A part outside becomes a vertical line on the edge,
    /// which keeps the coverage to its right correct.
    fn line(&mut self, to: Point) {
        let from = std::mem::replace(&mut self.at, to);
        if !(from.x.is_finite() && from.y.is_finite() && to.x.is_finite() && to.y.is_finite()) {
            return;
        }
        let inside = |x: f32| (0.0..=self.right).contains(&x);
        if inside(from.x) && inside(to.x) {
            self.cells.draw_line(from, to);
            return;
        }
        let crossing = |edge: f32| (edge - from.x) / (to.x - from.x);
        let mut cuts = [0.0, crossing(0.0), crossing(self.right), 1.0];
        for cut in &mut cuts {
            *cut = if cut.is_finite() { cut.clamp(0.0, 1.0) } else { 0.0 };
        }
        cuts.sort_unstable_by(f32::total_cmp);
        let on_line = |t: f32| {
            let x = from.x + (to.x - from.x) * t;
            point(x.clamp(0.0, self.right), from.y + (to.y - from.y) * t)
        };
        let mut last = on_line(0.0);
        for t in cuts.into_iter().skip(1) {
            let next = on_line(t);
            self.cells.draw_line(last, next);
            last = next;
        }
    }

    /// Draws a curve as lines that stay within about a tenth of a pixel of it.
    fn curve(&mut self, bend: f32, to: Point, on_curve: impl Fn(f32) -> Point) {
        let pieces = (bend * 1.25).sqrt().ceil().clamp(1.0, 64.0);
        for piece in 1..pieces as u32 {
            self.line(on_curve(piece as f32 / pieces));
        }
        self.line(to);
    }
}

fn mix(a: Point, b: Point, t: f32) -> Point {
    point(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t)
}

/// Returns the distance from the middle point to the middle of its neighbours, which measures the bend of a curve.
fn bend(a: Point, b: Point, c: Point) -> f32 {
    (a.x - 2.0 * b.x + c.x).hypot(a.y - 2.0 * b.y + c.y)
}

impl PathSink for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.close();
        self.start = self.map(x, y);
        self.at = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.map(x, y);
        self.line(to);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (from, control, to) = (self.at, self.map(cx, cy), self.map(x, y));
        self.curve(bend(from, control, to), to, |t| mix(mix(from, control, t), mix(control, to, t), t));
    }

    fn curve_to(&mut self, c0x: f32, c0y: f32, c1x: f32, c1y: f32, x: f32, y: f32) {
        let (from, one, two, to) = (self.at, self.map(c0x, c0y), self.map(c1x, c1y), self.map(x, y));
        let bend = 3.0 * bend(from, one, two).max(bend(one, two, to));
        self.curve(bend, to, |t| {
            let (a, b, c) = (mix(from, one, t), mix(one, two, t), mix(two, to, t));
            mix(mix(a, b, t), mix(b, c, t), t)
        });
    }

    fn close(&mut self) {
        let start = self.start;
        if self.at != start {
            self.line(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills a box in image pixels within a 10×10 rectangle at (5, 5). Returns the sum of the coverage and the pixels.
    fn fill(corners: [(f32, f32); 4]) -> (f32, Vec<(i32, i32)>) {
        let mut coverage = Coverage::default();
        coverage.begin(Rect { left: 5, top: 5, right: 15, bottom: 15 });
        let map = Affine { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: -5.0, f: -5.0 };
        let origin = point(0.0, 0.0);
        let mut pen = Pen { cells: &mut coverage.cells, map, right: 11.0, at: origin, start: origin };
        pen.move_to(corners[0].0, corners[0].1);
        for (x, y) in &corners[1..] {
            pen.line_to(*x, *y);
        }
        pen.close();
        let (mut sum, mut pixels) = (0.0, Vec::new());
        coverage.pixels(|x, y, c| {
            sum += c;
            pixels.push((x, y));
        });
        (sum, pixels)
    }

    #[test]
    fn a_box_covers_its_area() {
        let (sum, pixels) = fill([(6.5, 7.0), (9.0, 7.0), (9.0, 10.0), (6.5, 10.0)]);
        assert!((sum - 7.5).abs() < 1e-3, "{sum}");
        assert!(pixels.iter().all(|&(x, y)| (6..9).contains(&x) && (7..10).contains(&y)));
    }

    #[test]
    fn what_sticks_out_on_any_side_is_clipped_without_a_trace() {
        let (sum, _) = fill([(-100.0, -100.0), (1000.0, -100.0), (1000.0, 1000.0), (-100.0, 1000.0)]);
        assert!((sum - 100.0).abs() < 1e-2, "{sum}");
        let (sum, pixels) = fill([(13.0, -50.0), (90.0, 8.0), (90.0, 300.0), (13.0, 300.0)]);
        assert!(pixels.iter().all(|&(x, _)| x >= 13), "{pixels:?}");
        assert!((sum - 20.0).abs() < 1e-2, "{sum}");
        for outside in
            [[(-9.0, 6.0), (-2.0, 6.0), (-2.0, 9.0), (-9.0, 9.0)], [(20.0, 6.0), (30.0, 6.0), (30.0, 9.0), (20.0, 9.0)]]
        {
            assert_eq!(fill(outside).1, []);
        }
    }
}
