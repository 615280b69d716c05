//! The picture that a thread draws on. Between two guests, only the parts that the first invitation touched are
//! restored. So a whole picture is copied only when the template changes.

use std::sync::{Arc, Weak};

use image::RgbImage;

use super::canvas::Canvas;
use super::touched::Touched;

/// A picture that equals its template's picture except where it was touched.
#[derive(Default)]
pub(super) struct Frame {
    image: RgbImage,
    touched: Touched,
    /// The picture from which it differs only where it was touched. The weak reference prevents that another picture
    /// reuses the address.
    base: Weak<RgbImage>,
}

impl Frame {
    /// Makes the frame equal to `base`, and returns a canvas to draw on it.
    pub(super) fn begin(&mut self, base: &Arc<RgbImage>) -> Canvas<'_> {
        if self.is_of(base) {
            self.put_back(base);
        } else {
            // The base is unset while the frame equals no picture: after an interruption, the frame is copied again.
            self.base = Weak::new();
            self.image.clone_from(base);
            self.touched = Touched::new(base.width() as usize, base.height() as usize);
            self.base = Arc::downgrade(base);
        }
        Canvas::noting(&mut self.image, &mut self.touched)
    }

    fn put_back(&mut self, base: &RgbImage) {
        let line = base.width() as usize * 3;
        let drawn: &mut [u8] = &mut self.image;
        for row in 0..base.height() as usize {
            let (from, to) = (row * line, (row + 1) * line);
            let (drawn, base) = (&mut drawn[from..to], &base.as_raw()[from..to]);
            self.touched.take_row(row, |from, to| {
                let (from, to) = (from * 3, (to * 3).min(line));
                drawn[from..to].copy_from_slice(&base[from..to]);
            });
        }
    }

    /// Whether the frame was last begun with this picture.
    pub(super) fn is_of(&self, base: &Arc<RgbImage>) -> bool {
        std::ptr::eq(self.base.as_ptr(), Arc::as_ptr(base))
    }

    /// Makes a false claim, to test its consequences.
    #[cfg(test)]
    pub(super) fn claim(&mut self, base: &Arc<RgbImage>) {
        self.base = Arc::downgrade(base);
    }

    /// The drawn image.
    pub(super) fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The parts of the image that were touched.
    pub(super) fn touched(&self) -> &Touched {
        &self.touched
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn what_was_drawn_is_put_back_for_the_next_and_another_template_copied() {
        let pictures = [(70, 5), (70, 5), (33, 9)].map(|(width, height)| {
            Arc::new(RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (width + height) as u8])))
        });
        let mut frame = Frame::default();
        for base in [0, 0, 1, 2, 2, 0, 1].map(|which| &pictures[which]) {
            let mut canvas = frame.begin(base);
            canvas.span(2, 20..60).fill(200);
            canvas.blend(3, 4, [255.0; 3], 0.5);
            let differ = frame.image().pixels().zip(base.pixels()).filter(|(a, b)| a != b).count();
            assert_eq!(differ, base.width().min(60) as usize - 20 + 1);
            assert!(frame.is_of(base));
            frame.begin(base);
            assert!(frame.image() == &**base);
        }
    }

    #[test]
    fn a_template_that_is_gone_is_never_taken_for_another() {
        let mut frame = Frame::default();
        for shade in 0..50 {
            let base = Arc::new(RgbImage::from_pixel(4, 4, Rgb([shade; 3])));
            assert!(!frame.is_of(&base));
            frame.begin(&base);
            assert!(frame.image() == &*base);
        }
    }
}
