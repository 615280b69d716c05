//! Puts pictures on the canvas in a shape, with a border and smooth edges.

use super::canvas::Canvas;
use super::picture::Pixels;
use super::resize::Scratch;

/// A box on the canvas, in pixels from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The left edge.
    pub x: u32,
    /// The top edge.
    pub y: u32,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
}

/// The outline of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The largest circle in the middle of the box.
    Circle,
    /// The box with rounded corners.
    Rounded {
        /// The radius of the corners in pixels, limited to half the shorter side.
        radius: f32,
    },
    /// The whole box.
    Rectangle,
}

/// A line along the inside of the outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Border {
    /// The width in pixels.
    pub width: f32,
    /// The colour: red, green, blue.
    pub color: [u8; 3],
}

/// Scales `picture` to cover the shape (and cuts off the rest evenly on both sides) and draws it. The part outside the
/// canvas is left out.
pub fn paste(
    canvas: &mut Canvas<'_>,
    picture: &Pixels,
    area: Area,
    shape: Shape,
    border: Option<Border>,
    scratch: &mut Scratch,
) {
    let outline = Outline::new(area, shape);
    let area = outline.area;
    if area.width == 0 || area.height == 0 || picture.dimensions().0 == 0 {
        return;
    }
    let scaled;
    let picture = if picture.dimensions() == (area.width, area.height) {
        picture
    } else {
        scaled = scratch.cover(picture, area.width, area.height);
        &scaled
    };
    let border = border.filter(|border| border.width > 0.0);
    let (_, height) = canvas.dimensions();
    for row in 0..area.height.min(height.saturating_sub(area.y)) {
        draw_row(canvas, picture, row, &outline, border);
    }
}

fn draw_row(canvas: &mut Canvas<'_>, picture: &Pixels, row: u32, outline: &Outline, border: Option<Border>) {
    let Area { x, y, width, .. } = outline.area;
    let depth = border.map_or(0.0, |border| border.width);
    // Both sides mirror each other: first nothing, then the edge, then the picture alone, and back.
    let outside = outline.first_within(row, 0.5);
    let edge = outline.first_within(row, -depth - 0.5);
    let target = canvas.span(y + row, x.saturating_add(outside)..x.saturating_add(width) - outside);
    // The canvas may end before the picture does.
    let end = outside + (target.len() / 3) as u32;
    let inner = edge.min(end)..(width - edge).max(edge).min(end);
    for at in (outside..inner.start).chain(inner.end..end) {
        let distance = outline.distance(at, row);
        let cover = coverage(distance);
        if cover > 0 {
            let start = (at - outside) as usize * 3;
            let (mut color, mut alpha) = source(picture, at, row, width);
            if let Some(border) = border {
                let share = 255 - coverage(distance + border.width);
                for (c, b) in color.iter_mut().zip(border.color) {
                    *c = mix(*c, b, share);
                }
                alpha = alpha.max(share);
            }
            blend(&mut target[start..start + 3], color, alpha * cover / 255);
        }
    }
    let span = &mut target[(inner.start - outside) as usize * 3..(inner.end - outside) as usize * 3];
    let from = row as usize * width as usize + inner.start as usize;
    match picture {
        Pixels::Opaque(image) => span.copy_from_slice(&image.as_raw()[from * 3..][..span.len()]),
        Pixels::Alpha(image) => {
            let above = image.as_raw()[from * 4..].chunks_exact(4);
            for (below, above) in span.chunks_exact_mut(3).zip(above) {
                blend(below, [above[0], above[1], above[2]], u32::from(above[3]));
            }
        }
    }
}

fn source(picture: &Pixels, x: u32, row: u32, width: u32) -> ([u8; 3], u32) {
    let at = row as usize * width as usize + x as usize;
    match picture {
        Pixels::Opaque(image) => {
            let p = &image.as_raw()[at * 3..];
            ([p[0], p[1], p[2]], 255)
        }
        Pixels::Alpha(image) => {
            let p = &image.as_raw()[at * 4..];
            ([p[0], p[1], p[2]], u32::from(p[3]))
        }
    }
}

fn blend(below: &mut [u8], color: [u8; 3], alpha: u32) {
    for (b, c) in below.iter_mut().zip(color) {
        *b = mix(*b, c, alpha);
    }
}

/// Blends `above` over `below` with an opacity of `alpha` ÷ 255.
pub(super) fn mix(below: u8, above: u8, alpha: u32) -> u8 {
    // The result is a weighted mean, so it is at most 255.
    ((u32::from(below) * (255 - alpha) + u32::from(above) * alpha + 127) / 255) as u8
}

/// Returns how much of a pixel lies inside an outline `distance` pixels from its middle, 0 to 255.
fn coverage(distance: f32) -> u32 {
    ((0.5 - distance).clamp(0.0, 1.0) * 255.0).round() as u32
}

/// A rectangle with rounded corners; a circle is one, too.
struct Outline {
    area: Area,
    radius: f32,
}

impl Outline {
    fn new(area: Area, shape: Shape) -> Self {
        let shortest = area.width.min(area.height);
        let half = shortest as f32 / 2.0;
        match shape {
            Shape::Rectangle => Self { area, radius: 0.0 },
            Shape::Rounded { radius } => Self { area, radius: radius.clamp(0.0, half) },
            Shape::Circle => Self {
                area: Area {
                    x: area.x + (area.width - shortest) / 2,
                    y: area.y + (area.height - shortest) / 2,
                    width: shortest,
                    height: shortest,
                },
                radius: half,
            },
        }
    }

    /// Returns the first pixel of a row whose distance is at most `reach`, or the middle one if there is none.
    fn first_within(&self, row: u32, reach: f32) -> u32 {
        // The distance only decreases up to the middle, so bisection finds the place.
        let (mut low, mut high) = (0, self.area.width.div_ceil(2));
        while low < high {
            let middle = (low + high) / 2;
            if self.distance(middle, row) <= reach {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// Returns the signed distance from the middle of a pixel to the outline, negative inside.
    fn distance(&self, x: u32, y: u32) -> f32 {
        let (half_width, half_height) = (self.area.width as f32 / 2.0, self.area.height as f32 / 2.0);
        let dx = (x as f32 + 0.5 - half_width).abs() - (half_width - self.radius);
        let dy = (y as f32 + 0.5 - half_height).abs() - (half_height - self.radius);
        // Unlike `hypot`, a square root of the squares is the same on every machine, and a single instruction.
        let (right, below) = (dx.max(0.0), dy.max(0.0));
        let outside = (right * right + below * below).sqrt();
        outside + dx.max(dy).min(0.0) - self.radius
    }
}

#[cfg(test)]
mod tests;
