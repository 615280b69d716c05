//! Draws a laid-out text into an image.

use crate::canvas::Canvas;

use super::bitmap::Pictures;
use super::raster::{Affine, Coverage, Rect};
use super::shape::{Layout, Line};
use super::style::{Align, Shadow, TextStyle, VAlign};

/// The place of a text on the image, in pixels. It may lie partly or completely outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// The left edge.
    pub x: i32,
    /// The top edge.
    pub y: i32,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

/// Buffers that drawing reuses. Keep one per worker thread. Its size is limited.
#[derive(Default)]
pub struct Scratch {
    coverage: Coverage,
    pictures: Pictures,
    mask: Vec<u8>,
    row: Vec<u8>,
}

/// Draws a layout into its area, which must have the size of the layout. Unrotated text is clipped to the area. Rotated
/// text turns about the area's centre and is clipped only to the image.
pub fn draw(layout: &Layout, style: &TextStyle, canvas: &mut Canvas<'_>, area: Area, scratch: &mut Scratch) {
    let rotated = style.rotation.rem_euclid(360.0) != 0.0 && style.rotation.is_finite();
    let edge = |at: i32, side: u32| at.saturating_add(i32::try_from(side).unwrap_or(i32::MAX));
    let inside = Rect { left: area.x, top: area.y, right: edge(area.x, area.width), bottom: edge(area.y, area.height) };
    let whole = whole(canvas);
    let clip = if rotated { Some(whole) } else { inside.intersect(whole) };
    let Some(clip) = clip else { return };
    let place = Placement::new(layout, style, area, rotated.then_some(style.rotation));

    if let Some(shadow) = style.shadow.filter(|shadow| shadow.color[3] > 0) {
        cast_shadow(layout, &place, shadow, canvas, clip, scratch);
    }
    let [r, g, b, opacity] = style.color;
    let color = [f32::from(r), f32::from(g), f32::from(b)];
    let opacity = f32::from(opacity) / 255.0;
    fill(layout, &place, clip, &mut scratch.coverage, |x, y, coverage| {
        canvas.blend(x, y, color, coverage * opacity);
    });
    stamp_pictures(layout, &place, clip, &mut scratch.pictures, opacity, canvas);
    scratch.coverage.trim();
}

fn whole(canvas: &Canvas<'_>) -> Rect {
    let (width, height) = canvas.dimensions();
    let edge = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
    Rect { left: 0, top: 0, right: edge(width), bottom: edge(height) }
}

/// The start of each line's pen, and the conversion from em to pixels.
struct Placement {
    size: f32,
    /// The starts of the baselines, in unrotated pixels of the image.
    origins: Vec<(f32, f32)>,
    /// The cosine and sine of the rotation, and its centre.
    turn: (f32, f32),
    centre: (f32, f32),
}

impl Placement {
    fn new(layout: &Layout, style: &TextStyle, area: Area, rotation: Option<f32>) -> Self {
        let size = layout.size;
        let (width, height) = (area.width as f32, area.height as f32);
        let depth = layout.lines.len().saturating_sub(1) as f32 * layout.line_height;
        let free = height - (layout.nominal.above + depth + layout.nominal.below) * size;
        let first = layout.nominal.above * size
            + match style.valign {
                VAlign::Top => 0.0,
                VAlign::Middle => free / 2.0,
                VAlign::Bottom => free,
            };
        // Ink that would extend beyond the box moves the block; the beginning of the text has priority.
        let lowest = height - (depth + layout.needed.below) * size;
        let first = area.y as f32 + first.min(lowest).max(layout.needed.above * size);
        let origin = |(at, line): (usize, &Line)| {
            let free = width - line.width() * size;
            let share = match style.align {
                // A line that is too long shows its beginning.
                _ if free < 0.0 => f32::from(u8::from(line.rtl)),
                Align::Center => 0.5,
                Align::Left => 0.0,
                Align::Right => 1.0,
                Align::Start => f32::from(u8::from(line.rtl)),
                Align::End => f32::from(u8::from(!line.rtl)),
            };
            let x = area.x as f32 + free * share + line.overhang() * size;
            (x, first + at as f32 * layout.line_height * size)
        };
        let origins = layout.lines.iter().enumerate().map(origin).collect();
        let (sin, cos) = rotation.unwrap_or(0.0).to_radians().sin_cos();
        let centre = (area.x as f32 + width / 2.0, area.y as f32 + height / 2.0);
        Self { size, origins, turn: (cos, sin), centre }
    }

