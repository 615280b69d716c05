//! What everything is drawn on: a picture that notes where it is written to.
//!
//! No drawing routine gets at the pixels but through here, so what is said to be untouched is untouched, whatever the
//! routine does and whatever box it was given.

use std::ops::Range;

use image::RgbImage;

use super::touched::Touched;

/// An RGB image to draw on, 8 bits a channel, rows without padding.
pub struct Canvas<'a> {
    pixels: &'a mut [u8],
    width: u32,
    height: u32,
    touched: Option<&'a mut Touched>,
}

impl<'a> Canvas<'a> {
    /// A picture whose `touched`, of the same size, takes note of what is written.
    pub(super) fn noting(image: &'a mut RgbImage, touched: &'a mut Touched) -> Self {
        Self { touched: Some(touched), ..Self::from(image) }
    }

    /// Width and height, in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The pixels of some columns of a row, to be written to. What lies outside the picture is left out.
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

    /// Lays a colour over a pixel; `opacity` in 0–1. Outside the image nothing happens.
    #[inline]
    pub(super) fn blend(&mut self, x: i32, y: i32, color: [f32; 3], opacity: f32) {
        // What is left of or above the picture is far right of or below it in the eyes of an unsigned number.
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
