//! Decides when splicing is not worthwhile or not possible, and describes the reason.

use std::fmt;

use image::RgbImage;

use super::pieces::Bounds;
use crate::encode::Format;
use crate::touched::Touched;

/// The largest part of the picture in slots. Beyond it, splicing saves too little, because its code is tuned to the
/// unchanged part.
const MOST_PERSONAL: f64 = 0.75;

/// Why the invitations of a template are encoded whole instead of only where they differ from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The format's pieces depend on each other.
    Format,
    /// Little of the picture stays the same from guest to guest.
    Personal {
        /// The part of the picture in boxes, in percent.
        percent: u32,
    },
    /// The picture has no pixels, or more than the format allows; the encoder will report it.
    Size,
    /// The encoder refused the template's picture.
    Encoder(String),
    /// A spliced sample differs from the same sample encoded whole.
    Differs,
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("this format cannot be put together from pieces; PNG and JPEG can"),
            Self::Personal { percent } => write!(
                f,
                "the boxes of slots cover {percent} % of the picture, and above {:.0} % little is left to reuse; \
                 make boxes smaller if that is too slow",
                MOST_PERSONAL * 100.0
            ),
            Self::Size => f.write_str("the picture is empty or too large for this format"),
            Self::Encoder(error) => write!(f, "the encoder refused the background: {error}"),
            Self::Differs => f.write_str(
                "a sample put together from pieces did not equal the whole picture; please report this template",
            ),
        }
    }
}

/// Whether a template's invitations cannot or should not be spliced.
pub(super) fn refuse(base: &RgbImage, likely: &[Bounds], format: Format) -> Result<(), Whole> {
    let room = match format {
        Format::Png => u32::MAX,
        Format::Jpeg { .. } => u32::from(u16::MAX),
        Format::WebP => return Err(Whole::Format),
    };
    if base.is_empty() || base.width().max(base.height()) > room {
        return Err(Whole::Size);
    }
    let (width, height) = (base.width() as usize, base.height() as usize);
    // Overlapping boxes count once.
    let mut personal = Touched::new(width, height);
    for Bounds { columns, rows } in likely {
        for row in rows.start..rows.end.min(height) {
            personal.mark(row, columns.start.min(width), columns.end.min(width));
        }
    }
    let share = personal.share(width);
    if share > MOST_PERSONAL { Err(Whole::Personal { percent: (share * 100.0).round() as u32 }) } else { Ok(()) }
}