    /// Returns the map from em around a pen position (y upwards) to pixels of the image.
    fn map(&self, x: f32, y: f32) -> Affine {
        let (cos, sin) = self.turn;
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        Affine {
            a: cos * self.size,
            b: sin * self.size,
            c: sin * self.size,
            d: -cos * self.size,
            e: self.centre.0 + cos * dx - sin * dy,
            f: self.centre.1 + sin * dx + cos * dy,
        }
    }

    fn is_rotated(&self) -> bool {
        self.turn != (1.0, 0.0)
    }
}

/// Fills the outlines of all lines, run by run. Within a run, touching letters become one shape, so joined Arabic shows
/// no seams.
fn fill(layout: &Layout, place: &Placement, clip: Rect, coverage: &mut Coverage, mut pixel: impl FnMut(i32, i32, f32)) {
    for (line, &(x, y)) in layout.lines.iter().zip(&place.origins) {
        let mut pen = 0.0;
        for run in &line.runs {
            let start = pen;
            let mut ink: Option<[f32; 4]> = None;
            for glyph in &run.glyphs {
                if let Some([left, bottom, right, top]) = run.face.ink(glyph.id) {
                    let (x, y) = (pen - start + glyph.dx, glyph.dy);
                    let [l, b, r, t] = ink.unwrap_or([f32::MAX, f32::MAX, f32::MIN, f32::MIN]);
                    ink = Some([l.min(left + x), b.min(bottom + y), r.max(right + x), t.max(top + y)]);
                }
                pen += glyph.advance;
            }
            if run.face.has_bitmaps() {
                continue;
            }
            let map = place.map(x + start * place.size, y);
            let Some(rect) = ink.and_then(|ink| Rect::around(map.bounds(ink), 1).intersect(clip)) else { continue };
            coverage.begin(rect);
            let mut at = start;
            for glyph in &run.glyphs {
                let (gx, gy) = (x + (at + glyph.dx) * place.size, y - glyph.dy * place.size);
                coverage.glyph(&run.face, glyph.id, place.map(gx, gy));
                at += glyph.advance;
            }
            coverage.pixels(&mut pixel);
        }
    }
}

/// Draws the shadow of the outlines as one mask, so that overlapping letters do not darken it.
fn cast_shadow(
    layout: &Layout,
    place: &Placement,
    shadow: Shadow,
    canvas: &mut Canvas<'_>,
    clip: Rect,
    scratch: &mut Scratch,
) {
    let whole = |em: f32| (em * place.size).round().clamp(-4_096.0, 4_096.0) as i32;
    let (dx, dy) = (whole(shadow.dx), whole(shadow.dy));
    let radius = usize::try_from(whole(shadow.blur).clamp(0, 256)).unwrap_or(0) / 2;
    let reach = i32::try_from(radius * 2).unwrap_or(0);
    // Letters beyond the clip can cast their shadow into it.
    let (width, height) = (clip.width(), clip.height());
    let source = Rect {
        left: clip.left - dx - reach,
        top: clip.top - dy - reach,
        right: clip.right - dx + reach,
        bottom: clip.bottom - dy + reach,
    };
    let (padded_width, padded_height) = (source.width(), source.height());
    scratch.mask.clear();
    scratch.mask.resize(padded_width * padded_height, 0);
    let mask = &mut scratch.mask;
    fill(layout, place, source, &mut scratch.coverage, |x, y, coverage| {
        let (Ok(x), Ok(y)) = (usize::try_from(x - source.left), usize::try_from(y - source.top)) else { return };
        if let Some(value) = mask.get_mut(y * padded_width + x) {
            *value = (*value).max((coverage * 255.0 + 0.5) as u8);
        }
    });
    if radius > 0 {
        // Two box blurs give a tent, which is smooth enough for a shadow.
        for _ in 0..2 {
            blur_rows(mask, padded_width, radius, &mut scratch.row);
            blur_columns(mask, padded_width, padded_height, radius, &mut scratch.row);
        }
    }
    let [r, g, b, opacity] = shadow.color;
    let color = [f32::from(r), f32::from(g), f32::from(b)];
    let opacity = f32::from(opacity) / 255.0 / 255.0;
    let skip = usize::try_from(reach).unwrap_or(0);
    for row in 0..height {
        let from = (row + skip) * padded_width + skip;
        let Some(values) = mask.get(from..from + width) else { continue };
        for (column, &value) in values.iter().enumerate().filter(|&(_, &value)| value > 0) {
            let (Ok(column), Ok(row)) = (i32::try_from(column), i32::try_from(row)) else { continue };
            canvas.blend(clip.left + column, clip.top + row, color, f32::from(value) * opacity);
        }
    }
    if mask.len() > 8 << 20 {
        scratch.mask = Vec::new();
    }
}

