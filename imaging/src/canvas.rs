//! The canvas for all drawing: a picture that records where it is written to.
//!
//! All drawing routines write pixels through the canvas only. So an unmarked part is certainly unchanged, whatever a
//! routine does and whatever box it gets.

use std::ops::Range;

use image::RgbImage;

use super::touched::Touched;

/// An RGB image to draw on, with 8 bits per channel and rows without padding.
pub struct Canvas<'a> {
    pixels: &'a mut [u8],
    width: u32,
    height: u32,
    touched: Option<&'a mut Touched>,
}

impl<'a> Canvas<'a> {
    /// Creates a canvas that records all writes in `touched`, which has the same size.
    pub(super) fn noting(image: &'a mut RgbImage, touched: &'a mut Touched) -> Self {
        Self { touched: Some(touched), ..Self::from(image) }
    }

    /// Width and height, in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Returns some columns of a row, for writing. Columns outside the picture are left out.
    pub(super) fn span(&mut self, row: u32, columns: Range<u32>) -> &mut [u8] {
        if row >= self.height {
            return &mut [];
        }
        let (row, from) = (row as usize, columns.start.min(self.width) as usize);
        let to = (columns.end.min(self.width) as usize).max(from);
        if let Some(touched) = &mut self.touched {
            touched.mark(row, from, to);
        }
        let line = row * self.width as usize;
        &mut self.pixels[(line + from) * 3..(line + to) * 3]
    }

    /// Blends a colour over a pixel; `opacity` is in 0–1. It has no effect outside the image.
    #[inline]
    pub(super) fn blend(&mut self, x: i32, y: i32, color: [f32; 3], opacity: f32) {
        // As unsigned numbers, negative coordinates are large, and so count as outside.
        let (x, y) = (x as u32, y as u32);
        if x >= self.width || y >= self.height {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        if let Some(touched) = &mut self.touched {
            touched.mark(y, x, x + 1);
        }
        let start = (y * self.width as usize + x) * 3;
        for (value, color) in self.pixels[start..start + 3].iter_mut().zip(color) {
            let below = f32::from(*value);
            *value = (below + (color - below) * opacity + 0.5) as u8;
        }
    }
}

impl<'a> From<&'a mut RgbImage> for Canvas<'a> {
    fn from(image: &'a mut RgbImage) -> Self {
        let (width, height) = image.dimensions();
        Self { pixels: image, width, height, touched: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::touched::any;
    use super::*;

    #[test]
    fn every_way_to_write_takes_note_of_it_and_clips() {
        let mut image = RgbImage::new(40, 3);
        let mut touched = Touched::new(40, 3);
        let mut canvas = Canvas::noting(&mut image, &mut touched);
        canvas.span(1, 30..90).fill(9);
        canvas.blend(2, 2, [255.0; 3], 1.0);
        for (x, y) in [(-1, 0), (40, 0), (0, -1), (0, 3), (i32::MIN, i32::MAX)] {
            canvas.blend(x, y, [255.0; 3], 1.0);
        }
        assert!(canvas.span(3, 0..9).is_empty() && canvas.span(0, 50..60).is_empty());
        for (x, y, pixel) in image.enumerate_pixels() {
            let written = y == 1 && x >= 30 || (x, y) == (2, 2);
            assert_eq!(pixel.0 != [0; 3], written, "{x},{y}");
            let cell = x as usize / 16;
            assert_eq!(any(touched.row(y as usize), cell, cell + 1), y == 1 && cell >= 1 || y == 2 && cell == 0);
        }
    }
}
