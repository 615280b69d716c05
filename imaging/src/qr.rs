//! QR codes in whole modules with their quiet zone, so that every scanner reads them.

use fast_qr::{ECL, QRBuilder};

use super::canvas::Canvas;
use super::shape::Area;

/// The number of light modules around the code (ISO/IEC 18004 demands four).
const QUIET_ZONE: u32 = 4;
/// The smallest number of pixels per module: with fewer, photographs of a screen are not readable.
const MIN_MODULE: u32 = 2;

/// The properties of a drawn code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QrInfo {
    /// The number of modules per side, without the quiet zone: 21 to 177.
    pub modules: u32,
    /// The side of one module, in pixels.
    pub module_px: u32,
    /// The drawn square, including the quiet zone.
    pub area: Area,
}

/// Why a code cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// The modules would be too small to read.
    #[error(
        "the QR box is {side} pixels on its shorter side and this content needs at least {needed}: \
         enlarge the box or shorten the content"
    )]
    BoxTooSmall {
        /// The shorter side of the box.
        side: u32,
        /// The shortest sufficient side.
        needed: u32,
    },
    /// The content is too long for a QR code.
    #[error("the QR content has {bytes} bytes, more than a code can hold: shorten it")]
    TooLong {
        /// The length of the content.
        bytes: usize,
    },
    /// The content is empty.
    #[error("the QR content is empty: fill the field it comes from")]
    Empty,
    /// The box does not lie on the canvas.
    #[error("the QR box reaches outside the image: move it or make it smaller")]
    Outside,
}

/// Draws `content` in the middle of `area`, as large as whole modules allow, with medium error correction (15 %).
/// `dark` must be clearly darker than `light`: many scanners cannot read inverted codes.
pub fn draw(
    canvas: &mut Canvas<'_>,
    content: &str,
    area: Area,
    dark: [u8; 3],
    light: [u8; 3],
) -> Result<QrInfo, QrError> {
    let inside = |start: u32, length: u32, whole: u32| start.checked_add(length).is_some_and(|end| end <= whole);
    let (width, height) = canvas.dimensions();
    if !inside(area.x, area.width, width) || !inside(area.y, area.height, height) {
        return Err(QrError::Outside);
    }
    if content.is_empty() {
        return Err(QrError::Empty);
    }
    let code = QRBuilder::new(content).ecl(ECL::M).build().map_err(|_| QrError::TooLong { bytes: content.len() })?;
    // The size is at most 177.
    let modules = code.size as u32;
    let whole = modules + 2 * QUIET_ZONE;
    let side = area.width.min(area.height);
    let module_px = side / whole;
    if module_px < MIN_MODULE {
        return Err(QrError::BoxTooSmall { side, needed: whole * MIN_MODULE });
    }
    let side = whole * module_px;
    let square =
        Area { x: area.x + (area.width - side) / 2, y: area.y + (area.height - side) / 2, width: side, height: side };
    let mut line = Vec::with_capacity(side as usize * 3);
    for module_y in 0..whole {
        line.clear();
        for module_x in 0..whole {
            let is_dark =
                in_code(module_x, modules).zip(in_code(module_y, modules)).is_some_and(|(x, y)| code[y][x].value());
            let color = if is_dark { dark } else { light };
            for _ in 0..module_px {
                line.extend(color);
            }
        }
        for y in 0..module_px {
            let row = square.y + module_y * module_px + y;
            canvas.span(row, square.x..square.x + side).copy_from_slice(&line);
        }
    }
    Ok(QrInfo { modules, module_px, area: square })
}

/// Converts a position, counted from the quiet zone's edge, into a module.
fn in_code(position: u32, modules: u32) -> Option<usize> {
    position.checked_sub(QUIET_ZONE).filter(|module| *module < modules).map(|module| module as usize)
}

#[cfg(test)]
mod tests;