fn blur_rows(mask: &mut [u8], width: usize, radius: usize, copy: &mut Vec<u8>) {
    for row in mask.chunks_exact_mut(width.max(1)) {
        copy.clear();
        copy.extend_from_slice(row);
        blur_line(copy, radius, |at, value| {
            if let Some(pixel) = row.get_mut(at) {
                *pixel = value;
            }
        });
    }
}

fn blur_columns(mask: &mut [u8], width: usize, height: usize, radius: usize, copy: &mut Vec<u8>) {
    for column in 0..width {
        copy.clear();
        copy.extend(mask.iter().skip(column).step_by(width).take(height));
        blur_line(copy, radius, |at, value| {
            if let Some(pixel) = mask.get_mut(at * width + column) {
                *pixel = value;
            }
        });
    }
}

/// Computes a moving average over `2·radius + 1` values, with zero beyond the ends.
fn blur_line(line: &[u8], radius: usize, mut put: impl FnMut(usize, u8)) {
    let window = 2 * radius as u32 + 1;
    let value = |at: usize| line.get(at).map_or(0, |&value| u32::from(value));
    let mut sum: u32 = (0..radius).map(value).sum();
    for at in 0..line.len() {
        sum += value(at + radius);
        put(at, ((sum + window / 2) / window) as u8);
        if let Some(old) = at.checked_sub(radius) {
            sum -= value(old);
        }
    }
}

/// Draws the emoji.
fn stamp_pictures(
    layout: &Layout,
    place: &Placement,
    clip: Rect,
    pictures: &mut Pictures,
    opacity: f32,
    canvas: &mut Canvas<'_>,
) {
    for (line, &(x, y)) in layout.lines.iter().zip(&place.origins) {
        let mut pen = 0.0;
        for run in &line.runs {
            for glyph in &run.glyphs {
                let at = pen + glyph.dx;
                pen += glyph.advance;
                if !run.face.has_bitmaps() {
                    continue;
                }
                let Some(picture) = pictures.get(&run.face, glyph.id, place.size) else { continue };
                let map = place.map(x + at * place.size, y - glyph.dy * place.size);
                let (width, height) = (picture.width as f32 / picture.per_em, picture.height as f32 / picture.per_em);
                let ink = [picture.left, picture.top - height, picture.left + width, picture.top];
                let Some(rect) = Rect::around(map.bounds(ink), 1).intersect(clip) else { continue };
                let (left, top) = map.apply(picture.left, picture.top);
                let (left, top) = (left.round(), top.round());
                for py in rect.top..rect.bottom {
                    for px in rect.left..rect.right {
                        let [r, g, b, a] = if place.is_rotated() {
                            let (ex, ey) = unmap(&map, px as f32 + 0.5, py as f32 + 0.5);
                            picture.sample((ex - picture.left) * picture.per_em, (picture.top - ey) * picture.per_em)
                        } else {
                            let [r, g, b, a] = picture.at(i64::from(px) - left as i64, i64::from(py) - top as i64);
                            let share = f32::from(a) / 255.0;
                            [f32::from(r) * share, f32::from(g) * share, f32::from(b) * share, f32::from(a)]
                        };
                        if a > 0.0 {
                            let own = 255.0 / a;
                            canvas.blend(px, py, [r * own, g * own, b * own], a / 255.0 * opacity);
                        }
                    }
                }
            }
        }
    }
}

/// Returns the em position of a pixel: the inverse of a [`Placement::map`].
fn unmap(map: &Affine, x: f32, y: f32) -> (f32, f32) {
    let (x, y) = (x - map.e, y - map.f);
    let determinant = map.a * map.d - map.b * map.c;
    ((map.d * x - map.c * y) / determinant, (map.a * y - map.b * x) / determinant)
}
