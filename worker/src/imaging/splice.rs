//! Encodes an invitation by what it does not share with its template.
//!
//! Most of an invitation is the same for every guest. The template's picture is coded once, in pieces that can stand
//! beside freshly coded ones; for each guest only the pieces whose pixels differ are coded again. Which those are is
//! found by comparing pixels, not by trusting boxes, so a file always shows exactly the frame it was made from.

mod bits;
mod changed;
mod huffman;
mod jpeg;
mod png;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use image::RgbImage;

use super::encode::{EncodeError, Format, encode};

use self::jpeg::JpegTemplate;
use self::png::PngTemplate;

/// A template's picture as the formats code it, made when a format is first asked for: 10 to 100 milliseconds and
/// about the file's size in memory each.
#[derive(Default)]
pub(super) struct Splices {
    png: OnceLock<PngTemplate>,
    jpeg: Mutex<BTreeMap<u8, Arc<JpegTemplate>>>,
}

impl Splices {
    /// Encodes `frame` into `out`, which is emptied first. `base` is the template's picture, the same at every call.
    /// The bytes depend on both pictures and the format alone.
    ///
    /// # Errors
    /// As [`encode`].
    pub(super) fn encode(
        &self,
        base: &RgbImage,
        frame: &RgbImage,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match format {
            Format::Png if !base.is_empty() => {
                out.clear();
                self.png.get_or_init(|| PngTemplate::new(base)).encode(base, frame, out);
                Ok(())
            }
            Format::Jpeg { quality } if JpegTemplate::takes(base) => {
                out.clear();
                self.jpeg(base, quality.clamp(1, 100))?.encode(base, frame, out)
            }
            _ => encode(frame, format, out),
        }
    }

    fn jpeg(&self, base: &RgbImage, quality: u8) -> Result<Arc<JpegTemplate>, EncodeError> {
        // Held while coding: whoever else asks meanwhile needs the same.
        let mut templates = self.jpeg.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = templates.get(&quality) {
            return Ok(template.clone());
        }
        let template = Arc::new(JpegTemplate::new(base, quality)?);
        templates.insert(quality, template.clone());
        Ok(template)
    }
}

fn refused(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::Encoder(error.to_string())
}

#[cfg(test)]
mod tests;
