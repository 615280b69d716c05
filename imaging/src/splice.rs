//! Encodes an invitation by what it does not share with its template.
//!
//! Most of an invitation is the same for every guest. The template's picture is coded once, in pieces that can stand
//! beside freshly coded ones; for each guest only the pieces that were drawn on are coded again. Where that is, the
//! canvas has noted while it was written to (`touched.rs`). docs/imaging.md has a drawing of it,
//! docs/adr/0006-splicing.md the reasons.

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

/// Formats of one template that are kept, each about as large as its file: PNG, WebP's reason, two qualities of JPEG.
const KEPT: usize = 4;

/// A template's picture as the formats code it, made and checked when a format is first asked for: some tens to
/// hundreds of milliseconds.
pub(super) struct Splices {
    /// Where slots may draw.
    likely: Vec<Bounds>,
    /// The last used at the end.
    kept: Mutex<Vec<(Format, Arc<Coded>)>>,
}

enum Coded {
    Png(Box<PngTemplate>),
    Jpeg(JpegTemplate),
    /// Every invitation goes through the encoder of whole pictures.
    Whole(Whole),
}

/// Buffers reused from one file to the next, as large as what guests touch. Keep one per thread.
#[derive(Default)]
pub(super) struct Scratch {
    filtered: Vec<u8>,
    jpeg: jpeg::Scratch,
}

/// Who asks: the template's picture, its version for the log, and a frame with an invitation drawn on it to check with.
pub(super) struct Template<'t> {
    pub(super) base: &'t Arc<RgbImage>,
    pub(super) version: &'t str,
    pub(super) sample: Box<dyn Fn() -> Frame + 't>,
}

impl Splices {
    /// Nothing coded yet. The slots that are drawn for each guest lie at `likely`.
    pub(super) fn new(likely: Vec<Bounds>) -> Self {
        Self { likely, kept: Mutex::default() }
    }

    /// The file of `frame`. Its bytes depend on the template's picture, the frame's pixels and the format alone.
    ///
    /// # Errors
    /// As [`encode`].
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

    /// Why files of this format are encoded whole, if they are.
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
        // Held while coding: whoever else asks meanwhile needs the same.
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

    /// Encodes an invitation both ways and compares: a mistake of splicing costs time, never a wrong picture.
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
