//! Puts pictures on the canvas in a shape, with a border, edges smoothed.

use image::RgbImage;

use super::picture::Pixels;
use super::resize::Scratch;

/// A box on the canvas, in pixels from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The outline a picture is cut to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The largest circle in the middle of the box.
    Circle,
    /// The box with rounded corners.
    Rounded {
        /// Radius of the corners in pixels; at most half the shorter side counts.
        radius: f32,
    },
    /// The box.
    Rectangle,
}

/// A line along the inside of the outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Border {
    /// Width in pixels.
    pub width: f32,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// Scales `picture` to cover the shape (cutting what sticks out, evenly on both sides) and draws it.
/// What lies outside the canvas is left out.
pub fn paste(
    canvas: &mut RgbImage,
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
    let (canvas_width, canvas_height) = canvas.dimensions();
    let columns = area.width.min(canvas_width.saturating_sub(area.x)) as usize;
    let rows = area.height.min(canvas_height.saturating_sub(area.y));
    if columns == 0 {
        return;
    }
    let border = border.filter(|border| border.width > 0.0);
    let stride = canvas_width as usize * 3;
    let pixels: &mut [u8] = canvas;
    for row in 0..rows {
        let start = (area.y + row) as usize * stride + area.x as usize * 3;
        let target = &mut pixels[start..start + columns * 3];
        draw_row(target, picture, row, &outline, border);
    }
}

fn draw_row(target: &mut [u8], picture: &Pixels, row: u32, outline: &Outline, border: Option<Border>) {
    let width = outline.area.width as usize;
    let columns = target.len() / 3;
    let depth = border.map_or(0.0, |border| border.width);
    // The outline is the same on both sides, so the edge ends where its mirror image begins.
    let edge = (0..width.div_ceil(2)).find(|x| outline.distance(*x, row) <= -depth - 0.5).unwrap_or(width.div_ceil(2));
    let inner = edge.min(columns)..(width - edge).max(edge).min(columns);
    for x in (0..inner.start).chain(inner.end..columns) {
        let distance = outline.distance(x, row);
        let cover = coverage(distance);
        if cover > 0 {
            let below = &mut target[x * 3..x * 3 + 3];
            let (mut color, mut alpha) = source(picture, x, row, outline.area.width);
            if let Some(border) = border {
                let share = 255 - coverage(distance + border.width);
                for (c, b) in color.iter_mut().zip(border.color) {
                    *c = mix(*c, b, share);
                }
                alpha = alpha.max(share);
            }
            blend(below, color, alpha * cover / 255);
        }
    }
    let span = &mut target[inner.start * 3..inner.end * 3];
    let from = row as usize * width + inner.start;
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

fn source(picture: &Pixels, x: usize, row: u32, width: u32) -> ([u8; 3], u32) {
    let at = row as usize * width as usize + x;
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

/// `below` with `above` over it at an opacity of `alpha` ÷ 255.
pub(super) fn mix(below: u8, above: u8, alpha: u32) -> u8 {
    // At most 255, being a weighted mean.
    ((u32::from(below) * (255 - alpha) + u32::from(above) * alpha + 127) / 255) as u8
}

/// How much of a pixel lies inside an outline `distance` pixels from its middle, 0 to 255.
fn coverage(distance: f32) -> u32 {
    ((0.5 - distance).clamp(0.0, 1.0) * 255.0).round() as u32
}

/// A rectangle with rounded corners, which a circle is too.
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

    /// Signed distance from the middle of a pixel to the outline, negative inside.
    fn distance(&self, x: usize, y: u32) -> f32 {
        let (half_width, half_height) = (self.area.width as f32 / 2.0, self.area.height as f32 / 2.0);
        let dx = (x as f32 + 0.5 - half_width).abs() - (half_width - self.radius);
        let dy = (y as f32 + 0.5 - half_height).abs() - (half_height - self.radius);
        let outside = dx.max(0.0).hypot(dy.max(0.0));
        outside + dx.max(dy).min(0.0) - self.radius
    }
}

#[cfg(test)]
mod tests;
