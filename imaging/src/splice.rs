//! Encodes only the parts of an invitation that differ from its template.
//!
//! Most of an invitation is the same for every guest. The template's picture is encoded once, in pieces that can stand
//! beside freshly encoded ones. For each guest, only the pieces that were drawn on are encoded again. The canvas has
//! recorded where that is (`touched.rs`). docs/imaging.md has a diagram, docs/adr/0006-splicing.md the reasons.

mod adler;
mod bits;
mod filter;
mod huffman;
mod jpeg;
mod pieces;
mod png;
mod tokens;
mod whole;

use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;

use super::encode::{EncodeError, Format, encode};
use super::frame::Frame;

use self::jpeg::JpegTemplate;
pub(super) use self::pieces::Bounds;
use self::png::PngTemplate;
pub use self::whole::Whole;

#[cfg(test)]
pub(super) use self::jpeg::encode_whole as jpeg_whole;

/// The number of kept formats of a template, each about as large as its file: PNG, WebP's reason, two qualities of
/// JPEG.
const KEPT: usize = 4;

/// A template's picture as encoded in each format. It is created and checked at the first use of a format, which takes
/// some tens to hundreds of milliseconds.
pub(super) struct Splices {
    /// The places where slots may draw.
    likely: Vec<Bounds>,
    /// The formats, with the last used one at the end.
    kept: Mutex<Vec<(Format, Arc<Coded>)>>,
}

enum Coded {
    Png(Box<PngTemplate>),
    Jpeg(JpegTemplate),
    /// The encoder of whole pictures encodes every invitation.
    Whole(Whole),
}

/// Buffers that are reused from one file to the next, as large as the touched parts. Keep one per thread.
#[derive(Default)]
pub(super) struct Scratch {
    filtered: Vec<u8>,
    jpeg: jpeg::Scratch,
}

/// The caller's template: its picture, its version for the log, and a frame with an invitation, which is used for
/// checking.
pub(super) struct Template<'t> {
    pub(super) base: &'t Arc<RgbImage>,
    pub(super) version: &'t str,
    pub(super) sample: Box<dyn Fn() -> Frame + 't>,
}

impl Splices {
    /// Creates a value without encodings. The slots that are drawn for each guest lie at `likely`.
    pub(super) fn new(likely: Vec<Bounds>) -> Self {
        Self { likely, kept: Mutex::default() }
    }

    /// Encodes `frame` as a file. Its bytes depend only on the template's picture, the frame's pixels and the format.
    ///
    /// # Errors
    /// Like [`encode`].
    pub(super) fn encode(
        &self,
        template: &Template<'_>,
        frame: &Frame,
        format: Format,
        scratch: &mut Scratch,
    ) -> Result<Vec<u8>, EncodeError> {
        let coded = self.coded(template, format);
        if frame.is_of(template.base) {
            coded.encode(template.base, frame, format, scratch)
        } else {
            whole(frame.image(), format)
        }
    }

    /// Returns why files of this format are encoded whole, if they are.
    pub(super) fn whole(&self, template: &Template<'_>, format: Format) -> Option<Whole> {
        match &*self.coded(template, format) {
            Coded::Whole(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    fn coded(&self, template: &Template<'_>, format: Format) -> Arc<Coded> {
        let format = match format {
            Format::Jpeg { quality } => Format::Jpeg { quality: quality.clamp(1, 100) },
            format => format,
        };
        // The lock is held while encoding, because other callers meanwhile need the same result.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let coded = match kept.iter().position(|(of, _)| *of == format) {
            Some(at) => kept.remove(at).1,
            None => Arc::new(self.code(template, format)),
        };
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((format, coded.clone()));
        coded
    }

    fn code(&self, template: &Template<'_>, format: Format) -> Coded {
        let coded = whole::refuse(template.base, &self.likely, format)
            .and_then(|()| match format {
                Format::Jpeg { quality } => JpegTemplate::new(template.base, quality)
                    .map(Coded::Jpeg)
                    .map_err(|error| Whole::Encoder(error.to_string())),
                _ => Ok(Coded::Png(Box::new(PngTemplate::new(template.base, &self.likely)))),
            })
            .and_then(|coded| coded.check(template, format).map(|()| coded));
        coded.unwrap_or_else(|reason| {
            tracing::info!(template = template.version, ?format, %reason, "invitations are encoded whole");
            Coded::Whole(reason)
        })
    }
}

impl Coded {
    fn encode(
        &self,
        base: &RgbImage,
        frame: &Frame,
        format: Format,
        scratch: &mut Scratch,
    ) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Png(template) => Ok(template.encode(base, frame.image(), frame.touched(), &mut scratch.filtered)),
            Self::Jpeg(template) => template.encode(frame.image(), frame.touched(), &mut scratch.jpeg),
            Self::Whole(_) => whole(frame.image(), format),
        }
    }

    /// Encodes an invitation both ways and compares the results: an error of splicing costs time, but never causes a
    /// wrong picture.
    fn check(&self, template: &Template<'_>, format: Format) -> Result<(), Whole> {
        let frame = (template.sample)();
        let spliced = self
            .encode(template.base, &frame, format, &mut Scratch::default())
            .map_err(|error| Whole::Encoder(error.to_string()))?;
        let same = match format {
            Format::Jpeg { quality } => jpeg::encode_whole(frame.image(), quality).is_ok_and(|whole| whole == spliced),
            _ => image::load_from_memory(&spliced).is_ok_and(|shown| shown.as_rgb8() == Some(frame.image())),
        };
        if same { Ok(()) } else { Err(Whole::Differs) }
    }
}

fn whole(image: &RgbImage, format: Format) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode(image, format, &mut out)?;
    Ok(out)
}

fn refused(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::Encoder(error.to_string())
}

#[cfg(test)]
mod tests;
