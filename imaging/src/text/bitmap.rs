//! Colour emoji: pictures of one size in the font, scaled to the size of the text.

use std::sync::Arc;

use fast_image_resize::Resizer;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use harfrust::GlyphId;
use harfrust::font::glyph::bitmap::{Origin, Pixels};

use crate::fonts::Face;

/// The number of kept scaled pictures: more than the different emoji in a template's texts.
const KEEP: usize = 32;

/// The longest side of a picture, in the font and scaled. Real strikes have at most 160 pixels.
const MAX_SIDE: u32 = 2_048;

/// A picture scaled for one text size.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The RGBA pixels, not premultiplied.
    pub(super) pixels: Vec<u8>,
    /// The picture's left edge, in em to the right of the pen.
    pub(super) left: f32,
    /// The picture's top edge, in em above the baseline.
    pub(super) top: f32,
    /// The pixels of the scaled picture per em.
    pub(super) per_em: f32,
}

impl Picture {
    /// Returns the pixel at an integer position; transparent outside.
    pub(super) fn at(&self, x: i64, y: i64) -> [u8; 4] {
        let inside = x >= 0 && y >= 0 && x < i64::from(self.width) && y < i64::from(self.height);
        let start = if inside { (y as usize * self.width as usize + x as usize) * 4 } else { usize::MAX };
        start.checked_add(4).and_then(|end| self.pixels.get(start..end)).map_or([0; 4], |p| [p[0], p[1], p[2], p[3]])
    }

    /// Returns the bilinear value between pixels, premultiplied by its own opacity: red, green, blue, opacity in 0–255.
    pub(super) fn sample(&self, x: f32, y: f32) -> [f32; 4] {
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let mut sum = [0.0; 4];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let [r, g, b, a] = self.at(left as i64 + dx, top as i64 + dy);
            let share = |fraction: f32, far: i64| if far == 1 { fraction } else { 1.0 - fraction };
            let weight = share(x - left, dx) * share(y - top, dy);
            let alpha = weight * f32::from(a) / 255.0;
            for (sum, value) in sum.iter_mut().zip([
                f32::from(r) * alpha,
                f32::from(g) * alpha,
                f32::from(b) * alpha,
                weight * f32::from(a),
            ]) {
                *sum += value;
            }
        }
        sum
    }
}

/// The last scaled pictures. Their number is limited, so the value may live as long as its thread.
#[derive(Default)]
pub(super) struct Pictures {
    kept: Vec<(Key, Option<Arc<Picture>>)>,
    next: usize,
    resizer: Resizer,
}

/// The face, the glyph, and the text size in quarter pixels.
type Key = (u32, u32, u32);

impl Pictures {
    /// Returns the picture of a glyph for a text size in pixels; `None` if the font has no such picture.
    pub(super) fn get(&mut self, face: &Face, glyph: GlyphId, size: f32) -> Option<Arc<Picture>> {
        let quarters = (size * 4.0).round().max(1.0) as u32;
        let key = (face.id(), glyph.to_u32(), quarters);
        if let Some((_, picture)) = self.kept.iter().find(|(kept, _)| *kept == key) {
            return picture.clone();
        }
        let picture = self.scale(face, glyph, quarters as f32 / 4.0).map(Arc::new);
        let entry = (key, picture.clone());
        match self.kept.get_mut(self.next) {
            Some(slot) => *slot = entry,
            None => self.kept.push(entry),
        }
        self.next = (self.next + 1) % KEEP;
        picture
    }

    fn scale(&mut self, face: &Face, glyph: GlyphId, size: f32) -> Option<Picture> {
        let strike = face.font().bitmap_strikes().select_bitmap(glyph, Some(size))?;
        let (width, height, pixels) = decode(strike.pixels())?;
        let ppem = f32::from(strike.ppem_y());
        let scale = size / ppem;
        let scaled = |side: u32| ((side as f32 * scale).round() as u32).clamp(1, MAX_SIDE);
        let (to_width, to_height) = (scaled(width), scaled(height));
        let source = TypedImageRef::<U8x4>::from_buffer(width, height, &pixels).ok()?;
        let mut scaled = vec![0; to_width as usize * to_height as usize * 4];
        let mut target = TypedImage::<U8x4>::from_buffer(to_width, to_height, &mut scaled).ok()?;
        self.resizer.resize_typed(&source, &mut target, None).ok()?;
        let above = match strike.origin() {
            Origin::TopLeft => strike.inner_y_bearing() as f32,
            Origin::BottomLeft => strike.inner_y_bearing() as f32 + height as f32,
        };
        Some(Picture {
            width: to_width,
            height: to_height,
            pixels: scaled,
            left: strike.x_bearing() as f32 * face.em_per_unit() + strike.inner_x_bearing() as f32 / ppem,
            top: strike.y_bearing() as f32 * face.em_per_unit() + above / ppem,
            per_em: to_height as f32 * ppem / height as f32,
        })
    }
}

/// Decodes a picture from a font as RGBA.
fn decode(pixels: Pixels<'_>) -> Option<(u32, u32, Vec<u8>)> {
    match pixels {
        Pixels::Png(png) => {
            let mut reader = image::ImageReader::with_format(std::io::Cursor::new(png), image::ImageFormat::Png);
            let mut limits = image::Limits::default();
            limits.max_image_width = Some(MAX_SIDE);
            limits.max_image_height = Some(MAX_SIDE);
            reader.limits(limits);
            let picture = reader.decode().ok()?.into_rgba8();
            (picture.width() > 0 && picture.height() > 0)
                .then(|| (picture.width(), picture.height(), picture.into_raw()))
        }
        Pixels::Bgra(_) | Pixels::Mask(_) => None,
    }
}
